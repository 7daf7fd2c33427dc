// SPDX-License-Identifier: GPL-2.0-only
/*
 * The provider of one more flavour: a module that is loaded and unloaded independently of this one.
 */
#include <linux/module.h>
#include <linux/srcu.h>

#include "flavour.h"

static DEFINE_MUTEX(provider_lock);
static const struct driver_flavour_provider __rcu *provider;
DEFINE_STATIC_SRCU(provider_srcu);

int driver_flavour_register(const struct driver_flavour_provider *p)
{
	int ret = 0;

	mutex_lock(&provider_lock);
	if (rcu_access_pointer(provider))
		ret = -EBUSY;
	else
		rcu_assign_pointer(provider, p);
	mutex_unlock(&provider_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(driver_flavour_register);

void driver_flavour_unregister(const struct driver_flavour_provider *p)
{
	mutex_lock(&provider_lock);
	WARN_ON(rcu_access_pointer(provider) != p);
	RCU_INIT_POINTER(provider, NULL);
	mutex_unlock(&provider_lock);
	synchronize_srcu(&provider_srcu);
}
EXPORT_SYMBOL_GPL(driver_flavour_unregister);

/**
 * flavour_provider_lock() - keep the provider for a short time
 * @index: for flavour_provider_unlock(), which is called in any case
 *
 * Return: the provider, or NULL.
 */
const struct driver_flavour_provider *flavour_provider_lock(int *index)
{
	*index = srcu_read_lock(&provider_srcu);
	return srcu_dereference(provider, &provider_srcu);
}

/**
 * flavour_provider_unlock() - undo flavour_provider_lock()
 * @index: what that has set
 */
void flavour_provider_unlock(int index)
{
	srcu_read_unlock(&provider_srcu, index);
}

/**
 * flavour_provider_get() - keep the provider, and its module loaded
 *
 * Return: the provider, for flavour_provider_put(); NULL: there is none, or it is being unloaded.
 */
const struct driver_flavour_provider *flavour_provider_get(void)
{
	const struct driver_flavour_provider *p;
	int index;

	p = flavour_provider_lock(&index);
	if (p && !try_module_get(p->owner))
		p = NULL;
	flavour_provider_unlock(index);
	return p;
}

/**
 * flavour_provider_put() - undo flavour_provider_get()
 * @p: what that has returned
 */
void flavour_provider_put(const struct driver_flavour_provider *p)
{
	if (p)
		module_put(p->owner);
}

/**
 * flavour_name() - get the word that users read and write
 * @p: the provider, which is kept
 * @flavour: a flavour; the provider's only if there is one
 *
 * Return: the word.
 */
const char *flavour_name(const struct driver_flavour_provider *p, enum flavour flavour)
{
	static const char * const names[] = { "native", "vfio" };

	return flavour == FLAVOUR_PROVIDED ? p->name : names[flavour];
}
