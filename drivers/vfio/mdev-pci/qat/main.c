// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFs of Intel QAT devices as mdevs. The PF's own driver stays bound and
 * creates the VFs; intel_qat migrates them, by qat_vfmig_*.
 *
 * A state is a block of constant size in memory of intel_qat. It begins with
 * the setup: what the VF can do, which does not change. The setup can be saved
 * while the VF runs, and is compared with the VF before the rest is loaded.
 * intel_qat makes and checks it once until qat_vfmig_reset(), even if the check
 * has failed, and never clears the block.
 */
#include <linux/mdev_pci.h>
#include <linux/module.h>
#include <linux/modules_version.h>
#include <linux/qat/qat_mig_dev.h>
#include <linux/slab.h>

struct qat_vf {
	struct qat_mig_dev *dev;
	u32 saved;	/* bytes of the state, by this session */
	bool full;	/* the session saves all, not only the setup */
};

static int qat_result(struct vfio_pci_fn *fn, const char *what, int ret)
{
	if (ret)
		pci_err(fn->pdev, "intel_qat could not %s (%pe)\n", what, ERR_PTR(ret));
	return ret;
}

/*
 * A stopped VF takes jobs and processes none: VFIO_PCI_FN_P2P. There is nothing
 * else to stop
 */
static int qat_suspend(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	struct qat_vf *vf = fn->priv;

	vf->full = level == VFIO_PCI_FN_FULL;
	if (vf->full || !qat_result(fn, "suspend the VF", qat_vfmig_suspend(vf->dev)))
		return 0;
	/*
	 * Some of its rings may have stopped. Its state is known then: this is
	 * no -ETIMEDOUT
	 */
	qat_vfmig_resume(vf->dev);
	return -EIO;
}

static int qat_resume(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	return level == VFIO_PCI_FN_FULL ? 0 : qat_vfmig_resume(((struct qat_vf *)fn->priv)->dev);
}

static int qat_begin(struct vfio_pci_fn *fn, enum vfio_pci_mig_dir dir)
{
	struct qat_vf *vf = fn->priv;

	qat_vfmig_reset(vf->dev);
	memset(vf->dev->state, 0, vf->dev->state_size);
	vf->saved = 0;
	vf->full = dir == VFIO_PCI_MIG_SAVE;
	return 0;
}

static int qat_state_size(struct vfio_pci_fn *fn, u64 *bytes)
{
	*bytes = ((struct qat_vf *)fn->priv)->dev->state_size;
	return 0;
}

/* Bytes that can be saved now. Of a VF that runs it is only the setup */
static u32 qat_end(const struct qat_vf *vf)
{
	return vf->full ? vf->dev->state_size :
			  min(vf->dev->setup_size, vf->dev->state_size);
}

static int qat_save(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct qat_vf *vf = fn->priv;
	int ret = vf->full ? qat_vfmig_save_state(vf->dev) :
			     qat_vfmig_save_setup(vf->dev);

	if (qat_result(fn, "save the VF", ret))
		return ret;
	buf->len = min_t(u64, buf->len,
			 qat_end(vf) - min_t(u64, buf->offset, qat_end(vf)));
	memcpy(buf->vaddr, vf->dev->state + buf->offset, buf->len);
	vf->saved = buf->offset + buf->len;
	buf->last = vf->saved >= qat_end(vf);
	return 0;
}

/* A save came first: the setup is there */
static int qat_precopy_size(struct vfio_pci_fn *fn,
			    struct vfio_pci_precopy_size *size)
{
	struct qat_vf *vf = fn->priv;

	size->initial = qat_end(vf) - min(qat_end(vf), vf->saved);
	size->stopped = vf->dev->state_size - qat_end(vf);
	return 0;
}

static int qat_precopy_stop(struct vfio_pci_fn *fn,
			    struct vfio_pci_mig_buf *buf)
{
	return 0;
}

