# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# timeout: 120
# needs: modprobe
#
# The modules load and unload in any order that their dependencies allow, and leave
# nothing.

able unload "loading and unloading" || return 0

nothing_left()
{
	dev_debugfs "$PF"
	for path in /sys/bus/pci/drivers/$DEV_DRIVER /sys/bus/pci/drivers/mdev-pci \
		/sys/bus/mdev/drivers/mdev-pci "/sys/class/mdev_bus/$PF" \
		"${FW%/"$PF"}" "$PFDIR/mdev_supported_types" "$PFDIR/driver_flavour"; do
		is_gone "$path" || fail "$path is left" || return 1
	done
}

must "all modules unload" unload_all
t "no file, device or module of ours is left" nothing_left

t "the engine loads alone" load vfio-pci-engine
t "the engine unloads alone" unload vfio-pci-engine
t "driver_flavour loads alone" load driver-flavour
t "the PF has the attribute" is_there "$PFDIR/driver_flavour"
t "driver_flavour has brought none of the others" not loaded vfio-pci-engine
t "driver_flavour unloads alone" unload driver-flavour
t "the framework loads without a vendor module" load mdev-pci
t "the engine is loaded with the framework" loaded vfio-pci-engine
t "driver_flavour is loaded with the framework" loaded driver-flavour
t "driver_flavour is held by the framework" not unload driver-flavour
t "the framework unloads" unload mdev-pci
t "driver_flavour unloads" unload driver-flavour
t "the engine unloads" unload vfio-pci-engine

t "the vendor module brings all others" load $DEV_MODULE
t "the PF is bound" is_dir "$PFDIR/driver"
t "the PF is an mdev parent" is_there "/sys/class/mdev_bus/$PF"
t "the engine is held by the framework" not unload vfio-pci-engine
t "the framework is held by the vendor module" not unload mdev-pci
t "no VF appears by itself" test ! -e "$PFDIR/virtfn0"
t "all modules unload again" unload_all
t "no file, device or module of ours is left again" nothing_left

many_times()
{
	for _ in 1 2 3 4 5; do
		load_all && unload_all || return 1
	done
}
t "load and unload work five times" many_times

with_vfs()
{
	load_all && set_vfs 4 && unload_all
}
t "unload with VFs" with_vfs
t "the VFs are gone" test ! -e "$PFDIR/virtfn0"
t "no file, device or module of ours is left after VFs" nothing_left
t "all modules load" load_all
