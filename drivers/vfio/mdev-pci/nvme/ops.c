// SPDX-License-Identifier: GPL-2.0-only
/*
 * The types, which are resource profiles, and Virtualization Management behind
 * them: section 8.2.6 of the specification.
 */
#include <linux/minmax.h>

#include "nvme.h"

static const char * const npf_resource_name[NPF_NR_RESOURCES] = { "queues", "interrupts" };

/*
 * The profile is the number of I/O queue pairs. Each has an interrupt of its
 * own, and so has the admin queue, which is made of these resources too.
 */
static const struct mdev_pci_type npf_types[NPF_NR_TYPES] = {
	{ .name = "q1", .label = "NVMe controller, 1 I/O queue pair", .profile = 1 },
	{ .name = "q2", .label = "NVMe controller, 2 I/O queue pairs", .profile = 2 },
	{ .name = "q4", .label = "NVMe controller, 4 I/O queue pairs", .profile = 4 },
	{ .name = "q8", .label = "NVMe controller, 8 I/O queue pairs", .profile = 8 },
};

static unsigned int npf_needs(const struct mdev_pci_type *type)
{
	return type->profile + 1;
}

/**
 * npf_set_types() - make the types that this controller can offer
 * @npf: the PF, which has been identified.
 *
 * Return: how many, or -EOPNOTSUPP; the reason was logged.
 */
int npf_set_types(struct npf *npf)
{
	unsigned int n, max = min(npf->id.max[NPF_VQ], npf->id.max[NPF_VI]);

	for (n = 0; n < NPF_NR_TYPES && npf_needs(&npf_types[n]) <= max; n++) {
		npf->types[n] = npf_types[n];
		npf->types[n].not_migratable = npf->id.not_migratable;
		if (!npf->id.not_migratable)
			npf->types[n].mig_ops = &npf_mig_ops;
	}
	if (n)
		return n;
	dev_err(&npf->queue.pdev->dev, "a secondary controller can have %u queues and %u interrupts at most, which is not enough for any type\n",
		npf->id.max[NPF_VQ], npf->id.max[NPF_VI]);
	return -EOPNOTSUPP;
}

static int npf_virt(struct npf *npf, u16 cntlid, enum npf_virt_action action,
		    enum npf_resource resource, u16 number)
{
	struct npf_cmd cmd = { .what = "Virtualization Management", .cntlid = cntlid };

	cmd.sqe.common.opcode = nvme_admin_virtual_mgmt;
	cmd.sqe.common.cdw10 =
		cpu_to_le32((u32)cntlid << 16 | resource << 8 | action);
	cmd.sqe.common.cdw11 = cpu_to_le32(number);
	return npf_run(&npf->queue, &cmd);
}

static int npf_assign(struct npf *npf, u16 cntlid, u16 number)
{
	return npf_virt(npf, cntlid, NPF_VIRT_ASSIGN, NPF_VQ, number) ?:
	       npf_virt(npf, cntlid, NPF_VIRT_ASSIGN, NPF_VI, number);
}

static int npf_take_back(struct npf *npf, u16 cntlid)
{
	return npf_virt(npf, cntlid, NPF_VIRT_OFFLINE, 0, 0) ?:
		       npf_assign(npf, cntlid, 0);
}

static int npf_check_room(struct npf *npf, const struct mdev_pci_type *type)
{
	struct npf_capacity capacity[NPF_NR_RESOURCES];
	int i, ret;

	ret = npf_capacity(npf, capacity);
	if (ret)
		return ret;
	for (i = 0; i < NPF_NR_RESOURCES; i++) {
		if (capacity[i].free >= npf_needs(type))
			continue;
		dev_err(&npf->queue.pdev->dev,
			"%s needs %u %s, the controller has %u left: remove an mdev, or take a smaller type\n",
			type->name, npf_needs(type), npf_resource_name[i],
			capacity[i].free);
		return -ENOSPC;
	}
	return 0;
}

static int npf_enable(struct vfio_pci_fn *fn, const struct mdev_pci_type *type,
		      struct mdev_pci_limits *limits)
{
	struct npf *npf = npf_of(fn);
	u16 cntlid;
	int ret;

