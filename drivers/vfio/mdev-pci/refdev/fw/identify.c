// SPDX-License-Identifier: GPL-2.0-only
/*
 * The identify page of the reference device's firmware. The driver checks it
 * before it uses any of it.
 */
#include <linux/minmax.h>
#include <linux/sizes.h>

#include "queue.h"

#define REFDEV_KNOWN_MAJOR	1
/* Since then the identify page has features */
#define REFDEV_FEATURES_MINOR	1
#define REFDEV_MAX_CONTEXT	SZ_1G
/*
 * Beside the context memory the image has a header and the engine's registers
 */
#define REFDEV_MAX_STATE	(REFDEV_MAX_CONTEXT + SZ_64K)
/* Tracked pages: what the engine can do */
#define REFDEV_MIN_SHIFT	12
#define REFDEV_MAX_SHIFT	30

/**
 * refdev_check_version() - check the version of the register interface
 * @q: the queue; only its registers are used.
 *
 * Return: 0 or a negative errno; the reason was logged.
 */
int refdev_check_version(struct refdev_queue *q)
{
	u32 magic = readl(q->regs + REFDEV_MAGIC);
	u32 version = readl(q->regs + REFDEV_VERSION);
	struct device *dev = &q->pdev->dev;

	if (magic != REFDEV_MAGIC_VALUE) {
		dev_err(dev, "this is no reference device: magic number 0x%08x instead of 0x%08x\n",
			magic, REFDEV_MAGIC_VALUE);
		return -ENODEV;
	}
	if (REFDEV_VERSION_MAJOR(version) != REFDEV_KNOWN_MAJOR) {
		dev_err(dev,
			"register interface %u.%u, but this driver knows %u.x: update the driver\n",
			REFDEV_VERSION_MAJOR(version),
			REFDEV_VERSION_MINOR(version), REFDEV_KNOWN_MAJOR);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* The engine checks the offset in the BAR */
static bool refdev_bad_control(const struct refdev_identify_page *page)
{
	u64 bytes = le32_to_cpu(page->control_bytes);
	u64 window = le32_to_cpu(page->window_offset);

	if (!(page->features & cpu_to_le32(REFDEV_FEATURE_VF_CTRL)))
		return false;
	return window < REFDEV_VC_REGS_END || !page->window_bytes ||
	       window + le32_to_cpu(page->window_bytes) > bytes;
}

static const char *refdev_bad_field(struct refdev_queue *q,
				    const struct refdev_identify_page *page)
{
	u64 context = le64_to_cpu(page->context_bytes);
	u64 state = le64_to_cpu(page->state_bytes);

	if (le32_to_cpu(page->magic) != REFDEV_IDENTIFY_MAGIC)
		return "magic number";
	if (le16_to_cpu(page->total_vfs) > REFDEV_MAX_VFS ||
	    le16_to_cpu(page->total_vfs) < pci_sriov_get_totalvfs(q->pdev))
		return "number of VFs";
	if (!page->profiles)
		return "number of profiles";
	if (le16_to_cpu(page->outstanding) < REFDEV_MIN_OUTSTANDING)
		return "number of outstanding commands";
	if (!page->max_sgl || le16_to_cpu(page->max_sgl) > REFDEV_MAX_SGL)
		return "size of scatter-gather lists";
	if (le32_to_cpu(page->max_transfer) < PAGE_SIZE)
		return "size of transfers";
	if (context > REFDEV_MAX_CONTEXT || state > REFDEV_MAX_STATE ||
	    state < context)
		return "state size";
	if (page->tracker_ranges &&
	    (page->tracker_min_shift < REFDEV_MIN_SHIFT ||
	     page->tracker_min_shift > page->tracker_max_shift ||
	     page->tracker_max_shift > REFDEV_MAX_SHIFT))
		return "size of tracked pages";
	if (refdev_bad_control(page))
		return "control block of VFs";
	if (strnlen(page->name, sizeof(page->name)) == sizeof(page->name))
		return "name";
	return NULL;
}

/*
 * The engine and users rely on the limits of a device in use: they must not
 * change
 */
static bool refdev_has_changed(const struct refdev_identify_page *old,
			       const struct refdev_identify_page *new)
{
	return old->magic &&
	       (old->compat != new->compat ||
		old->total_vfs != new->total_vfs ||
		old->profiles != new->profiles ||
		old->max_sgl != new->max_sgl ||
		old->max_transfer != new->max_transfer ||
		old->state_bytes != new->state_bytes ||
		old->tracker_ranges != new->tracker_ranges ||
		old->tracker_min_shift != new->tracker_min_shift ||
		old->tracker_max_shift != new->tracker_max_shift ||
		old->tracker_pages != new->tracker_pages ||
		old->features != new->features ||
		memcmp(&old->control_bar, &new->control_bar,
		       offsetof(typeof(*old), reserved4) -
			       offsetof(typeof(*old), control_bar)));
}

/*
 * The features that this driver uses; none if older firmware has no such field
 */
static __le32 refdev_features(struct refdev_queue *q,
			      const struct refdev_identify_page *page)
{
	u32 version = readl(q->regs + REFDEV_VERSION);

	if (REFDEV_VERSION_MINOR(version) < REFDEV_FEATURES_MINOR)
		return 0;
	return page->features &
	       cpu_to_le32(REFDEV_FEATURE_PRECOPY | REFDEV_FEATURE_CONFIGURE |
			   REFDEV_FEATURE_VF_CTRL);
}

/**
 * refdev_identify() - ask firmware for its limits
 * @q: the queue, running.
 *
 * Return: 0 or a negative errno; the reason was logged.
 */
int refdev_identify(struct refdev_queue *q)
{
	struct refdev_cmd cmd = { .opcode = REFDEV_IDENTIFY,
				  .function = REFDEV_PF };
	struct device *dev = &q->pdev->dev;
	struct refdev_identify_page page;
	const char *bad;
	int ret;

	ret = refdev_run_page(q, &cmd, &page, sizeof(page));
	if (ret)
		return ret;
	bad = refdev_bad_field(q, &page);
	if (bad) {
		dev_err(dev, "firmware reports an invalid %s: update the firmware\n",
			bad);
		return -EPROTO;
	}
	page.features = refdev_features(q, &page);
	if (refdev_has_changed(&q->info, &page)) {
		dev_err(dev, "firmware has other limits after the reset: unbind the driver and bind it again\n");
		return -ESTALE;
	}
	q->info = page;
	q->max_sgl =
		min_t(unsigned int, REFDEV_SLOT_SGL, le16_to_cpu(page.max_sgl));
	q->max_transfer =
		min_t(size_t, q->max_sgl * PAGE_SIZE,
		      round_down(le32_to_cpu(page.max_transfer), PAGE_SIZE));
	return 0;
}

/**
 * refdev_can_precopy() - check whether VFs can be saved while they run
 * @q: the queue, which has been started. Where firmware does not know
 *	REFDEV_PRECOPY it may ignore the DELTA flags of SAVE and LOAD: they must
 *	not be used then.
 *
 * Context: any. The answer stays the same as long as the driver is bound.
 * Return: true if firmware knows pre-copy, and a command can move an extent of
 * a page.
 */
bool refdev_can_precopy(const struct refdev_queue *q)
{
	u32 features = le32_to_cpu(q->info.features);

	return features & REFDEV_FEATURE_PRECOPY &&
	       !(features & REFDEV_FEATURE_VF_CTRL) &&
	       q->max_transfer >=
		       sizeof(struct refdev_extent) + REFDEV_EXTENT_ALIGN;
}
