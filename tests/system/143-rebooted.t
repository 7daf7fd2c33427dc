# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: rebooted
# timeout: 120
# needs: modprobe
#
# The host of 142-reboot comes up again, in a boot of its own, with what was on its disk. Nothing
# has loaded a module of ours when udevd starts, and only udevd does. It is systemd's, and it gets the
# events for the devices that there are, as from systemd-udev-trigger.service. There is no systemd.
. "$PAYLOAD/tests/system/libvirt.sh"

defined() # TYPE START -> $UUID
{
	UUID=$(grep -l "\"mdev_type\": *\"$1\"" /etc/mdevctl.d/"$PF"/* | xargs grep -l "\"start\": *\"$2\"")
	UUID=${UUID##*/}
	[ -n "$UUID" ]
}

active() { [ -d "$MDEVS/$1" ]; }

coldplug()
{
	udevadm trigger --type=subsystems --action=add && udevadm trigger --type=devices --action=add &&
		udevadm settle --timeout=$((90 * ${PATIENCE:-1}))
}

must "no module is loaded" not is_dir /sys/module/mdev_pci
must "the disk of 142-reboot is there" is_dir "/etc/mdevctl.d/$PF"
t "an mdev with attributes is defined" defined $DEV_TYPE auto
a=$UUID
t "an mdev of another type is defined" defined $DEV_TYPE_LITE auto
b=$UUID
t "and one that is not to start" defined $DEV_TYPE manual
c=$UUID

must "udevd starts" udev_start
t "udev gets events of all devices" coldplug
t "the PF's driver is loaded" loaded $DEV_MODULE
is "the VFs are there" "$(cat "$PFDIR/sriov_numvfs")" 3
t "the mdev is there" wait_for 30 active "$a"
t "the mdev has its max_copy" attr_is "$a" max_copy 65536
t "the mdev has its bandwidth after the reboot" attr_is "$a" bandwidth 100
t "the other type's mdev is active as well" wait_for 10 active "$b"
t "the one that is not to start is not" is_gone "$MDEVS/$c"
load vfio_iommu_type1
mig "the mdev does DMA" "$a" dma:20
t "udevd ends" udev_stop

no_mdevs_no_vfs
rm -f /etc/mdevctl.d/"$PF"/*
