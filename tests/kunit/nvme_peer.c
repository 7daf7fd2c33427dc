// SPDX-License-Identifier: GPL-2.0-only
/*
 * The peer: see nvme_peer.h. Addresses for DMA are the kernel's own of the same memory. It carries
 * commands out in a work item, as a controller does it some time after the doorbell: no assertion
 * there may end the thread.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "nvme_peer.h"

#define PEER_PAGE	4096
#define SC_SEQUENCE	NVME_SC_CMD_SEQ_ERROR

static struct nvme_peer *peer;

static size_t reg_of(const void __iomem *addr)
{
	return (u8 __iomem *)addr - peer->regs;
}

static void *reg_at(size_t reg)
{
	return (__force u8 *)peer->regs + reg;
}

/**
 * nvme_peer_get32() - what a register holds
 * @p: the peer
 * @reg: its offset
 *
 * Return: the value.
 */
u32 nvme_peer_get32(struct nvme_peer *p, unsigned int reg)
{
	return READ_ONCE(*(u32 *)reg_at(reg));
}

/**
 * nvme_peer_set32() - set a register
 * @p: the peer
 * @reg: its offset
 * @value: the value
 */
void nvme_peer_set32(struct nvme_peer *p, unsigned int reg, u32 value)
{
	WRITE_ONCE(*(u32 *)reg_at(reg), value);
}

/**
 * nvme_peer_set_cap() - what the controller says that it can
 * @p: the peer
 * @cap: the register CAP
 */
void nvme_peer_set_cap(struct nvme_peer *p, u64 cap)
{
	WRITE_ONCE(*(u64 *)reg_at(NVME_REG_CAP), cap);
}

u32 nvme_peer_readl(const void __iomem *addr)
{
	return READ_ONCE(peer->gone) ? ~0 : nvme_peer_get32(peer, reg_of(addr));
}

u64 nvme_peer_readq(const void __iomem *addr)
{
	return READ_ONCE(peer->gone) ? ~0ULL : READ_ONCE(*(u64 *)reg_at(reg_of(addr)));
}

void nvme_peer_writeq(u64 value, void __iomem *addr)
{
	WRITE_ONCE(*(u64 *)reg_at(reg_of(addr)), value);
}

/* A Controller Level Reset of the primary controller takes the others offline: section 8.2.6 */
static void reset_controller(void)
{
	unsigned int i;

	for (i = 0; i < PEER_NR_VFS; i++) {
		peer->vf[i].online = false;
		peer->vf[i].suspended = false;
	}
	memcpy(peer->primary, peer->next_primary, sizeof(peer->primary));
}

static void write_cc(u32 value)
{
	u32 csts = nvme_peer_get32(peer, NVME_REG_CSTS);

	if (value & NVME_CC_SHN_MASK) {
		KUNIT_EXPECT_TRUE(peer->test, value & NVME_CC_ENABLE);
		peer->shutdowns++;
		if (!peer->never_shuts_down)
			nvme_peer_set32(peer, NVME_REG_CSTS, csts | NVME_CSTS_SHST_CMPLT);
	} else if (value & NVME_CC_ENABLE) {
		peer->head = 0;
		peer->cq_tail = 0;
		peer->phase = 1;
		if (!peer->never_ready)
			nvme_peer_set32(peer, NVME_REG_CSTS, csts | NVME_CSTS_RDY);
	} else if (!peer->never_stops) {
		reset_controller();
		nvme_peer_set32(peer, NVME_REG_CSTS, 0);
		/* What is in the rings from now on is none of the old ones' */
		nvme_peer_set32(peer, NVME_REG_DBS, 0);
	}
}

void nvme_peer_writel(u32 value, void __iomem *addr)
{
	size_t reg = reg_of(addr);

	KUNIT_EXPECT_LT(peer->test, reg, (size_t)PEER_REGS);
	nvme_peer_set32(peer, reg, value);
	if (reg == NVME_REG_CC)
		write_cc(value);
	else if (reg == NVME_REG_DBS)
		schedule_work(&peer->work);
}

