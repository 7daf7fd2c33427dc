// SPDX-License-Identifier: GPL-2.0-only
/* Descriptions of GPU RAM and ATSD registers: see desc.h. */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "desc.h"

static int refuse(int err, const char **why, const char *words)
{
	*why = words;
	return err;
}

static u32 dword(const struct nvlink2_dvsec *dvsec, unsigned int at)
{
	return dvsec->dw[at / 4];
}

static u64 qword(const struct nvlink2_dvsec *dvsec, unsigned int at)
{
	return dword(dvsec, at) | (u64)dword(dvsec, at + 4) << 32;
}

/**
 * nvlink2_dvsec_is_ours() - recognize the DVSEC
 * @dvsec: the capability's bytes
 *
 * A vendor numbers its DVSECs by itself, and may have given ours to another
 * one.
 *
 * Return: true if it has the signature.
 */
bool nvlink2_dvsec_is_ours(const struct nvlink2_dvsec *dvsec)
{
	return dword(dvsec, NVLINK2_DVSEC_AT_SIGNATURE) == NVLINK2_DVSEC_SIGNATURE;
}

static int check_layout(const struct nvlink2_dvsec *dvsec, const char **why)
{
	u32 header1 = dword(dvsec, NVLINK2_DVSEC_AT_HEADER1);
	u32 flags = dword(dvsec, NVLINK2_DVSEC_AT_HEADER2) >> 16;

	if ((header1 >> 16 & 0xf) != NVLINK2_DVSEC_REVISION)
		return refuse(-EOPNOTSUPP, why, "the DVSEC has an unknown revision");
	if (header1 >> 20 != NVLINK2_DVSEC_BYTES)
		return refuse(-EMSGSIZE, why, "the DVSEC's length is not that of its revision");
	if (flags & ~NVLINK2_DVSEC_FLAGS)
		return refuse(-EINVAL, why, "the DVSEC has flags that are reserved");
	if ((flags & NVLINK2_DVSEC_CACHE) >> NVLINK2_DVSEC_CACHE_SHIFT >
	    VFIO_PCI_NVLINK2_UC)
		return refuse(-EINVAL, why, "the DVSEC's cacheability is reserved");
	return 0;
}

/**
 * nvlink2_parse_dvsec() - read a description out of a DVSEC
 * @dvsec: the capability's bytes
 * @desc: receives the description, which nvlink2_check() has still to check
 * @has_ready: receives whether the status has a ready bit
 * @why: receives the reason of a refusal
 *
 * Return: 0; -EOPNOTSUPP: unknown revision; -EMSGSIZE: wrong length; -EINVAL: a
 * reserved value; -EFAULT: no target address, or a bridge without a link speed.
 */
int nvlink2_parse_dvsec(const struct nvlink2_dvsec *dvsec,
			struct vfio_pci_nvlink2_desc *desc, bool *has_ready,
			const char **why)
{
	u32 flags = dword(dvsec, NVLINK2_DVSEC_AT_HEADER2) >> 16;
	int ret = check_layout(dvsec, why);

	if (ret)
		return ret;
	*desc = (struct vfio_pci_nvlink2_desc){
		.role = flags & NVLINK2_DVSEC_ROLE,
		.cache = (flags & NVLINK2_DVSEC_CACHE) >>
			 NVLINK2_DVSEC_CACHE_SHIFT,
		.base = qword(dvsec, NVLINK2_DVSEC_AT_BASE),
		.size = qword(dvsec, NVLINK2_DVSEC_AT_SIZE),
		.tgt = qword(dvsec, NVLINK2_DVSEC_AT_TGT),
		.atsd = qword(dvsec, NVLINK2_DVSEC_AT_ATSD),
		.link_speed = dword(dvsec, NVLINK2_DVSEC_AT_SPEED),
		.ready_ms = dword(dvsec, NVLINK2_DVSEC_AT_READY_MS),
		.has_tgt = flags & NVLINK2_DVSEC_HAS_TGT,
		.has_atsd = flags & NVLINK2_DVSEC_HAS_ATSD,
	};
	*has_ready = flags & NVLINK2_DVSEC_HAS_READY;
	if (!desc->has_tgt)
		return refuse(-EFAULT, why, "the DVSEC has no target address");
	if (desc->role == VFIO_PCI_NVLINK2_LINK && !desc->link_speed)
		return refuse(-EFAULT, why, "the DVSEC has no link speed");
	return 0;
}

