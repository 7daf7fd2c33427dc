// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of dirty pages: firmware's page tracker. It reports addresses of
 * pages by messages from a queue pair of its own to one of this driver's, both
 * on the PF. A report polls the completion queue, which is never armed.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/mlx5/cq.h>
#include <linux/mlx5/qp.h>
#include <linux/sched/signal.h>

#include "have-mlx5.h"
#include "mlx5.h"

#ifndef HAVE_MLX5_COMP_EQN_GET
#define mlx5_comp_eqn_get	mlx5_vector2eqn
#endif

#define MESSAGES	64
#define MESSAGE_BYTES	4096
#define PAGE_BYTES	MLX5_ADAPTER_PAGE_SIZE	/* of firmware; the CPU's may be larger */
#define POLL_US		50
#define REPORT_MS	60000

#define TRACK_CAP(mdev, cap)	MLX5_CAP_ADV_VIRTUALIZATION(mdev, pg_track_##cap)

/* These bits stand in the object, and in the immediate of a message */
enum { TRACKING, REPORTING, FAILED };

/* The parts of a tracker that firmware has, in the order of their creation */
enum part { PD, MKEY, CQ, HOST_QP, FW_QP, OBJECT, PARTS };

/* Memory shared with firmware. Each part begins on a page of firmware's size */
struct shared {
	__be32 cq_record[2];
	__be32 qp_record[2];
	u8 pad[PAGE_BYTES - 16];
	struct mlx5_cqe64 cq[MESSAGES * 2];
	struct mlx5_wqe_data_seg
		rq[PAGE_BYTES / sizeof(struct mlx5_wqe_data_seg)];
	__be64 message[MESSAGES][MESSAGE_BYTES / sizeof(__be64)];
};

/* The log of a VF */
struct mvf_tracker {
	struct mlx5_core_dev *mdev;
	struct mlx5_uars_page *uar;	/* no doorbell of it is ever written */
	struct shared *shared;
	dma_addr_t dma;			/* of it, for the PF */
	u32 number[PARTS];		/* that firmware has given to each */
	u16 undo[PARTS];		/* by which command each is destroyed */
	unsigned int made;		/* how many of them there are */
	unsigned int page_shift;
	u64 pages;			/* that it tracks */
	u32 ci, pi;			/* completions taken, receives posted */
};

/*
 * The number is at the same place in all these answers, and in the command
 * @undo
 */
static int make(struct mvf_tracker *t, enum part part, u16 undo, void *in,
		int len)
{
	u32 out[MLX5_ST_SZ_DW(general_obj_out_cmd_hdr)] = {};
	int ret = mlx5_cmd_exec(t->mdev, in, len, out, sizeof(out));

	if (ret)
		return ret;
	t->number[part] = MLX5_GET(general_obj_out_cmd_hdr, out, obj_id);
	t->undo[part] = undo;
	t->made = part + 1;
	return 0;
}

static int unmake(struct mvf_tracker *t, enum part part)
{
	u32 out[MLX5_ST_SZ_DW(general_obj_out_cmd_hdr)] = {};
	u32 in[MLX5_ST_SZ_DW(general_obj_in_cmd_hdr)] = {};

	MLX5_SET(general_obj_in_cmd_hdr, in, opcode, t->undo[part]);
	if (part == OBJECT)
		MLX5_SET(general_obj_in_cmd_hdr, in, obj_type,
			 MLX5_OBJ_TYPE_PAGE_TRACK);
	MLX5_SET(general_obj_in_cmd_hdr, in, obj_id, t->number[part]);
	return mlx5_cmd_exec(t->mdev, in, sizeof(in), out, sizeof(out));
}

static void fill_pas(struct mvf_tracker *t, __be64 *pas, size_t from,
		     unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		pas[i] = cpu_to_be64(t->dma + from + i * PAGE_BYTES);
}

static int create_pd(struct mvf_tracker *t)
{
	u32 in[MLX5_ST_SZ_DW(alloc_pd_in)] = {};

	MLX5_SET(alloc_pd_in, in, opcode, MLX5_CMD_OP_ALLOC_PD);
	return make(t, PD, MLX5_CMD_OP_DEALLOC_PD, in, sizeof(in));
}

