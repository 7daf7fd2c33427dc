// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests: what firmware knows of the device, and faults to inject, below
 * /sys/kernel/debug/refdev/<PF>. The driver works without it.
 */
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "refdev.h"

#define REFDEV_INJECT_MAX	128

/* Room for "vf255" */
#define REFDEV_FILE_NAME	8

/* Kinds are numbered from REFDEV_FAULT_FAIL: a gap would end match_string() */
static const char * const refdev_faults[] = {
	[REFDEV_FAULT_FAIL - REFDEV_FAULT_FAIL] = "fail",
	[REFDEV_FAULT_SILENT - REFDEV_FAULT_FAIL] = "silent",
	[REFDEV_FAULT_LATE - REFDEV_FAULT_FAIL] = "late",
	[REFDEV_FAULT_SHORT - REFDEV_FAULT_FAIL] = "short",
	[REFDEV_FAULT_FATAL - REFDEV_FAULT_FAIL] = "fatal",
	[REFDEV_FAULT_AGAIN - REFDEV_FAULT_FAIL] = "again",
};

static const char * const refdev_levels[] = {
	[REFDEV_RUNNING] = "running",
	[REFDEV_P2P] = "p2p",
	[REFDEV_FULL] = "full",
};

/**
 * struct refdev_debugfs_vf - a file of a VF
 * @queue: the command queue of its PF.
 * @id: number of the VF.
 * @fn: the VF while it is enabled, or NULL. Under refdev_detach_lock
 */
struct refdev_debugfs_vf {
	struct refdev_queue *queue;
	u16 id;
	struct vfio_pci_fn *fn;
};

/* All PFs are below one directory; removing the last PF removes it */
static DEFINE_MUTEX(refdev_root_lock);
static struct dentry *refdev_root;
static unsigned int refdev_root_users;

static struct dentry *refdev_get_root(void)
{
	struct dentry *root;

	mutex_lock(&refdev_root_lock);
	if (!refdev_root_users++)
		refdev_root = debugfs_create_dir("refdev", NULL);
	root = refdev_root;
	mutex_unlock(&refdev_root_lock);
	return root;
}

static void refdev_put_root(void)
{
	mutex_lock(&refdev_root_lock);
	if (!--refdev_root_users)
		debugfs_remove(refdev_root);
	mutex_unlock(&refdev_root_lock);
}

/* Firmware's name must not control the reader's terminal */
static void refdev_show_name(struct seq_file *m, const char *name, size_t len)
{
	seq_puts(m, "name: ");
	for (; len && *name; len--, name++)
		seq_putc(m, isascii(*name) && isprint(*name) ? *name : '?');
	seq_putc(m, '\n');
}