void *nvme_peer_alloc(size_t size, dma_addr_t *dma)
{
	void *page = peer->no_memory ? NULL : alloc_pages_exact(size, GFP_KERNEL | __GFP_ZERO);

	*dma = (unsigned long)page;
	if (page)
		peer->allocated++;
	return page;
}

void *nvme_peer_alloc_managed(size_t size, dma_addr_t *dma)
{
	/* Of the test: it goes with it, in whole pages */
	void *page = kunit_kzalloc(peer->test, roundup_pow_of_two(size), GFP_KERNEL);

	*dma = (unsigned long)page;
	return page;
}

void nvme_peer_free(void *page, size_t size)
{
	peer->allocated--;
	free_pages_exact(page, size);
}

void nvme_peer_set_master(bool on)
{
	peer->master = on;
}

int nvme_peer_request_irq(irq_handler_t handler, void *data)
{
	peer->handler = handler;
	peer->data = data;
	return 0;
}

/* ---- data ---------------------------------------------------------------------- */

static void *page_at(const struct nvme_command *sqe, size_t n, size_t len)
{
	__le64 prp2 = sqe->common.dptr.prp2;
	const __le64 *list = (void *)(unsigned long)le64_to_cpu(prp2);

	if (!n)
		return (void *)(unsigned long)le64_to_cpu(sqe->common.dptr.prp1);
	return (void *)(unsigned long)le64_to_cpu(len > 2 * PEER_PAGE ? list[n - 1] : prp2);
}

static void copy(const struct nvme_command *sqe, void *data, size_t len, bool to_host)
{
	size_t done, n;
	void *page;

	KUNIT_EXPECT_TRUE(peer->test, peer->master);
	for (done = 0; done < len; done += n) {
		n = min_t(size_t, len - done, PEER_PAGE);
		page = page_at(sqe, done / PEER_PAGE, len);
		KUNIT_EXPECT_NOT_NULL(peer->test, page);
		if (!page)
			return;
		KUNIT_EXPECT_EQ(peer->test, (unsigned long)page % PEER_PAGE, 0UL);
		if (to_host)
			memcpy(page, data + done, n);
		else
			memcpy(data + done, page, n);
	}
}

/* Data that a test may have spoilt */
static void give(const struct nvme_command *sqe, void *data, size_t len, bool mangle)
{
	if (mangle)
		peer->mangle(data);
	copy(sqe, data, len, true);
}

/* ---- commands ------------------------------------------------------------------ */

static unsigned int taken(enum npf_resource r)
{
	unsigned int i, n = 0;

	for (i = 0; i < PEER_NR_VFS; i++)
		n += peer->vf[i].number[r];
	return n;
}

static void fill_ctrl(struct nvme_id_ctrl *id)
{
	memcpy(id->mn, "Peer of the tests                       ", sizeof(id->mn));
	id->cntlid = cpu_to_le16(PEER_CNTLID);
	id->oacs = cpu_to_le16(peer->oacs);
	id->mdts = peer->mdts;
	id->rtd3e = cpu_to_le32(peer->rtd3e);
}

static void fill_primary(struct npf_primary *p)
{
	int r;

	p->cntlid = cpu_to_le16(PEER_CNTLID);
	p->crt = BIT(NPF_VQ) | BIT(NPF_VI);
	for (r = 0; r < NPF_NR_RESOURCES; r++) {
		p->flexible[r] = (struct npf_flexible) {
			.total = cpu_to_le32(PEER_FLEXIBLE),
			.secondary = cpu_to_le32(taken(r)),
			.primary = cpu_to_le16(peer->primary[r]),
			.own = cpu_to_le16(3),
			.max = cpu_to_le16(PEER_MAX),
			.granularity = cpu_to_le16(1),
		};
	}
}

static void fill_list(struct npf_secondary_list *list, u16 from)
{
	unsigned int i;

	for (i = 0; i < PEER_NR_VFS; i++) {
		if (PEER_CNTLID + 1 + i < from)
			continue;
		list->entry[list->nr++] = (struct npf_secondary) {
			.scid = cpu_to_le16(PEER_CNTLID + 1 + i),
			.pcid = cpu_to_le16(PEER_CNTLID),
			.state = peer->vf[i].online ? NPF_SECONDARY_ONLINE : 0,
			.vfn = cpu_to_le16(i + 1),
			.nvq = cpu_to_le16(peer->vf[i].number[NPF_VQ]),
			.nvi = cpu_to_le16(peer->vf[i].number[NPF_VI]),
		};
	}
}

