// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller's Identify data. The driver checks it before it uses any of
 * it.
 */
#include <linux/crc32.h>
#include <linux/ctype.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "nvme.h"

/* Copy one of the data structures that Identify returns */
static int npf_get_page(struct npf *npf, u8 cns, u16 cntlid, const char *what,
			void *data, size_t len)
{
	struct npf_cmd cmd = { .what = what, .cntlid = cntlid };

	cmd.sqe.identify.opcode = nvme_admin_identify;
	cmd.sqe.identify.cns = cns;
	cmd.sqe.identify.ctrlid = cpu_to_le16(cntlid);
	return npf_run_page(&npf->queue, &cmd, data, len);
}

static int npf_invalid(struct npf *npf, const char *what)
{
	dev_err_ratelimited(&npf->queue.pdev->dev, "the controller reports invalid %s: update its firmware\n",
			    what);
	return -EPROTO;
}

/* The admin queue of the primary controller uses its private resources */
static bool npf_flexible_valid(const struct npf_flexible *f)
{
	u64 taken = (u64)le32_to_cpu(f->secondary) + le16_to_cpu(f->primary);

	return f->own && taken <= le32_to_cpu(f->total);
}

static int npf_ask_primary(struct npf *npf, u16 cntlid,
			   struct npf_primary *primary)
{
	int i, ret;

	ret = npf_get_page(npf, NPF_CNS_PRIMARY, cntlid,
			   "Identify (Primary Controller Capabilities)", primary,
			   sizeof(*primary));
	if (ret)
		return ret;
	if (!(primary->crt & BIT(NPF_VQ)) || !(primary->crt & BIT(NPF_VI))) {
		dev_err_ratelimited(&npf->queue.pdev->dev, "the controller has no flexible queues and interrupts to assign: use its nvme driver and mdev-pci-generic\n");
		return -EOPNOTSUPP;
	}
	for (i = 0; i < NPF_NR_RESOURCES; i++)
		if (!npf_flexible_valid(&primary->flexible[i]))
			return npf_invalid(npf, "resources");
	return 0;
}

/**
 * npf_capacity() - get the free resources of the controller
 * @npf: the PF.
 * @capacity: gets it, by &enum npf_resource.
 *
 * Return: 0 or a negative errno; the reason was logged.
 */
int npf_capacity(struct npf *npf,
		 struct npf_capacity capacity[NPF_NR_RESOURCES])
{
	struct npf_primary primary;
	int i, ret;

	ret = npf_ask_primary(npf, npf->id.cntlid, &primary);
	if (ret)
		return ret;
	for (i = 0; i < NPF_NR_RESOURCES; i++) {
		const struct npf_flexible *f = &primary.flexible[i];

		capacity[i].total = le32_to_cpu(f->total);
		capacity[i].primary = le16_to_cpu(f->primary);
		capacity[i].free = capacity[i].total - capacity[i].primary -
				   le32_to_cpu(f->secondary);
	}
	return 0;
}

/*
 * Calls @each for all secondary controllers until it returns true. The list
 * comes in pages, by ascending identifiers. A list that does not ascend is
 * refused: it might have no end.
 */
