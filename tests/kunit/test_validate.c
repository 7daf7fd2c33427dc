// SPDX-License-Identifier: GPL-2.0-only
/* What is wrong with a vendor driver's operations and limits: each mistake, and what is none. */
#include "fake_fw.h"
#include "fake_log.h"

/* One description, to be spoilt */
struct sample {
	struct vfio_pci_engine_desc desc;
	struct vfio_pci_mig_ops mig_ops;
	struct vfio_pci_mig_caps mig_caps;
	struct vfio_pci_log_ops log_ops;
	struct vfio_pci_log_caps log_caps;
};

struct mistake {
	const char *name;
	const char *words;	/* NULL: it is none */
	size_t lacks;		/* where the pointer is that it lacks */
	void (*make)(struct sample *sample);
};

#define LACKS(member)	.lacks = offsetof(struct sample, member)

static const char with_63[] = "123456789012345678901234567890123456789012345678901234567890123";
static const char with_64[] = "1234567890123456789012345678901234567890123456789012345678901234";

static void type_of_63(struct sample *sample)
{
	sample->desc.type = with_63;
}

static void type_of_64(struct sample *sample)
{
	sample->desc.type = with_64;
}

static void tiny_state(struct sample *sample)
{
	sample->mig_caps.max_state = 1;
}

static void no_max_state(struct sample *sample)
{
	sample->mig_caps.max_state = 0;
}

static void no_precopy(struct sample *sample)
{
	sample->mig_caps.precopy = false;
	sample->mig_ops.precopy_start = NULL;
	sample->mig_ops.precopy_stop = NULL;
	sample->mig_ops.precopy_size = NULL;
}

static void no_migration(struct sample *sample)
{
	sample->desc.mig_ops = NULL;
	sample->desc.log_ops = NULL;
	sample->desc.mig_caps = NULL;
	sample->desc.log_caps = NULL;
	sample->desc.type = NULL;
}

static void only_logs(struct sample *sample)
{
	sample->desc.mig_ops = NULL;
}

static int some_changes(struct vfio_pci_fn *fn, struct vfio_pci_dirty_list *list, u64 iova,
			u64 length)
{
	return 0;
}

static void changes_too(struct sample *sample)
{
	sample->log_ops.dirty_list = some_changes;
}

static void only_changes(struct sample *sample)
{
	sample->log_ops.dirty_list = some_changes;
	sample->log_ops.report = NULL;
}

static void small_pages(struct sample *sample)
{
	sample->log_caps.min_page_shift = 11;
}

static void large_pages(struct sample *sample)
{
	sample->log_caps.max_page_shift = 31;
}

static void shifts_crossed(struct sample *sample)
{
	sample->log_caps.min_page_shift = 13;
	sample->log_caps.max_page_shift = 12;
}

static void shifts_at_the_limits(struct sample *sample)
{
	sample->log_caps.min_page_shift = 12;
	sample->log_caps.max_page_shift = 30;
}

static void cannot_log(struct sample *sample)
{
	sample->log_caps = (struct vfio_pci_log_caps) { };
}

static void largest_chunk(struct sample *sample)
{
	sample->mig_caps.framed = true;
	sample->mig_caps.max_chunk = VFIO_PCI_MIG_CHUNK_BOUND;
}

static void chunk_over_the_bound(struct sample *sample)
{
	sample->mig_caps.framed = true;
	sample->mig_caps.max_chunk = VFIO_PCI_MIG_CHUNK_BOUND + 1ULL;
}

static void upstream_not_framed(struct sample *sample)
{
	sample->mig_caps.upstream = true;
}

static void upstream_precopy(struct sample *sample)
{
	sample->mig_caps.upstream = true;
	sample->mig_caps.framed = true;
	sample->mig_caps.precopy = true;
}

static void chunk_not_framed(struct sample *sample)
{
	sample->mig_caps.max_chunk = 4096;
}

