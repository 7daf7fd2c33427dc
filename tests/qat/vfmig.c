// SPDX-License-Identifier: GPL-2.0-only
/*
 * What intel_qat exports for drivers that migrate VFs, on the reference device's firmware. As in
 * intel_qat:
 *   - a state is a block of constant size that lives as long as the device, and is not cleared.
 *     Here it has ROOM bytes more than are saved, with DIRT in them at first;
 *   - it begins with the setup. A setup is made once until qat_vfmig_reset(), and checked once,
 *     even if it did not fit, or if another one has come;
 *   - qat_vfmig_load_state() loads what is in the block, whoever has written it;
 *   - a VF whose suspension fails half-way stays so.
 * Without qat_vfmig_open() intel_qat uses a NULL pointer. Here that is a warning.
 */
#define DEFAULT_SYMBOL_NAMESPACE "CRYPTO_QAT"

#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/qat/qat_mig_dev.h>

#include "stand-in.h"

#define MAGIC	0x51415453
#define ROOM	256
#define DIRT	0xd1
#define MAX_VFS	8

static unsigned int services[MAX_VFS];
module_param_array(services, uint, NULL, 0644);
MODULE_PARM_DESC(services, "of each VF: state moves between equal ones");
static bool fail_suspend;
module_param(fail_suspend, bool, 0644);
MODULE_PARM_DESC(fail_suspend, "the second half of a suspension fails");
static bool fail_load;
module_param(fail_load, bool, 0644);
MODULE_PARM_DESC(fail_load, "a state is loaded, and then it is said that it was not");

struct setup {
	__le32 magic;
	__le32 bytes;
	__le32 services;
	__le32 reserved;
};

/* The firmware's image follows */
struct image {
	__le32 magic;
	__le32 bytes;
};

struct stand_in {
	struct qat_mig_dev dev;
	struct refdev_queue *q;
	unsigned int stopped;	/* levels */
	bool open;
};

static struct stand_in *to_stand_in(struct qat_mig_dev *dev)
{
	struct stand_in *s = container_of(dev, struct stand_in, dev);

	WARN_ON_ONCE(!dev->state);
	return s;
}

static struct stand_in *to_open(struct qat_mig_dev *dev)
{
	struct stand_in *s = to_stand_in(dev);

	WARN_ON_ONCE(!s->open);
	return s;
}

struct qat_mig_dev *qat_vfmig_create(struct pci_dev *pdev, int vf_id)
{
	struct refdev_queue *q = stand_in_queue(pdev);
	struct stand_in *s;

	if (!q)
		return ERR_PTR(-ENODEV);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	s->q = q;
	s->dev.vf_id = vf_id;
	return &s->dev;
}
EXPORT_SYMBOL_GPL(qat_vfmig_create);

void qat_vfmig_destroy(struct qat_mig_dev *mdev)
{
	kfree(container_of(mdev, struct stand_in, dev));
}
EXPORT_SYMBOL_GPL(qat_vfmig_destroy);

int qat_vfmig_init(struct qat_mig_dev *mdev)
{
	struct stand_in *s = container_of(mdev, struct stand_in, dev);

	mdev->state_size = sizeof(struct setup) + sizeof(struct image) +
			   le64_to_cpu(s->q->info.state_bytes) + ROOM;
	mdev->state = kvmalloc(mdev->state_size, GFP_KERNEL);
	if (!mdev->state)
		return -ENOMEM;
	memset(mdev->state, DIRT, mdev->state_size);
	return 0;
}
EXPORT_SYMBOL_GPL(qat_vfmig_init);

void qat_vfmig_cleanup(struct qat_mig_dev *mdev)
{
	kvfree(mdev->state);
	mdev->state = NULL;
}
EXPORT_SYMBOL_GPL(qat_vfmig_cleanup);

void qat_vfmig_reset(struct qat_mig_dev *mdev)
{
	mdev->setup_size = 0;
	mdev->remote_setup_size = 0;
}
EXPORT_SYMBOL_GPL(qat_vfmig_reset);

int qat_vfmig_open(struct qat_mig_dev *mdev)
{
	to_stand_in(mdev)->open = true;
	qat_vfmig_reset(mdev);
	return 0;
}
EXPORT_SYMBOL_GPL(qat_vfmig_open);

void qat_vfmig_close(struct qat_mig_dev *mdev)
{
	to_open(mdev)->open = false;
}
EXPORT_SYMBOL_GPL(qat_vfmig_close);

static int run(struct stand_in *s, u16 opcode, u64 arg)
{
	struct refdev_cmd cmd = { .opcode = opcode, .function = s->dev.vf_id, .arg = { arg } };

	return refdev_run(s->q, &cmd);
}

int qat_vfmig_suspend(struct qat_mig_dev *mdev)
{
	struct stand_in *s = to_open(mdev);
	int ret;

	ret = run(s, REFDEV_SUSPEND, REFDEV_P2P);
	if (ret)
		return ret;
	s->stopped = REFDEV_P2P;
	if (fail_suspend)
		return -ETIMEDOUT;
	ret = run(s, REFDEV_SUSPEND, REFDEV_FULL);
	if (!ret)
		s->stopped = REFDEV_FULL;
	return ret;
}
EXPORT_SYMBOL_GPL(qat_vfmig_suspend);