	mutex_lock(&npf->virt_lock);
	/*
	 * It may still have resources if the command that removes them was not
	 * answered
	 */
	ret = npf_secondary(npf, fn->id, &cntlid) ?:
		      npf_take_back(npf, cntlid) ?:
						    npf_check_room(npf, type);
	if (ret)
		goto out;
	ret = npf_assign(npf, cntlid, npf_needs(type)) ?:
	      npf_virt(npf, cntlid, NPF_VIRT_ONLINE, 0, 0);
	if (ret)
		npf_take_back(npf, cntlid);
	else
		fn->priv = (void *)(unsigned long)cntlid;
out:
	mutex_unlock(&npf->virt_lock);
	return ret;
}

static void npf_disable(struct vfio_pci_fn *fn)
{
	struct npf *npf = npf_of(fn);

	mutex_lock(&npf->virt_lock);
	npf_take_back(npf, npf_cntlid(fn));
	mutex_unlock(&npf->virt_lock);
}

static unsigned int npf_available(struct pci_dev *pf,
				  const struct mdev_pci_type *type)
{
	struct npf_capacity capacity[NPF_NR_RESOURCES];
	struct npf *npf = pci_get_drvdata(pf);

	if (npf_capacity(npf, capacity))
		return 0;
	return min(capacity[NPF_VQ].free, capacity[NPF_VI].free) /
	       npf_needs(type);
}

static int npf_show(struct pci_dev *pf, char *buf, size_t size)
{
	struct npf_capacity capacity[NPF_NR_RESOURCES];
	struct npf *npf = pci_get_drvdata(pf);
	unsigned int online, all;
	int i, n = 0;

	if (npf_capacity(npf, capacity) || npf_secondaries(npf, &online, &all))
		return scnprintf(buf, size, "resources: the controller does not say\n");
	for (i = 0; i < NPF_NR_RESOURCES; i++)
		n += scnprintf(buf + n, size - n, "%s: %u of %u left\n", npf_resource_name[i],
			       capacity[i].free, capacity[i].total);
	return n + scnprintf(buf + n, size - n, "online: %u of %u secondary controllers\n", online,
			     all);
}

const struct mdev_pci_parent_ops npf_parent_ops = {
	.enable = npf_enable,
	.disable = npf_disable,
	.show = npf_show,
	.available = npf_available,
};

static int npf_set_primary(struct npf *npf, const u16 number[NPF_NR_RESOURCES])
{
	return npf_virt(npf, npf->id.cntlid, NPF_VIRT_PRIMARY, NPF_VQ, number[NPF_VQ]) ?:
		       npf_virt(npf, npf->id.cntlid, NPF_VIRT_PRIMARY, NPF_VI,
				number[NPF_VI]);
}

/**
 * npf_take_primary() - take the flexible resources from the primary controller
 * @npf: the PF, its queue running.
 *
 * The primary controller does not need them: its admin queue uses private
 * resources. The change takes effect with a reset of the controller, so this
 * function restarts the queue.
 *
 * Return: 0 or a negative errno; the reason was logged.
 */
int npf_take_primary(struct npf *npf)
{
	static const u16 nothing[NPF_NR_RESOURCES];
	struct npf_capacity capacity[NPF_NR_RESOURCES];
	int i, ret;

	ret = npf_capacity(npf, capacity);
	if (ret)
		return ret;
	for (i = 0; i < NPF_NR_RESOURCES; i++)
		npf->saved[i] = capacity[i].primary;
	if (!npf->saved[NPF_VQ] && !npf->saved[NPF_VI])
		return 0;
	ret = npf_set_primary(npf, nothing);
	if (ret)
		return ret;
	npf_queue_stop(&npf->queue);
	return npf_queue_start(&npf->queue);
}

/**
 * npf_return_primary() - return the flexible resources to the primary
 *	controller
 * @npf: the PF, its queue running; no secondary controller has any.
 */
void npf_return_primary(struct npf *npf)
{
	if (npf->saved[NPF_VQ] || npf->saved[NPF_VI])
		npf_set_primary(npf, npf->saved);
}
