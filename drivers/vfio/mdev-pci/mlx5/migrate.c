// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a VF. Firmware saves whole images. The first one of a session
 * has all of the state, and later ones have the changes since then; LOAD takes
 * them in that order. The last one, of a stopped VF, may come in chunks.
 */
#include <linux/mm.h>

#include "mlx5.h"

static int move_level(struct vfio_pci_fn *fn, u16 opcode, u16 op_mod)
{
	u32 out[MLX5_ST_SZ_DW(suspend_vhca_out)] = {};
	u32 in[MLX5_ST_SZ_DW(suspend_vhca_in)] = {};
	struct mvf *v = fn->priv;

	/* RESUME_VHCA has its fields at the same places */
	MLX5_SET(suspend_vhca_in, in, opcode, opcode);
	MLX5_SET(suspend_vhca_in, in, vhca_id, v->vhca_id);
	MLX5_SET(suspend_vhca_in, in, op_mod, op_mod);
	return mvf_errno(mlx5_cmd_exec_inout(v->mdev, suspend_vhca, in, out));
}

static int mvf_suspend(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	struct mvf *v = fn->priv;

	if (level == VFIO_PCI_FN_P2P)
		return move_level(fn, MLX5_CMD_OP_SUSPEND_VHCA,
				  MLX5_SUSPEND_VHCA_IN_OP_MOD_SUSPEND_INITIATOR);
	/* After this the complete state can be saved once more */
	v->lost = false;
	return move_level(fn, MLX5_CMD_OP_SUSPEND_VHCA,
			  MLX5_SUSPEND_VHCA_IN_OP_MOD_SUSPEND_RESPONDER);
}

static int mvf_resume(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	return move_level(fn, MLX5_CMD_OP_RESUME_VHCA,
			  level == VFIO_PCI_FN_FULL ?
				  MLX5_RESUME_VHCA_IN_OP_MOD_RESUME_RESPONDER :
				  MLX5_RESUME_VHCA_IN_OP_MOD_RESUME_INITIATOR);
}

/*
 * @next: room that the next SAVE needs, 0: nothing is new; @total: all that is
 * left, may be NULL
 */
static int query(struct mvf *v, bool incremental, u64 *next, u64 *total)
{
	u32 out[MLX5_ST_SZ_DW(mvf_out)] = {};
	u32 in[MLX5_ST_SZ_DW(query_vhca_migration_state_in)] = {};
	int ret;

	MLX5_SET(mvf_in, in, opcode, MLX5_CMD_OP_QUERY_VHCA_MIGRATION_STATE);
	MLX5_SET(mvf_in, in, vhca_id, v->vhca_id);
	MLX5_SET(mvf_in, in, incremental, incremental);
	MLX5_SET(mvf_in, in, chunk_or_track, v->chunks);
	ret = mvf_errno(mlx5_cmd_exec(v->mdev, in, sizeof(in), out, sizeof(out)));
	if (ret)
		return ret;
	*next = MLX5_GET(mvf_out, out, required_umem_size);
	if (total)
		*total = v->chunks ? MLX5_GET64(mvf_out, out,
						remaining_total_size) :
				     *next;
	return 0;
}

static int mvf_state_size(struct vfio_pci_fn *fn, u64 *size)
{
	u64 next;

	return query(fn->priv, false, &next, size);
}

static int mvf_begin(struct vfio_pci_fn *fn, enum vfio_pci_mig_dir dir)
{
	struct mvf *v = fn->priv;
	int ret = mvf_errno(mlx5_core_alloc_pd(v->mdev, &v->pdn));

	if (ret)
		return ret;
	mlx5_cmd_init_async_ctx(v->mdev, &v->async);
	v->tracking = false;
	v->lost = false;
	v->next = 0;
	return 0;
}

static void mvf_end(struct vfio_pci_fn *fn)
{
	struct mvf *v = fn->priv;

	mlx5_cmd_cleanup_async_ctx(&v->async);
	mlx5_core_dealloc_pd(v->mdev, v->pdn);
}

