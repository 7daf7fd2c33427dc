# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: guests
# timeout: 400
#
# A guest whose QEMU opens the mdev by its character device, with IOMMUFD; its migration to
# another such, and to one by the group.

able qemu-iommufd "a guest with an mdev by IOMMUFD" || return 0
vfs_and_mdevs 2 u v
qemu_words

files_of() # NAME: what QEMU has open
{
	read -r g_pid <"$GUESTS/$1/pid" && readlink "/proc/$g_pid/fd/"*
}

with_iommufd()
{
	GUEST_ARGS="-object iommufd,id=iommufd0"
	GUEST_VFIO=,iommufd=iommufd0
}

with_group()
{
	GUEST_ARGS='' GUEST_VFIO=''
}

with_iommufd
must "a guest boots with the mdev" guest_boot g "$u"
files=$(files_of g)
like "by its character device" "$files" '^/dev/vfio/devices/vfio[0-9]+$'
like "the guest's QEMU uses IOMMUFD" "$files" '^/dev/iommu$'
is "not by its group" "$(printf '%s\n' "$files" | grep -E '^/dev/vfio/(vfio|[0-9]+)$')" ""
t "its copies go on" guest_goes_on g 200 60
is "each byte was right" "$ERRORS" 0
mig "nobody else can open the mdev" "$u" open=EBUSY

must "the guest migrates to the second mdev" guest_migrate g h "$v"
t "the copies go on" guest_goes_on h 200 60
is "each byte was right" "$ERRORS" 0
t "the source's QEMU ends" guest_quit g

with_group
must "and back, to a QEMU that uses the group" guest_migrate h g "$u"
t "the copies go on" guest_goes_on g 200 60
is "each byte was right" "$ERRORS" 0
echo "# QEMU's words: $(sort -u "$GUESTS/h/log" | tr '\n' ';')"
guest_quit h
guest_quit g
mig "the device is reset after the guest" "$v" copies=0 dma:20
no_mdevs_no_vfs