int qat_vfmig_resume(struct qat_mig_dev *mdev)
{
	struct stand_in *s = to_open(mdev);
	unsigned int level = s->stopped;
	int ret = 0;

	s->stopped = 0;
	if (level == REFDEV_FULL)
		ret = run(s, REFDEV_RESUME, REFDEV_FULL);
	if (level && !ret)
		ret = run(s, REFDEV_RESUME, REFDEV_P2P);
	return ret;
}
EXPORT_SYMBOL_GPL(qat_vfmig_resume);

static u32 services_of(const struct stand_in *s)
{
	return s->dev.vf_id < MAX_VFS ? services[s->dev.vf_id] : 0;
}

int qat_vfmig_save_setup(struct qat_mig_dev *mdev)
{
	struct stand_in *s = to_open(mdev);
	struct setup *setup = (struct setup *)mdev->state;

	if (mdev->setup_size)
		return 0;
	setup->magic = cpu_to_le32(MAGIC);
	setup->bytes = cpu_to_le32(sizeof(*setup));
	setup->services = cpu_to_le32(services_of(s));
	setup->reserved = 0;
	mdev->setup_size = sizeof(*setup);
	return 0;
}
EXPORT_SYMBOL_GPL(qat_vfmig_save_setup);

/* The image in pieces of firmware's; @piece is mapped for it */
static int move(struct stand_in *s, struct refdev_cmd *cmd, u8 *image, u32 bytes, void *piece)
{
	bool save = cmd->opcode == REFDEV_SAVE;
	u32 at, n;
	int ret;

	for (at = 0; at < bytes; at += n) {
		n = min_t(u32, bytes - at, PAGE_SIZE << 4);
		if (!save)
			memcpy(piece, image + at, n);
		cmd->arg[0] = at;
		cmd->arg[1] = save ? 0 : n;
		cmd->flags = !save && at + n == bytes ? REFDEV_LOAD_LAST : 0;
		cmd->len = n;
		ret = refdev_run(s->q, cmd);
		if (ret)
			return ret;
		if (save && cmd->result[0] != n)
			return -EPROTO;
		if (save)
			memcpy(image + at, piece, n);
	}
	return 0;
}

static int move_image(struct stand_in *s, u16 opcode, u8 *image, u32 bytes)
{
	struct refdev_cmd cmd = { .opcode = opcode, .function = s->dev.vf_id };
	struct device *dev = &s->q->pdev->dev;
	void *piece = dma_alloc_coherent(dev, PAGE_SIZE << 4, &cmd.dma, GFP_KERNEL);
	int ret;

	if (!piece)
		return -ENOMEM;
	ret = move(s, &cmd, image, bytes, piece);
	dma_free_coherent(dev, PAGE_SIZE << 4, piece, cmd.dma);
	return ret;
}

int qat_vfmig_save_state(struct qat_mig_dev *mdev)
{
	struct stand_in *s = to_open(mdev);
	u32 bytes = le64_to_cpu(s->q->info.state_bytes);
	struct image *image;
	int ret;

	ret = qat_vfmig_save_setup(mdev);
	if (ret)
		return ret;
	image = (struct image *)(mdev->state + mdev->setup_size);
	image->magic = cpu_to_le32(MAGIC);
	image->bytes = cpu_to_le32(bytes);
	return move_image(s, REFDEV_SAVE, (u8 *)(image + 1), bytes);
}
EXPORT_SYMBOL_GPL(qat_vfmig_save_state);

int qat_vfmig_load_setup(struct qat_mig_dev *mdev, int size)
{
	struct stand_in *s = to_open(mdev);
	const struct setup *setup = (struct setup *)mdev->state;

	if (mdev->remote_setup_size)
		return 0;
	if (size < sizeof(*setup))
		return -EAGAIN;
	if (setup->magic != cpu_to_le32(MAGIC) || setup->bytes != cpu_to_le32(sizeof(*setup)))
		return -EINVAL;
	mdev->remote_setup_size = sizeof(*setup);
	return le32_to_cpu(setup->services) == services_of(s) ? 0 : -EINVAL;
}
EXPORT_SYMBOL_GPL(qat_vfmig_load_setup);

int qat_vfmig_load_state(struct qat_mig_dev *mdev)
{
	struct stand_in *s = to_open(mdev);
	struct image *image;
	u32 bytes;
	int ret;

	ret = qat_vfmig_load_setup(mdev, mdev->state_size);
	if (ret)
		return ret;
	image = (struct image *)(mdev->state + mdev->remote_setup_size);
	bytes = le32_to_cpu(image->bytes);
	if (image->magic != cpu_to_le32(MAGIC) ||
	    bytes > mdev->state_size - mdev->remote_setup_size - sizeof(*image))
		return -EINVAL;
	ret = move_image(s, REFDEV_LOAD, (u8 *)(image + 1), bytes);
	return !ret && fail_load ? -EFAULT : ret;
}
EXPORT_SYMBOL_GPL(qat_vfmig_load_state);
