// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that show a device's history, below /sys/kernel/debug/vfio/<PCI
 * address>/vfio-pci-engine/: beside the core's own files where the kernel has
 * them (6.8 with CONFIG_VFIO_DEBUGFS), and in the same place where it has not.
 *
 * No file waits for firmware, or for a lock held by a waiter: counters have
 * their own lock, and the state is read as sysfs reads it.
 */
#include <linux/debugfs.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/vfio.h>

#include "compat.h"
#include "debugfs.h"
#include "migration.h"

static const char * const user_names[] = {
	[MIG_USER_NONE] = "none",
	[MIG_USER_V2] = "v2",
	[MIG_USER_V1] = "v1",
	[MIG_USER_V1_PRE_COPY] = "v1",
};

/* The engine creates the directory "vfio" if vfio core has not */
static DEFINE_MUTEX(root_lock);
static struct dentry *root;
static unsigned int root_users;

static int state_show(struct seq_file *m, void *unused)
{
	struct vfio_pci_migration *mig = m->private;

	seq_printf(m, "state: %s\n", mig_state_name(mig_state(mig)));
	seq_printf(m, "user: %s\n", user_names[READ_ONCE(mig->user)]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static const char *session_name(enum dma_data_direction dir, const char *save,
				const char *load)
{
	if (dir == DMA_NONE)
		return "none";
	return dir == DMA_TO_DEVICE ? load : save;
}

static int session_show(struct seq_file *m, void *unused)
{
	struct vfio_pci_migration *mig = m->private;
	struct mig_stats s;

	mig_stats_read(&mig->stats, &s);
	seq_printf(m, "session: %s\n", session_name(s.session.dir, "saving", "loading"));
	seq_printf(m, "bytes: %llu\n", s.session.bytes);
	seq_printf(m, "chunks: %llu\n", s.session.chunks);
	seq_printf(m, "buffers: %llu\n", s.session.buffers);
	seq_printf(m, "last: %s\n", session_name(s.ended.dir, "saved", "loaded"));
	seq_printf(m, "last_complete: %u\n", s.ended.complete);
	seq_printf(m, "last_bytes: %llu\n", s.ended.bytes);
	seq_printf(m, "last_chunks: %llu\n", s.ended.chunks);
	seq_printf(m, "last_ns: %llu\n", s.ended_ns);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(session);

static int counters_show(struct seq_file *m, void *unused)
{
	struct vfio_pci_migration *mig = m->private;
	struct mig_stats s;

	mig_stats_read(&mig->stats, &s);
	seq_printf(m, "saved: %llu\n", s.count.saved);
	seq_printf(m, "loaded: %llu\n", s.count.loaded);
	seq_printf(m, "failed: %llu\n", s.count.failed);
	seq_printf(m, "bytes_saved: %llu\n", s.count.bytes_saved);
	seq_printf(m, "bytes_loaded: %llu\n", s.count.bytes_loaded);
	seq_printf(m, "resets: %u\n", atomic_read(&mig->resets_pending));
	seq_printf(m, "errors: %llu\n", s.count.errors);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

static int firmware_show(struct seq_file *m, void *unused)
{
	enum mig_op op;
	struct vfio_pci_migration *mig = m->private;
	struct mig_stats s;

	mig_stats_read(&mig->stats, &s);
	seq_puts(m, "# operation count errors last_ns max_ns total_ns\n");
	for (op = 0; op < MIG_NR_OPS; op++)
		seq_printf(m, "%s %llu %llu %llu %llu %llu\n", mig_op_name(op),
			   s.op[op].count, s.op[op].errors, s.op[op].last_ns,
			   s.op[op].max_ns, s.op[op].total_ns);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(firmware);

static int tracker_show(struct seq_file *m, void *unused)
{
	struct vfio_pci_migration *mig = m->private;
	struct mig_stats s;

	mig_stats_read(&mig->stats, &s);
	seq_printf(m, "on: %u\n", !!s.log_ranges);
	seq_printf(m, "page_size: %llu\n", s.log_ranges ? 1ULL << s.log_shift : 0);
	seq_printf(m, "ranges: %u\n", s.log_ranges);
	seq_printf(m, "pages: %llu\n", s.log_pages);
	seq_printf(m, "reports: %llu\n", s.log_reports);
	seq_printf(m, "dirty_pages: %llu\n", s.log_dirty);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(tracker);

static struct dentry *get_root(void)
{
	struct dentry *dir;

	mutex_lock(&root_lock);
	if (!root_users++)
		root = debugfs_create_dir("vfio", NULL);
	dir = root;
	mutex_unlock(&root_lock);
	return dir;
}

static void put_root(void)
{
	mutex_lock(&root_lock);
	if (!--root_users)
		debugfs_remove(root);
	mutex_unlock(&root_lock);
}

static void add_files(struct dentry *parent, struct vfio_pci_migration *mig)
{
	struct dentry *dir = debugfs_create_dir("vfio-pci-engine", parent);

	debugfs_create_file("state", 0400, dir, mig, &state_fops);
	debugfs_create_file("session", 0400, dir, mig, &session_fops);
	debugfs_create_file("counters", 0400, dir, mig, &counters_fops);
	debugfs_create_file("firmware", 0400, dir, mig, &firmware_fops);
	debugfs_create_file("tracker", 0400, dir, mig, &tracker_fops);
}

/**
 * mig_debugfs_add() - show a device
 * @vdev: the device, registered
 * @mig: its migration state
 *
 * In the core's directory the files go when the core removes that, before it
 * waits for the device's user.
 *
 * Return: for mig_debugfs_remove(): the device's directory; NULL if it is the
 * core's.
 */
struct dentry *mig_debugfs_add(struct vfio_device *vdev,
			       struct vfio_pci_migration *mig)
{
	struct dentry *dir = compat_debug_root(vdev);

	if (dir) {
		add_files(dir, mig);
		return NULL;
	}
	dir = debugfs_create_dir(dev_name(vdev->dev), get_root());
	add_files(dir, mig);
	return dir;
}

/**
 * mig_debugfs_remove() - inverse of mig_debugfs_add()
 * @own: what that returned
 *
 * Readers have left on return.
 */
void mig_debugfs_remove(struct dentry *own)
{
	if (!own)
		return;
	debugfs_remove(own);
	put_root();
}