static void fill_formats(struct npf_state_formats *f)
{
	f->nr_versions = peer->nr_versions;
	f->nr_vendor = peer->nr_vendor;
	memset(f->data, 0x5a, 64);
}

static u16 identify(const struct nvme_command *sqe, bool mangle)
{
	void *page = kzalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL | __GFP_NOFAIL);

	switch (sqe->identify.cns) {
	case NVME_ID_CNS_CTRL:
		fill_ctrl(page);
		break;
	case NPF_CNS_PRIMARY:
		fill_primary(page);
		break;
	case NPF_CNS_SECONDARY:
		fill_list(page, le16_to_cpu(sqe->identify.ctrlid));
		break;
	case NPF_CNS_STATE_FORMATS:
		fill_formats(page);
		break;
	default:
		KUNIT_FAIL(peer->test, "Identify with CNS 0x%x", sqe->identify.cns);
	}
	give(sqe, page, NVME_IDENTIFY_DATA_SIZE, mangle);
	kfree(page);
	return 0;
}

static struct peer_vf *vf_of(u16 cntlid)
{
	unsigned int i = cntlid - PEER_CNTLID - 1;

	return i < PEER_NR_VFS ? &peer->vf[i] : NULL;
}

static u16 assign(struct peer_vf *vf, enum npf_resource r, unsigned int number)
{
	if (vf->online)
		return NVME_SC_SEC_CTRL_STATE_INVALID;
	if (number > PEER_MAX ||
	    taken(r) - vf->number[r] + number + peer->primary[r] > PEER_FLEXIBLE)
		return NVME_SC_CTRL_RES_NUM_INVALID;
	vf->number[r] = number;
	return 0;
}

static u16 virt(const struct nvme_command *sqe)
{
	u32 dw10 = le32_to_cpu(sqe->common.cdw10), number = le32_to_cpu(sqe->common.cdw11);
	struct peer_vf *vf = vf_of(dw10 >> 16);
	enum npf_resource r = dw10 >> 8 & 7;

	if ((dw10 & 0xf) == NPF_VIRT_PRIMARY) {
		KUNIT_EXPECT_EQ(peer->test, dw10 >> 16, (u32)PEER_CNTLID);
		peer->next_primary[r] = number;
		return 0;
	}
	if (!vf)
		return NVME_SC_CTRL_ID_INVALID;
	switch (dw10 & 0xf) {
	case NPF_VIRT_OFFLINE:
		vf->online = false;
		vf->suspended = false;
		return 0;
	case NPF_VIRT_ASSIGN:
		return assign(vf, r, number);
	case NPF_VIRT_ONLINE:
		/* An admin queue, one for I/O, and an interrupt */
		if (vf->number[NPF_VQ] < 2 || !vf->number[NPF_VI])
			return NVME_SC_SEC_CTRL_STATE_INVALID;
		vf->online = true;
		return 0;
	}
	return NVME_SC_INVALID_FIELD;
}

static bool complete_state(const struct peer_vf *vf)
{
	const struct npf_state_header *h = (const void *)vf->image;

	return vf->loading >= sizeof(*h) &&
	       vf->loading == sizeof(*h) + (le64_to_cpu(h->standard[0]) +
					    le64_to_cpu(h->vendor[0])) * sizeof(u32);
}

