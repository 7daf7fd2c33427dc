# SPDX-License-Identifier: GPL-2.0-only
# For the Makefile of a vendor module out of the tree, which sets obj-m and includes this:
#
#	make [KDIR=<kernel headers>] [MDEV_PCI_SYMVERS=<Module.symvers of mdev-pci>]
#	make modules_install
#
# Read twice, as such a Makefile is: by kbuild, with KERNELRELEASE, and by a person's make.
MDEV_PCI_DEV := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

ifneq ($(KERNELRELEASE),)

ccflags-y += -I$(MDEV_PCI_DEV)/include
KBUILD_EXTRA_SYMBOLS += $(MDEV_PCI_SYMVERS)

else

KDIR ?= /lib/modules/$(shell uname -r)/build
# "make modules_install" of mdev-pci and its DKMS package leave it there
MDEV_PCI_SYMVERS ?= /var/lib/mdev-pci/symvers/$(shell $(MAKE) -s -C $(KDIR) kernelrelease)

.PHONY: modules modules_install clean

modules: $(MDEV_PCI_SYMVERS)
modules modules_install clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) MDEV_PCI_SYMVERS=$(MDEV_PCI_SYMVERS) $@

$(MDEV_PCI_SYMVERS):
	@echo "mdev-pci is not built for this kernel: there is no $@." >&2
	@echo "Install mdev-pci-dkms and the kernel's headers, or run: make modules modules_install in its source." >&2
	@false

endif
