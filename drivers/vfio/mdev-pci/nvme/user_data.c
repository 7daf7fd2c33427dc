// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which blocks of its namespaces a VF has changed, as lines of text: for who moves the storage of a
 * guest while it runs. VFIO has nothing by which user space could learn that, so it is a file in
 * debugfs (debugfs.c), and the controller logs while that is open.
 *
 * Who misses a change has lost data. So each entry is checked, what is not understood ends the log
 * with an error, and so does all after which changes may be missing: a reset, a queue that was
 * full, a controller that has stopped by itself. Entries are taken out of the queue when their
 * lines have reached the reader, not before: after an error they are read once more.
 */
#include <linux/bitfield.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "nvme.h"

static const char * const npf_sequences[] = {
	[NPF_AMID] = "",
	[NPF_FIRST] = " first",
	[NPF_STOPPED] = " stopped",
	[NPF_SUSPENDED] = " suspended",
	[NPF_FULL] = " full",
};

static struct device *npf_dev(struct npf_user_data *u)
{
	return &u->queue->pdev->dev;
}

static const char *npf_range_fault(const struct npf_entry *e, enum npf_range range)
{
	u32 nsid = le32_to_cpu(e->nsid);

	if (range == NPF_RANGE_NONE)
		return NULL;
	if (!nsid || nsid == NVME_NSID_ALL)
		return "has no namespace";
	if (range == NPF_RANGE && le64_to_cpu(e->slba) > U64_MAX - le32_to_cpu(e->nlb))
		return "ends before it begins";
	return NULL;
}

/* What is wrong with an entry, or NULL */
static const char *npf_fault(const struct npf_entry *e)
{
	unsigned int sequence = FIELD_GET(NPF_ENTRY_SEQUENCE, e->attributes);
	unsigned int range = FIELD_GET(NPF_ENTRY_RANGE, e->attributes);

	if (e->attributes & NPF_ENTRY_RESERVED || !npf_sequences[sequence] ||
	    range > NPF_RANGE_NONE)
		return "has attributes that are not known here";
	if (sequence == NPF_AMID && range != NPF_RANGE)
		return "has no range, though it needs one";
	return npf_range_fault(e, range);
}

/* Not more than NPF_LINE */
static size_t npf_line(const struct npf_entry *e, char *text, size_t size)
{
	const char *deallocated = e->attributes & NPF_ENTRY_DEALLOCATED ? " deallocated" : "";
	const char *sequence = npf_sequences[FIELD_GET(NPF_ENTRY_SEQUENCE, e->attributes)];

	switch (FIELD_GET(NPF_ENTRY_RANGE, e->attributes)) {
	case NPF_RANGE_NONE:
		return scnprintf(text, size, "- - -%s\n", sequence);
	case NPF_RANGE_ALL:
		return scnprintf(text, size, "%u - - all%s%s\n", le32_to_cpu(e->nsid), deallocated,
				 sequence);
	default:
		return scnprintf(text, size, "%u %llu %llu%s%s\n", le32_to_cpu(e->nsid),
				 le64_to_cpu(e->slba), (u64)le32_to_cpu(e->nlb) + 1, deallocated,
				 sequence);
	}
}

/* Outcome of reads behind this entry: 0, or an errno if the log ends with it */
static int npf_ends(const struct npf_entry *e)
{
	switch (FIELD_GET(NPF_ENTRY_SEQUENCE, e->attributes)) {
	case NPF_FULL:
		return -EOVERFLOW;
	case NPF_STOPPED:
		/* The only one who would ask for it is npf_user_data_close() */
		return -EPROTO;
	default:
		return 0;
	}
}

/* The log is of no use any more */
static int npf_broken(struct npf_user_data *u, int error, const char *what)
{
	dev_err(npf_dev(u), "changes of controller %u's user data %s: copy all of it\n", u->cntlid,
		what);
	u->error = error;
	return error;
}