/*
 * A CREATE_MKEY command of @len bytes, for kvfree(); the pages' addresses go to
 * @mtt
 */
u32 *mvf_mkey_in(u32 pdn, u32 pages, unsigned int page_shift, int *len,
		 __be64 **mtt)
{
	void *mkc;
	u32 *in;

	*len = MLX5_ST_SZ_BYTES(create_mkey_in) +
	       sizeof(**mtt) * round_up(pages, 2);
	in = kvzalloc(*len, GFP_KERNEL);
	if (!in)
		return NULL;
	MLX5_SET(create_mkey_in, in, translations_octword_actual_size,
		 DIV_ROUND_UP(pages, 2));
	mkc = MLX5_ADDR_OF(create_mkey_in, in, memory_key_mkey_entry);
	MLX5_SET(mkc, mkc, access_mode_1_0, MLX5_MKC_ACCESS_MODE_MTT);
	MLX5_SET(mkc, mkc, lr, 1);
	MLX5_SET(mkc, mkc, lw, 1);
	MLX5_SET(mkc, mkc, pd, pdn);
	MLX5_SET(mkc, mkc, qpn, 0xffffff);
	MLX5_SET(mkc, mkc, log_page_size, page_shift);
	MLX5_SET(mkc, mkc, translations_octword_size, DIV_ROUND_UP(pages, 2));
	MLX5_SET64(mkc, mkc, len, (u64)pages << page_shift);
	*mtt = MLX5_ADDR_OF(create_mkey_in, in, klm_pas_mtt);
	return in;
}

static int mvf_attach(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct mvf *v = fn->priv;
	struct sg_dma_page_iter it;
	u32 pages = 0, mkey, *in;
	__be64 *mtt;
	int len, ret;

	for_each_sgtable_dma_page(&buf->sgt, &it, 0)
		pages++;
	in = mvf_mkey_in(v->pdn, pages, PAGE_SHIFT, &len, &mtt);
	if (!in)
		return -ENOMEM;
	for_each_sgtable_dma_page(&buf->sgt, &it, 0) {
		*mtt = cpu_to_be64(sg_page_iter_dma_address(&it));
		mtt++;
	}
	ret = mvf_errno(mlx5_core_create_mkey(v->mdev, &mkey, in, len));
	if (!ret)
		buf->priv = (void *)(unsigned long)mkey;
	kvfree(in);
	return ret;
}

static void mvf_detach(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct mvf *v = fn->priv;

	mlx5_core_destroy_mkey(v->mdev, (unsigned long)buf->priv);
}

/* In the interrupt. The engine checks firmware's sizes */
static void saved(struct mvf *v, struct vfio_pci_mig_buf *buf)
{
	v->tracking = MLX5_GET(mvf_in, v->move.in, chunk_or_track);
	v->next = v->tracking ? 0 :
				MLX5_GET(mvf_out, v->move.out,
					 next_required_umem_size);
	buf->len = MLX5_GET(mvf_out, v->move.out, actual_image_size);
	buf->last = !v->next;
}

/*
 * Firmware may lose track of changes of a VF that runs: then the last image is
 * a whole one
 */
static bool tracking_lost(struct mvf *v, struct vfio_pci_mig_buf *buf)
{
	if (!MLX5_GET(mvf_in, v->move.in, incremental) ||
	    !MLX5_GET(mvf_in, v->move.in, chunk_or_track) ||
	    MLX5_GET(mvf_out, v->move.out, status) !=
		    MLX5_CMD_STAT_BAD_RES_STATE_ERR)
		return false;
	pci_info(v->fn->pdev, "mlx5: firmware lost the changes since the last save; the complete state is saved again when the VF is stopped\n");
	v->tracking = false;
	v->lost = true;
	buf->len = 0;
	buf->last = true;
	return true;
}

