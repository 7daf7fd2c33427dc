/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What another thread of user space may do as soon as the engine lets go of a lock: done by the one
 * that does, since it makes no difference to the engine.
 */
#ifndef KUNIT_FAKE_LOCK_H
#define KUNIT_FAKE_LOCK_H

#include <linux/mutex.h>
#include <linux/types.h>

void fake_lock_then(struct mutex *lock, unsigned int nth, void (*then)(void *data), void *data);
bool fake_lock_done(void);
void fake_unlock(struct mutex *lock);

#endif /* KUNIT_FAKE_LOCK_H */