static int qat_load(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct qat_mig_dev *dev = ((struct qat_vf *)fn->priv)->dev;
	u64 end = buf->offset + buf->len;
	int ret;

	if (end > dev->state_size || (buf->last && end != dev->state_size))
		return qat_result(fn, "load a state of another size", -EMSGSIZE);
	memcpy(dev->state + buf->offset, buf->vaddr, buf->len);
	ret = qat_vfmig_load_setup(dev, end);
	if (ret == -EAGAIN && !buf->last)	/* the setup is not complete yet */
		return 0;
	if (qat_result(fn, "accept the setup of the state", ret) || !buf->last)
		return ret;
	ret = qat_result(fn, "load the state", qat_vfmig_load_state(dev));
	if (ret)
		mdev_pci_function_error(fn, "a part of the state may have been loaded");
	return ret;
}

static int qat_enable(struct vfio_pci_fn *fn, const struct mdev_pci_type *type,
		      struct mdev_pci_limits *limits)
{
	struct qat_vf *vf = kzalloc(sizeof(*vf), GFP_KERNEL);
	int ret;

	if (!vf)
		return -ENOMEM;
	vf->dev = qat_vfmig_create(fn->pf, fn->id);
	ret = PTR_ERR_OR_ZERO(vf->dev);
	if (ret)
		goto free;
	ret = qat_vfmig_init(vf->dev);
	if (ret)
		goto destroy;
	ret = qat_vfmig_open(vf->dev);
	if (ret)
		goto cleanup;
	limits->mig_caps.max_state = vf->dev->state_size;
	limits->mig_caps.chunk = vf->dev->state_size;
	fn->priv = vf;
	return 0;

cleanup:
	qat_vfmig_cleanup(vf->dev);
destroy:
	qat_vfmig_destroy(vf->dev);
free:
	kfree(vf);
	return qat_result(fn, "prepare the VF", ret);
}

static void qat_disable(struct vfio_pci_fn *fn)
{
	struct qat_vf *vf = fn->priv;

	qat_vfmig_close(vf->dev);
	qat_vfmig_cleanup(vf->dev);
	qat_vfmig_destroy(vf->dev);
	kfree(vf);
}

/* intel_qat knows its PFs, and which of them can migrate VFs */
static bool qat_match(struct pci_dev *pf)
{
	struct qat_mig_dev *dev = qat_vfmig_create(pf, 0);

	if (!IS_ERR(dev))
		qat_vfmig_destroy(dev);
	return !IS_ERR(dev);
}

static const struct vfio_pci_mig_ops qat_mig_ops = {
	.suspend = qat_suspend, .resume = qat_resume, .begin = qat_begin,
	.state_size = qat_state_size, .save = qat_save, .load = qat_load,
	.precopy_stop = qat_precopy_stop, .precopy_size = qat_precopy_size,
};

static const struct mdev_pci_parent_ops qat_ops = { .enable = qat_enable,
						    .disable = qat_disable };

static const struct mdev_pci_type qat_type = {
	.name = "vf", .label = "VF of a QAT device", .mig_ops = &qat_mig_ops,
};

static const struct mdev_pci_parent_desc qat_desc = {
	.owner = THIS_MODULE,
	.model = "Intel QAT",
	.ops = &qat_ops,
	.types = &qat_type,
	.nr_types = 1,
	.external_pf_driver = true,
	/* A bound: the size of a VF's state is known when it is enabled */
	.mig_caps = { .max_state = 16 * VFIO_PCI_MIG_CHUNK_MAX,
		      .kind = VFIO_PCI_BUF_CPU,
		      .precopy = true },
};

static const struct mdev_pci_external qat_external = {
	.name = "mdev-pci-qat", .match = qat_match, .desc = &qat_desc,
};

module_driver(qat_external, mdev_pci_register_external,
	      mdev_pci_unregister_external);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("VFs of Intel QAT devices as mediated devices");
MODULE_VERSION(MODULES_VERSION);
MDEV_PCI_MODULE_DEPS;
MODULE_INFO(import_ns, "CRYPTO_QAT");	/* MODULE_IMPORT_NS() takes no string before 6.13 */