static void no_such_kind(struct sample *sample)
{
	sample->mig_caps.kind = VFIO_PCI_BUF_SG + 1;
}

static void most_headroom(struct sample *sample)
{
	sample->mig_caps.kind = VFIO_PCI_BUF_CPU;
	sample->mig_caps.headroom = 64;
}

static void headroom_of_72(struct sample *sample)
{
	sample->mig_caps.kind = VFIO_PCI_BUF_CPU;
	sample->mig_caps.headroom = 72;
}

static void headroom_of_4(struct sample *sample)
{
	sample->mig_caps.kind = VFIO_PCI_BUF_SG;
	sample->mig_caps.headroom = 4;
}

static void headroom_for_dma(struct sample *sample)
{
	sample->mig_caps.headroom = 8;
}

static void unbounded(struct sample *sample)
{
	sample->mig_caps.unbounded = true;
	sample->mig_caps.kind = VFIO_PCI_BUF_SG;
	sample->desc.log_ops = NULL;
}

static void unbounded_dma(struct sample *sample)
{
	unbounded(sample);
	sample->mig_caps.kind = VFIO_PCI_BUF_DMA;
}

static void unbounded_log(struct sample *sample)
{
	sample->mig_caps.unbounded = true;
	sample->mig_caps.kind = VFIO_PCI_BUF_SG;
}

static void ranges_crossed(struct sample *sample)
{
	sample->log_caps.min_bytes = 8192;
	sample->log_caps.max_bytes = 4096;
}

#define SUSPEND	"has mig_ops without suspend or resume"
#define MOVE	"has mig_ops without state_size, save or load"
#define STATE	"has mig_ops but mig_caps.max_state is 0"
#define TYPE	"has mig_ops but its type has no name, or too long a name"
#define LOG	"has log_ops without start or stop"
#define REPORT	"must have exactly one of log_ops.report and log_ops.dirty_list"
#define LIMITS	"has log_ops but no log_caps"
#define UPSTREAM "sets mig_caps.upstream without mig_caps.framed"
#define FRAMED	"sets mig_caps.max_chunk without mig_caps.framed"
#define BOUND	"has mig_caps.max_chunk above VFIO_PCI_MIG_CHUNK_BOUND"
#define HEADROOM "has mig_caps.headroom above its maximum, or not a multiple of 8"
#define NEVER	"sets mig_caps.unbounded with log_ops or hidden_range"
#define SHIFTS	"has log_caps.min_page_shift or max_page_shift out of range"

