// SPDX-License-Identifier: GPL-2.0-only
/* Changes of user data: a data queue, and what its reader gets. */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "nvme_bed.h"

#define FIRST	"- - - first\n"
#define ROOM	2048

/* Of an entry's attributes */
#define SEQUENCE(name)	((name) << 1)
#define RANGE(name)	((name) << 6)

static struct npf_user_data *user_data(struct nvme_bed *bed, unsigned int vf)
{
	return xa_load(&bed->npf.user_data, vf);
}

static struct peer_log *peer_log(struct nvme_bed *bed, unsigned int vf)
{
	return &bed->peer->vf[vf].log;
}

/* One VF that can be read */
static struct nvme_bed *bed_enabled(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);

	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
	KUNIT_ASSERT_NOT_NULL(test, user_data(bed, FROM));
	return bed;
}

static struct nvme_bed *bed_open(struct kunit *test)
{
	struct nvme_bed *bed = bed_enabled(test);

	KUNIT_ASSERT_EQ(test, npf_user_data_open(user_data(bed, FROM)), 0);
	KUNIT_EXPECT_TRUE(test, peer_log(bed, FROM)->logs);
	return bed;
}

static void close_log(struct nvme_bed *bed)
{
	npf_user_data_close(user_data(bed, FROM));
	KUNIT_EXPECT_FALSE(bed->test, peer_log(bed, FROM)->there);
	KUNIT_EXPECT_EQ(bed->test, bed->peer->allocated, 0);
}

/* What read(2) does but for the copy */
static ssize_t read_log(struct npf_user_data *u, char *text, size_t size)
{
	ssize_t len;
	u64 end;
	int ret;

	len = npf_user_data_read(u, text, size - 1, &end);
	if (len < 0)
		return len;
	text[len] = '\0';
	ret = len ? npf_user_data_taken(u, end) : 0;
	return ret ?: len;
}

