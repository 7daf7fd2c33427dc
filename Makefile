# SPDX-License-Identifier: GPL-2.0-only
#
# Read twice. By kbuild, out of tree or as a directory of a kernel tree: what to build. By a
# person's make: the commands; "make help" lists them.

ifneq ($(KERNELRELEASE),)

# $(src) is a path by itself, but in trees before 6.10 relative to $(srctree)
here := $(if $(wildcard $(src)/Kconfig),$(src),$(srctree)/$(src))
subdir-ccflags-y += -I$(here)/include

have-top := $(here)
have-src := $(wildcard $(here)/drivers/vfio/pci/have.c $(here)/drivers/vfio/flavour/*/have.c \
	$(here)/drivers/vfio/mdev-pci/have.c \
	$(here)/drivers/vfio/mdev-pci/*/have.c)
include $(here)/drivers/vfio/have.mk
$(obj)/drivers/vfio/pci $(obj)/drivers/vfio/flavour $(obj)/drivers/vfio/mdev-pci: $(have-headers)

# What this kernel has, and no more
ifneq ($(HAVE_ONLY),)
always-y += $(have-headers:$(obj)/%=%)
else
obj-$(CONFIG_VFIO_PCI_ENGINE) += drivers/vfio/pci/
obj-$(CONFIG_DRIVER_FLAVOUR) += drivers/vfio/flavour/
obj-$(CONFIG_MDEV_PCI) += drivers/vfio/mdev-pci/
endif

else

KDIR ?= /lib/modules/$(shell uname -r)/build
soak: N ?= 1000
soak: TIME ?= 3600
fuzz: TIME ?= 600

# WITHOUT=MDEV_PCI_NVLINK2,VFIO_PCI_ENGINE_NVLINK2: a build without these options
comma := ,
options := CONFIG_VFIO_PCI_ENGINE=m CONFIG_VFIO_PCI_ENGINE_NVLINK2=y CONFIG_DRIVER_FLAVOUR=m \
	CONFIG_DRIVER_FLAVOUR_RDMA=m \
	CONFIG_MDEV_PCI=m CONFIG_MDEV_PCI_REFDEV=m CONFIG_MDEV_PCI_REFDEV_PF_TYPE=y \
	CONFIG_MDEV_PCI_REFDEV_VF_CTRL=y CONFIG_MDEV_PCI_REFDEV_DEBUGFS=y \
	CONFIG_MDEV_PCI_NVLINK2=m CONFIG_MDEV_PCI_GENERIC=m CONFIG_MDEV_PCI_NVME=m \
	CONFIG_MDEV_PCI_VIRTIO=m CONFIG_MDEV_PCI_MLX5=m CONFIG_MDEV_PCI_QAT=m
config := $(filter-out $(addsuffix =%,$(addprefix CONFIG_,$(subst $(comma), ,$(WITHOUT)))),$(options))
kbuild := $(MAKE) -C $(KDIR) M=$(CURDIR) $(config)

.PHONY: help modules modules_install install-tools uninstall-tools install-dev uninstall-dev conform install-conform deb clean setup demo check shell soak fuzz fuzz-ioctl bench coverage