static int create_mkey(struct mvf_tracker *t)
{
	unsigned int pages = sizeof(*t->shared) / PAGE_BYTES;
	__be64 *mtt;
	int len, ret;
	u32 *in = mvf_mkey_in(t->number[PD], pages, MLX5_ADAPTER_PAGE_SHIFT,
			      &len, &mtt);

	if (!in)
		return -ENOMEM;
	MLX5_SET(create_mkey_in, in, opcode, MLX5_CMD_OP_CREATE_MKEY);
	fill_pas(t, mtt, 0, pages);
	ret = make(t, MKEY, MLX5_CMD_OP_DESTROY_MKEY, in, len);
	kvfree(in);
	return ret;
}

static int create_cq(struct mvf_tracker *t)
{
	u32 in[MLX5_ST_SZ_DW(create_cq_in) +
	       sizeof(t->shared->cq) / PAGE_BYTES * 2] = {};
	void *cqc = MLX5_ADDR_OF(create_cq_in, in, cq_context);
	int ret, eqn, i;

	ret = mlx5_comp_eqn_get(t->mdev, 0, &eqn);
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(t->shared->cq); i++)
		t->shared->cq[i].op_own = MLX5_CQE_INVALID << 4 | 1;
	MLX5_SET(create_cq_in, in, opcode, MLX5_CMD_OP_CREATE_CQ);
	MLX5_SET(cqc, cqc, log_cq_size, ilog2(ARRAY_SIZE(t->shared->cq)));
	MLX5_SET(cqc, cqc, uar_page, t->uar->index);
	/* The field's name is not the same in all kernels */
	((__be32 *)cqc)[5] = cpu_to_be32(eqn);
	MLX5_SET64(cqc, cqc, dbr_addr,
		   t->dma + offsetof(struct shared, cq_record));
	fill_pas(t, MLX5_ADDR_OF(create_cq_in, in, pas),
		 offsetof(struct shared, cq),
		 sizeof(t->shared->cq) / PAGE_BYTES);
	return make(t, CQ, MLX5_CMD_OP_DESTROY_CQ, in, sizeof(in));
}

/*
 * The host's queue pair receives, firmware's does not; neither has a send queue
 */
static int create_qp(struct mvf_tracker *t, enum part part)
{
	u32 in[MLX5_ST_SZ_DW(create_qp_in) + 2] = {};
	void *qpc = MLX5_ADDR_OF(create_qp_in, in, qpc);
	bool host = part == HOST_QP;

	MLX5_SET(create_qp_in, in, opcode, MLX5_CMD_OP_CREATE_QP);
	MLX5_SET(qpc, qpc, st, MLX5_QP_ST_RC);
	MLX5_SET(qpc, qpc, pm_state, MLX5_QP_PM_MIGRATED);
	MLX5_SET(qpc, qpc, pd, t->number[PD]);
	MLX5_SET(qpc, qpc, uar_page, t->uar->index);
	MLX5_SET(qpc, qpc, ts_format, mlx5_get_qp_default_ts(t->mdev));
	MLX5_SET(qpc, qpc, no_sq, 1);
	MLX5_SET(qpc, qpc, cqn_rcv, t->number[CQ]);
	MLX5_SET(qpc, qpc, rq_type, host ? MLX5_NON_ZERO_RQ : MLX5_ZERO_LEN_RQ);
	MLX5_SET64(qpc, qpc, dbr_addr,
		   t->dma + offsetof(struct shared, qp_record));
	if (host) {
		MLX5_SET(qpc, qpc, log_rq_size, ilog2(MESSAGES));
		fill_pas(t, MLX5_ADDR_OF(create_qp_in, in, pas),
			 offsetof(struct shared, rq), 1);
	}
	return make(t, part, MLX5_CMD_OP_DESTROY_QP, in, sizeof(in));
}

