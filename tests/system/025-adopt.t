# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# VFs that were there before the vendor's driver: pci-pf-stub leaves them behind.

must "pci-pf-stub is loaded" load pci-pf-stub
must "pci-pf-stub is bound to the PF" pf_driver pci-pf-stub
must "3 VFs exist" set_vfs 3
vf_bdf 0; first=$BDF
vf_bdf 2; last=$BDF
bound_driver "$first"
is "no VF has a driver" "$DRIVER" ""
t "another driver takes the last" write_to "/sys/bus/pci/devices/$last/driver_override" vfio-pci
t "vfio-pci is loaded" load vfio-pci
t "the last VF is probed" write_to /sys/bus/pci/drivers_probe "$last"

mark
t "our driver is bound to the PF" pf_driver $DEV_DRIVER
logged "the log names the VF that it can't have" "$last: belongs to driver vfio-pci; unbind it"
bound_driver "$first"
is "the other VFs are bound to mdev-pci" "$DRIVER" mdev-pci
bound_driver "$last"
is "the last VF is still bound to vfio-pci" "$DRIVER" vfio-pci
is "2 are available" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 2
new_uuid
u=$UUID
t "an mdev is created" create "$u"
mig "the mdev does DMA" "$u" dma:20

t "the last VF is unbound, as the log says" write_to "/sys/bus/pci/drivers/vfio-pci/unbind" "$last"
t "its driver_override is mdev-pci" write_to "/sys/bus/pci/devices/$last/driver_override" mdev-pci
t "the last VF is probed" write_to /sys/bus/pci/drivers_probe "$last"
is "2 more are available" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 2
no_mdevs_no_vfs
t "no override is left" write_to "$PFDIR/driver_override" "
"
is "driver_override of the PF is empty" "$(cat "$PFDIR/driver_override")" "(null)"
t "pci-pf-stub is unloaded" unload pci-pf-stub
