# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: generic
# timeout: 400
# complains: ODEBUG: free active .*kobject_delayed_cleanup
# loses: nvme_alloc_ns
#
# driver_flavour of VFs and PFs that the project did not write: igb's and nvme's, from their native drivers to
# VFIO's and to mdevs, and not while their network or disk is used. The complaint and the leak are about the
# kernel's nvme, which frees a namespace with its character device (DEBUG_KOBJECT_RELEASE).

PARENTS=/sys/bus/platform/drivers/mdev-pci-generic/parents
PCI=/sys/bus/pci/devices

flavour() { cat "$PCI/$1/driver_flavour"; }
switch() { write_to "$PCI/$1/driver_flavour" "$2"; }
driver_of() { bound_driver "$1"; echo "$DRIVER"; }
state() # DESCRIPTION BDF FLAVOURS DRIVER
{
	is "$1: flavour" "$(flavour "$2")" "$3"
	is "$1: driver" "$(driver_of "$2")" "$4"
}

# ---- igb
must "igb is loaded" load igb
must "there is a card" find_other_pf 8086:10c9
loaded igbvf && unload igbvf
loaded vfio_pci && unload vfio-pci
must "our modules unload" unload_all
must "the module loads" load mdev-pci-generic
state "the PF before it is a parent" "$PF" "[native] vfio" igb
must "the card becomes a parent" write_to $PARENTS "+$PF"
must "its network is up" ip link set "$(ls "$PFDIR/net")" up
state "the PF" "$PF" "[native] vfio" igb
refused "the PF's network is up" "$PFDIR/driver_flavour" vfio EBUSY \
	"$PF: flavour vfio refused: $(ls "$PFDIR/net") is up; take it down first"
must "1 VF exists" bound_vfs 1
vf_bdf 0; vf=$BDF
state "the VF" "$vf" "native vfio [mdev]" mdev-pci
must "one write switches the driver" switch "$vf" native
state "the VF on the host" "$vf" "[native] vfio mdev" igbvf
must "the VF has a network interface" wait_for 10 is_there "$PCI/$vf/net"
net=$(ls "$PCI/$vf/net")
must "the interface is up" ip link set "$net" up
refused "a network that is up" "$PCI/$vf/driver_flavour" mdev EBUSY \
	"$vf: flavour mdev refused: $net is up; take it down first"
state "the VF on the host" "$vf" "[native] vfio mdev" igbvf
must "the interface is down" ip link set "$net" down
must "one write switches the driver" switch "$vf" vfio
state "the VF for a guest" "$vf" "native [vfio] mdev" vfio-pci
must "one write switches the driver" switch "$vf" mdev
state "the VF for mdevs" "$vf" "native vfio [mdev]" mdev-pci
new_uuid
t "an mdev is created" create "$UUID" igb-vf
refused "an mdev has it" "$PCI/$vf/driver_flavour" native EBUSY "mdev $UUID uses the function"
t "the mdev is removed" remove "$UUID"
t "igb's PF is to be no parent any more" write_to $PARENTS "-$PF"
t "the card is no parent any more" wait_for 20 is_gone "$PFDIR/mdev_supported_types"
t "its VF has no driver" wait_for 20 is_gone "$PCI/$vf/driver"
state "its VF" "$vf" "native vfio" ""
refused "mdev is refused for a VF of no parent" "$PCI/$vf/driver_flavour" mdev EOPNOTSUPP "the function is neither a VF of an mdev-pci parent"
t "the VF goes to the host's driver" switch "$vf" native
state "its VF" "$vf" "[native] vfio" igbvf
t "the VF goes to VFIO's driver" switch "$vf" vfio
t "all VFs are removed" set_vfs 0
t "the PF's network is down" ip link set "$(ls "$PFDIR/net")" down
t "the PF goes to VFIO" switch "$PF" vfio
state "the PF" "$PF" "native [vfio]" vfio-pci
t "the PF goes back" switch "$PF" native
state "the PF" "$PF" "[native] vfio" igb

# ---- nvme: without multipath each controller has disks of its own
for module in nvme nvme_core; do
	loaded $module && unload $module
done
must "nvme_core is loaded" load nvme_core multipath=0
must "nvme is loaded" load nvme
must "there is a controller" find_other_pf 1b36:0010
[ -e "$PFDIR/driver" ] || write_to /sys/bus/pci/drivers_probe "$PF"
nvme=/dev/$(ls "$PFDIR/nvme")
must "the controller answers" wait_for 20 nvme id-ctrl "$nvme"
must "the card becomes a parent" write_to $PARENTS "+$PF"
disk=${nvme}n1
must "the controller has a disk" wait_for 20 is_there "$disk"
exec 5<"$disk"
refused "the PF's disk is open" "$PFDIR/driver_flavour" vfio EBUSY \
	"$PF: flavour vfio refused: ${disk#/dev/} is in use; unmount it first"