static int modify_qp(struct mvf_tracker *t, u16 opcode, u32 qpn, u32 remote)
{
	/* The three commands have their fields at the same places */
	u32 in[MLX5_ST_SZ_DW(init2rtr_qp_in)] = {};
	u32 out[MLX5_ST_SZ_DW(init2rtr_qp_out)] = {};
	void *qpc = MLX5_ADDR_OF(init2rtr_qp_in, in, qpc);

	MLX5_SET(init2rtr_qp_in, in, opcode, opcode);
	MLX5_SET(init2rtr_qp_in, in, qpn, qpn);
	MLX5_SET(qpc, qpc, primary_address_path.vhca_port_num, 1);
	if (opcode == MLX5_CMD_OP_RST2INIT_QP) {
		MLX5_SET(qpc, qpc, pm_state, MLX5_QP_PM_MIGRATED);
		MLX5_SET(qpc, qpc, rwe, 1);
	} else if (opcode == MLX5_CMD_OP_INIT2RTR_QP) {
		MLX5_SET(qpc, qpc, mtu, 5);		/* 4096 */
		MLX5_SET(qpc, qpc, log_msg_max,
			 MLX5_CAP_GEN(t->mdev, log_max_msg));
		MLX5_SET(qpc, qpc, remote_qpn, remote);
		MLX5_SET(qpc, qpc, min_rnr_nak, 1);
	} else {
		MLX5_SET(qpc, qpc, retry_count, 7);
		MLX5_SET(qpc, qpc, rnr_retry, 7);	/* for ever: we may be slow to post */
		MLX5_SET(qpc, qpc, primary_address_path.ack_timeout, 14);
	}
	return mlx5_cmd_exec(t->mdev, in, sizeof(in), out, sizeof(out));
}

static int connect_qps(struct mvf_tracker *t)
{
	u32 host = t->number[HOST_QP], fw = t->number[FW_QP];

	return modify_qp(t, MLX5_CMD_OP_RST2INIT_QP, host, 0) ?:
	       modify_qp(t, MLX5_CMD_OP_RST2INIT_QP, fw, 0) ?:
	       modify_qp(t, MLX5_CMD_OP_INIT2RTR_QP, host, fw) ?:
	       modify_qp(t, MLX5_CMD_OP_INIT2RTR_QP, fw, host) ?:
	       modify_qp(t, MLX5_CMD_OP_RTR2RTS_QP, fw, 0);
}

static void post_receive(struct mvf_tracker *t)
{
	unsigned int slot = t->pi++ % MESSAGES;
	struct mlx5_wqe_data_seg *seg = &t->shared->rq[slot];

	seg->byte_count = cpu_to_be32(MESSAGE_BYTES);
	seg->lkey = cpu_to_be32(t->number[MKEY] << 8);
	seg->addr = cpu_to_be64(offsetof(struct shared, message[slot]));
	/* The segment before firmware is told of it */
	dma_wmb();
	t->shared->qp_record[MLX5_RCV_DBR] = cpu_to_be32(t->pi & 0xffff);
}

static int create_object(struct mvf *v, struct mvf_tracker *t,
			 const struct vfio_pci_log_range *ranges,
			 unsigned int nr)
{
	size_t len = MLX5_ST_SZ_BYTES(create_page_track_obj_in) +
		     nr * MLX5_ST_SZ_BYTES(page_track_range);
	u32 *in = kzalloc(len, GFP_KERNEL);
	void *context, *range;
	u64 total = 0;
	int ret, i;

	if (!in)
		return -ENOMEM;
	MLX5_SET(general_obj_in_cmd_hdr, in, opcode,
		 MLX5_CMD_OP_CREATE_GENERAL_OBJECT);
	MLX5_SET(general_obj_in_cmd_hdr, in, obj_type,
		 MLX5_OBJ_TYPE_PAGE_TRACK);
	context = MLX5_ADDR_OF(create_page_track_obj_in, in, obj_context);
	MLX5_SET(page_track, context, vhca_id, v->vhca_id);
	MLX5_SET(page_track, context, track_type, 1);
	MLX5_SET(page_track, context, log_page_size, t->page_shift);
	MLX5_SET(page_track, context, log_msg_size, ilog2(MESSAGE_BYTES));
	MLX5_SET(page_track, context, reporting_qpn, t->number[FW_QP]);
	MLX5_SET(page_track, context, num_ranges, nr);
	range = MLX5_ADDR_OF(page_track, context, track_range);
	for (i = 0; i < nr; i++, range += MLX5_ST_SZ_BYTES(page_track_range)) {
		MLX5_SET64(page_track_range, range, start_address,
			   ranges[i].iova);
		MLX5_SET64(page_track_range, range, length, ranges[i].length);
		total += ranges[i].length;
	}
	t->pages = total >> t->page_shift;
	MLX5_SET(page_track, context, log_addr_space_size, order_base_2(total));
	/*
	 * Firmware's limit is for all ranges together; the engine has looked at
	 * each
	 */
	ret = order_base_2(total) > TRACK_CAP(t->mdev, log_max_addr_space) ? -EFBIG :
	      make(t, OBJECT, MLX5_CMD_OP_DESTROY_GENERAL_OBJECT, in, len);
	kfree(in);
	return ret;
}