static void reads(struct nvme_bed *bed, unsigned int vf, const char *expected)
{
	char *text = kunit_kzalloc(bed->test, ROOM, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(bed->test, text);
	KUNIT_EXPECT_EQ(bed->test, read_log(user_data(bed, vf), text, ROOM),
			(ssize_t)strlen(expected));
	KUNIT_EXPECT_STREQ(bed->test, text, expected);
	kunit_kfree(bed->test, text);
}

static void fails(struct nvme_bed *bed, struct npf_user_data *u, int error)
{
	char text[2 * NPF_LINE];
	u64 end;

	KUNIT_EXPECT_EQ(bed->test, npf_user_data_read(u, text, sizeof(text), &end), (ssize_t)error);
}

static bool change(struct nvme_bed *bed, unsigned int vf, u32 nsid, u64 slba, u32 nlb,
		   u8 attributes)
{
	const struct npf_entry entry = {
		.nsid = cpu_to_le32(nsid),
		.nlb = cpu_to_le32(nlb),
		.slba = cpu_to_le64(slba),
		.reserved = { 0xff },
		.attributes = attributes,
	};

	return nvme_peer_log(bed->peer, vf, &entry);
}

static void abilities(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);
	struct nvme_peer *peer = bed->peer;
	static const struct {
		const char *name;
		u8 attributes;
		u16 queues;
		u16 all_queues;
		u8 format;
		bool can;
	} cases[] = {
		{ "just so", 2, 1, 1, 0, true },
		{ "does not log", 5, 1, 1, 0 },
		{ "has no queue", 2, 0, 1, 0 },
		{ "has none at all", 2, 1, 0, 0 },
		{ "a vendor's entries", 2, 1, 1, 0xc0 },
		{ "entries of the future", 2, 1, 1, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		peer->tracking.attributes = cases[i].attributes;
		peer->tracking.max_queues = cpu_to_le16(cases[i].queues);
		peer->tracking.max_all_queues = cpu_to_le16(cases[i].all_queues);
		peer->entry_format = cases[i].format;
		memset(&bed->npf.id, 0, sizeof(bed->npf.id));
		KUNIT_ASSERT_EQ(test, npf_identify(&bed->npf), 0);
		KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
		KUNIT_EXPECT_EQ_MSG(test, !!user_data(bed, FROM), cases[i].can, "%s",
				    cases[i].name);
		nvme_bed_disable(bed, FROM);
	}
	/* All but this works without the answer */
	peer->entry_format = 0;
	memset(&bed->npf.id, 0, sizeof(bed->npf.id));
	nvme_peer_fault(peer, nvme_admin_identify, 1, PEER_FAILS, NVME_SC_INVALID_FIELD);
	KUNIT_EXPECT_EQ(test, npf_identify(&bed->npf), 0);
	KUNIT_EXPECT_FALSE(test, bed->npf.id.logs_user_data);
	nvme_bed_end(bed);
}

static void lines(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);
	u8 first_of_all = RANGE(NPF_RANGE_ALL) | SEQUENCE(NPF_FIRST);

	reads(bed, FROM, FIRST);
	nvme_peer_arm(bed->peer);
	reads(bed, FROM, "");
	KUNIT_EXPECT_EQ_MSG(test, bed->peer->commands, 0U, "no head to tell");
	change(bed, FROM, 1, 0, 0, 0);
	change(bed, FROM, 2, 1ULL << 32, U32_MAX, 0);
	change(bed, FROM, 0xfffffffe, U64_MAX, 0, NPF_ENTRY_DEALLOCATED);
	change(bed, FROM, 3, U64_MAX - 8, 8, SEQUENCE(NPF_FIRST));
	change(bed, FROM, 4, 0, 0, first_of_all);
	change(bed, FROM, 5, 0, 0, first_of_all | NPF_ENTRY_DEALLOCATED);
	reads(bed, FROM,
	      "1 0 1\n"
	      "2 4294967296 4294967296\n"
	      "4294967294 18446744073709551615 1 deallocated\n"
	      "3 18446744073709551607 9 first\n"
	      "4 - - all first\n"
	      "5 - - all deallocated first\n");
	KUNIT_EXPECT_EQ_MSG(test, bed->peer->commands, 1U, "one for all of them");
	KUNIT_EXPECT_EQ(test, peer_log(bed, FROM)->head, 7U);
	/* The VF is suspended, and goes on */
	KUNIT_EXPECT_EQ(test, npf_mig_ops.suspend(&bed->fn[FROM], VFIO_PCI_FN_P2P), 0);
	reads(bed, FROM, "- - - suspended\n");
	reads(bed, FROM, "");
	KUNIT_EXPECT_EQ(test, npf_mig_ops.resume(&bed->fn[FROM], VFIO_PCI_FN_P2P), 0);
	change(bed, FROM, 1, 5, 1, 0);
	reads(bed, FROM, FIRST "1 5 2\n");
	close_log(bed);
	KUNIT_EXPECT_FALSE(test, change(bed, FROM, 1, 1, 1, 0));
	nvme_bed_end(bed);
}

/* What has not reached the reader is there once more */
static void read_again(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);
	struct npf_user_data *u = user_data(bed, FROM);
	char text[2 * NPF_LINE] = {};
	u64 end, later;

	KUNIT_EXPECT_GT(test, npf_user_data_read(u, text, sizeof(text), &end), 0);
	change(bed, FROM, 1, 2, 3, 0);
	KUNIT_EXPECT_GT(test, npf_user_data_read(u, text, sizeof(text), &later), 0);
	KUNIT_EXPECT_STREQ(test, text, FIRST "1 2 4\n");
	/* Threads of one reader: the later one first */
	KUNIT_EXPECT_EQ(test, npf_user_data_taken(u, later), 0);
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_EQ(test, npf_user_data_taken(u, end), 0);
	KUNIT_EXPECT_EQ(test, bed->peer->commands, 0U);
	reads(bed, FROM, "");
	/* Never more than there is room for */
	change(bed, FROM, 1, 2, 3, 0);
	change(bed, FROM, 1, 3, 3, 0);
	KUNIT_EXPECT_EQ(test, npf_user_data_read(u, text, NPF_LINE, &end), 6);
	KUNIT_EXPECT_EQ(test, npf_user_data_taken(u, end), 0);
	reads(bed, FROM, "1 3 4\n");
	close_log(bed);
	nvme_bed_end(bed);
}

