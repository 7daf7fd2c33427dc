# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: nvlink2
# timeout: 400
#
# libvirt takes a GPU with managed='yes' while mdev-pci-nvlink2 is installed: it binds vfio-pci.

. "$PAYLOAD/tests/system/guest.sh"
. "$PAYLOAD/tests/system/libvirt.sh"

PCI=/sys/bus/pci/devices

# What user space looks for when it wants a VFIO device of a function
vfio_aliases() # MODULE
{
	modinfo -F alias "$1" | grep '^vfio_pci:'
}

for module in "/lib/modules/$(uname -r)"/updates/mdev-pci*.ko; do
	is "${module##*/} has no alias that takes a function from VFIO's drivers" "$(vfio_aliases "$module")" ""
done

if ! has_libvirt; then
	skip "libvirt" "$REASON"
	return 0
fi

gpu=$(for d in "$PCI"/*; do [ "$(cat "$d/vendor")" != 0x10de ] || echo "${d##*/}"; done | head -n 1)
like "there is a GPU" "$gpu" :
[ ! -e "$PCI/$gpu/driver" ] || write_to "$PCI/$gpu/driver/unbind" "$gpu"
t "nobody has reserved it" write_to "$PCI/$gpu/driver_override" "
"
must "libvirtd starts" libvirt_start
must "the files of a guest are made" libvirt_guest_files
must "a domain with the GPU is defined" managed_xml gpu "$gpu"
VIRSH_TIMEOUT=120
t "the domain starts" virt create --paused "$WORK/gpu.xml"
bound_driver "$gpu"
is "libvirt has bound vfio-pci" "$DRIVER" vfio-pci
t "the domain is destroyed" virt destroy gpu
t "libvirtd ends" libvirt_stop
