#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# In L1, whose root file system is a Debian with our packages: what they have installed, and
# nothing else, makes an mdev. TAP for run.sh.

failed=0
uuid=6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01

t() # NAME COMMAND...
{
	local name=$1

	shift
	if "$@" >/tmp/out 2>&1; then
		echo "ok - $name"
	else
		failed=1
		echo "not ok - $name"
		sed 's/^/# /' /tmp/out
		dmesg | tail -n 15 | sed 's/^/# log: /'
	fi
}

from_dkms() # MODULE: the file is DKMS's, and loaded
{
	modinfo -F filename "$1" | tee /dev/stderr | grep -q /updates/dkms/ &&
		[ -d "/sys/module/$(echo "$1" | tr - _)" ]
}

vfs_bound() # NUMBER
{
	local i

	for i in {1..100}; do
		[ "$(find /sys/bus/pci/drivers/mdev-pci/ -name '0000:*' | wc -l)" != "$1" ] || return 0
		sleep 0.1
	done
	ls -l /sys/bus/pci/drivers/mdev-pci/
	return 1
}

active() { [ "$(cat "/sys/bus/mdev/devices/$uuid/migration_state")" = RUNNING ]; }

# No QEMU here, so there are warnings; errors there may be none, and this device is one
check_has_no_error()
{
	mdev-pci-check --parent "$pf"
	[ $? -lt 2 ]
}

t "the modules load" modprobe mdev-pci-refdev num_vfs=4
for m in vfio-pci-engine mdev-pci mdev-pci-refdev; do
	t "$m is DKMS's" from_dkms "$m"
done
t "VFs are there from the start" vfs_bound 4
pf=$(basename /sys/class/mdev_bus/*)
t "mdev-pci-check finds no error" check_has_no_error
t "mdevctl knows the type" sh -c 'mdevctl types | grep refdev-dma'
t "an mdev is defined" mdevctl define --uuid $uuid --parent "$pf" --type refdev-dma
t "and started" mdevctl start --uuid $uuid
t "it is there" active
t "it is stopped" mdevctl stop --uuid $uuid
t "it is undefined" mdevctl undefine --uuid $uuid
t "the modules unload" modprobe -r mdev-pci-refdev mdev-pci vfio-pci-engine
echo "##done"
exit $failed
