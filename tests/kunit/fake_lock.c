// SPDX-License-Identifier: GPL-2.0-only
/* Between two holders of a lock: see fake_lock.h. */
#include <linux/sched.h>

#include "fake_lock.h"

static struct {
	struct mutex *lock;		/* the engine's */
	struct task_struct *task;
	unsigned int nth;
	void (*then)(void *data);
	void *data;
} armed;

/**
 * fake_lock_then() - something is to be done, once
 * @lock: when this thread unlocks this one
 * @nth: for this time, from 0
 * @then: what
 * @data: for @then
 */
void fake_lock_then(struct mutex *lock, unsigned int nth, void (*then)(void *data), void *data)
{
	armed.lock = lock;
	armed.task = current;
	armed.nth = nth;
	armed.then = then;
	armed.data = data;
}

/**
 * fake_lock_done() - it is not to be done any more
 *
 * Return: whether it was.
 */
bool fake_lock_done(void)
{
	bool done = !armed.lock;

	armed.lock = NULL;
	return done;
}

/**
 * fake_unlock() - mutex_unlock()
 * @lock: the lock
 */
void fake_unlock(struct mutex *lock)
{
	mutex_unlock(lock);
	if (armed.lock != lock || armed.task != current || armed.nth--)
		return;
	armed.lock = NULL;
	armed.then(armed.data);
}
