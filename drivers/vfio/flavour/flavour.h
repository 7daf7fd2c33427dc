/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * driver_flavour: what the files of the module share.
 *
 * main.c has the attribute and calls switch.c, which asks busy.c whether the
 * function is in use and match.c for a driver. All of them ask the provider, by
 * provider.c.
 *
 * No lock is held while a function is switched, since that waits for modprobe
 * and for drivers. switches_lock (switch.c) and files_lock (main.c) are inside
 * of all other locks.
 */
#ifndef DRIVER_FLAVOUR_INTERNAL_H
#define DRIVER_FLAVOUR_INTERNAL_H

#include <linux/driver_flavour.h>
#include <linux/pci.h>
#include <linux/srcu.h>

enum flavour { FLAVOUR_NATIVE, FLAVOUR_VFIO, FLAVOUR_PROVIDED, NR_FLAVOURS };

/* switch.c */
int flavour_switch(struct pci_dev *pdev, const char *word);
bool flavour_is_switched(struct pci_dev *pdev);

/* busy.c */
bool flavour_is_busy(struct pci_dev *pdev, char *why, size_t size);

/* rdma/main.c, another module: by symbol_request() only */
bool flavour_rdma_in_use(struct device *dev);

/* match.c */
enum flavour flavour_of(struct pci_dev *pdev, struct device_driver *drv);
void flavour_put_driver(struct device_driver *drv);
struct device_driver *flavour_bound_driver(struct pci_dev *pdev);
struct device_driver *flavour_native_driver(struct pci_dev *pdev);
struct device_driver *flavour_best_driver(struct pci_dev *pdev,
					  enum flavour flavour, int *below);
void flavour_load_vfio(struct pci_dev *pdev);
void flavour_load_provided(struct pci_dev *pdev,
			   const struct driver_flavour_provider *p);

/* provider.c */
const char *flavour_name(const struct driver_flavour_provider *p,
			 enum flavour flavour);
extern struct srcu_struct flavour_srcu;
extern const struct driver_flavour_provider __rcu *flavour_provider;
const struct driver_flavour_provider *flavour_provider_get(void);
void flavour_provider_put(const struct driver_flavour_provider *p);

/* override.c */
int flavour_override_set(struct pci_dev *pdev, const struct device_driver *drv);
int flavour_override_match(struct pci_dev *pdev,
			   const struct device_driver *drv);
void flavour_override_clear(struct pci_dev *pdev,
			    const struct device_driver *drv);
int flavour_override_reserve(struct pci_dev *pdev,
			     const struct device_driver *drv);

#endif /* DRIVER_FLAVOUR_INTERNAL_H */
