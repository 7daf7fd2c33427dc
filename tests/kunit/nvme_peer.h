/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The peer of the nvme module: a controller, from its registers on, with secondary controllers that
 * can be migrated. It keeps to the specification but for what a test has asked for.
 */
#ifndef KUNIT_NVME_PEER_H
#define KUNIT_NVME_PEER_H

#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/workqueue.h>

#include "hw.h"

#define PEER_REGS		0x2000
#define PEER_CNTLID		7
#define PEER_NR_VFS		4
/* Of each kind */
#define PEER_FLEXIBLE		10
#define PEER_MAX		5
#define PEER_MAX_STATE		(300 * 1024)
/* For a peer that never answers; one that does has all the time that a loaded machine needs */
#define PEER_SHORT_MS		300
#define PEER_LONG_MS		60000

/**
 * enum peer_act - what goes wrong with a command
 * @PEER_FAILS: it ends with a status, and is not carried out.
 * @PEER_IS_SILENT: it is never answered, and not carried out.
 * @PEER_IS_LATE: it is answered some time later.
 * @PEER_HAS_FATAL: a fatal error instead of an answer.
 * @PEER_STOPS: the controller is not ready any more.
 * @PEER_IS_GONE: its registers read as ones.
 * @PEER_ANSWERS_OTHER: another command than that one is answered.
 * @PEER_MANGLES: the data is not what it should be.
 */
enum peer_act {
	PEER_FAILS = 1,
	PEER_IS_SILENT,
	PEER_IS_LATE,
	PEER_HAS_FATAL,
	PEER_STOPS,
	PEER_IS_GONE,
	PEER_ANSWERS_OTHER,
	PEER_MANGLES,
};

/**
 * struct peer_vf - a secondary controller
 * @number: flexible resources that it has, by &enum npf_resource
 * @online: it is
 * @suspended: it is
 * @loading: a sequence of Set Controller State has begun; bytes of it so far
 * @incomplete: and its last chunk has not come
 * @size: bytes of its state
 * @state: its state
 * @image: that which is being loaded
 */
struct peer_vf {
	unsigned int number[NPF_NR_RESOURCES];
	bool online;
	bool suspended;
	size_t loading;
	bool incomplete;
	size_t size;
	u8 state[PEER_MAX_STATE];
	u8 image[PEER_MAX_STATE];
};

/**
 * struct nvme_peer - the controller
 * @test: which is told of errors
 * @regs: its registers
 * @handler: of its interrupt
 * @data: for that
 * @work: carries commands out
 * @lock: of registers
 * @head: of the submission queue
 * @cq_tail: of the completion queue
 * @phase: of its entries
 * @gone: registers read as ones
 * @never_ready: CSTS.RDY stays 0
 * @never_stops: CSTS.RDY stays 1
 * @never_shuts_down: CSTS.SHST stays 0
 * @shutdowns: how often it was told to
 * @master: it can do DMA
 * @oacs: what Identify says
 * @mdts: the same
 * @rtd3e: the same
 * @nr_versions: of Supported Controller State Formats
 * @nr_vendor: the same
 * @primary: flexible resources that the primary controller has, from the next reset on others
 * @next_primary: those
 * @vf: secondary controllers
 * @act: what goes wrong
 * @opcode: with this command; 0: any
 * @nth: with the nth of these since nvme_peer_arm(), from 0
 * @status: with this status
 * @mangle: does so
 * @count: of such commands since
 * @commands: of all commands since
 * @allocated: chunks of memory that the module has
 * @no_memory: there is no more
 */
struct nvme_peer {
	struct kunit *test;
	u8 __iomem *regs;
	irq_handler_t handler;
	void *data;
	struct work_struct work;
	spinlock_t lock; /* see above */
	unsigned int head;
	unsigned int cq_tail;
	unsigned int phase;
	bool gone;
	bool never_ready;
	bool never_stops;
	bool never_shuts_down;
	unsigned int shutdowns;
	bool master;
	u16 oacs;
	u8 mdts;
	u32 rtd3e;
	u8 nr_versions;
	u8 nr_vendor;
	u16 primary[NPF_NR_RESOURCES];
	u16 next_primary[NPF_NR_RESOURCES];
	struct peer_vf vf[PEER_NR_VFS];
	enum peer_act act;
	u8 opcode;
	unsigned int nth;
	u16 status;
	void (*mangle)(void *data);
	unsigned int count;
	unsigned int commands;
	int allocated;
	bool no_memory;
};

extern unsigned int *nvme_peer_timeout_ms;

struct nvme_peer *nvme_peer_begin(struct kunit *test);
void nvme_peer_end(void);
void nvme_peer_arm(struct nvme_peer *peer);
void nvme_peer_fault(struct nvme_peer *peer, u8 opcode, unsigned int nth, enum peer_act act,
		     u16 status);
void nvme_peer_set32(struct nvme_peer *peer, unsigned int reg, u32 value);
u32 nvme_peer_get32(struct nvme_peer *peer, unsigned int reg);
void nvme_peer_set_cap(struct nvme_peer *peer, u64 cap);

/* What the module calls */
u32 nvme_peer_readl(const void __iomem *addr);
void nvme_peer_writel(u32 value, void __iomem *addr);
u64 nvme_peer_readq(const void __iomem *addr);
void nvme_peer_writeq(u64 value, void __iomem *addr);
void *nvme_peer_alloc(size_t size, dma_addr_t *dma);
void *nvme_peer_alloc_managed(size_t size, dma_addr_t *dma);
void nvme_peer_free(void *page, size_t size);
void nvme_peer_set_master(bool on);
int nvme_peer_request_irq(irq_handler_t handler, void *data);

#endif /* KUNIT_NVME_PEER_H */