static int ask_report(struct mvf_tracker *t, u64 iova, u64 length)
{
	u32 out[MLX5_ST_SZ_DW(general_obj_out_cmd_hdr)] = {};
	u32 in[MLX5_ST_SZ_DW(modify_page_track_obj_in)] = {};
	void *context = MLX5_ADDR_OF(modify_page_track_obj_in, in, obj_context);

	MLX5_SET(general_obj_in_cmd_hdr, in, opcode,
		 MLX5_CMD_OP_MODIFY_GENERAL_OBJECT);
	MLX5_SET(general_obj_in_cmd_hdr, in, obj_type,
		 MLX5_OBJ_TYPE_PAGE_TRACK);
	MLX5_SET(general_obj_in_cmd_hdr, in, obj_id, t->number[OBJECT]);
	MLX5_SET64(page_track, context, modify_field_select, 3);
	MLX5_SET64(page_track, context, range_start_address, iova);
	MLX5_SET64(page_track, context, length, length);
	MLX5_SET(page_track, context, state, REPORTING);
	return mlx5_cmd_exec(t->mdev, in, sizeof(in), out, sizeof(out));
}

void mvf_tracker_free(struct mvf *v)
{
	struct mvf_tracker *t = v->tracker;
	int ret = 0;

	if (!t)
		return;
	while (t->made)
		ret = unmake(t, --t->made) ?: ret;
	if (!IS_ERR_OR_NULL(t->uar))
		mlx5_put_uars_page(t->mdev, t->uar);
	/* Firmware may still write to the shared memory */
	if (ret)
		pci_err(v->fn->pdev, "mlx5: firmware did not destroy the page tracker (%pe); %zu KiB of memory are lost\n",
			ERR_PTR(ret), sizeof(*t->shared) / 1024);
	else if (t->shared)
		dma_free_coherent(&v->fn->pf->dev, sizeof(*t->shared),
				  t->shared, t->dma);
	kfree(t);
	v->tracker = NULL;
}

static int mvf_log_start(struct vfio_pci_fn *fn,
			 const struct vfio_pci_log_range *ranges,
			 unsigned int nr, unsigned int page_shift)
{
	struct mvf *v = fn->priv;
	struct mvf_tracker *t;
	int ret, i;

	/* The object belonged to a session that a reset has ended */
	mvf_tracker_free(v);
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	v->tracker = t;
	t->mdev = v->mdev;
	t->page_shift = page_shift;
	t->shared = dma_alloc_coherent(&fn->pf->dev, sizeof(*t->shared),
				       &t->dma, GFP_KERNEL);
	t->uar = mlx5_get_uars_page(t->mdev);
	ret = !t->shared ? -ENOMEM : PTR_ERR_OR_ZERO(t->uar);
	ret = ret ?: create_pd(t) ?: create_mkey(t) ?: create_cq(t) ?: create_qp(t, HOST_QP) ?:
	      create_qp(t, FW_QP) ?: connect_qps(t);
	for (i = 0; !ret && i < MESSAGES; i++)
		post_receive(t);
	ret = ret ?: create_object(v, t, ranges, nr);
	if (ret)
		mvf_tracker_free(v);
	return mvf_errno(ret);
}

static int mvf_log_stop(struct vfio_pci_fn *fn)
{
	mvf_tracker_free(fn->priv);
	return 0;
}

static bool is_done(const struct mvf_tracker *t, const struct mlx5_cqe64 *cqe)
{
	bool turn = t->ci / ARRAY_SIZE(t->shared->cq) & 1;
	u8 op_own = READ_ONCE(cqe->op_own);

	return (op_own & MLX5_CQE_OWNER_MASK) == turn &&
	       op_own >> 4 != MLX5_CQE_INVALID;
}

/*
 * Returns the next completion, or an errno: none came in time, or the user was
 * killed
 */