static u16 set_state(struct peer_vf *vf, const struct nvme_command *sqe)
{
	u32 dw10 = le32_to_cpu(sqe->common.cdw10);
	size_t len = (size_t)le32_to_cpu(sqe->common.cdw15) * sizeof(u32);
	u64 offset = le32_to_cpu(sqe->common.cdw12) |
		     (u64)le32_to_cpu(sqe->common.cdw13) << 32;

	/* Index of the format of the vendor's, of the version */
	if (le32_to_cpu(sqe->common.cdw11) >> 16 != 0x0101)
		return NVME_SC_INVALID_FIELD;
	if (dw10 & NPF_SEQ_FIRST) {
		vf->loading = 0;
		vf->incomplete = true;
	} else if (!vf->incomplete) {
		return SC_SEQUENCE;
	}
	if (offset != vf->loading || offset + len > sizeof(vf->image))
		return NVME_SC_INVALID_FIELD;
	copy(sqe, vf->image + offset, len, false);
	vf->loading += len;
	if (!(dw10 & NPF_SEQ_LAST))
		return 0;
	if (!complete_state(vf))
		return NVME_SC_INVALID_FIELD;
	memcpy(vf->state, vf->image, vf->loading);
	vf->size = vf->loading;
	vf->incomplete = false;
	return 0;
}

static u16 migration_send(const struct nvme_command *sqe)
{
	u32 dw11 = le32_to_cpu(sqe->common.cdw11);
	struct peer_vf *vf = vf_of(dw11);

	if (!vf || !vf->online)
		return NVME_SC_CTRL_ID_INVALID;
	switch (le32_to_cpu(sqe->common.cdw10) & 0xff) {
	case NPF_SEND_SUSPEND:
		KUNIT_EXPECT_EQ(peer->test, dw11 >> 16, 1U);
		vf->suspended = true;
		return 0;
	case NPF_SEND_RESUME:
		if (vf->incomplete)
			return SC_SEQUENCE;
		if (!vf->suspended)
			return NPF_SC_NOT_SUSPENDED;
		vf->suspended = false;
		return 0;
	case NPF_SEND_SET_STATE:
		return vf->suspended ? set_state(vf, sqe) : NVME_SC_CTRL_ID_INVALID;
	}
	return NVME_SC_INVALID_FIELD;
}

static u16 migration_receive(const struct nvme_command *sqe, u32 *result, bool mangle)
{
	u32 dw11 = le32_to_cpu(sqe->common.cdw11);
	size_t len = ((size_t)le32_to_cpu(sqe->common.cdw15) + 1) * sizeof(u32);
	u64 offset = le32_to_cpu(sqe->common.cdw12) |
		     (u64)le32_to_cpu(sqe->common.cdw13) << 32;
	struct peer_vf *vf = vf_of(dw11);
	u8 *data;

	if (!vf || !vf->online)
		return NVME_SC_CTRL_ID_INVALID;
	if (le32_to_cpu(sqe->common.cdw10) != 1 << 16 || dw11 >> 16 != 1 ||
	    offset % sizeof(u32) || offset + len > vf->size)
		return NVME_SC_INVALID_FIELD;
	*result = vf->suspended ? NPF_WAS_SUSPENDED : 0;
	data = kvmalloc(len, GFP_KERNEL | __GFP_NOFAIL);
	memcpy(data, vf->state + offset, len);
	if (mangle && !peer->mangle)
		*result = 0;
	give(sqe, data, len, mangle && peer->mangle);
	kvfree(data);
	return 0;
}

static u16 carry_out(const struct nvme_command *sqe, u32 *result, bool mangle)
{
	switch (sqe->common.opcode) {
	case nvme_admin_identify:
		return identify(sqe, mangle);
	case nvme_admin_virtual_mgmt:
		return virt(sqe);
	case NPF_MIGRATION_SEND:
		return migration_send(sqe);
	case NPF_MIGRATION_RECEIVE:
		return migration_receive(sqe, result, mangle);
	}
	return NVME_SC_INVALID_OPCODE;
}

static void answer(u16 tag, u16 status, u32 result)
{
	struct nvme_completion *cq = (void *)(unsigned long)*(u64 *)reg_at(NVME_REG_ACQ);
	struct nvme_completion *cqe = &cq[peer->cq_tail];
	unsigned int depth = (nvme_peer_get32(peer, NVME_REG_AQA) >> 16) + 1;

	cqe->result.u32 = cpu_to_le32(result);
	cqe->command_id = (__force __u16)cpu_to_le16(tag);
	/* The phase comes last, as the module looks at it first */
	smp_store_release(&cqe->status, cpu_to_le16(status << 1 | peer->phase));
	if (++peer->cq_tail == depth) {
		peer->cq_tail = 0;
		peer->phase ^= 1;
	}
	if (peer->handler)
		peer->handler(0, peer->data);
}

