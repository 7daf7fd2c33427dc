#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: inside.sh first|again
#
# In L1, whose root file system is a Debian with our packages. "first": udev finds the device;
# what the packages have installed, and nothing else, makes mdevs of it. "again": that host boots
# once more, by its own systemd and with what was written to /etc the first time. Only the user
# of the mdev is the tests', as QEMU is not here. TAP for run.sh.

failed=0
conf=/etc/modprobe.d/mdev-pci.conf
uuid=6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01
mdev=/sys/bus/mdev/devices/$uuid

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

within() # SECONDS COMMAND...
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

loaded() { [ -d "/sys/module/$(echo "$1" | tr - _)" ]; }

from_dkms() # MODULE: the file is DKMS's, and loaded
{
	modinfo -F filename "$1" | tee /dev/stderr | grep -q /updates/dkms/ && loaded "$1"
}

vfs_bound() # NUMBER
{
	[ "$(find /sys/bus/pci/drivers/mdev-pci/ -name '0000:*' | wc -l)" = "$1" ]
}

# says REGEX COMMAND...: it prints that, whether it fails or not
says()
{
	local re=$1

	shift
	"$@" 2>&1 | tee /dev/stderr | grep -qE -- "$re"
}

value_is() { [ "$(cat "$mdev/$1")" = "$2" ]; }
gone() { [ ! -e "$mdev" ]; }
used() { /payload/bin/vfio-mig "$mdev" dma:20; }
share() { mount -t 9p -o trans=virtio,version=9p2000.L share /share; }

# As systemd does at boot, without it
coldplug()
{
	mkdir -p /run/udev
	/lib/systemd/systemd-udevd --daemon && within 20 udevadm control --ping --timeout=5 &&
		udevadm trigger --type=subsystems --action=add &&
		udevadm trigger --type=devices --action=add && udevadm settle --timeout=90
}

# No QEMU here, so there are warnings; errors there may be none, and this device is one
check_has_no_error()
{
	mdev-pci-check --parent "$pf"
	[ $? -lt 2 ]
}

live() # the profile has max_copy 65536 and bandwidth 100
{
	if mdevctl modify --help | grep -q -- --live; then
		mdevctl modify --uuid $uuid --live --jsonfile /usr/share/mdev-pci/profiles/refdev-dma-limited.json
	else
		echo 100 >"$mdev/bandwidth" && echo 65536 >"$mdev/max_copy"
	fi
}

first()
{
	t "the number of VFs is set" sed -i 's/^# \(options mdev-pci-refdev num_vfs\)=.*/\1=4/' $conf
	t "udev hears of all devices" coldplug
	t "it loads the PF's driver" within 20 loaded mdev-pci-refdev
	t "VFs are there from the start" within 20 vfs_bound 4
	t "modules that no device asks for load" modprobe -a mdev-pci-generic mdev-pci-nvlink2 mdev-pci-nvme
	for m in vfio-pci-engine driver-flavour mdev-pci mdev-pci-refdev mdev-pci-generic mdev-pci-nvlink2 mdev-pci-nvme; do
		t "$m is DKMS's" from_dkms "$m"
	done
	pf=$(basename /sys/class/mdev_bus/*)
	t "mdev-pci-check finds no error" check_has_no_error
	t "it finds that mdevs are started at boot" \
		says 'ok +mdevctl-autostart .*61-mdev-pci.rules' mdev-pci-check
	t "its manual is there" zgrep -q 'mdev-pci-check' /usr/share/man/man8/mdev-pci-check.8.gz
	t "the manual of the timeline tool is there" zgrep -q 'vfio-mig-timeline' /usr/share/man/man1/vfio-mig-timeline.1.gz
	t "Prometheus gets how many mdevs there can be" says 'mdev_pci_available_instances.*refdev-dma' mdev-pci-metrics
	t "the symbols for vendor modules are there" test -s "/var/lib/mdev-pci/symvers/$(uname -r)"
	t "samples for libvirt are there" test -s /usr/share/doc/mdev-pci-tools/examples/domain.xml
	t "mdevctl knows the type" says refdev-dma mdevctl types
	t "an mdev is defined by a profile" mdevctl define --uuid $uuid --parent "$pf" \
		--jsonfile /usr/share/mdev-pci/profiles/refdev-dma.json
	t "an attribute that can't be is refused in words" \
		says 'must be 4096 to 1048576 bytes, a power of 2' \
		mdevctl modify --uuid $uuid --addattr max_copy --value 3
	t "one is kept" mdevctl modify --uuid $uuid --addattr max_copy --value 8192
	t "it is to start at boot" mdevctl modify --uuid $uuid --auto
	t "it is started" mdevctl start --uuid $uuid
	t "it is there, with that" value_is max_copy 8192
	t "mdevctl lists it" says '"?max_copy"?: *"8192"' mdevctl list --uuid $uuid --dumpjson
	t "the log tells of it" says "mdevctl: start of mdev $uuid .*: success" dmesg
	t "it copies for a user" used
	t "other values are set while nobody uses it" live
	t "all of them" eval 'value_is max_copy 65536 && value_is bandwidth 100'
	t "it is stopped" mdevctl stop --uuid $uuid
	t "the log of a migration can be drawn" vfio-mig-timeline --help
	t "what was written to /etc is kept" eval 'share && tar -C / -cf /share/disk.tar etc'
}

again()
{
	t "systemd is init" [ "$(cat /proc/1/comm)" = systemd ]
	t "udev is a service of it" systemctl is-active systemd-udevd.service
	t "the mdev is there" within 60 eval '! gone'
	t "with its attribute" within 10 value_is max_copy 8192
	t "it can be used" value_is migration_state RUNNING
	t "and one of 4 VFs" vfs_bound 4
	modprobe vfio_iommu_type1
	t "it copies for a user" used
	t "it is stopped" mdevctl stop --uuid $uuid
	t "it is gone" gone
	t "it is undefined" mdevctl undefine --uuid $uuid
	t "the modules unload" modprobe -r mdev-pci-refdev mdev-pci driver-flavour vfio-pci-engine
}

"$1"
exit $failed