/**
 * nvlink2_parse_properties() - read a description out of a firmware node's
 *	properties
 * @base: nvidia,gpu-mem-base-pa, or NULL if there is none
 * @size: nvidia,gpu-mem-size, or NULL
 * @desc: receives the description of a GPU, which nvlink2_check() has still to
 *	check
 * @why: receives the reason of a refusal
 *
 * Return: 0; -ENODEV: neither is there; -EINVAL: only one of them.
 */
int nvlink2_parse_properties(const u64 *base, const u64 *size,
			     struct vfio_pci_nvlink2_desc *desc,
			     const char **why)
{
	if (!base && !size)
		return -ENODEV;
	if (!base)
		return refuse(-EINVAL, why, "property nvidia,gpu-mem-base-pa is missing");
	if (!size)
		return refuse(-EINVAL, why, "property nvidia,gpu-mem-size is missing");
	*desc = (struct vfio_pci_nvlink2_desc) {
		.role = VFIO_PCI_NVLINK2_GPU,
		.cache = VFIO_PCI_NVLINK2_WB,
		.base = *base,
		.size = *size,
	};
	return 0;
}

static int check_ram(const struct vfio_pci_nvlink2_desc *desc, u64 page,
		     const char **why)
{
	if (!desc->size)
		return refuse(-EINVAL, why, "its RAM has no size");
	if ((desc->base | desc->size) & (page - 1))
		return refuse(-EINVAL, why, "its RAM does not consist of whole pages");
	if (desc->size > VFIO_PCI_NVLINK2_SIZE_MAX)
		return refuse(-E2BIG, why, "its RAM is larger than a region of VFIO can be");
	if (desc->base + desc->size - 1 < desc->base)
		return refuse(-EOVERFLOW, why, "its RAM goes beyond the end of the address space");
	if (desc->has_atsd)
		return refuse(-EINVAL, why, "a GPU cannot have ATSD registers");
	return 0;
}

static int check_atsd(const struct vfio_pci_nvlink2_desc *desc, u64 page,
		      const char **why)
{
	if (desc->size)
		return refuse(-EINVAL, why, "a bridge cannot have RAM");
	if (desc->has_atsd && desc->atsd & (page - 1))
		return refuse(-EINVAL, why, "its ATSD registers do not begin on a page");
	if (desc->has_atsd && !desc->atsd)
		return refuse(-EINVAL, why, "its ATSD registers have no address");
	return 0;
}

/**
 * nvlink2_check() - check a description
 * @desc: from anywhere
 * @page: bytes of a page of this kernel
 * @why: receives the reason of a refusal
 *
 * Return: 0; -EINVAL: size, alignment or role; -E2BIG: too much RAM;
 * -EOVERFLOW: it wraps; -ERANGE: too long a time until it is ready.
 */
int nvlink2_check(const struct vfio_pci_nvlink2_desc *desc, u64 page,
		  const char **why)
{
	if (desc->ready_ms > VFIO_PCI_NVLINK2_READY_MS_MAX)
		return refuse(-ERANGE, why, "its RAM needs more than a minute to be ready");
	switch (desc->role) {
	case VFIO_PCI_NVLINK2_GPU:
		return check_ram(desc, page, why);
	case VFIO_PCI_NVLINK2_LINK:
		return check_atsd(desc, page, why);
	}
	return refuse(-EINVAL, why, "it is described as neither GPU nor bridge");
}

/**
 * nvlink2_clip() - clip an access to the region
 * @pos: offset in the region
 * @count: bytes
 * @size: of the region
 * @clipped: receives the bytes that are in it
 *
 * Return: 0, or -EINVAL: none of it.
 */
int nvlink2_clip(u64 pos, u64 count, u64 size, u64 *clipped)
{
	if (pos >= size)
		return -EINVAL;
	*clipped = min_t(u64, count, size - pos);
	return 0;
}

/**
 * nvlink2_atsd_access() - check that an access is to one register
 * @pos: offset in the region
 * @count: bytes
 *
 * Return: true if it is one of 4 or 8 bytes, aligned.
 */
bool nvlink2_atsd_access(u64 pos, u64 count)
{
	return (count == 4 || count == 8) && !(pos & (count - 1));
}

/**
 * nvlink2_mmap_fits() - check that a mapping is within the region
 * @pgoff: first page in the region
 * @pages: of the mapping
 * @size: bytes of the region, whole pages
 * @page: bytes of a page
 *
 * Return: true if it is.
 */
bool nvlink2_mmap_fits(u64 pgoff, u64 pages, u64 size, u64 page)
{
	u64 all = size / page;

	return pages && pgoff < all && pages <= all - pgoff;
}