/* Checks that lines go on from @next; returns where they end */
static u64 count_lines(struct kunit *test, char *text, u64 next)
{
	char expected[NPF_LINE], *line;

	while ((line = strsep(&text, "\n")) && *line) {
		if (!strcmp(line, "- - - first"))
			continue;
		snprintf(expected, sizeof(expected), "1 %llu 1", next++);
		KUNIT_ASSERT_STREQ(test, line, expected);
	}
	return next;
}

/* Some laps, by batches that end anywhere */
static void wrap(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);
	char *text = kunit_kzalloc(test, ROOM, GFP_KERNEL);
	u64 written = 0, got = 0;
	unsigned int batch = 1;
	ssize_t len;

	KUNIT_ASSERT_NOT_NULL(test, text);
	while (written < 5 * NPF_ENTRIES) {
		unsigned int i;

		for (i = 0; i < batch; i++)
			KUNIT_ASSERT_TRUE(test, change(bed, FROM, 1, written++, 0, 0));
		batch = (batch * 5 + 1) % (NPF_ENTRIES - 10);
		while ((len = read_log(user_data(bed, FROM), text, ROOM)) > 0)
			got = count_lines(test, text, got);
		KUNIT_ASSERT_EQ(test, len, 0);
		KUNIT_ASSERT_EQ(test, got, written);
	}
	close_log(bed);
	nvme_bed_end(bed);
}

static void overrun(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);
	struct npf_user_data *u = user_data(bed, FROM);
	char *text = kunit_kzalloc(test, ROOM, GFP_KERNEL), *last = NULL;
	unsigned int n = 0;
	ssize_t len;

	KUNIT_ASSERT_NOT_NULL(test, text);
	while (change(bed, FROM, 1, n, 0, 0))
		n++;
	KUNIT_EXPECT_EQ_MSG(test, n, NPF_ENTRIES - 2U, "all but \"first\" and one");
	while ((len = read_log(u, text, ROOM)) > 0) {
		text[len - 1] = '\0';
		last = strrchr(text, '\n');
		KUNIT_ASSERT_NOT_NULL(test, last);
	}
	KUNIT_EXPECT_STREQ(test, last, "\n1 4093 1 full");
	KUNIT_EXPECT_EQ(test, len, (ssize_t)-EOVERFLOW);
	fails(bed, u, -EOVERFLOW);
	close_log(bed);
	/* From the beginning */
	KUNIT_EXPECT_EQ(test, npf_user_data_open(u), 0);
	reads(bed, FROM, FIRST);
	close_log(bed);
	nvme_bed_end(bed);
}

static const struct {
	const char *name;
	struct npf_entry entry;
} bad[] = {
	{ "namespace 0", { 0, 0, 0, {}, 0 } },
	{ "any namespace", { cpu_to_le32(U32_MAX), 0, 0, {}, 0 } },
	{ "all of namespace 0", { 0, 0, 0, {}, RANGE(NPF_RANGE_ALL) | SEQUENCE(NPF_FIRST) } },
	{ "blocks that wrap", { cpu_to_le32(1), cpu_to_le32(1), cpu_to_le64(U64_MAX), {}, 0 } },
	{ "a reserved bit", { cpu_to_le32(1), 0, 0, {}, NPF_ENTRY_RESERVED } },
	{ "a reserved range", { cpu_to_le32(1), 0, 0, {}, RANGE(3) | SEQUENCE(NPF_FIRST) } },
	{ "a reserved sequence, 4", { cpu_to_le32(1), 0, 0, {}, SEQUENCE(4) } },
	{ "a reserved sequence, 6", { cpu_to_le32(1), 0, 0, {}, SEQUENCE(6) } },
	{ "all, amid", { cpu_to_le32(1), 0, 0, {}, RANGE(NPF_RANGE_ALL) } },
	{ "nothing, amid", { 0, 0, 0, {}, RANGE(NPF_RANGE_NONE) } },
};