static int npf_walk(struct npf *npf,
		    bool (*each)(const struct npf_secondary *s, void *arg),
		    void *arg)
{
	struct npf_secondary_list *list;
	u32 next = 0, i;
	int ret;

	list = kmalloc(sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	do {
		ret = npf_get_page(npf, NPF_CNS_SECONDARY, next,
				   "Identify (Secondary Controller List)", list, sizeof(*list));
		if (!ret && list->nr > NPF_MAX_SECONDARIES)
			ret = npf_invalid(npf, "secondary controllers");
		for (i = 0; !ret && i < list->nr; i++) {
			const struct npf_secondary *s = &list->entry[i];

			if (le16_to_cpu(s->scid) < next)
				ret = npf_invalid(npf, "secondary controllers");
			else if (each(s, arg))
				goto out;
			next = le16_to_cpu(s->scid) + 1;
		}
	} while (!ret && list->nr == NPF_MAX_SECONDARIES && next <= U16_MAX);
out:
	kfree(list);
	return ret;
}

struct npf_count {
	unsigned int online;
	unsigned int all;
};

static bool npf_count_one(const struct npf_secondary *s, void *arg)
{
	struct npf_count *count = arg;

	count->all++;
	count->online += s->state & NPF_SECONDARY_ONLINE;
	return false;
}

/**
 * npf_secondaries() - get the number of secondary controllers
 * @npf: the PF.
 * @online: gets how many are online.
 * @all: gets how many there are.
 *
 * Return: 0 or a negative errno; the reason was logged.
 */
int npf_secondaries(struct npf *npf, unsigned int *online, unsigned int *all)
{
	struct npf_count count = {};
	int ret = npf_walk(npf, npf_count_one, &count);

	*online = count.online;
	*all = count.all;
	return ret;
}

struct npf_search {
	unsigned int vfn;
	bool found;
	u16 cntlid;
};

static bool npf_is_it(const struct npf_secondary *s, void *arg)
{
	struct npf_search *search = arg;

	search->found = le16_to_cpu(s->vfn) == search->vfn;
	search->cntlid = le16_to_cpu(s->scid);
	return search->found;
}

/**
 * npf_secondary() - get the secondary controller of a VF
 * @npf: the PF.
 * @vf: number of the VF from 0.
 * @cntlid: gets the identifier of the controller.
 *
 * Return: 0; -ENXIO: there is none; or another negative errno. The reason was
 * logged.
 */
int npf_secondary(struct npf *npf, unsigned int vf, u16 *cntlid)
{
	struct npf_search search = { .vfn = vf + 1 };
	int ret = npf_walk(npf, npf_is_it, &search);

	if (ret)
		return ret;
	if (!search.found) {
		dev_err(&npf->queue.pdev->dev, "VF %u is not one of the controller's secondary controllers: update its firmware\n",
			vf);
		return -ENXIO;
	}
	*cntlid = search.cntlid;
	return 0;
}

static void npf_set_model(struct npf_identity *id,
			  const struct nvme_id_ctrl *ctrl)
{
	char mn[sizeof(ctrl->mn) + 1] = {};
	unsigned int i;

	for (i = 0; i < sizeof(ctrl->mn); i++)
		mn[i] = isascii(ctrl->mn[i]) && isprint(ctrl->mn[i]) ? ctrl->mn[i] : '?';
	snprintf(id->model, sizeof(id->model), "NVMe %s", strim(mn));
}

/*
 * The specification's part of a state has the I/O queues, but not the admin
 * queue (figures 359 to 361): without a vendor's part the state of a controller
 * is not complete.
 */
static int npf_ask_formats(struct npf *npf, struct npf_identity *id)
{
	struct npf_state_formats *formats;
	size_t versions;
	int ret;

	formats = kmalloc(sizeof(*formats), GFP_KERNEL);
	if (!formats)
		return -ENOMEM;
	ret = npf_get_page(npf, NPF_CNS_STATE_FORMATS, 0,
			   "Identify (Supported Controller State Formats)", formats,
			   sizeof(*formats));
	if (ret)
		goto out;
	versions = formats->nr_versions * sizeof(__le16);
	if (versions + formats->nr_vendor * UUID_SIZE > sizeof(formats->data)) {
		ret = npf_invalid(npf, "formats of a controller's state");
	} else if (!formats->nr_versions || !formats->nr_vendor) {
		id->not_migratable = "the controller's state has no format with its admin queue";
	} else {
		/* Indices begin at 1; both ends take the first */
		id->csvi = 1;
		id->csuuidi = 1;
		id->compat = crc32_le(~0, formats->data, sizeof(__le16));
		id->compat = crc32_le(id->compat, formats->data + versions,
				      UUID_SIZE);
	}
out:
	kfree(formats);
	return ret;
}

/*
 * In pages of CAP.MPSMIN, which is 4 KiB here; 0: no limit. The engine asks for
 * no more
 */
static u32 npf_max_transfer(const struct nvme_id_ctrl *ctrl)
{
	if (!ctrl->mdts ||
	    ctrl->mdts >= ilog2(VFIO_PCI_MIG_CHUNK_MAX / NPF_PAGE))
		return VFIO_PCI_MIG_CHUNK_MAX;
	return NPF_PAGE << ctrl->mdts;
}

static int npf_check_oacs(struct npf *npf, struct npf_identity *id,
			  const struct nvme_id_ctrl *ctrl)
{
	u16 oacs = le16_to_cpu(ctrl->oacs);

	if (!(oacs & NPF_OACS_VIRT)) {
		dev_err(&npf->queue.pdev->dev, "the controller does not know Virtualization Management: use its nvme driver and mdev-pci-generic\n");
		return -EOPNOTSUPP;
	}
	if (oacs & NPF_OACS_LIVE_MIGRATION)
		return npf_ask_formats(npf, id);
	id->not_migratable = "the controller does not know NVMe 2.1's live migration commands";
	return 0;
}

static int npf_get_identity(struct npf *npf, struct npf_identity *id)
{
	struct npf_primary primary;
	struct nvme_id_ctrl *ctrl;
	int i, ret;

	ctrl = kmalloc(sizeof(*ctrl), GFP_KERNEL);
	if (!ctrl)
		return -ENOMEM;
	ret = npf_get_page(npf, NVME_ID_CNS_CTRL, 0, "Identify (Controller)", ctrl, sizeof(*ctrl));
	if (ret)
		goto out;
	id->cntlid = le16_to_cpu(ctrl->cntlid);
	id->max_transfer = npf_max_transfer(ctrl);
	npf->queue.shutdown_us =
		clamp_t(unsigned long, le32_to_cpu(ctrl->rtd3e),
			NPF_MIN_SHUTDOWN_US, NPF_MAX_SHUTDOWN_US);
	npf_set_model(id, ctrl);
	ret = npf_check_oacs(npf, id, ctrl) ?:
	      npf_ask_primary(npf, id->cntlid, &primary);
	for (i = 0; !ret && i < NPF_NR_RESOURCES; i++)
		id->max[i] = le16_to_cpu(primary.flexible[i].max);
out:
	kfree(ctrl);
	return ret;
}

/**
 * npf_identify() - ask the controller what it is and can
 * @npf: the PF, its queue running.
 *
 * The framework and users rely on the limits read first, so they must not
 * change.
 *
 * Return: 0 or a negative errno; the reason was logged. -ESTALE: the limits
 * have changed.
 */
int npf_identify(struct npf *npf)
{
	struct npf_identity id;
	int ret;

	/* It is compared as a whole */
	memset(&id, 0, sizeof(id));
	ret = npf_get_identity(npf, &id);
	if (ret)
		return ret;
	if (npf->id.max_transfer && memcmp(&npf->id, &id, sizeof(id))) {
		dev_err(&npf->queue.pdev->dev, "firmware has other limits after the reset: unbind the driver and bind it again\n");
		return -ESTALE;
	}
	npf->id = id;
	return 0;
}
