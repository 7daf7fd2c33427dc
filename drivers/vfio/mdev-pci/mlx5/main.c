// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdev parents for PFs that mlx5_core drives, and the capabilities of each VF.
 */
#include <linux/module.h>
#include <linux/modules_version.h>
#include <linux/slab.h>

#include "mlx5.h"

#define NO_MIGRATION	"the PF's firmware has no live migration; update it, or see mlxconfig"
#define NOT_MIGRATABLE	"firmware has migration off for this VF; remove the mdev, then " \
			"devlink port function set PORT migratable enable"
/* Firmware has no limit of its own for the state; QEMU has none either */
#define MAX_STATE	(4ULL << 30)
/* mlx5_core gives a command 60 s and looks 5 s longer */
#define TIMEOUT_MS	70000

static const struct mdev_pci_type mvf_types[] = {
	{ .name = "vf", .label = "VF of a ConnectX adapter", .mig_ops = &mvf_mig_ops,
	  .log_ops = &mvf_log_ops },
};

/*
 * mlx5_core takes the PF's firmware down while VFs are on the bus, or has it up
 * again
 */
static int mvf_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct mvf *v = container_of(nb, struct mvf, nb);

	if (event == MLX5_PF_NOTIFY_DISABLE_VF) {
		mdev_pci_function_detach(v->fn);
		mvf_tracker_free(v);
	} else if (event == MLX5_PF_NOTIFY_ENABLE_VF) {
		mdev_pci_function_attach(v->fn);
	}
	return NOTIFY_OK;
}

/* The second page of the PF's capabilities */
#define PF_CAP_2(mdev, cap) \
	MLX5_GET(mvf_cap_2, (mdev)->caps.hca[MLX5_CAP_GENERAL_2]->cur, cap)

static bool has_precopy(struct mlx5_core_dev *mdev)
{
	return PF_CAP_2(mdev, migration_multi_load) &&
	       PF_CAP_2(mdev, migration_tracking_state);
}

static int query_vf(struct mvf *v, u16 op_mod, void *out)
{
	u32 in[MLX5_ST_SZ_DW(query_hca_cap_in)] = {};

	MLX5_SET(query_hca_cap_in, in, opcode, MLX5_CMD_OP_QUERY_HCA_CAP);
	MLX5_SET(query_hca_cap_in, in, other_function, 1);
	MLX5_SET(query_hca_cap_in, in, function_id, v->fn->id + 1);
	MLX5_SET(query_hca_cap_in, in, op_mod, op_mod);
	return mvf_errno(mlx5_cmd_exec_inout(v->mdev, query_hca_cap, in, out));
}

/* Queried before any driver of the VF has run */
static int identify(struct mvf *v, struct mdev_pci_limits *limits)
{
	void *out = kzalloc(MLX5_ST_SZ_BYTES(query_hca_cap_out), GFP_KERNEL),
	     *cap;
	int ret;

	if (!out)
		return -ENOMEM;
	cap = MLX5_ADDR_OF(query_hca_cap_out, out, capability);
	ret = query_vf(v, MLX5_CAP_GENERAL_2 << 1 | HCA_CAP_OPMOD_GET_MAX, out);
	if (!ret && !MLX5_GET(mvf_cap_2, cap, migratable))
		limits->not_migratable = NOT_MIGRATABLE;
	ret = ret ?:
		      query_vf(v, MLX5_CAP_GENERAL << 1 | HCA_CAP_OPMOD_GET_CUR,
			       out);
	v->vhca_id = MLX5_GET(cmd_hca_cap, cap, vhca_id);
	kfree(out);
	return ret;
}

/* The PF's interface can't go down meanwhile, so keep it short */
static int init(struct vfio_pci_fn *fn, struct mlx5_core_dev *mdev,
		struct mdev_pci_limits *limits)
{
	struct mvf *v = kzalloc(sizeof(*v), GFP_KERNEL);
	int ret = 0;