static int npf_bad_entry(struct npf_user_data *u, const char *what)
{
	dev_err(npf_dev(u), "a change of controller %u's user data %s: copy all of it, and update the controller's firmware\n",
		u->cntlid, what);
	u->error = -EPROTO;
	return -EPROTO;
}

static int npf_lost(struct npf_user_data *u)
{
	return npf_broken(u, -ENODEV, "are lost, the controller was reset or has failed");
}

/* May there be entries? */
static int npf_check_log(struct npf_user_data *u)
{
	if (!u->queue)
		return -ENODEV;
	if (u->error)
		return u->error;
	if (npf_data_queue_lost(u->log))
		return npf_lost(u);
	if (u->log->taken != u->end)
		return 0;
	return npf_broken(u, u->why, u->why == -EOVERFLOW ?
			  "are missing, they were not read as fast as they came" :
			  "are missing, the controller has stopped to log them");
}

/* Nothing there: is there still somebody who would write it? */
static int npf_check_idle(struct npf_user_data *u)
{
	npf_queue_check(u->queue);
	return npf_data_queue_lost(u->log) ? npf_lost(u) : 0;
}

static ssize_t npf_read_entries(struct npf_user_data *u, char *text, size_t size, u64 *end)
{
	struct npf_entry entry;
	const char *fault;
	size_t len = 0;

	*end = u->log->taken;
	while (size - len >= NPF_LINE && *end != u->end &&
	       npf_data_queue_peek(u->log, *end, &entry)) {
		fault = npf_fault(&entry);
		/* First those before it */
		if (fault)
			return len ?: npf_bad_entry(u, fault);
		len += npf_line(&entry, text + len, size - len);
		++*end;
		u->why = npf_ends(&entry);
		if (u->why)
			u->end = *end;
	}
	return len ?: npf_check_idle(u);
}

/**
 * npf_user_data_read() - read changes
 * @u: the log, open.
 * @text: gets a line for each.
 * @size: bytes of it, at least NPF_LINE.
 * @end: gets where it has ended, for npf_user_data_taken().
 *
 * Return: bytes of text; 0: there are none now; or a negative errno; the reason was logged, once.
 * -ENODEV: the VF is not there any more, the PF was reset or its controller has failed; -EPROTO:
 * there is something that is not understood; -EOVERFLOW: changes are missing.
 */
ssize_t npf_user_data_read(struct npf_user_data *u, char *text, size_t size, u64 *end)
{
	ssize_t ret;

	mutex_lock(&u->lock);
	ret = npf_check_log(u) ?: npf_read_entries(u, text, size, end);
	mutex_unlock(&u->lock);
	return ret;
}

/**
 * npf_user_data_taken() - the reader has got what was read
 * @u: the log.
 * @end: what npf_user_data_read() has said.
 *
 * Return: 0; or a negative errno, then it is there to be read once more, or as
 * npf_user_data_read().
 */
int npf_user_data_taken(struct npf_user_data *u, u64 end)
{
	int ret;

	mutex_lock(&u->lock);
	ret = u->queue ? u->error : -ENODEV;
	/* Another thread of the reader may have got more */
	if (!ret && end > u->log->taken) {
		ret = npf_data_queue_take(u->log, end);
		if (ret && npf_data_queue_lost(u->log))
			ret = npf_lost(u);
	}
	mutex_unlock(&u->lock);
	return ret;
}

/* What can't be deleted is tried again by the next one */
static int npf_delete_log(struct npf_user_data *u)
{
	int ret = u->log ? npf_data_queue_delete(u->log) : 0;

	if (!ret)
		u->log = NULL;
	return ret;
}

static int npf_make_log(struct npf_user_data *u)
{
	struct npf_data_queue *log = npf_data_queue_create(u->queue, u->cntlid);
	int ret;

	if (IS_ERR(log))
		return PTR_ERR(log);
	u->log = log;
	u->error = 0;
	u->end = U64_MAX;
	ret = npf_data_queue_start(log);
	if (ret)
		npf_delete_log(u);
	return ret;
}

