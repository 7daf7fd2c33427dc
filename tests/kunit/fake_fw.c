// SPDX-License-Identifier: GPL-2.0-only
/* A firmware that does as it is told: see fake_fw.h. */
#include <linux/bitmap.h>
#include <linux/scatterlist.h>
#include <linux/string.h>

#include "compat.h"
#include "fake_dma.h"
#include "fake_fw.h"
#include "migration.h"

#define FW_CONTRACT(fw, cond)	\
	KUNIT_EXPECT_TRUE_MSG((fw)->test, cond, "the contract of firmware operations: " #cond)

static void end_work(struct work_struct *work);

/**
 * fw_init() - a function that runs
 * @fw: its firmware, all zero
 * @test: which is told of errors
 * @room: the most that a chunk may have
 */
void fw_init(struct fake_fw *fw, struct kunit *test, size_t room)
{
	fw->test = test;
	fw->room = room;
	INIT_DELAYED_WORK(&fw->work, end_work);
	init_completion(&fw->hung);
	init_completion(&fw->release);
	fw_set_size(fw, 3 * FW_BLOCK);
}

/**
 * fw_set_size() - how much state there is
 * @fw: the firmware
 * @size: bytes
 */
void fw_set_size(struct fake_fw *fw, size_t size)
{
	size_t i;

	fw->size = size;
	for (i = 0; i < size; i++)
		fw->state[i] = i * 7 + (i >> 8);
	memset(fw->context, 0x5a, sizeof(fw->context));
}

/**
 * fw_change() - the function changes, as it runs
 * @fw: the firmware
 * @pos: where
 * @value: to what
 */
void fw_change(struct fake_fw *fw, size_t pos, u8 value)
{
	fw->state[pos] = value;
	if (fw->recording && !test_bit(pos / FW_BLOCK, fw->unsaved))
		set_bit(pos / FW_BLOCK, fw->changed);
}

/**
 * fw_arm() - begin to count calls, nothing goes wrong
 * @fw: the firmware
 */
void fw_arm(struct fake_fw *fw)
{
	memset(fw->count, 0, sizeof(fw->count));
	memset(fw->fault, 0, sizeof(fw->fault));
	fw->calls = 0;
}

/**
 * fw_fault() - something goes wrong, once
 * @fw: the firmware
 * @op: in this operation, MIG_NR_OPS: in any
 * @nth: at which call of it since fw_arm(), from 0
 * @act: what goes wrong
 * @err: errno or size of it
 */
void fw_fault(struct fake_fw *fw, enum mig_op op, unsigned int nth, enum fw_act act, int err)
{
	struct fw_fault *f = &fw->fault[fw->fault[0].armed];

	*f = (struct fw_fault) { .armed = true, .nth = nth, .op = op, .act = act, .err = err };
}

/**
 * fw_reset() - the function is reset, and runs
 * @fw: the firmware
 *
 * What is in progress stays so: it is the engine's to abort it.
 */
void fw_reset(struct fake_fw *fw)
{
	fw->level = FW_RUNNING;
	fw->recording = false;
}

/**
 * fw_answer() - what %FW_NEVER has left open ends well after all
 * @fw: the firmware
 */
void fw_answer(struct fake_fw *fw)
{
	KUNIT_ASSERT_NOT_NULL(fw->test, fw->buf);
	fw->act = FW_RETURNS;
	fw->err = 0;
	schedule_delayed_work(&fw->work, 0);
}

/**
 * fw_end() - no work is left behind
 * @fw: the firmware
 */
void fw_end(struct fake_fw *fw)
{
	cancel_delayed_work_sync(&fw->work);
}

/**
 * fw_hang() - an operation does not return, once
 * @fw: the firmware
 * @op: the operation
 *
 * Until &fake_fw.release is completed.
 */
void fw_hang(struct fake_fw *fw, enum mig_op op)
{
	fw->hang_op = op;
	fw->hangs = true;
}

static void may_hang(struct fake_fw *fw, enum mig_op op)
{
	if (!fw->hangs || fw->hang_op != op)
		return;
	fw->hangs = false;
	complete(&fw->hung);
	wait_for_completion(&fw->release);
}

static const struct fw_fault *note(struct fake_fw *fw, enum mig_op op)
{
	const struct fw_fault *f;

	may_hang(fw, op);
	if (fw->calls < FW_MAX_LOG)
		fw->log[fw->calls] = op;
	for (f = fw->fault; f < fw->fault + ARRAY_SIZE(fw->fault); f++)
		if (f->armed && ((f->op == op && f->nth == fw->count[op]) ||
				 (f->op == MIG_NR_OPS && f->nth == fw->calls)))
			break;
	fw->calls++;
	fw->count[op]++;
	return f < fw->fault + ARRAY_SIZE(fw->fault) ? f : NULL;
}

/* As hardware does it if the command comes late: a function that runs can still be suspended */
static int reset_before(struct fake_fw *fw, enum mig_op op)
{
	mig_reset_begins(fw->mig);
	fw_reset(fw);
	mig_reset_done(fw->mig);
	return op == MIG_OP_SUSPEND_P2P || op == MIG_OP_SUSPEND_FULL ? 0 : -EBADFD;
}

static bool changes_level(enum mig_op op)
{
	return op == MIG_OP_SUSPEND_P2P || op == MIG_OP_SUSPEND_FULL ||
	       op == MIG_OP_RESUME_FULL || op == MIG_OP_RESUME_P2P;
}

/* An errno that ends the call, or 0 */
static int begin(struct fake_fw *fw, enum mig_op op, const struct fw_fault **fault)
{
	const struct fw_fault *f = note(fw, op);

	/* What the engine must leave alone until the reset. It may ask for the size at any time. */
	FW_CONTRACT(fw, fw->level != FW_UNKNOWN || op == MIG_OP_STATE_SIZE);
	*fault = f;
	if (f && f->act == FW_RESET)
		return reset_before(fw, op);
	if (!f || f->act != FW_RETURNS)
		return 0;
	if (f->err == -ETIMEDOUT && changes_level(op))
		fw->level = FW_UNKNOWN;
	return f->err;
}

/*
 * Of a session: an errno that ends the call, or 0. Not in the log, nor failing as any operation
 * does: the engine may call these whenever a session begins or ends.
 */
static int session_op(struct fake_fw *fw, enum mig_op op)
{
	const struct fw_fault *f;
	int ret = 0;

	may_hang(fw, op);
	for (f = fw->fault; f < fw->fault + ARRAY_SIZE(fw->fault); f++)
		if (f->armed && f->op == op && f->nth == fw->count[op])
			ret = f->err;
	fw->count[op]++;
	return ret;
}

static int fw_begin(struct vfio_pci_fn *fn, enum vfio_pci_mig_dir dir)
{
	struct fake_fw *fw = fn->priv;
	int ret;

	FW_CONTRACT(fw, !fw->session && !fw->attached);
	FW_CONTRACT(fw, (dir == VFIO_PCI_MIG_PRECOPY) == (fw->level != FW_FULL));
	ret = session_op(fw, MIG_OP_BEGIN);
	fw->session = !ret;
	fw->dir = dir;
	fw->pos = 0;
	return ret;
}

static void fw_end_session(struct vfio_pci_fn *fn)
{
	struct fake_fw *fw = fn->priv;

	session_op(fw, MIG_OP_END);
	FW_CONTRACT(fw, fw->session && !fw->attached && !fw->buf);
	fw->session = false;
}

static int fw_attach(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct fake_fw *fw = fn->priv;
	int ret;

	FW_CONTRACT(fw, fw->session && !buf->priv);
	FW_CONTRACT(fw, (buf->kind == VFIO_PCI_BUF_DMA) ==
			fake_dma_is_devices(&buf->sgt, buf->dir));
	ret = session_op(fw, MIG_OP_ATTACH);
	if (ret)
		return ret;
	buf->priv = fw;
	fw->attached++;
	return 0;
}

static void fw_detach(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct fake_fw *fw = fn->priv;

	session_op(fw, MIG_OP_DETACH);
	FW_CONTRACT(fw, fw->session && buf->priv == fw && fw->buf != buf);
	FW_CONTRACT(fw, buf->kind != VFIO_PCI_BUF_DMA || fake_dma_is_mapped(&buf->sgt));
	fw->attached--;
}

static size_t next_image(struct fake_fw *fw)
{
	return min(fw->image, fw->size - (size_t)fw->pos);
}

static int fw_chunk_size(struct vfio_pci_fn *fn, u64 *bytes)
{
	struct fake_fw *fw = fn->priv;
	const struct fw_fault *f;
	int ret;

	FW_CONTRACT(fw, fw->session && fw->dir != VFIO_PCI_MIG_LOAD && !fw->buf);
	for (f = fw->fault; f < fw->fault + ARRAY_SIZE(fw->fault); f++)
		if (f->armed && f->op == MIG_OP_CHUNK_SIZE && f->act == FW_SIZE &&
		    f->nth == fw->count[MIG_OP_CHUNK_SIZE]) {
			fw->count[MIG_OP_CHUNK_SIZE]++;
			*bytes = (u64)(s64)f->err;
			return 0;
		}
	ret = session_op(fw, MIG_OP_CHUNK_SIZE);
	*bytes = fw->dir == VFIO_PCI_MIG_PRECOPY ? fw->image : next_image(fw);
	return ret;
}

/* The CPU, or a driver that maps the buffer itself, must see just these bytes of it */
static void check_kind(struct fake_fw *fw, struct vfio_pci_mig_buf *buf)
{
	size_t headroom = buf->dir == DMA_TO_DEVICE ? fw->headroom : 0, n = 0;
	struct scatterlist *sg;

	FW_CONTRACT(fw, buf->priv == fw);
	if (buf->kind == VFIO_PCI_BUF_DMA)
		FW_CONTRACT(fw, fake_dma_is_devices(&buf->sgt, buf->dir));
	else
		memset(buf->vaddr - headroom, 0x88, headroom);
	if (buf->kind != VFIO_PCI_BUF_SG)
		return;
	for (sg = buf->sg; sg; sg = sg_next(sg))
		n += sg->length;
	FW_CONTRACT(fw, n == headroom + buf->len);
}

static size_t fw_put(struct vfio_pci_mig_buf *buf, const void *data, size_t n, size_t at)
{
	if (buf->kind == VFIO_PCI_BUF_DMA)
		return sg_pcopy_from_buffer(buf->sgt.sgl, buf->sgt.orig_nents, data, n, at);
	if (buf->kind == VFIO_PCI_BUF_SG)
		return sg_pcopy_from_buffer(buf->sg, sg_nents(buf->sg), data, n, at);
	memcpy(buf->vaddr + at, data, n);
	return n;
}

static size_t fw_get(struct fake_fw *fw, struct vfio_pci_mig_buf *buf, void *data, size_t n,
		     size_t at)
{
	if (buf->kind == VFIO_PCI_BUF_DMA)
		return sg_pcopy_to_buffer(buf->sgt.sgl, buf->sgt.orig_nents, data, n, at);
	if (buf->kind == VFIO_PCI_BUF_SG)
		return sg_pcopy_to_buffer(buf->sg, sg_nents(buf->sg), data, n,
					  at + fw->headroom);
	memcpy(data, buf->vaddr + at, n);
	return n;
}

static int fw_suspend(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	bool full = level == VFIO_PCI_FN_FULL;
	struct fake_fw *fw = fn->priv;
	const struct fw_fault *f;
	int ret;

	FW_CONTRACT(fw, fw->level == (full ? FW_P2P : FW_RUNNING) || fw->level == FW_UNKNOWN);
	FW_CONTRACT(fw, !fw->buf);
	ret = begin(fw, full ? MIG_OP_SUSPEND_FULL : MIG_OP_SUSPEND_P2P, &f);
	if (!ret)
		fw->level = full ? FW_FULL : FW_P2P;
	return ret;
}

static int fw_resume(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	bool full = level == VFIO_PCI_FN_FULL;
	struct fake_fw *fw = fn->priv;
	const struct fw_fault *f;
	int ret;

	FW_CONTRACT(fw, fw->level == (full ? FW_FULL : FW_P2P) || fw->level == FW_UNKNOWN);
	FW_CONTRACT(fw, !fw->buf);
	ret = begin(fw, full ? MIG_OP_RESUME_FULL : MIG_OP_RESUME_P2P, &f);
	if (!ret)
		fw->level = full ? FW_P2P : FW_RUNNING;
	return ret;
}

static int fw_state_size(struct vfio_pci_fn *fn, u64 *size)
{
	struct fake_fw *fw = fn->priv;
	const struct fw_fault *f;
	int ret = begin(fw, MIG_OP_STATE_SIZE, &f);

	*size = f && f->act == FW_SIZE ? (u64)(s64)f->err : fw->size;
	return ret;
}

static void save_plain(struct fake_fw *fw, struct vfio_pci_mig_buf *buf)
{
	size_t n = min(buf->len, fw->size - (size_t)fw->pos);

	if (fw->act == FW_SHORT)
		n = 1;
	fw_put(buf, fw->state + fw->pos, n, 0);
	buf->len = n;
	fw->pos += n;
	buf->last = fw->pos == fw->size;
}

static bool put_entry(struct vfio_pci_mig_buf *buf, size_t *len, u32 block, const u8 *data)
{
	struct fw_entry e = { .block = cpu_to_le32(block) };

	if (*len + sizeof(e) > buf->len)
		return false;
	memcpy(e.data, data, sizeof(e.data));
	fw_put(buf, &e, sizeof(e), *len);
	*len += sizeof(e);
	return true;
}

static unsigned int next_block(struct fake_fw *fw)
{
	unsigned int block = find_first_bit(fw->unsaved, FW_BLOCKS);

	return block < FW_BLOCKS ? block : find_first_bit(fw->changed, FW_BLOCKS);
}

static void save_delta(struct fake_fw *fw, struct vfio_pci_mig_buf *buf)
{
	unsigned int block;
	size_t len = 0;

	for (;;) {
		block = next_block(fw);
		if (block == FW_BLOCKS)
			break;
		if (!put_entry(buf, &len, block, fw->state + block * FW_BLOCK))
			break;
		clear_bit(block, fw->unsaved);
		clear_bit(block, fw->changed);
	}
	buf->last = block == FW_BLOCKS;
	if (buf->last && fw->level == FW_FULL)
		buf->last = put_entry(buf, &len, FW_CONTEXT, fw->context);
	buf->len = len;
	fw->pos += len;
}

static void get_entry(struct fake_fw *fw, const struct fw_entry *e)
{
	u32 block = le32_to_cpu(e->block);

	if (block == FW_CONTEXT)
		memcpy(fw->incoming_context, e->data, sizeof(e->data));
	else if (block < FW_BLOCKS)
		memcpy(fw->incoming + block * FW_BLOCK, e->data, sizeof(e->data));
	else
		KUNIT_FAIL(fw->test, "block %u is loaded", block);
}

static void load_delta(struct fake_fw *fw, struct vfio_pci_mig_buf *buf)
{
	struct fw_entry e;
	size_t at;

	for (at = 0; at + sizeof(e) <= buf->len; at += sizeof(e)) {
		fw_get(fw, buf, &e, sizeof(e), at);
		get_entry(fw, &e);
	}
	KUNIT_EXPECT_EQ_MSG(fw->test, at, buf->len, "not a whole number of blocks is loaded");
}

static void load(struct fake_fw *fw, struct vfio_pci_mig_buf *buf)
{
	if (buf->delta)
		load_delta(fw, buf);
	else
		fw_get(fw, buf, fw->incoming + fw->pos, buf->len, 0);
	fw->pos += buf->len;
	if (!buf->last)
		return;
	if (!buf->delta)
		fw->size = fw->pos;
	else
		memcpy(fw->context, fw->incoming_context, sizeof(fw->context));
	memcpy(fw->state, fw->incoming, fw->size);
}

/* The firmware's side of a save or load, with what is to go wrong */
static int move(struct fake_fw *fw, struct vfio_pci_mig_buf *buf)
{
	check_kind(fw, buf);
	if (fw->act == FW_ENDS) {
		if (fw->err == -ETIMEDOUT && buf->dir == DMA_TO_DEVICE && buf->last)
			fw->level = FW_UNKNOWN;
		return fw->err;
	}
	if (buf->dir == DMA_TO_DEVICE)
		load(fw, buf);
	else if (fw->act == FW_EMPTY)
		buf->len = 0;
	else if (fw->act == FW_TOO_LONG)
		buf->len++;
	else if (buf->delta)
		save_delta(fw, buf);
	else
		save_plain(fw, buf);
	return 0;
}

static void end_work(struct work_struct *work)
{
	struct fake_fw *fw = container_of(work, struct fake_fw, work.work);
	struct vfio_pci_mig_buf *buf = fw->buf;
	int ret = move(fw, buf);

	fw->buf = NULL;
	vfio_pci_mig_buf_done(buf, ret);
}

static int start(struct fake_fw *fw, struct vfio_pci_mig_buf *buf, const struct fw_fault *f)
{
	int ret;

	/* Faults of this kind happen once, but they need not be noticed at once */
	fw->act = f ? f->act : FW_RETURNS;
	fw->err = f ? f->err : 0;
	if (fw->act == FW_NEVER) {
		fw->buf = buf;
		return -EINPROGRESS;
	}
	if (fw->speed == FW_LATER) {
		fw->buf = buf;
		schedule_delayed_work(&fw->work, 1);
		return -EINPROGRESS;
	}
	ret = move(fw, buf);
	if (fw->speed == FW_AT_ONCE && fw->act != FW_TWICE && fw->act != FW_ALSO)
		return ret;
	vfio_pci_mig_buf_done(buf, ret);
	if (fw->act == FW_TWICE)
		vfio_pci_mig_buf_done(buf, fw->err);
	if (fw->act == FW_ALSO)
		return 0;
	return -EINPROGRESS;
}

static int fw_save(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct fake_fw *fw = fn->priv;
	const struct fw_fault *f;
	int ret;

	FW_CONTRACT(fw, !fw->buf);
	FW_CONTRACT(fw, !buf->delta || fw->recording);
	FW_CONTRACT(fw, buf->delta || fw->level == FW_FULL);
	FW_CONTRACT(fw, buf->len == (!fw->image ? fw->room : buf->delta ? fw->image :
				     next_image(fw)));
	FW_CONTRACT(fw, !buf->last);
	fw->level_seen = buf->level;
	if (!buf->offset)
		fw->pos = 0;
	FW_CONTRACT(fw, buf->offset == fw->pos);
	ret = begin(fw, MIG_OP_SAVE, &f);
	return ret ?: start(fw, buf, f);
}

static int fw_load(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct fake_fw *fw = fn->priv;
	const struct fw_fault *f;
	int ret;

	FW_CONTRACT(fw, !fw->buf);
	FW_CONTRACT(fw, fw->level == FW_FULL);
	if (fw->image && !buf->delta)
		FW_CONTRACT(fw, buf->len == fw->image || (buf->last && buf->len < fw->image));
	else
		FW_CONTRACT(fw, buf->len && buf->len <= (fw->image ?: fw->room));
	if (!buf->offset)
		fw->pos = 0;
	FW_CONTRACT(fw, buf->offset == fw->pos);
	ret = begin(fw, MIG_OP_LOAD, &f);
	return ret ?: start(fw, buf, f);
}

static void fw_abort(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct fake_fw *fw = fn->priv;

	note(fw, MIG_OP_ABORT);
	cancel_delayed_work_sync(&fw->work);
	/* Unless it has ended at the last moment */
	FW_CONTRACT(fw, !fw->buf || fw->buf == buf);
	fw->buf = NULL;
}

static int fw_check_compat(struct vfio_pci_fn *fn, u32 compat)
{
	struct fake_fw *fw = fn->priv;

	FW_CONTRACT(fw, fw->session && fw->dir == VFIO_PCI_MIG_LOAD && !fw->buf);
	return session_op(fw, MIG_OP_CHECK_COMPAT);
}

static int fw_precopy_start(struct vfio_pci_fn *fn)
{
	struct fake_fw *fw = fn->priv;
	const struct fw_fault *f;
	int ret;

	FW_CONTRACT(fw, fw->level != FW_FULL);
	FW_CONTRACT(fw, !fw->buf);
	ret = begin(fw, MIG_OP_PRECOPY_START, &f);
	if (ret)
		return ret;
	fw->recording = true;
	bitmap_zero(fw->unsaved, FW_BLOCKS);
	bitmap_set(fw->unsaved, 0, DIV_ROUND_UP(fw->size, FW_BLOCK));
	bitmap_zero(fw->changed, FW_BLOCKS);
	return 0;
}

static int fw_precopy_stop(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct fake_fw *fw = fn->priv;
	const struct fw_fault *f;
	int ret;

	FW_CONTRACT(fw, fw->session);
	fw->stop_room = buf ? buf->len : 0;
	if (buf)
		check_kind(fw, buf);
	FW_CONTRACT(fw, fw->recording);
	FW_CONTRACT(fw, !fw->buf);
	ret = begin(fw, MIG_OP_PRECOPY_STOP, &f);
	if (!ret)
		fw->recording = false;
	return ret;
}

static int fw_precopy_size(struct vfio_pci_fn *fn, struct vfio_pci_precopy_size *size)
{
	struct fake_fw *fw = fn->priv;
	const struct fw_fault *f;
	int ret;

	FW_CONTRACT(fw, fw->recording);
	ret = begin(fw, MIG_OP_PRECOPY_SIZE, &f);
	if (ret)
		return ret;
	size->initial = bitmap_weight(fw->unsaved, FW_BLOCKS) * sizeof(struct fw_entry);
	size->dirty = bitmap_weight(fw->changed, FW_BLOCKS) * sizeof(struct fw_entry);
	if (fw->level == FW_FULL)
		size->dirty += sizeof(struct fw_entry);
	else
		size->stopped = sizeof(struct fw_entry);
	if (f && f->act == FW_SIZE)
		size->initial = (u64)(s64)f->err;
	return 0;
}

const struct vfio_pci_mig_ops fake_image_ops = {
	.begin = fw_begin,
	.end = fw_end_session,
	.attach = fw_attach,
	.detach = fw_detach,
	.chunk_size = fw_chunk_size,
	.suspend = fw_suspend,
	.resume = fw_resume,
	.state_size = fw_state_size,
	.save = fw_save,
	.load = fw_load,
	.abort = fw_abort,
	.check_compat = fw_check_compat,
	.precopy_start = fw_precopy_start,
	.precopy_stop = fw_precopy_stop,
	.precopy_size = fw_precopy_size,
};

const struct vfio_pci_mig_ops fake_fw_ops = {
	.begin = fw_begin,
	.end = fw_end_session,
	.attach = fw_attach,
	.detach = fw_detach,
	.suspend = fw_suspend,
	.resume = fw_resume,
	.state_size = fw_state_size,
	.save = fw_save,
	.load = fw_load,
	.abort = fw_abort,
	.precopy_start = fw_precopy_start,
	.precopy_stop = fw_precopy_stop,
	.precopy_size = fw_precopy_size,
};