static void bad_entries(struct kunit *test)
{
	struct nvme_bed *bed = bed_enabled(test);
	struct npf_user_data *u = user_data(bed, FROM);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		kunit_info(test, "%s", bad[i].name);
		KUNIT_ASSERT_EQ(test, npf_user_data_open(u), 0);
		change(bed, FROM, 1, 2, 3, 0);
		nvme_peer_log(bed->peer, FROM, &bad[i].entry);
		change(bed, FROM, 4, 5, 6, 0);
		/* Those before it are good, those behind it are not believed */
		reads(bed, FROM, FIRST "1 2 4\n");
		fails(bed, u, -EPROTO);
		fails(bed, u, -EPROTO);
		close_log(bed);
	}
	/* It has stopped, and nobody has told it to */
	KUNIT_ASSERT_EQ(test, npf_user_data_open(u), 0);
	change(bed, FROM, 0, 0, 0, RANGE(NPF_RANGE_NONE) | SEQUENCE(NPF_STOPPED));
	change(bed, FROM, 4, 5, 6, 0);
	reads(bed, FROM, FIRST "- - - stopped\n");
	fails(bed, u, -EPROTO);
	close_log(bed);
	nvme_bed_end(bed);
}

/* Entries of a lap too early are not there yet */
static void phase(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);
	struct peer_log *log = peer_log(bed, FROM);

	reads(bed, FROM, FIRST);
	log->phase = 0;
	change(bed, FROM, 1, 2, 3, 0);
	reads(bed, FROM, "");
	log->ring[1].attributes |= NPF_ENTRY_PHASE;
	reads(bed, FROM, "1 2 4\n");
	close_log(bed);
	nvme_bed_end(bed);
}

/* ---- what fails ------------------------------------------------------------------ */

enum step { CREATE, START, TAKE, STOP, DELETE, NR_STEPS };

static const u8 opcodes[NR_STEPS] = {
	[CREATE] = NPF_DATA_QUEUE,
	[START] = NPF_TRACK_SEND,
	[TAKE] = nvme_admin_set_features,
	[STOP] = NPF_TRACK_SEND,
	[DELETE] = NPF_DATA_QUEUE,
};

static void step_fails(struct nvme_bed *bed, enum step step, const struct nvme_fault *fault)
{
	struct npf_user_data *u = user_data(bed, FROM);
	struct kunit *test = bed->test;
	char text[2 * NPF_LINE];
	ssize_t ret;

	if (step > START)
		KUNIT_ASSERT_EQ(test, npf_user_data_open(u), 0);
	nvme_peer_fault(bed->peer, opcodes[step], 0, fault->act, fault->status);
	if (fault->act == PEER_IS_SILENT)
		*nvme_peer_timeout_ms = PEER_SHORT_MS;
	if (step <= START)
		KUNIT_EXPECT_EQ(test, npf_user_data_open(u), fault->error);
	if (step == TAKE) {
		ret = read_log(u, text, sizeof(text));
		if (fault->fatal)
			KUNIT_EXPECT_EQ(test, ret, (ssize_t)-ENODEV);
		else if (fault->error)
			KUNIT_EXPECT_EQ(test, ret, (ssize_t)fault->error);
		else
			KUNIT_EXPECT_EQ(test, ret, (ssize_t)strlen(FIRST));
		if (fault->error && !fault->fatal)
			reads(bed, FROM, FIRST);
		if (fault->fatal)
			fails(bed, u, -ENODEV);
	}
	if (step > START || !fault->error)
		npf_user_data_close(u);
	*nvme_peer_timeout_ms = PEER_LONG_MS;
}

static void faults(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);
	enum step step;
	bool kept;
	int i;

	for (i = 0; i < NVME_NR_FAULTS; i++) {
		const struct nvme_fault *fault = &nvme_faults[i];

		for (step = CREATE; step < NR_STEPS; step++) {
			kunit_info(test, "%s, step %u", fault->name, step);
			KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
			step_fails(bed, step, fault);
			/* What was not deleted is the controller's, all else is not */
			kept = step == DELETE && fault->error && !fault->fatal;
			if (fault->act != PEER_IS_GONE)
				KUNIT_EXPECT_EQ(test, peer_log(bed, FROM)->there, kept);
			KUNIT_EXPECT_EQ(test, bed->peer->allocated, kept);
			nvme_peer_arm(bed->peer);
			WRITE_ONCE(bed->peer->gone, false);
			if (fault->fatal) {
				npf_queue_stop(&bed->npf.queue);
				KUNIT_ASSERT_EQ(test, npf_queue_start(&bed->npf.queue), 0);
				KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
			}
			/* All is well afterwards */
			KUNIT_EXPECT_EQ(test, npf_user_data_open(user_data(bed, FROM)), 0);
			reads(bed, FROM, FIRST);
			close_log(bed);
			nvme_bed_disable(bed, FROM);
		}
	}
	nvme_bed_end(bed);
}

