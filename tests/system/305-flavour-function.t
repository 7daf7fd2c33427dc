# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: nvlink2
#
# driver_flavour of a function that is offered as a whole, from no driver and no module of it on.

PCI=/sys/bus/pci/devices

flavour() { cat "$PCI/$gpu/driver_flavour"; }
switch() { write_to "$PCI/$gpu/driver_flavour" "$1"; }
state() # DESCRIPTION FLAVOURS DRIVER
{
	is "$1: flavour" "$(flavour)" "$2"
	bound_driver "$gpu"
	is "$1: driver" "$DRIVER" "$3"
	is "$1: driver_override" "$(cat "$PCI/$gpu/driver_override")" "(null)"
}

gpu=$(for d in "$PCI"/*; do [ "$(cat "$d/vendor")" != 0x10de ] || echo "${d##*/}"; done | head -n 1)
like "there is a GPU" "$gpu" :
loaded mdev_pci_nvlink2 && unload mdev-pci-nvlink2
must "our modules unload" unload_all
# Others bind it so
t "nobody has reserved it" write_to "$PCI/$gpu/driver_override" "
"
unload vfio-pci
must "driver_flavour alone is loaded" load driver-flavour
state "at first" "native vfio" ""
must "one write switches the driver" switch mdev
state "flavour mdev, driver nvlink2" "native vfio [mdev]" nvlink2
new_uuid
u=$UUID
t "an mdev is created" write_to "$PCI/$gpu/mdev_supported_types/nvlink2-gpu/create" "$u"
refused "an mdev has it" "$PCI/$gpu/driver_flavour" vfio EBUSY "$gpu: flavour vfio refused: mdev $u uses the function"
t "the mdev is removed" remove "$u"
must "one write switches the driver" switch vfio
state "flavour vfio, driver vfio-pci" "native [vfio] mdev" vfio-pci
t "the GPU offers no types" is_gone "$PCI/$gpu/mdev_supported_types"
refused "nobody has a driver for it" "$PCI/$gpu/driver_flavour" native ENODEV "no driver for the function is loaded"
state "flavour and driver are unchanged" "native [vfio] mdev" vfio-pci
must "one write switches the driver" switch mdev
state "flavour mdev, driver nvlink2" "native vfio [mdev]" nvlink2
new_uuid
t "an mdev is created" write_to "$PCI/$gpu/mdev_supported_types/nvlink2-gpu/create" "$UUID"
t "the mdev is removed" remove "$UUID"
t "the GPU is unbound" write_to /sys/bus/pci/drivers/nvlink2/unbind "$gpu"
t "the driver unloads" unload mdev-pci-nvlink2
must "our modules unload" unload_all
must "all modules load" load_all
