// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types of a parent, as mdev core sees them: available_instances and
 * description, which come from the vendor module's last answers.
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "mdev-pci.h"

/**
 * mdev_pci_types_unmake() - free what mdev_pci_types_make() has made, also a
 *	part of it
 * @parent: the parent
 */
void mdev_pci_types_unmake(struct mdev_pci_parent *parent)
{
	unsigned int i;

	for (i = 0; i < parent->nr_type_entries; i++)
		mdev_pci_attrs_unmake(&parent->type_entries[i]);
	kfree(parent->mtypes);
	kfree(parent->type_entries);
}

/**
 * mdev_pci_types_make() - make the types that the mdev core is to have of a
 *	parent
 * @parent: the parent
 *
 * Return: 0 or -ENOMEM. On error the caller calls mdev_pci_types_unmake().
 */
int mdev_pci_types_make(struct mdev_pci_parent *parent)
{
	unsigned int i, n = parent->desc->nr_types;
	int ret;

	parent->type_entries =
		kcalloc(n, sizeof(*parent->type_entries), GFP_KERNEL);
	parent->mtypes = kcalloc(n, sizeof(*parent->mtypes), GFP_KERNEL);
	if (!parent->type_entries || !parent->mtypes)
		return -ENOMEM;

	for (i = 0; i < n; i++) {
		const struct mdev_pci_type *type = &parent->desc->types[i];
		struct mdev_pci_type_entry *entry = &parent->type_entries[i];

		entry->type = type;
		entry->parent = parent;
		entry->mtype.sysfs_name = type->name;
		entry->mtype.pretty_name = type->label ?: type->name;
		parent->mtypes[i] = &entry->mtype;
		parent->nr_type_entries++;
		ret = mdev_pci_attrs_make(entry, parent->pf);
		if (ret)
			return ret;
	}
	return 0;
}

/* While @show works, users read what it has written the time before */
static void show(struct mdev_pci_parent *parent,
		 const struct mdev_pci_parent_ops *ops)
{
	char *text, *old;
	int n;

	text = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!text)
		return;
	n = ops->show(parent->pf, text, PAGE_SIZE);
	/* Ignore an errno, and a length beyond the buffer */
	if (n < 0 || n >= PAGE_SIZE) {
		vfio_pci_engine_result(&parent->pf->dev, "show", n);
		n = 0;
	}
	text[n] = '\0';
	mutex_lock(&parent->lock);
	old = parent->text;
	parent->text = text;
	mutex_unlock(&parent->lock);
	kfree(old);
}

/* An errno or an invalid result counts as no room */
static unsigned int available(struct mdev_pci_parent *parent,
			      const struct mdev_pci_parent_ops *ops,
			      const struct mdev_pci_type *type)
{
	unsigned int n = ops->available(parent->pf, type);

	if (n <= INT_MAX)
		return n;
	vfio_pci_engine_result(&parent->pf->dev, "available", n);
	return 0;
}

static void refresh_locked(struct mdev_pci_parent *parent,
			   const struct mdev_pci_parent_ops *ops)
{
	unsigned int i;

	lockdep_assert_held(&parent->cache_lock);
	if (ops->show)
		show(parent, ops);
	if (!ops->available || READ_ONCE(parent->pf_assigned))
		return;
	for (i = 0; i < parent->nr_type_entries; i++) {
		struct mdev_pci_type_entry *entry = &parent->type_entries[i];

		if (!entry->type->pf_ops)
			WRITE_ONCE(entry->available,
				   available(parent, ops, entry->type));
	}
}

/**
 * mdev_pci_parent_refresh() - refresh the cached results of show and available
 * @parent: the parent
 *
 * Reading attributes never reaches firmware: everybody may read them, and
 * firmware's commands are shared with migration.
 *
 * Context: process context; sleeps. Not under a lock that an operation of the
 * vendor driver takes.
 */
void mdev_pci_parent_refresh(struct mdev_pci_parent *parent)
{
	mutex_lock(&parent->cache_lock);
	/* After unregistration the description may be gone */
	if (!READ_ONCE(parent->unregistering) && parent->desc->ops)
		refresh_locked(parent, parent->desc->ops);
	mutex_unlock(&parent->cache_lock);
}

/**
 * mdev_pci_get_available() - report a type's available_instances
 * @mtype: the type
 *
 * Return: the number of mdevs of it that can be created now.
 */
unsigned int mdev_pci_get_available(struct mdev_type *mtype)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_of(mtype);
	const struct mdev_pci_parent_ops *ops = parent->desc->ops;
	struct mdev_pci_type_entry *entry =
		container_of(mtype, struct mdev_pci_type_entry, mtype);
	unsigned int n;

	n = mdev_pci_parent_available(parent, entry->type);
	if (entry->type->pf_ops || !ops || !ops->available)
		return n;
	return min(n, READ_ONCE(entry->available));
}

static ssize_t show_migration(const struct mdev_pci_parent_desc *desc,
			      const struct mdev_pci_type *type, char *buf)
{
	if (!type->mig_ops)
		return sysfs_emit(buf, "model: %s\nmigratable: no, %s\n", desc->model,
				  type->not_migratable ?: "the device's driver gives no reason");
	return sysfs_emit(buf,
			  "model: %s\nmigratable: yes, by STOP_COPY and P2P\nstate: version %u, at most %llu bytes\npre-copy by the device: %s\ndirty page tracking by the device: %s\n",
			  desc->model, desc->mig_caps.compat, desc->mig_caps.max_state,
			  vfio_pci_engine_precopy(&desc->mig_caps),
			  vfio_pci_engine_logging(type->log_ops, &desc->log_caps));
}

static int show_hidden_range(const struct vfio_pci_hidden_range *range,
			     char *buf, int at)
{
	if (!range)
		return 0;
	return sysfs_emit_at(buf, at, "migration control: in the function, BAR %u from 0x%llx on\n",
			     range->bar, range->offset);
}

/**
 * mdev_pci_show_description() - show a type's description
 * @mtype: the type
 * @buf: a page
 *
 * Return: bytes written.
 */
ssize_t mdev_pci_show_description(struct mdev_type *mtype, char *buf)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_of(mtype);
	const struct mdev_pci_parent_desc *desc = parent->desc;
	const struct mdev_pci_type_entry *entry =
		container_of(mtype, struct mdev_pci_type_entry, mtype);
	int n;

	n = show_migration(desc, entry->type, buf);
	if (entry->type->mig_ops)
		n += mdev_pci_describe_compat(parent, entry->type, buf, n);
	if (mdev_pci_type_is_pf(parent, entry->type))
		n += sysfs_emit_at(buf, n, "function: the device as a whole\n");
	if (entry->type->mig_ops && desc->mig_caps.upstream)
		n += sysfs_emit_at(buf, n, "streams: native, upstream\n");
	n += show_hidden_range(entry->type->hidden_range, buf, n);
	n += mdev_pci_attrs_show(entry, buf, n);
	mutex_lock(&parent->lock);
	if (parent->text)
		n += sysfs_emit_at(buf, n, "%s", parent->text);
	mutex_unlock(&parent->lock);
	return n;
}