static void no_memory(struct kunit *test)
{
	struct nvme_bed *bed = bed_enabled(test);

	bed->peer->no_memory = true;
	KUNIT_EXPECT_EQ(test, npf_user_data_open(user_data(bed, FROM)), -ENOMEM);
	bed->peer->no_memory = false;
	KUNIT_EXPECT_EQ(test, npf_user_data_open(user_data(bed, FROM)), 0);
	close_log(bed);
	nvme_bed_end(bed);
}

static void one_reader(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);

	KUNIT_EXPECT_EQ(test, npf_user_data_open(user_data(bed, FROM)), -EBUSY);
	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, TO, 1), 0);
	KUNIT_EXPECT_EQ(test, npf_user_data_open(user_data(bed, TO)), 0);
	change(bed, FROM, 1, 1, 1, 0);
	change(bed, TO, 2, 2, 2, 0);
	reads(bed, FROM, FIRST "1 1 2\n");
	reads(bed, TO, FIRST "2 2 3\n");
	npf_user_data_close(user_data(bed, TO));
	close_log(bed);
	KUNIT_EXPECT_EQ(test, npf_user_data_open(user_data(bed, FROM)), 0);
	close_log(bed);
	nvme_bed_end(bed);
}

/* ---- the file ---------------------------------------------------------------------- */

#define PATH	"/sys/kernel/debug/mdev-pci-nvme/nvme-peer-vf0/user_data_changes"

static ssize_t read_file(struct kunit *test, struct file *file, unsigned long user, size_t size,
			 char *text)
{
	loff_t pos = 0;
	ssize_t len = file->f_op->read(file, (char __user *)user, size, &pos);

	if (len > 0) {
		KUNIT_EXPECT_EQ(test, copy_from_user(text, (char __user *)user, len), 0UL);
		text[len] = '\0';
	}
	return len;
}

