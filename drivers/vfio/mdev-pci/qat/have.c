// SPDX-License-Identifier: GPL-2.0-only
/* What mdev-pci-qat asks of the kernel's headers: see ../../have.sh */
#include <linux/types.h>
#if __has_include("linux/qat/qat_mig_dev.h")
#include <linux/qat/qat_mig_dev.h>
#endif

/*
 * HAVE_QAT_VFMIG, required: intel_qat with migration of VFs (6.10)
 * exports: qat_vfmig_create qat_vfmig_reset qat_vfmig_save_setup qat_vfmig_load_setup
 */
static int have_qat_vfmig(struct pci_dev *pf, int vf, int bytes)
{
	struct qat_mig_dev *dev = qat_vfmig_create(pf, vf);

	dev->state[0] = 0;
	qat_vfmig_reset(dev);
	qat_vfmig_cleanup(dev);
	qat_vfmig_close(dev);
	qat_vfmig_destroy(dev);
	return dev->setup_size + dev->state_size + qat_vfmig_init(dev) + qat_vfmig_open(dev) +
	       qat_vfmig_suspend(dev) + qat_vfmig_resume(dev) + qat_vfmig_save_setup(dev) +
	       qat_vfmig_save_state(dev) + qat_vfmig_load_setup(dev, bytes) +
	       qat_vfmig_load_state(dev);
}