static int refdev_firmware_show(struct seq_file *m, void *unused)
{
	struct refdev_cmd cmd = { .opcode = REFDEV_IDENTIFY,
				  .function = REFDEV_PF };
	struct refdev_queue *q = m->private;
	struct refdev_identify_page page;
	u32 version;
	int ret;

	ret = refdev_run_page(q, &cmd, &page, sizeof(page));
	if (ret)
		return ret;
	version = le32_to_cpu(page.fw_version);
	refdev_show_name(m, page.name, sizeof(page.name));
	seq_printf(m, "version: %u.%u.%u\n", version >> 16, version >> 8 & 0xff, version & 0xff);
	seq_printf(m, "compat: %u\n", le32_to_cpu(page.compat));
	seq_printf(m, "total_vfs: %u\n", le16_to_cpu(page.total_vfs));
	seq_printf(m, "profiles: %u\n", le16_to_cpu(page.profiles));
	seq_printf(m, "outstanding: %u\n", le16_to_cpu(page.outstanding));
	seq_printf(m, "max_sgl: %u\n", le16_to_cpu(page.max_sgl));
	seq_printf(m, "max_transfer: %u\n", le32_to_cpu(page.max_transfer));
	seq_printf(m, "context_bytes: %llu\n", le64_to_cpu(page.context_bytes));
	seq_printf(m, "state_bytes: %llu\n", le64_to_cpu(page.state_bytes));
	seq_printf(m, "tracker_ranges: %u\n", le16_to_cpu(page.tracker_ranges));
	seq_printf(m, "tracker_min_shift: %u\n", page.tracker_min_shift);
	seq_printf(m, "tracker_max_shift: %u\n", page.tracker_max_shift);
	seq_printf(m, "tracker_pages: %llu\n", le64_to_cpu(page.tracker_pages));
	seq_printf(m, "features: 0x%x\n", le32_to_cpu(page.features));
	seq_printf(m, "events_dropped: %u\n", le32_to_cpu(page.events_dropped));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(refdev_firmware);

static int refdev_vf_show(struct seq_file *m, void *unused)
{
	struct refdev_debugfs_vf *vf = m->private;
	struct refdev_cmd cmd = { .opcode = REFDEV_QUERY,
				  .function = vf->id,
				  .quiet = true };
	struct refdev_function_page page;
	u32 flags;
	u16 level;
	int ret;

	ret = refdev_run_page(vf->queue, &cmd, &page, sizeof(page));
	if (ret)
		return ret;
	flags = le32_to_cpu(page.flags);
	level = le16_to_cpu(page.level);
	seq_printf(m, "enabled: %u\n", !!(flags & REFDEV_FUNCTION_ENABLED));
	seq_printf(m, "level: %s\n",
		   level < ARRAY_SIZE(refdev_levels) ? refdev_levels[level] : "unknown");
	seq_printf(m, "profile: %u\n", le16_to_cpu(page.profile));
	seq_printf(m, "copies: %llu\n", le64_to_cpu(page.copies));
	seq_printf(m, "bytes: %llu\n", le64_to_cpu(page.bytes));
	seq_printf(m, "errors: %llu\n", le64_to_cpu(page.errors));
	seq_printf(m, "digest: 0x%016llx\n", le64_to_cpu(page.digest));
	seq_printf(m, "load_digest: 0x%016llx\n", le64_to_cpu(page.load_digest));
	seq_printf(m, "illegal_dma: %llu\n", le64_to_cpu(page.illegal_dma));
	seq_printf(m, "resets: %llu\n", le64_to_cpu(page.resets));
	seq_printf(m, "max_copy: %llu\n", le64_to_cpu(page.max_copy));
	seq_printf(m, "bandwidth: %llu\n", le64_to_cpu(page.bandwidth));
	seq_printf(m, "control_accesses: %llu\n", le64_to_cpu(page.accesses));
	seq_printf(m, "load_begun: %u\n", !!(flags & REFDEV_FUNCTION_LOAD_BEGUN));
	seq_printf(m, "tracker: %u\n", !!(flags & REFDEV_FUNCTION_TRACKER));
	seq_printf(m, "precopy: %u\n", !!(flags & REFDEV_FUNCTION_PRECOPY));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(refdev_vf);

static int refdev_parse_function(const char *word, u16 *function)
{
	if (strcmp(word, "any"))
		return kstrtou16(word, 0, function);
	*function = REFDEV_PF;
	return 0;
}

/* "any": no opcode has this number, it stands for all faults */
static int refdev_parse_opcode(const char *word, u16 *opcode)
{
	int ret = 0;

	if (strcmp(word, "any"))
		ret = refdev_opcode_by_name(word);
	if (ret < 0)
		return ret;
	*opcode = ret;
	return 0;
}

static int refdev_parse_number(char **words, u64 *number)
{
	char *word = strsep(words, " ");

	return word ? kstrtou64(word, 0, number) : 0;
}

static int refdev_parse_fault(const char *kind, u16 opcode, char *words,
			      struct refdev_cmd *cmd)
{
	u64 param = 0, count = 1, skip = 0;
	int ret, fault;

	if (!strcmp(kind, "off")) {
		cmd->arg[0] = opcode;
		return words ? -EINVAL : 0;
	}
	fault = match_string(refdev_faults, ARRAY_SIZE(refdev_faults), kind);
	if (fault < 0 || !opcode)
		return -EINVAL;
	ret = refdev_parse_number(&words, &param) ?: refdev_parse_number(&words, &count) ?:
	      refdev_parse_number(&words, &skip);
	if (ret)
		return ret;
	if (words || count > U32_MAX || skip > U32_MAX)
		return -EINVAL;
	cmd->arg[0] = opcode | (u64)(fault + REFDEV_FAULT_FAIL) << 16;
	cmd->arg[1] = param;
	cmd->arg[2] = count | skip << 32;
	return 0;
}

/* "<vf|any> <opcode|any> <kind|off> [param] [count] [skip]" */
static int refdev_parse_inject(char *words, struct refdev_cmd *cmd)
{
	char *function = strsep(&words, " ");
	char *opcode = strsep(&words, " ");
	char *kind = strsep(&words, " ");
	u16 number;

	if (!opcode || !kind)
		return -EINVAL;
	return refdev_parse_function(function, &cmd->function) ?:
	       refdev_parse_opcode(opcode, &number) ?:
	       refdev_parse_fault(kind, number, words, cmd);
}

static ssize_t refdev_inject_write(struct file *file, const char __user *from,
				   size_t count, loff_t *pos)
{
	struct refdev_queue *q = file->private_data;
	struct refdev_cmd cmd = { .opcode = REFDEV_INJECT };
	char *words;
	int ret;

	if (count > REFDEV_INJECT_MAX)
		return -EINVAL;
	words = memdup_user_nul(from, count);
	if (IS_ERR(words))
		return PTR_ERR(words);
	ret = refdev_parse_inject(strim(words), &cmd) ?: refdev_run(q, &cmd);
	kfree(words);
	return ret ?: count;
}

static const struct file_operations refdev_inject_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = refdev_inject_write,
	.llseek = default_llseek,
};

/*
 * Serializes detach and attach with enabling and disabling VFs, as a PF
 * driver's lock does
 */
static DEFINE_MUTEX(refdev_detach_lock);

/**
 * refdev_debugfs_enabled() - allow or forbid to detach a VF
 * @fn: the VF.
 * @enabled: it is enabled.
 */
void refdev_debugfs_enabled(struct vfio_pci_fn *fn, bool enabled)
{
	struct refdev *r = pci_get_drvdata(fn->pf);

	mutex_lock(&refdev_detach_lock);
	if (r->debugfs_vfs)
		r->debugfs_vfs[fn->id].fn = enabled ? fn : NULL;
	mutex_unlock(&refdev_detach_lock);
}

static int refdev_detach(struct refdev_debugfs_vf *vf, bool attach)
{
	int ret = 0;

	mutex_lock(&refdev_detach_lock);
	if (!vf->fn)
		ret = -ENODEV;
	else if (attach)
		mdev_pci_function_attach(vf->fn);
	else
		mdev_pci_function_detach(vf->fn);
	mutex_unlock(&refdev_detach_lock);
	return ret;
}

/*
 * "<vf>" detaches a VF from firmware, as a PF driver may do; "-<vf>" attaches
 * it again
 */
static ssize_t refdev_detach_write(struct file *file, const char __user *from,
				   size_t count, loff_t *pos)
{
	struct refdev *r = file->private_data;
	char word[REFDEV_FILE_NAME] = "";
	bool attach;
	u16 id;
	int ret;

	if (count >= sizeof(word) || copy_from_user(word, from, count))
		return -EINVAL;
	attach = word[0] == '-';
	ret = kstrtou16(word + attach, 0, &id);
	if (ret || !r->debugfs_vfs ||
	    id >= le16_to_cpu(r->queue.info.total_vfs))
		return ret ?: -EINVAL;
	return refdev_detach(&r->debugfs_vfs[id], attach) ?: count;
}

static const struct file_operations refdev_detach_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = refdev_detach_write,
	.llseek = default_llseek,
};

