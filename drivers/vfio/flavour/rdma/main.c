// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users of RDMA devices, for driver_flavour. A module of its own: a host
 * without RDMA needs no ib_core.
 */
#include <linux/module.h>
#include <linux/modules_version.h>
#include <rdma/ib_verbs.h>
#include <rdma/restrack.h>

#include "../flavour.h"
#include "have-rdma.h"

static u32 count(struct ib_device *ib, enum rdma_restrack_type type)
{
#ifdef HAVE_RESTRACK_DETAILS
	return rdma_restrack_count(ib, type, false);
#else
	return rdma_restrack_count(ib, type);
#endif
}

/**
 * flavour_rdma_in_use() - check whether an RDMA device has users
 * @dev: the device, of class infiniband
 *
 * Users are programs that have it open by libibverbs, and connections that
 * programs or the kernel (NVMe, NFS) have by the connection manager.
 *
 * Context: process context; takes locks of ib_core.
 * Return: true if so.
 */
bool flavour_rdma_in_use(struct device *dev)
{
	struct ib_device *ib =
		container_of(dev, struct ib_core_device, dev)->owner;
	bool ret;

	/*
	 * If this fails, the function is being removed, which waits for its
	 * users
	 */
	if (!ib_device_try_get(ib))
		return false;
	ret = count(ib, RDMA_RESTRACK_CTX) || count(ib, RDMA_RESTRACK_CM_ID);
	ib_device_put(ib);
	return ret;
}
EXPORT_SYMBOL_GPL(flavour_rdma_in_use);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("driver_flavour: users of RDMA devices");
MODULE_VERSION(MODULES_VERSION);