/**
 * npf_user_data_open() - begin to log changes
 * @u: the log.
 *
 * Return: 0; -EBUSY: there is a reader already; -ENODEV: the VF is not there any more; or as
 * npf_run(), or -ENOMEM. The reason was logged.
 */
int npf_user_data_open(struct npf_user_data *u)
{
	int ret = -ENODEV;

	mutex_lock(&u->lock);
	if (u->open) {
		ret = -EBUSY;
		if (u->queue)
			dev_err_ratelimited(npf_dev(u), "changes of controller %u's user data have a reader already: there can be one\n",
					    u->cntlid);
	} else if (u->queue) {
		ret = npf_delete_log(u) ?: npf_make_log(u);
	}
	if (!ret) {
		u->open = true;
		kref_get(&u->kref);
	}
	mutex_unlock(&u->lock);
	return ret;
}

static void npf_end_log(struct npf_user_data *u)
{
	if (!u->log)
		return;
	/* To be deleted it need not have been stopped */
	npf_data_queue_stop(u->log);
	npf_delete_log(u);
}

/**
 * npf_user_data_close() - the opposite of npf_user_data_open()
 * @u: the log; may be freed.
 */
void npf_user_data_close(struct npf_user_data *u)
{
	mutex_lock(&u->lock);
	if (u->queue)
		npf_end_log(u);
	u->open = false;
	mutex_unlock(&u->lock);
	npf_user_data_put(u);
}

static void npf_user_data_release(struct kref *kref)
{
	kfree(container_of(kref, struct npf_user_data, kref));
}

/**
 * npf_user_data_put() - give back a reference
 * @u: the log.
 */
void npf_user_data_put(struct npf_user_data *u)
{
	kref_put(&u->kref, npf_user_data_release);
}

static struct npf_user_data *npf_user_data_new(struct npf *npf, struct vfio_pci_fn *fn)
{
	struct npf_user_data *u = kzalloc(sizeof(*u), GFP_KERNEL);

	if (!u)
		return NULL;
	kref_init(&u->kref);
	mutex_init(&u->lock);
	u->queue = &npf->queue;
	if (!xa_err(xa_store(&npf->user_data, fn->id, u, GFP_KERNEL)))
		return u;
	kfree(u);
	return NULL;
}

/**
 * npf_user_data_add() - a VF was enabled: its changes can be read, if the controller can tell them
 * @npf: the PF.
 * @fn: the VF; may be one that was enabled before, and that a reset of the PF has disabled.
 */
void npf_user_data_add(struct npf *npf, struct vfio_pci_fn *fn)
{
	struct npf_user_data *u = xa_load(&npf->user_data, fn->id);
	bool fresh = !u;

	if (!npf->id.logs_user_data)
		return;
	if (fresh)
		u = npf_user_data_new(npf, fn);
	if (!u)
		return;
	mutex_lock(&u->lock);
	u->cntlid = npf_cntlid(fn);
	mutex_unlock(&u->lock);
	if (fresh)
		u->dir = npf_debugfs_add(u, pci_name(fn->pdev));
}

static void npf_abandon_log(struct npf_user_data *u)
{
	if (!npf_data_queue_lost(u->log))
		dev_err(npf_dev(u), "the controller does not give back the data queue of controller %u: its memory stays until the PF is reset\n",
			u->cntlid);
	npf_data_queue_abandon(u->log);
	u->log = NULL;
}

/**
 * npf_user_data_remove() - the opposite of npf_user_data_add()
 * @npf: the PF, its queue running, failed or stopped.
 * @fn: the VF. Its readers get errors from now on.
 */
void npf_user_data_remove(struct npf *npf, struct vfio_pci_fn *fn)
{
	struct npf_user_data *u = xa_erase(&npf->user_data, fn->id);

	if (!u)
		return;
	npf_debugfs_remove(u->dir);
	mutex_lock(&u->lock);
	npf_end_log(u);
	if (u->log)
		npf_abandon_log(u);
	u->queue = NULL;
	mutex_unlock(&u->lock);
	npf_user_data_put(u);
}
