// SPDX-License-Identifier: GPL-2.0-only
/* What driver-flavour-rdma asks of the kernel's headers: see ../../have.sh */
#include <rdma/restrack.h>

/*
 * HAVE_RESTRACK, required: RDMA with counters of its objects
 * exports: rdma_restrack_count ib_device_put
 */
static void have_restrack(struct ib_device *dev)
{
	(void)rdma_restrack_count;
}

/* HAVE_RESTRACK_DETAILS: objects of which the driver alone knows are counted on demand (6.12) */
static int have_restrack_details(struct ib_device *dev)
{
	return rdma_restrack_count(dev, RDMA_RESTRACK_CTX, false);
}
