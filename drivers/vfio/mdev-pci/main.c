// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module, and the notifier that sees VFs of parents first.
 */
#include <linux/module.h>
#include <linux/modules_version.h>
#include <linux/rcupdate.h>

#include "mdev-pci.h"

/*
 * VFs get the framework's driver as they appear, before any other can have them
 */
static int on_pci_bus(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	struct pci_dev *vf = to_pci_dev(data);
	struct mdev_pci_parent *parent;

	if (action != BUS_NOTIFY_ADD_DEVICE || !vf->is_virtfn)
		return NOTIFY_DONE;
	parent = mdev_pci_parent_find(pci_physfn(vf));
	if (!parent)
		return NOTIFY_DONE;
	if (!parent->function_only && !READ_ONCE(parent->unregistering))
		mdev_pci_function_override_set(vf);
	mdev_pci_parent_put(parent);
	return NOTIFY_OK;
}

static struct notifier_block pci_bus_nb = {
	.notifier_call = on_pci_bus,
};

static int __init mdev_pci_init(void)
{
	int ret;

	ret = mdev_pci_functions_init();
	if (ret)
		return ret;
	ret = bus_register_notifier(&pci_bus_type, &pci_bus_nb);
	if (ret)
		goto functions;
	ret = pci_register_driver(&mdev_pci_function_driver);
	if (ret)
		goto notifier;
	ret = mdev_register_driver(&mdev_pci_driver);
	if (ret)
		goto driver;
	ret = mdev_pci_sleep_init();
	if (ret)
		goto mdev;
	ret = mdev_pci_flavour_init();
	if (ret)
		goto sleep;
	return 0;

sleep:
	mdev_pci_sleep_exit();
mdev:
	mdev_unregister_driver(&mdev_pci_driver);
driver:
	pci_unregister_driver(&mdev_pci_function_driver);
notifier:
	bus_unregister_notifier(&pci_bus_type, &pci_bus_nb);
functions:
	mdev_pci_functions_exit();
	return ret;
}
module_init(mdev_pci_init);

static void __exit mdev_pci_exit(void)
{
	mdev_pci_flavour_exit();
	mdev_pci_sleep_exit();
	mdev_unregister_driver(&mdev_pci_driver);
	pci_unregister_driver(&mdev_pci_function_driver);
	bus_unregister_notifier(&pci_bus_type, &pci_bus_nb);
	mdev_pci_functions_exit();
	mdev_pci_parents_wait();
	/* Tasks may still be in the last instructions of parent_free() */
	synchronize_rcu_tasks();
}
module_exit(mdev_pci_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("PCI functions as mediated devices");
MODULE_VERSION(MODULES_VERSION);
