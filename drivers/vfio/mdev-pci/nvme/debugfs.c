// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/mdev-pci-nvme/<VF>/user_data_changes: to try what the controller tells of
 * changed user data, and for who moves storage to build on, until there is an interface for that.
 * What it gives is user_data.c's. Who does not open it has nothing to do with it.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "nvme.h"

/* All VFs are below one directory, which goes with the last of them */
static DEFINE_MUTEX(npf_root_lock);
static struct dentry *npf_root;
static unsigned int npf_root_users;

static int npf_changes_open(struct inode *inode, struct file *file)
{
	int ret = npf_user_data_open(inode->i_private);

	if (ret)
		return ret;
	file->private_data = inode->i_private;
	return nonseekable_open(inode, file);
}

static ssize_t npf_changes_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	struct npf_user_data *u = file->private_data;
	size_t size = min_t(size_t, count, PAGE_SIZE);
	ssize_t ret;
	char *text;
	u64 end;

	if (size < NPF_LINE)
		return -EINVAL;
	text = kmalloc(size, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	ret = npf_user_data_read(u, text, size, &end);
	if (ret > 0 && copy_to_user(to, text, ret))
		ret = -EFAULT;
	if (ret > 0)
		ret = npf_user_data_taken(u, end) ?: ret;
	kfree(text);
	return ret;
}

/* Also called when the VF has gone before */
static int npf_changes_release(struct inode *inode, struct file *file)
{
	npf_user_data_close(file->private_data);
	return 0;
}

static const struct file_operations npf_changes_fops = {
	.owner = THIS_MODULE,
	.open = npf_changes_open,
	.read = npf_changes_read,
	.release = npf_changes_release,
};

static struct dentry *npf_get_root(void)
{
	struct dentry *root;

	mutex_lock(&npf_root_lock);
	if (!npf_root_users++)
		npf_root = debugfs_create_dir("mdev-pci-nvme", NULL);
	root = npf_root;
	mutex_unlock(&npf_root_lock);
	return root;
}

static void npf_put_root(void)
{
	mutex_lock(&npf_root_lock);
	if (!--npf_root_users)
		debugfs_remove(npf_root);
	mutex_unlock(&npf_root_lock);
}

/**
 * npf_debugfs_add() - show a VF
 * @u: what changes in its user data.
 * @name: its PCI address.
 *
 * Return: for npf_debugfs_remove().
 */
struct dentry *npf_debugfs_add(struct npf_user_data *u, const char *name)
{
	struct dentry *dir = debugfs_create_dir(name, npf_get_root());

	debugfs_create_file("user_data_changes", 0400, dir, u, &npf_changes_fops);
	return dir;
}

/**
 * npf_debugfs_remove() - inverse of npf_debugfs_add()
 * @dir: what that has returned. On return nobody opens or reads the file; it may still be open.
 */
void npf_debugfs_remove(struct dentry *dir)
{
	debugfs_remove(dir);
	npf_put_root();
}