	if (!v)
		return -ENOMEM;
	v->fn = fn;
	v->mdev = mdev;
	v->nb.notifier_call = mvf_event;
	v->chunks = PF_CAP_2(mdev, migration_in_chunks);
	limits->mig_caps.precopy = has_precopy(mdev);
	limits->mig_caps.compat = mvf_version(mdev);
	mvf_log_limits(mdev, &limits->log_caps);
	if (MLX5_CAP_GEN(mdev, migration))
		ret = identify(v, limits);
	else
		limits->not_migratable = NO_MIGRATION;
	ret = ret ?:
		      mlx5_sriov_blocking_notifier_register(mdev, fn->id,
							    &v->nb);
	if (ret)
		kfree(v);
	else
		fn->priv = v;
	return ret;
}

static int mvf_enable(struct vfio_pci_fn *fn, const struct mdev_pci_type *type,
		      struct mdev_pci_limits *limits)
{
	struct mlx5_core_dev *mdev = mlx5_vf_get_core_dev(fn->pdev);
	int ret;

	if (!mdev) {
		pci_err(fn->pdev, "mlx5: the PF's interface is down; see devlink health of the PF\n");
		return -ENODEV;
	}
	ret = init(fn, mdev, limits);
	mlx5_vf_put_core_dev(mdev);
	return ret;
}

static void mvf_disable(struct vfio_pci_fn *fn)
{
	struct mvf *v = fn->priv;

	mlx5_sriov_blocking_notifier_unregister(v->mdev, fn->id, &v->nb);
	mvf_tracker_free(v);
	kfree(v);
}

static int mvf_show(struct pci_dev *pf, char *buf, size_t size)
{
	struct mlx5_core_dev *mdev = pci_get_drvdata(pf);

	return scnprintf(buf, size, "firmware: %d.%d.%04d\npsid: %.*s\nfirmware_can:%s%s%s%s\n",
			 fw_rev_maj(mdev), fw_rev_min(mdev), fw_rev_sub(mdev), MLX5_BOARD_ID_LEN,
			 mdev->board_id, MLX5_CAP_GEN(mdev, migration) ? " migration" : "",
			 has_precopy(mdev) ? " pre-copy" : "",
			 PF_CAP_2(mdev, migration_in_chunks) ? " chunks" : "",
			 MLX5_CAP_GEN(mdev, adv_virtualization) ? " page-tracker" : "");
}

static const struct mdev_pci_parent_ops mvf_parent_ops = {
	.enable = mvf_enable,
	.disable = mvf_disable,
	.show = mvf_show,
};

static const struct mdev_pci_parent_desc mvf_desc = {
	.owner = THIS_MODULE,
	.model = "ConnectX",
	.ops = &mvf_parent_ops,
	.types = mvf_types,
	.nr_types = ARRAY_SIZE(mvf_types),
	.mig_caps = {
		.max_state = MAX_STATE,
		.max_chunk = VFIO_PCI_MIG_CHUNK_BOUND,
		.timeout_ms = TIMEOUT_MS,
		.precopy = true,
		.framed = true,
		.immediate = true,
		.upstream = true,
	},
	/* Each VF's capabilities are queried when it is enabled */
	.log_caps = {
		.max_ranges = 1, .min_page_shift = 12, .max_page_shift = 20,
		.max_pages = 1ULL << 40,
	},
	.external_pf_driver = true,
};

static bool mvf_match(struct pci_dev *pf)
{
	return pf->vendor == PCI_VENDOR_ID_MELLANOX &&
	       pci_sriov_get_totalvfs(pf) > 0;
}

static const struct mdev_pci_external mvf_external = {
	.name = "mdev-pci-mlx5",
	.driver = "mlx5_core",
	.match = mvf_match,
	.desc = &mvf_desc,
};

module_driver(mvf_external, mdev_pci_register_external,
	      mdev_pci_unregister_external);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("VFs of ConnectX adapters as mediated devices");
MODULE_VERSION(MODULES_VERSION);
MDEV_PCI_MODULE_DEPS;
