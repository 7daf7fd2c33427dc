# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 400
# boot: libvirt
#
# driver_flavour, and libvirt that takes VFs and gives them back by itself (managed='yes').

. "$PAYLOAD/tests/system/guest.sh"
. "$PAYLOAD/tests/system/libvirt.sh"

if ! has_libvirt; then
	skip "libvirt" "$REASON"
	return 0
fi

flavour() { cat "/sys/bus/pci/devices/$1/driver_flavour"; }
switch() { write_to "/sys/bus/pci/devices/$1/driver_flavour" "$2"; }
override() { cat "/sys/bus/pci/devices/$1/driver_override"; }
available() { cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances"; }

must "2 VFs exist" set_vfs 2
must "all VFs are bound to mdev-pci" wait_for 20 all_bound 2
vf_bdf 0; zero=$BDF
vf_bdf 1; one=$BDF
is "both VFs have the flavour mdev" "$(flavour "$zero"), $(flavour "$one")" "native vfio [mdev], native vfio [mdev]"
must "libvirtd starts" libvirt_start
must "the files of a guest are made" libvirt_guest_files
must "a domain with a VF that is mdev-pci's" managed_xml taken "$zero"
VIRSH_TIMEOUT=120
# Firmware has not enabled the VF: a guest's driver could not use it
must "the domain starts" virt create --paused "$WORK/taken.xml"
is "libvirt has taken it for VFIO" "$(flavour "$zero")" "native [vfio] mdev"
is "one is left for mdevs" "$(available)" 1
for to in native mdev; do
	refused "$to meanwhile" "/sys/bus/pci/devices/$zero/driver_flavour" $to EEXIST \
		"flavour $to refused: driver_override is already set"
done
t "the domain is destroyed" virt destroy taken
t "libvirt gives it back to mdev-pci" wait_for 20 eval '[ "$(flavour "$zero")" = "native vfio [mdev]" ]'
is "driver_override of the VF is mdev-pci" "$(override "$zero")" mdev-pci
is "both VFs are available" "$(available)" 2
new_uuid; u=$UUID
t "an mdev is created" create "$u"
new_uuid; v=$UUID
t "another mdev is created" create "$v"
t "both mdevs are removed" remove_all

t "the other VF is given to VFIO" switch "$one" vfio
must "a domain with it is defined" managed_xml vfio "$one"
t "the domain starts" virt create --paused "$WORK/vfio.xml"
is "the VF keeps the flavour vfio" "$(flavour "$one")" "native [vfio] mdev"
refused "native meanwhile" "/sys/bus/pci/devices/$one/driver_flavour" native EBUSY "flavour native refused: "
t "the domain is destroyed" virt destroy vfio
is "libvirt leaves it there" "$(flavour "$one")" "native [vfio] mdev"
t "mdev-pci gets it by one write" switch "$one" mdev
is "the VF has the flavour mdev" "$(flavour "$one")" "native vfio [mdev]"
t "libvirtd ends" libvirt_stop
no_mdevs_no_vfs
