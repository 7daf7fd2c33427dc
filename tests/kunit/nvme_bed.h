/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test bed of the nvme module, struct nvme_bed: a PF that was never on a bus, on a scripted
 * controller, with its VFs.
 */
#ifndef KUNIT_NVME_BED_H
#define KUNIT_NVME_BED_H

#include <kunit/test.h>

#include "nvme.h"
#include "nvme_peer.h"

/* VFs that state moves between */
#define FROM	0
#define TO	2

/**
 * struct nvme_bed - a PF with its VFs
 * @test: the test
 * @peer: the controller
 * @npf: what is under test
 * @fn: its VFs
 * @failed: how often its queue has said that it has failed
 */
struct nvme_bed {
	struct kunit *test;
	struct nvme_peer *peer;
	struct npf npf;
	struct vfio_pci_fn fn[PEER_NR_VFS];
	int failed;
};

/**
 * struct nvme_fault - something that goes wrong with a command
 * @name: it, for people
 * @act: what
 * @status: of %PEER_FAILS
 * @error: errno that the caller gets
 * @fatal: the queue has ended
 */
struct nvme_fault {
	const char *name;
	enum peer_act act;
	u16 status;
	int error;
	bool fatal;
};

#define NVME_NR_FAULTS	16

extern const struct nvme_fault nvme_faults[NVME_NR_FAULTS];

struct nvme_bed *nvme_bed_cold(struct kunit *test);
struct nvme_bed *nvme_bed_warm(struct kunit *test);
struct nvme_bed *nvme_bed_both(struct kunit *test, size_t size);
void nvme_bed_end(struct nvme_bed *bed);
const struct mdev_pci_type *nvme_bed_type(struct nvme_bed *bed, unsigned int queues);
int nvme_bed_enable(struct nvme_bed *bed, unsigned int vf, unsigned int queues);
void nvme_bed_disable(struct nvme_bed *bed, unsigned int vf);
void nvme_bed_has(struct nvme_bed *bed, unsigned int vf, unsigned int number, bool online);
void nvme_bed_set_state(struct nvme_bed *bed, unsigned int vf, size_t size);
bool nvme_bed_equal(struct nvme_bed *bed);

#endif /* KUNIT_NVME_BED_H */