help:
	@echo 'The product'
	@echo '  demo             shows a guest that migrates, from an empty machine on (root); DEVICE=virtio:'
	@echo '                   with a virtio-blk disk of the SNAP model; DEVICE=mlx5: with RDMA on a ConnectX model'
	@echo '  check            all tests (root)'
	@echo '  check-full       the same, with the system tests on every stack (kernel, QEMU); runs overnight'
	@echo 'Modules, for the running kernel or KDIR=<headers or build directory>'
	@echo '  modules          build them; W=1: more warnings, C=1: sparse;'
	@echo '                   WITHOUT=<options>: not those of Kconfig, with commas between them'
	@echo '  modules_install  install them; INSTALL_MOD_PATH=<root>'
	@echo '  install-tools    install what is in tools/; DESTDIR=<root> PREFIX=/usr/local; uninstall-tools'
	@echo '  install-dev      install the files that build a vendor module out of this tree; uninstall-dev'
	@echo '  conform          build/conform/mdev-pci-conform, which checks a VFIO device; STATIC=1, PLUGINS=<files>; install-conform'
	@echo '  deb              Debian packages, in build/deb; needs build-essential, debhelper and dh-dkms'
	@echo '  clean            remove what was built'
	@echo 'The test bed (root; keeps its artefacts in $$XDG_CACHE_HOME/mdev-pci)'
	@echo '  setup            make all artefacts that are missing'
	@echo '  shell            a root shell on a test host with the modules and a reference device'
	@echo '  check-unit       unit tests only'
	@echo '  check-style      checkpatch, sparse and W=1 builds only'
	@echo '  check-system     system tests only; T=<pattern>: only those'
	@echo '  check-debian12   system tests that differ on kernel 6.1 with QEMU 7.2'
	@echo '  check-backports  system tests that differ on kernel 6.1 with QEMU 10.0'
	@echo '  check-generic    VFs of stock devices (igb, nvme) as mdevs; 4 minutes'
	@echo '  check-virtio     the SNAP model, our module and upstream'\''s driver, on kernel 7.3; 15 minutes'
	@echo '  check-mlx5       the ConnectX model, by stock mlx5_core and upstream'\''s mlx5-vfio-pci'
	@echo '  check-libvirt    libvirt 11.3 and 9.0; half an hour'
	@echo '  check-fleet      what fleets use: Nova'\''s parser, driverctl, replicas of Proxmox VE and KubeVirt; 10 minutes'
	@echo '  check-upstream   the kernel'\''s own selftests/vfio, on an mdev and on vfio-pci'
	@echo '  check-conform    mdev-pci-conform on the reference device, with planted bugs, on mtty and the QAT module; system tests of a skeleton'
	@echo '  check-docs       the documents as HTML: links, each page in a browser; getting-started on a bare Debian; 15 minutes'
	@echo '  check-packages   the Debian packages: built, installed, used and removed on Debian 12 and 13'
	@echo '  check-cross      builds by clang, and by cross gcc for arm64 and ppc64le'
	@echo '  check-power      ppc64le: the engine on an emulated POWER9 machine'
	@echo '  check-stacks     system tests on every stack; STACKS="<names>", T=<pattern>: only those'
	@echo '  check-selfcheck  the debug kernel, and test files that plant one bug each, which must fail'
	@echo '  check-builtin    the modules in the kernel'\''s image, from a directory of its source'
	@echo '  coverage         which lines and branches the system tests reach; T=<pattern>: only those'
	@echo '  soak N=1000 TIME=3600   operations in random order for TIME seconds, with at least N migrations'
	@echo '  fuzz TIME=600    fuzzing, that many seconds for each target'
	@echo '  fuzz-ioctl TIME=600  a hostile user of an mdev for that many seconds; SEED=<n>: repeat that run'
	@echo '  bench            measurements; WHAT="save ...": only those, see tests/bench/run.sh'

modules:
	+$(kbuild) modules

# Vendor modules out of the tree are built against these symbols: tools/dev/vendor.mk
symvers := $(INSTALL_MOD_PATH)/var/lib/mdev-pci/symvers

modules_install:
	+$(kbuild) modules_install
	install -D -m 644 Module.symvers $(symvers)/$$($(MAKE) -s -C $(KDIR) kernelrelease)

install-tools:
	+$(MAKE) -C tools install

uninstall-tools:
	+$(MAKE) -C tools uninstall

install-dev:
	+$(MAKE) -C tools/dev install

uninstall-dev:
	+$(MAKE) -C tools/dev uninstall

conform: O ?= $(CURDIR)/build/conform
conform:
	+$(MAKE) -C tools/conform O=$(O)

install-conform: O ?= $(CURDIR)/build/conform
install-conform:
	+$(MAKE) -C tools/conform install O=$(O)

# In a copy: dpkg-buildpackage writes to the tree and above it
deb:
	rm -rf build/deb
	mkdir -p build/deb/source
	cp -a --parents Makefile Kconfig LICENSES README.md SECURITY.md MAINTAINERS debian docs drivers include tools build/deb/source
	cd build/deb/source && dpkg-buildpackage -b -us -uc
	rm -rf build/deb/source
	@ls build/deb/*.deb

clean:
	+$(kbuild) clean

setup:
	tests/vm/setup.sh

demo:
	tests/demo/demo.sh $(if $(DEVICE),--device $(DEVICE))

check:
	tests/check.sh

check-%:
	tests/check.sh $*

shell:
	tests/vm/shell.sh

soak:
	tests/system/soak.sh --time $(TIME) $(if $(GUESTS),--guests $(GUESTS)) $(if $(SEED),--seed $(SEED)) $(N)

bench:
	tests/bench/run.sh $(WHAT)

coverage:
	tests/coverage.sh $(T)

fuzz:
	tests/fuzz/run.sh --seconds $(TIME)

fuzz-ioctl:
	tests/system/fuzz.sh $(TIME) $(SEED)

endif
