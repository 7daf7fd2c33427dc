// SPDX-License-Identifier: GPL-2.0-only
/* external_pf_driver: dev_pm_ops and other devices of a PF driver, while one is registered. */
#include <linux/platform_device.h>
#include <linux/pm_runtime.h>
#include <linux/vfio_pci_core.h>

#include "bed.h"
#include "driver_pm.h"
#include "fake_core.h"

#define OTHERS	3

/* What the driver has, and what vfio-pci-core puts in its place */
static const struct dev_pm_ops own, cores;

static struct {
	struct kunit *test;
	struct platform_driver drv;
	struct platform_device *other[OTHERS];
	int idle[OTHERS];		/* users that keep each awake, before */
	int ret;			/* of the registration */
	unsigned int calls;
} lender;

/* A driver's directory may go late (CONFIG_DEBUG_KOBJECT_RELEASE): each has a name of its own */
static const char *next_name(void)
{
	static const char * const names[] = {
		"mdev-pci-lender-a", "mdev-pci-lender-b", "mdev-pci-lender-c", "mdev-pci-lender-d",
	};
	static unsigned int n;

	return names[n++ % ARRAY_SIZE(names)];
}

static int users(unsigned int i)
{
	return atomic_read(&lender.other[i]->dev.power.usage_count);
}

/* vfio-pci-core replaces the driver's dev_pm_ops, also if registration fails */
static int registers(struct vfio_pci_core_device *core)
{
	struct kunit *test = lender.test;
	unsigned int i;

	lender.calls++;
	KUNIT_EXPECT_PTR_EQ(test, core->pdev->dev.driver, &lender.drv.driver);
	for (i = 0; i < OTHERS; i++)
		KUNIT_EXPECT_EQ(test, users(i), lender.idle[i] + 1);
	lender.drv.driver.pm = &cores;
	return lender.ret;
}

/* A driver with OTHERS bound devices, and one more that is registered */
static struct vfio_pci_core_device *lend(struct kunit *test, const struct dev_pm_ops *pm, int ret)
{
	struct vfio_pci_core_device *core = kunit_kzalloc(test, sizeof(*core), GFP_KERNEL);
	struct pci_dev *pdev = kunit_kzalloc(test, sizeof(*pdev), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, core);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	lender.ret = ret;
	lender.drv.driver.name = next_name();
	lender.drv.driver.pm = pm;
	KUNIT_ASSERT_EQ(test, platform_driver_register(&lender.drv), 0);
	lender.test = test;
	for (i = 0; i < OTHERS; i++) {
		lender.other[i] = platform_device_register_simple(lender.drv.driver.name, i,
								  NULL, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, lender.other[i]);
		KUNIT_ASSERT_PTR_EQ(test, lender.other[i]->dev.driver, &lender.drv.driver);
		lender.idle[i] = users(i);
	}
	pdev->dev.driver = &lender.drv.driver;
	core->pdev = pdev;
	fake_core_begin(registers);
	return core;
}

static void lender_exit(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < OTHERS; i++)
		platform_device_unregister(lender.other[i]);
	if (lender.test)
		platform_driver_unregister(&lender.drv);
	memset(&lender, 0, sizeof(lender));
}

static void expect_put_back(struct kunit *test, const struct dev_pm_ops *pm)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, lender.calls, 1);
	KUNIT_EXPECT_PTR_EQ(test, lender.drv.driver.pm, pm);
	for (i = 0; i < OTHERS; i++)
		KUNIT_EXPECT_EQ(test, users(i), lender.idle[i]);
}

static void the_drivers_pm_ops_are_put_back(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, driver_pm_register(lend(test, &own, 0)), 0);
	expect_put_back(test, &own);
}

static void a_driver_without_pm_ops_has_none_afterwards(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, driver_pm_register(lend(test, NULL, 0)), 0);
	expect_put_back(test, NULL);
}

static void pm_ops_are_put_back_if_registration_fails(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, driver_pm_register(lend(test, &own, -EBUSY)), -EBUSY);
	expect_put_back(test, &own);
}

static struct kunit_case driver_pm_cases[] = {
	KUNIT_CASE(the_drivers_pm_ops_are_put_back),
	KUNIT_CASE(a_driver_without_pm_ops_has_none_afterwards),
	KUNIT_CASE(pm_ops_are_put_back_if_registration_fails),
	{}
};

static struct kunit_suite driver_pm_suite = {
	.name = "vfio-pci-engine-driver-pm",
	.exit = lender_exit,
	.test_cases = driver_pm_cases,
};

kunit_test_suite(driver_pm_suite);