static const struct mistake mistakes[] = {
	{ "none" },
	{ "no pre-copy", NULL, .make = no_precopy },
	{ "no migration", NULL, .make = no_migration },
	{ "no log_ops", NULL, LACKS(desc.log_ops) },
	{ "no abort", NULL, LACKS(mig_ops.abort) },
	{ "no check_compat", NULL, LACKS(mig_ops.check_compat) },
	{ "no precopy_start", NULL, LACKS(mig_ops.precopy_start) },
	{ "a state of 1 byte", NULL, .make = tiny_state },
	{ "a type of 63 characters", NULL, .make = type_of_63 },
	{ "changes for report", NULL, .make = only_changes },
	{ "the widest limits of pages", NULL, .make = shifts_at_the_limits },
	{ "firmware that can't log", NULL, .make = cannot_log },
	{ "a chunk of the largest size", NULL, .make = largest_chunk },
	{ "the most headroom", NULL, .make = most_headroom },
	{ "operations that may never return", NULL, .make = unbounded },
	{ "upstream and pre-copy", NULL, .make = upstream_precopy },
	{ "a chunk over the bound", BOUND, .make = chunk_over_the_bound },
	{ "upstream and not framed", UPSTREAM, .make = upstream_not_framed },
	{ "max_chunk and not framed", FRAMED, .make = chunk_not_framed },
	{ "buffers of no kind", "has an unknown mig_caps.kind", .make = no_such_kind },
	{ "headroom of 72 bytes", HEADROOM, .make = headroom_of_72 },
	{ "headroom of 4 bytes", HEADROOM, .make = headroom_of_4 },
	{ "headroom for DMA",
	  "sets mig_caps.headroom with VFIO_PCI_BUF_DMA", .make = headroom_for_dma },
	{ "DMA that may never end",
	  "sets mig_caps.unbounded with VFIO_PCI_BUF_DMA", .make = unbounded_dma },
	{ "a log that may never answer", NEVER, .make = unbounded_log },
	{ "ranges with crossed limits",
	  "has log_caps.min_bytes above log_caps.max_bytes", .make = ranges_crossed },
	{ "no type", TYPE, LACKS(desc.type) },
	{ "a type of 64 characters", TYPE, .make = type_of_64 },
	{ "no suspend", SUSPEND, LACKS(mig_ops.suspend) },
	{ "no resume", SUSPEND, LACKS(mig_ops.resume) },
	{ "no state_size", MOVE, LACKS(mig_ops.state_size) },
	{ "no save", MOVE, LACKS(mig_ops.save) },
	{ "no load", MOVE, LACKS(mig_ops.load) },
	{ "no limits of migration", STATE, LACKS(desc.mig_caps) },
	{ "no max_state", STATE, .make = no_max_state },
	{ "no precopy_stop", "sets mig_caps.precopy without precopy_stop",
	  LACKS(mig_ops.precopy_stop) },
	{ "no precopy_size", "sets mig_caps.precopy without precopy_size or chunk_size",
	  LACKS(mig_ops.precopy_size) },
	{ "log_ops only", "has log_ops without mig_ops", .make = only_logs },
	{ "no start", LOG, LACKS(log_ops.start) },
	{ "no stop", LOG, LACKS(log_ops.stop) },
	{ "no report", REPORT, LACKS(log_ops.report) },
	{ "report and changes", REPORT, .make = changes_too },
	{ "no limits of logging", LIMITS, LACKS(desc.log_caps) },
	{ "pages below 4 KiB", SHIFTS, .make = small_pages },
	{ "pages above 1 GiB", SHIFTS, .make = large_pages },
	{ "the smallest page is larger than the largest", SHIFTS, .make = shifts_crossed },
};

static void mistake_name(const struct mistake *mistake, char *name)
{
	strscpy(name, mistake->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(mistake, mistakes, mistake_name);

static void each_mistake_in_a_description_is_named(struct kunit *test)
{
	const struct mistake *mistake = test->param_value;
	struct sample *sample = kunit_kzalloc(test, sizeof(*sample), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sample);
	sample->mig_ops = fake_fw_ops;
	sample->mig_caps.max_state = FW_MAX_STATE;
	sample->mig_caps.precopy = true;
	sample->log_ops = fake_log_ops;
	sample->log_caps = fake_log_caps;
	sample->desc.type = "fake-one";
	sample->desc.mig_ops = &sample->mig_ops;
	sample->desc.mig_caps = &sample->mig_caps;
	sample->desc.log_ops = &sample->log_ops;
	sample->desc.log_caps = &sample->log_caps;
	if (mistake->lacks)
		memset((void *)sample + mistake->lacks, 0, sizeof(void *));
	if (mistake->make)
		mistake->make(sample);

	KUNIT_EXPECT_STREQ(test, vfio_pci_engine_validate(&sample->desc) ?: "nothing",
			   mistake->words ?: "nothing");
}

static struct kunit_case validate_cases[] = {
	KUNIT_CASE_PARAM(each_mistake_in_a_description_is_named, mistake_gen_params),
	{}
};

static struct kunit_suite validate_suite = {
	.name = "vfio-pci-engine-validate",
	.test_cases = validate_cases,
};

kunit_test_suite(validate_suite);
