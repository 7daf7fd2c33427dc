// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the description of a GPU's RAM or a bridge's ATSD registers: of the
 * vendor driver, in the device tree, in a DVSEC, or in properties of the
 * firmware's node. The first source that has one counts, also if it is refused;
 * the others are not read then.
 */
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/property.h>
#include <linux/vfio_pci_engine.h>

#include "nvlink2.h"
#include "desc.h"

static int refuse(struct pci_dev *pdev, int err, const char *from,
		  const char *why)
{
	pci_err(pdev, "NVLink2 refused, as described by %s: %s (%pe)\n", from, why, ERR_PTR(err));
	return err;
}

static int from_vendor(struct vfio_pci_fn *fn,
		       const struct vfio_pci_nvlink2_ops *ops,
		       struct nvlink2_source *src, const char **why)
{
	if (!ops || !ops->describe)
		return -ENODEV;
	src->from = "the vendor driver";
	*why = "its operation describe failed";
	return vfio_pci_engine_result(&fn->pdev->dev, "describe of NVLink2",
				      ops->describe(fn, &src->desc));
}

static int read_dvsec(struct pci_dev *pdev, u16 at, struct nvlink2_dvsec *dvsec)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(dvsec->dw); i++) {
		ret = pci_read_config_dword(pdev, at + i * 4, &dvsec->dw[i]);
		if (ret)
			return pcibios_err_to_errno(ret);
	}
	return 0;
}

static int from_dvsec(struct pci_dev *pdev, struct nvlink2_source *src,
		      const char **why)
{
	u16 at =
		pci_find_dvsec_capability(pdev, pdev->vendor, NVLINK2_DVSEC_ID);
	struct nvlink2_dvsec dvsec;
	bool has_ready;
	int ret;

	/*
	 * A capability that ends beyond the configuration space has not our
	 * signature's length
	 */
	if (!at || at + NVLINK2_DVSEC_BYTES > pdev->cfg_size)
		return -ENODEV;
	src->from = "a DVSEC";
	*why = "its registers could not be read";
	ret = read_dvsec(pdev, at, &dvsec);
	if (ret)
		return ret;
	if (!nvlink2_dvsec_is_ours(&dvsec))
		return -ENODEV;
	ret = nvlink2_parse_dvsec(&dvsec, &src->desc, &has_ready, why);
	src->ready_at = has_ready ? at + NVLINK2_DVSEC_AT_STATUS : 0;
	return ret;
}

static int from_properties(struct pci_dev *pdev, struct nvlink2_source *src,
			   const char **why)
{
	u64 base, size;
	bool has_base = !device_property_read_u64(&pdev->dev, "nvidia,gpu-mem-base-pa", &base);
	bool has_size = !device_property_read_u64(&pdev->dev, "nvidia,gpu-mem-size", &size);

	src->from = "its firmware node";
	return nvlink2_parse_properties(has_base ? &base : NULL,
					has_size ? &size : NULL, &src->desc,
					why);
}

static int ask(struct vfio_pci_fn *fn, const struct vfio_pci_nvlink2_ops *ops,
	       struct nvlink2_source *src, const char **why)
{
	int ret = from_vendor(fn, ops, src, why);

	if (ret == -ENODEV)
		ret = nvlink2_from_of(fn->pdev, src, why);
	if (ret == -ENODEV)
		ret = from_dvsec(fn->pdev, src, why);
	if (ret == -ENODEV)
		ret = from_properties(fn->pdev, src, why);
	return ret;
}

static bool is_system_ram(const struct vfio_pci_nvlink2_desc *desc)
{
	return desc->role == VFIO_PCI_NVLINK2_GPU &&
	       region_intersects(desc->base, desc->size, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE) != REGION_DISJOINT;
}

/**
 * nvlink2_find() - find and check the description of a function
 * @fn: the function
 * @ops: the vendor driver's, or NULL
 * @src: receives the description
 *
 * Context: process context; sleeps.
 * Return: 0; -ENODEV: a plain PCI device. Or, with a line in the log: -EBUSY:
 * the RAM is the host's; others from nvlink2_from_of(), nvlink2_parse_dvsec(),
 * nvlink2_parse_properties(), nvlink2_check(), the vendor driver, or reading
 * config space.
 */
int nvlink2_find(struct vfio_pci_fn *fn, const struct vfio_pci_nvlink2_ops *ops,
		 struct nvlink2_source *src)
{
	const char *why = NULL;
	int ret;

	*src = (struct nvlink2_source) {};
	ret = ask(fn, ops, src, &why);
	if (ret == -ENODEV)
		return ret;
	if (!ret)
		ret = nvlink2_check(&src->desc, PAGE_SIZE, &why);
	if (!ret && is_system_ram(&src->desc)) {
		why = "its RAM is the host's own memory";
		ret = -EBUSY;
	}
	return ret ? refuse(fn->pdev, ret, src->from, why) : 0;
}

int vfio_pci_nvlink2_describe(struct vfio_pci_fn *fn,
			      const struct vfio_pci_nvlink2_ops *ops,
			      struct vfio_pci_nvlink2_desc *desc)
{
	struct nvlink2_source src;
	int ret = nvlink2_find(fn, ops, &src);

	if (!ret)
		*desc = src.desc;
	return ret;
}
EXPORT_SYMBOL_GPL(vfio_pci_nvlink2_describe);
