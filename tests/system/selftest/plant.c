// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bug as the parameter says, as the module is loaded. For the test of tests/system/run.sh, which
 * must name the test file that has loaded it.
 */
#include <linux/debug_locks.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *bug = "none";
module_param(bug, charp, 0);
MODULE_PARM_DESC(bug, "what to do wrong");

/* Several: a pointer to one may be left somewhere by chance */
static int leak(void)
{
	unsigned int i;
	void *p;

	for (i = 0; i < 10; i++) {
		p = kmalloc(200, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(p);
	}
	return 0;
}

static int overflow(void)
{
	size_t n = 32;
	char *p = kzalloc(n, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(n);
	WRITE_ONCE(p[n], 1);
	kfree(p);
	return 0;
}

static int sleep_in_atomic(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	msleep(20);
	spin_unlock(&lock);
	return 0;
}

static int invert_locks(void)
{
	static DEFINE_MUTEX(a);
	static DEFINE_MUTEX(b);

	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);
	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
	return 0;
}

static int shift(void)
{
	int n = 40, one = 1;

	OPTIMIZER_HIDE_VAR(n);
	OPTIMIZER_HIDE_VAR(one);
	return (one << n) & 0;
}

/* Says more bytes than were mapped; the reference device lends itself */
static int misuse_dma(void)
{
	struct pci_dev *pdev = pci_get_device(PCI_VENDOR_ID_INTEL, 0xf0d0, NULL);
	void *p = kzalloc(4096, GFP_KERNEL);
	dma_addr_t dma;
	int ret = -ENODEV;

	if (!pdev || !p)
		goto out;
	dma = dma_map_single(&pdev->dev, p, 1024, DMA_FROM_DEVICE);
	ret = dma_mapping_error(&pdev->dev, dma);
	if (ret)
		goto out;
	dma_sync_single_for_cpu(&pdev->dev, dma, 2048, DMA_FROM_DEVICE);
	dma_unmap_single(&pdev->dev, dma, 1024, DMA_FROM_DEVICE);
out:
	kfree(p);
	pci_dev_put(pdev);
	return ret;
}

static int silence_lockdep(void)
{
	debug_locks_off();
	return 0;
}

static const struct {
	const char *name;
	int (*plant)(void);
} bugs[] = {
	{ "leak", leak },
	{ "overflow", overflow },
	{ "sleep", sleep_in_atomic },
	{ "inversion", invert_locks },
	{ "shift", shift },
	{ "dma", misuse_dma },
	{ "lockdep-off", silence_lockdep },
};

static int __init plant_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!strcmp(bug, bugs[i].name))
			return bugs[i].plant();
	}
	return -EINVAL;
}
module_init(plant_init);

static void __exit plant_exit(void)
{
}
module_exit(plant_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("Bugs for the test of the tests");