exec 5<&-
must "1 VF exists" bound_vfs 1
vf_bdf 0; vf=$BDF
prepare_vf()
{
	nvme virt-mgmt "$nvme" -c 1 -r 0 -a 8 -n 2 && nvme virt-mgmt "$nvme" -c 1 -r 1 -a 8 -n 1 &&
		nvme virt-mgmt "$nvme" -c 1 -a 9
}
must "the VF is given queues and interrupts" prepare_vf
must "one write switches the driver" switch "$vf" native
state "the VF on the host" "$vf" "[native] vfio mdev" nvme
must "the controller has a disk" wait_for 20 eval 'ls "$PCI/$vf"/nvme/nvme*/ | grep -q "^nvme[0-9]*n1$"'
disk=$(ls "$PCI/$vf"/nvme/nvme*/ | grep '^nvme[0-9]*n1$')
must "the disk has a device node" wait_for 20 is_there "/dev/$disk"
exec 5<"/dev/$disk"
refused "a disk that is open" "$PCI/$vf/driver_flavour" mdev EBUSY \
	"$vf: flavour mdev refused: $disk is in use; unmount it first"
exec 5<&-
must "one write switches the driver" switch "$vf" vfio
state "the VF for a guest" "$vf" "native [vfio] mdev" vfio-pci
must "one write switches the driver" switch "$vf" mdev
state "the VF for mdevs" "$vf" "native vfio [mdev]" mdev-pci
new_uuid
t "an mdev is created" create "$UUID" nvme-vf
t "the mdev is removed" remove "$UUID"
t "all VFs are removed" set_vfs 0

# ---- and with it, the kernel's default: the disk that people open is below no controller
leave()
{
	t "mdev-pci-generic unloads" unload mdev-pci-generic
	! loaded igbvf || unload igbvf
}

able nvme-multipath "disks of controllers with multipath" || { leave; return 0; }
for module in nvme nvme_core; do
	loaded $module && unload $module
done
must "nvme_core is loaded with multipath" load nvme_core multipath=1
must "nvme is loaded" load nvme
[ -e "$PFDIR/driver" ] || write_to /sys/bus/pci/drivers_probe "$PF"
must "the PF is bound" wait_for 20 is_there "$PFDIR/nvme"
nvme=/dev/$(ls "$PFDIR/nvme")
must "the controller answers" wait_for 20 nvme id-ctrl "$nvme"
grep -qw "$PF" $PARENTS || write_to $PARENTS "+$PF"
must "the card is a parent again" wait_for 20 is_there "$PFDIR/mdev_supported_types"
must "there is a disk of the subsystem" wait_for 20 eval 'ls /sys/class/nvme-subsystem/*/ | grep -q "^nvme[0-9]*n1$"'
disk=$(ls /sys/class/nvme-subsystem/*/ | grep '^nvme[0-9]*n1$')
must "the disk has a device node" wait_for 20 is_there "/dev/$disk"
exec 5<"/dev/$disk"
refused "the disk that only the PF has is open" "$PFDIR/driver_flavour" vfio EBUSY \
	"$PF: flavour vfio refused: $disk is in use; unmount it first"
state "the PF" "$PF" "[native] vfio" nvme
must "1 VF exists" bound_vfs 1
vf_bdf 0; vf=$BDF
must "the VF is given queues and interrupts" prepare_vf
must "one write switches the driver" switch "$vf" native
must "the VF has the disk, too" wait_for 20 eval 'ls "$PCI/$vf"/nvme/nvme*/ | grep -q "^nvme[0-9]*c[0-9]*n1$"'
t "the VF can go while the disk is open, the PF has it" switch "$vf" vfio
state "the VF for a guest" "$vf" "native [vfio] mdev" vfio-pci
exec 5<&-
t "the function is unbound from VFIO's driver" write_to /sys/bus/pci/drivers/vfio-pci/unbind "$vf"
is "the VF is reserved for mdev-pci" "$(cat "$PCI/$vf/driver_override")" mdev-pci
t "the function is probed" write_to /sys/bus/pci/drivers_probe "$vf"
state "the VF for mdevs" "$vf" "native vfio [mdev]" mdev-pci
t "all VFs are removed" set_vfs 0
leave