static struct mlx5_cqe64 *next_completion(struct mvf_tracker *t,
					  unsigned long end)
{
	struct mlx5_cqe64 *cqe =
		&t->shared->cq[t->ci % ARRAY_SIZE(t->shared->cq)];

	/*
	 * Check this even if there is a completion: firmware may send them
	 * without end
	 */
	for (cond_resched();; usleep_range(POLL_US, POLL_US * 2)) {
		if (fatal_signal_pending(current))
			return ERR_PTR(-ECANCELED);
		if (time_after(jiffies, end))
			return ERR_PTR(-ETIMEDOUT);
		if (is_done(t, cqe))
			break;
	}
	/* The rest after the owner bit */
	dma_rmb();
	t->ci++;
	t->shared->cq_record[0] = cpu_to_be32(t->ci & 0xffffff);
	return cqe;
}

/* The number of addresses that were in it, or an errno */
static int take_message(struct mvf_tracker *t, struct mlx5_cqe64 *cqe,
			struct vfio_pci_dirty_list *list)
{
	unsigned int slot = be16_to_cpu(cqe->wqe_counter) % MESSAGES;
	u32 n = be32_to_cpu(cqe->byte_cnt) / sizeof(__be64), i;
	int ret;

	if (n > MESSAGE_BYTES / sizeof(__be64))
		return -EPROTO;
	for (i = 0; i < n; i++) {
		ret = vfio_pci_log_dirty(list, be64_to_cpu(t->shared->message[slot][i]),
					 1ULL << t->page_shift);
		if (ret)
			return ret;
	}
	post_receive(t);
	return n;
}

/*
 * Firmware's next message: 1: there are more; 0: it was the last one; or an
 * errno
 */
static int next_message(struct mvf_tracker *t, struct vfio_pci_dirty_list *list,
			unsigned long end, u64 *pages)
{
	struct mlx5_cqe64 *cqe = next_completion(t, end);
	u32 state;
	int n;

	if (IS_ERR(cqe))
		return PTR_ERR(cqe);
	state = be32_to_cpu(cqe->immediate) >> 28;
	if (get_cqe_opcode(cqe) != MLX5_CQE_RESP_SEND_IMM || state >= FAILED)
		return -EIO;
	n = take_message(t, cqe, list);
	if (n < 0 || state == TRACKING)
		return min(n, 0);
	/* Without a limit this could go on for ever */
	*pages += n;
	return n && *pages <= t->pages ? 1 : -EPROTO;
}

/* After an error messages may still come: the engine regards the log as lost */
static int mvf_dirty_list(struct vfio_pci_fn *fn,
			  struct vfio_pci_dirty_list *list, u64 iova,
			  u64 length)
{
	unsigned long end = jiffies + msecs_to_jiffies(REPORT_MS);
	struct mvf *v = fn->priv;
	struct mvf_tracker *t = v->tracker;
	u64 pages = 0;
	int ret;

	if (!t)
		return -ENODEV;
	ret = ask_report(t, iova, length);
	if (ret)
		return mvf_errno(ret);
	do {
		ret = next_message(t, list, end, &pages);
	} while (ret > 0);
	return ret;
}

/*
 * Without a tracker, or with one whose messages are not of our size, there is
 * no log. Firmware is not believed: a shift by more than 63 has no meaning.
 */
void mvf_log_limits(struct mlx5_core_dev *mdev, struct vfio_pci_log_caps *caps)
{
	caps->max_ranges = 0;
	if (!MLX5_CAP_GEN(mdev, adv_virtualization) ||
	    TRACK_CAP(mdev, log_min_msg_size) > ilog2(MESSAGE_BYTES) ||
	    TRACK_CAP(mdev, log_max_msg_size) < ilog2(MESSAGE_BYTES))
		return;
	caps->max_ranges = TRACK_CAP(mdev, max_num_range);
	caps->min_page_shift = TRACK_CAP(mdev, log_min_page_size);
	caps->max_page_shift = TRACK_CAP(mdev, log_max_page_size);
	caps->min_bytes = 1ULL
			  << min_t(u8, TRACK_CAP(mdev, log_min_addr_space), 63);
	caps->max_bytes = 1ULL
			  << min_t(u8, TRACK_CAP(mdev, log_max_addr_space), 63);
}

const struct vfio_pci_log_ops mvf_log_ops = {
	.start = mvf_log_start,
	.stop = mvf_log_stop,
	.dirty_list = mvf_dirty_list,
};