/* As user space has it: with its memory, and debugfs in between */
static void file(struct kunit *test)
{
	struct nvme_bed *bed = bed_enabled(test);
	struct file *file, *second;
	char *text = kunit_kzalloc(test, PAGE_SIZE + 1, GFP_KERNEL);
	unsigned long user = kunit_vm_mmap(test, NULL, 0, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_ASSERT_FALSE(test, !user || IS_ERR_VALUE(user));
	file = filp_open(PATH, O_RDONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	second = filp_open(PATH, O_RDONLY, 0);
	KUNIT_EXPECT_PTR_EQ(test, second, ERR_PTR(-EBUSY));
	KUNIT_EXPECT_EQ(test, read_file(test, file, user, NPF_LINE - 1, text), (ssize_t)-EINVAL);
	/* Memory that is none: nothing is taken */
	KUNIT_EXPECT_EQ(test, read_file(test, file, 8, PAGE_SIZE, text), (ssize_t)-EFAULT);
	KUNIT_EXPECT_EQ(test, read_file(test, file, user, 2 * PAGE_SIZE, text),
			(ssize_t)strlen(FIRST));
	KUNIT_EXPECT_STREQ(test, text, FIRST);
	KUNIT_EXPECT_EQ(test, read_file(test, file, user, PAGE_SIZE, text), (ssize_t)0);
	change(bed, FROM, 1, 2, 3, 0);
	KUNIT_EXPECT_GT(test, read_file(test, file, user, NPF_LINE, text), (ssize_t)0);
	KUNIT_EXPECT_STREQ(test, text, "1 2 4\n");
	/* The mdev goes, and the file with it, but for who has it open */
	nvme_bed_disable(bed, FROM);
	KUNIT_EXPECT_EQ(test, bed->peer->allocated, 0);
	KUNIT_EXPECT_EQ(test, read_file(test, file, user, PAGE_SIZE, text), (ssize_t)-EIO);
	second = filp_open(PATH, O_RDONLY, 0);
	KUNIT_EXPECT_PTR_EQ(test, second, ERR_PTR(-ENOENT));
	__fput_sync(file);
	/* Another mdev of the same VF */
	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
	file = filp_open(PATH, O_RDONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_EXPECT_EQ(test, read_file(test, file, user, PAGE_SIZE, text), (ssize_t)strlen(FIRST));
	__fput_sync(file);
	KUNIT_EXPECT_FALSE(test, peer_log(bed, FROM)->there);
	KUNIT_EXPECT_EQ(test, bed->peer->allocated, 0);
	nvme_bed_end(bed);
}

/* ---- what else happens meanwhile ------------------------------------------------- */

static void reset_pf(struct nvme_bed *bed)
{
	npf_queue_stop(&bed->npf.queue);
	KUNIT_ASSERT_EQ(bed->test, npf_queue_start(&bed->npf.queue), 0);
	KUNIT_ASSERT_EQ(bed->test, npf_identify(&bed->npf), 0);
}

static void reset(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);
	struct npf_user_data *u = user_data(bed, FROM);
	char text[2 * NPF_LINE];
	u64 end;

	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, TO, 1), 0);
	KUNIT_EXPECT_GT(test, npf_user_data_read(u, text, sizeof(text), &end), 0);
	change(bed, FROM, 1, 1, 1, 0);
	reset_pf(bed);
	/* As the framework does it; another one gets a queue of the same identifier */
	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, TO, 1), 0);
	KUNIT_EXPECT_PTR_EQ(test, user_data(bed, FROM), u);
	KUNIT_ASSERT_EQ(test, npf_user_data_open(user_data(bed, TO)), 0);
	KUNIT_EXPECT_EQ(test, peer_log(bed, TO)->id, peer_log(bed, FROM)->id);
	nvme_peer_arm(bed->peer);
	/* What was read before it, and what was not */
	KUNIT_EXPECT_EQ(test, npf_user_data_taken(u, end), -ENODEV);
	fails(bed, u, -ENODEV);
	fails(bed, u, -ENODEV);
	npf_user_data_close(u);
	KUNIT_EXPECT_EQ_MSG(test, bed->peer->commands, 0U, "of an old queue");
	KUNIT_EXPECT_EQ(test, bed->peer->allocated, 1);
	reads(bed, TO, FIRST);
	KUNIT_EXPECT_EQ(test, npf_user_data_open(u), 0);
	reads(bed, FROM, FIRST);
	npf_user_data_close(u);
	npf_user_data_close(user_data(bed, TO));
	nvme_bed_end(bed);
}

/* No command is needed to see it, and none of what was there is believed */
static void dies(struct kunit *test)
{
	static const u32 status[] = { NVME_CSTS_RDY | NVME_CSTS_CFS, 0, NPF_GONE };
	struct nvme_bed *bed = bed_enabled(test);
	struct npf_user_data *u = user_data(bed, FROM);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(status); i++) {
		bed->failed = 0;
		KUNIT_ASSERT_EQ(test, npf_user_data_open(u), 0);
		reads(bed, FROM, FIRST);
		WRITE_ONCE(bed->peer->gone, status[i] == NPF_GONE);
		nvme_peer_set32(bed->peer, NVME_REG_CSTS, status[i]);
		fails(bed, u, -ENODEV);
		change(bed, FROM, 1, 1, 1, 0);
		fails(bed, u, -ENODEV);
		flush_work(&bed->npf.queue.failure);
		KUNIT_EXPECT_EQ(test, bed->failed, 1);
		npf_user_data_close(u);
		KUNIT_EXPECT_EQ(test, bed->peer->allocated, 0);
		WRITE_ONCE(bed->peer->gone, false);
		nvme_peer_set32(bed->peer, NVME_REG_CSTS, 0);
		reset_pf(bed);
		KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
	}
	nvme_bed_end(bed);
}