/**
 * refdev_debugfs_add() - show a PF in debugfs
 * @r: the PF; its queue is running.
 */
void refdev_debugfs_add(struct refdev *r)
{
	u16 i, total_vfs = le16_to_cpu(r->queue.info.total_vfs);
	struct pci_dev *pdev = r->queue.pdev;
	struct refdev_debugfs_vf *vfs;
	char name[REFDEV_FILE_NAME];

	r->debugfs = debugfs_create_dir(pci_name(pdev), refdev_get_root());
	debugfs_create_file("firmware", 0400, r->debugfs, &r->queue, &refdev_firmware_fops);
	debugfs_create_file("inject", 0200, r->debugfs, &r->queue, &refdev_inject_fops);
	debugfs_create_file("detach", 0200, r->debugfs, r, &refdev_detach_fops);
	vfs = devm_kcalloc(&pdev->dev, total_vfs, sizeof(*vfs), GFP_KERNEL);
	if (!vfs)
		return;
	for (i = 0; i < total_vfs; i++) {
		vfs[i].queue = &r->queue;
		vfs[i].id = i;
		snprintf(name, sizeof(name), "vf%u", i);
		debugfs_create_file(name, 0400, r->debugfs, &vfs[i],
				    &refdev_vf_fops);
	}
	r->debugfs_vfs = vfs;
}

/**
 * refdev_debugfs_remove() - remove a PF from debugfs
 * @r: the PF. Readers have left its queue on return.
 */
void refdev_debugfs_remove(struct refdev *r)
{
	debugfs_remove(r->debugfs);
	refdev_put_root();
}