static enum peer_act note(const struct nvme_command *sqe)
{
	peer->commands++;
	if (!peer->act || (peer->opcode && peer->opcode != sqe->common.opcode))
		return 0;
	return peer->count++ == peer->nth ? peer->act : 0;
}

static void handle(const struct nvme_command *sqe)
{
	u16 tag = le16_to_cpu((__force __le16)sqe->common.command_id), status;
	enum peer_act act = note(sqe);
	u32 result = 0;

	switch (act) {
	case PEER_FAILS:
		answer(tag, peer->status, 0);
		return;
	case PEER_IS_SILENT:
		return;
	case PEER_HAS_FATAL:
		nvme_peer_set32(peer, NVME_REG_CSTS, NVME_CSTS_RDY | NVME_CSTS_CFS);
		return;
	case PEER_STOPS:
		nvme_peer_set32(peer, NVME_REG_CSTS, 0);
		return;
	case PEER_IS_GONE:
		WRITE_ONCE(peer->gone, true);
		return;
	case PEER_ANSWERS_OTHER:
		answer(tag ^ 1, 0, 0);
		return;
	case PEER_IS_LATE:
		msleep(50);
		break;
	default:
		break;
	}
	status = carry_out(sqe, &result, act == PEER_MANGLES);
	answer(tag, status, result);
}

static void peer_work(struct work_struct *work)
{
	struct nvme_command *sq = (void *)(unsigned long)*(u64 *)reg_at(NVME_REG_ASQ);
	unsigned int depth = (nvme_peer_get32(peer, NVME_REG_AQA) & 0xfff) + 1;

	while (nvme_peer_get32(peer, NVME_REG_CSTS) & NVME_CSTS_RDY &&
	       peer->head != nvme_peer_get32(peer, NVME_REG_DBS)) {
		struct nvme_command sqe = sq[peer->head];

		peer->head = (peer->head + 1) % depth;
		handle(&sqe);
	}
}

/**
 * nvme_peer_arm() - begin to count commands, nothing goes wrong
 * @p: the peer
 */
void nvme_peer_arm(struct nvme_peer *p)
{
	p->act = 0;
	p->count = 0;
	p->commands = 0;
	p->mangle = NULL;
}

/**
 * nvme_peer_fault() - something goes wrong, once
 * @p: the peer
 * @opcode: with this command; 0: any
 * @nth: with the nth one from now on, from 0
 * @act: what
 * @status: of %PEER_FAILS
 */
void nvme_peer_fault(struct nvme_peer *p, u8 opcode, unsigned int nth, enum peer_act act,
		     u16 status)
{
	nvme_peer_arm(p);
	p->opcode = opcode;
	p->nth = nth;
	p->act = act;
	p->status = status;
}

/**
 * nvme_peer_begin() - a controller after power on
 * @test: which is told of errors
 *
 * Return: the peer; ends by nvme_peer_end().
 */
struct nvme_peer *nvme_peer_begin(struct kunit *test)
{
	peer = kvzalloc(sizeof(*peer), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, peer);
	peer->test = test;
	peer->regs = (u8 __iomem *)kunit_kzalloc(test, PEER_REGS, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)peer->regs);
	INIT_WORK(&peer->work, peer_work);
	/* The NVM command set, a second to become ready */
	nvme_peer_set_cap(peer, 1ULL << 37 | 2ULL << 24 | 127);
	peer->oacs = NPF_OACS_VIRT | NPF_OACS_LIVE_MIGRATION;
	peer->nr_versions = 1;
	peer->nr_vendor = 1;
	*nvme_peer_timeout_ms = PEER_LONG_MS;
	return peer;
}

/**
 * nvme_peer_end() - it is gone, and the module has given back all memory
 */
void nvme_peer_end(void)
{
	flush_work(&peer->work);
	KUNIT_EXPECT_EQ(peer->test, peer->allocated, 0);
	kvfree(peer);
	peer = NULL;
}