/* The mdev is removed while there is a reader, and another one is created */
static void removed(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);
	struct npf_user_data *old = user_data(bed, FROM);
	u64 end;
	char text[2 * NPF_LINE];

	change(bed, FROM, 1, 1, 1, 0);
	KUNIT_EXPECT_GT(test, npf_user_data_read(old, text, sizeof(text), &end), 0);
	nvme_bed_disable(bed, FROM);
	KUNIT_EXPECT_FALSE(test, peer_log(bed, FROM)->there);
	KUNIT_EXPECT_EQ(test, bed->peer->allocated, 0);
	fails(bed, old, -ENODEV);
	KUNIT_EXPECT_EQ(test, npf_user_data_taken(old, end), -ENODEV);
	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
	KUNIT_EXPECT_PTR_NE(test, user_data(bed, FROM), old);
	KUNIT_EXPECT_EQ(test, npf_user_data_open(user_data(bed, FROM)), 0);
	nvme_peer_arm(bed->peer);
	npf_user_data_close(old);
	KUNIT_EXPECT_EQ(test, bed->peer->commands, 0U);
	reads(bed, FROM, FIRST);
	close_log(bed);
	nvme_bed_end(bed);
}

static void refuse_delete(struct nvme_bed *bed)
{
	nvme_peer_fault(bed->peer, NPF_DATA_QUEUE, 0, PEER_FAILS, NVME_SC_INTERNAL);
}

/* The controller does not give the queue back: its memory lives as long as it may be written to */
static void kept(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);
	struct npf_user_data *u = user_data(bed, FROM);

	refuse_delete(bed);
	npf_user_data_close(u);
	KUNIT_EXPECT_EQ(test, bed->peer->allocated, 1);
	/* It is asked again before there is another one */
	refuse_delete(bed);
	KUNIT_EXPECT_EQ(test, npf_user_data_open(u), -EIO);
	KUNIT_EXPECT_EQ(test, bed->peer->allocated, 1);
	refuse_delete(bed);
	nvme_bed_disable(bed, FROM);
	KUNIT_EXPECT_TRUE(test, peer_log(bed, FROM)->there);
	KUNIT_EXPECT_EQ(test, bed->peer->allocated, 1);
	nvme_peer_arm(bed->peer);
	npf_queue_stop(&bed->npf.queue);
	KUNIT_EXPECT_EQ(test, bed->peer->allocated, 0);

	/* It has lost it by itself: there is nothing to keep */
	KUNIT_ASSERT_EQ(test, npf_queue_start(&bed->npf.queue), 0);
	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
	KUNIT_ASSERT_EQ(test, npf_user_data_open(user_data(bed, FROM)), 0);
	peer_log(bed, FROM)->there = false;
	close_log(bed);
	nvme_bed_end(bed);
}

/* Nor does it stop: then the bus is taken from it first */
static void never_stops(struct kunit *test)
{
	struct nvme_bed *bed = bed_open(test);

	refuse_delete(bed);
	npf_user_data_close(user_data(bed, FROM));
	refuse_delete(bed);
	nvme_bed_disable(bed, FROM);
	bed->peer->never_stops = true;
	npf_queue_stop(&bed->npf.queue);
	KUNIT_EXPECT_FALSE(test, bed->peer->master);
	KUNIT_EXPECT_EQ(test, bed->peer->allocated, 0);
	bed->peer->never_stops = false;
	nvme_bed_end(bed);
}

static struct kunit_case user_data_cases[] = {
	KUNIT_CASE(abilities),
	KUNIT_CASE(lines),
	KUNIT_CASE(read_again),
	KUNIT_CASE(wrap),
	KUNIT_CASE(overrun),
	KUNIT_CASE(bad_entries),
	KUNIT_CASE(phase),
	KUNIT_CASE(faults),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(one_reader),
	KUNIT_CASE(file),
	KUNIT_CASE(reset),
	KUNIT_CASE(dies),
	KUNIT_CASE(removed),
	KUNIT_CASE(kept),
	KUNIT_CASE(never_stops),
	{}
};

static struct kunit_suite user_data_suite = {
	.name = "mdev-pci-nvme-user-data",
	.test_cases = user_data_cases,
};

kunit_test_suite(user_data_suite);