/* In the interrupt that tells of the answer */
static void moved(int status, struct mlx5_async_work *work)
{
	struct mvf *v = container_of(work, struct mvf, move.work);
	struct vfio_pci_mig_buf *buf = v->move.buf;
	bool save = MLX5_GET(mvf_in, v->move.in, opcode) == MLX5_CMD_OP_SAVE_VHCA_STATE;

	/* Has the syndrome in the log, and an errno for firmware's status */
	status = mlx5_cmd_check(v->mdev, status, v->move.in, v->move.out);
	if (save && !status)
		saved(v, buf);
	else if (save && tracking_lost(v, buf))
		status = 0;
	vfio_pci_mig_buf_done(buf, mvf_errno(status));
}

static void describe(struct mvf *v, u16 opcode, struct vfio_pci_mig_buf *buf)
{
	memset(&v->move, 0, sizeof(v->move));
	v->move.buf = buf;
	MLX5_SET(mvf_in, v->move.in, opcode, opcode);
	MLX5_SET(mvf_in, v->move.in, vhca_id, v->vhca_id);
	MLX5_SET(mvf_in, v->move.in, mkey, (unsigned long)buf->priv);
	MLX5_SET(mvf_in, v->move.in, size, buf->len);
}

static int submit(struct mvf *v)
{
	return mlx5_cmd_exec_cb(&v->async, v->move.in, sizeof(v->move.in), v->move.out,
				sizeof(v->move.out), moved, &v->move.work) ?: -EINPROGRESS;
}

static int mvf_chunk_size(struct vfio_pci_fn *fn, u64 *bytes)
{
	struct mvf *v = fn->priv;

	*bytes = v->next;
	return v->next || v->lost ? 0 : query(v, v->tracking, bytes, NULL);
}

static int mvf_save(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct mvf *v = fn->priv;

	describe(v, MLX5_CMD_OP_SAVE_VHCA_STATE, buf);
	/* Query the next chunk like an image of changes */
	MLX5_SET(mvf_in, v->move.in, incremental, v->tracking || v->next);
	MLX5_SET(mvf_in, v->move.in, chunk_or_track,
		 buf->level != VFIO_PCI_FN_FULL);
	return submit(v);
}

static int mvf_load(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	describe(fn->priv, MLX5_CMD_OP_LOAD_VHCA_STATE, buf);
	return submit(fn->priv);
}

/* Waits for the answer, or for mlx5_core's time-out */
static void mvf_abort(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct mvf *v = fn->priv;

	mlx5_cmd_cleanup_async_ctx(&v->async);
	mlx5_cmd_init_async_ctx(v->mdev, &v->async);
}

/*
 * By a SAVE without tracking. If firmware can't have one the next session
 * begins anew
 */
static int mvf_precopy_stop(struct vfio_pci_fn *fn,
			    struct vfio_pci_mig_buf *buf)
{
	struct mvf *v = fn->priv;

	if (!v->tracking)
		return 0;
	if (!buf)
		return -ENOMEM;
	v->tracking = false;
	describe(v, MLX5_CMD_OP_SAVE_VHCA_STATE, buf);
	return mvf_errno(mlx5_cmd_exec(v->mdev, v->move.in, sizeof(v->move.in),
				       v->move.out, sizeof(v->move.out)));
}

/* Only firmware knows which states it can load; it refuses others */
static int mvf_check_compat(struct vfio_pci_fn *fn, u32 compat)
{
	u32 ours = mvf_version(((struct mvf *)fn->priv)->mdev);

	if (compat != ours)
		pci_info(fn->pdev, "mlx5: firmware %u.%u saved the state, this host's firmware %u.%u may refuse it\n",
			 compat >> 16, compat & 0xffff, ours >> 16, ours & 0xffff);
	return 0;
}

const struct vfio_pci_mig_ops mvf_mig_ops = {
	.begin = mvf_begin,
	.end = mvf_end,
	.attach = mvf_attach,
	.detach = mvf_detach,
	.suspend = mvf_suspend,
	.resume = mvf_resume,
	.state_size = mvf_state_size,
	.chunk_size = mvf_chunk_size,
	.save = mvf_save,
	.load = mvf_load,
	.abort = mvf_abort,
	.check_compat = mvf_check_compat,
	.precopy_stop = mvf_precopy_stop,
};
