# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# VFs that were there before the vendor's driver: pci-pf-stub leaves them behind.

pf_driver() # NAME: the PF gets that driver
{
	bound_driver "$PF"
	[ -z "$DRIVER" ] || write_to "$PFDIR/driver/unbind" "$PF" || return 1
	write_to "$PFDIR/driver_override" "$1" && write_to /sys/bus/pci/drivers_probe "$PF" || return 1
	bound_driver "$PF"
	[ "$DRIVER" = "$1" ] || fail "its driver is '$DRIVER'"
}

must "pci-pf-stub is loaded" load pci-pf-stub
must "it gets the PF" pf_driver pci-pf-stub
must "3 VFs" set_vfs 3
vf_bdf 0; first=$BDF
vf_bdf 2; last=$BDF
bound_driver "$first"
is "nobody has them" "$DRIVER" ""
t "another driver takes the last" write_to "/sys/bus/pci/devices/$last/driver_override" vfio-pci
t "vfio-pci is loaded" load vfio-pci
t "and bound" write_to /sys/bus/pci/drivers_probe "$last"

mark
t "the PF's driver gets it" pf_driver $DEV_DRIVER
logged "the log names the VF that it can't have" "$last: belongs to driver vfio-pci; unbind it"
bound_driver "$first"
is "the others are the framework's" "$DRIVER" mdev-pci
bound_driver "$last"
is "the last stays where it is" "$DRIVER" vfio-pci
is "2 are available" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 2
new_uuid
u=$UUID
t "an mdev" create "$u"
mig "it works" "$u" dma:20

t "the last, as the log says" write_to "/sys/bus/pci/drivers/vfio-pci/unbind" "$last"
t "is handed over" write_to "/sys/bus/pci/devices/$last/driver_override" mdev-pci
t "and bound" write_to /sys/bus/pci/drivers_probe "$last"
is "2 more are available" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 2
no_mdevs_no_vfs
t "no override is left" write_to "$PFDIR/driver_override" "
"
is "indeed" "$(cat "$PFDIR/driver_override")" "(null)"
t "pci-pf-stub is unloaded" unload pci-pf-stub
