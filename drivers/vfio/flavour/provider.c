// SPDX-License-Identifier: GPL-2.0-only
/*
 * The provider of one more flavour: a module that is loaded and unloaded
 * independently of this one.
 */
#include <linux/module.h>

#include "flavour.h"

static DEFINE_MUTEX(provider_lock);
/*
 * Looked at under flavour_srcu, which is held while an operation of the
 * provider is called
 */
const struct driver_flavour_provider __rcu *flavour_provider;
DEFINE_SRCU(flavour_srcu);

int driver_flavour_register(const struct driver_flavour_provider *p)
{
	int ret = 0;

	mutex_lock(&provider_lock);
	if (rcu_access_pointer(flavour_provider))
		ret = -EBUSY;
	else
		rcu_assign_pointer(flavour_provider, p);
	mutex_unlock(&provider_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(driver_flavour_register);

void driver_flavour_unregister(const struct driver_flavour_provider *p)
{
	mutex_lock(&provider_lock);
	WARN_ON(rcu_access_pointer(flavour_provider) != p);
	RCU_INIT_POINTER(flavour_provider, NULL);
	mutex_unlock(&provider_lock);
	synchronize_srcu(&flavour_srcu);
}
EXPORT_SYMBOL_GPL(driver_flavour_unregister);

/**
 * flavour_provider_get() - keep the provider, and its module loaded
 *
 * Return: the provider, for flavour_provider_put(); NULL: there is none, or it
 * is being unloaded.
 */
const struct driver_flavour_provider *flavour_provider_get(void)
{
	const struct driver_flavour_provider *p;
	int index;

	index = srcu_read_lock(&flavour_srcu);
	p = srcu_dereference(flavour_provider, &flavour_srcu);
	if (p && !try_module_get(p->owner))
		p = NULL;
	srcu_read_unlock(&flavour_srcu, index);
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
const char *flavour_name(const struct driver_flavour_provider *p,
			 enum flavour flavour)
{
	static const char * const names[] = { "native", "vfio" };

	return flavour == FLAVOUR_PROVIDED ? p->name : names[flavour];
}
