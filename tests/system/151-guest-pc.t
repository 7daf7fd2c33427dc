# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: guests
# timeout: 300
# needs: firmware
#
# A guest of machine type pc, the default of some platforms: it has no PCI Express, so no extended configuration space. What
# needs none works.

. "$PAYLOAD/tests/system/guest.sh"

vfs_and_mdevs 1 u
qemu_words
# As guest_plain, but for the bus
pc()
{
	GUEST_MACHINE=pc GUEST_APPEND=rdinit=/init guest_qemu a \
		-device "vfio-pci,id=dut,sysfsdev=$MDEVS/$u,$MIG_OPTION" && guest_wait a 240 '^l2: up' || return 1
	wait_for 60 guest_sh a 2 true && REASON=
}
mdev_vf "$u"
vf_bdf "$VF"
id=$(cat "/sys/bus/pci/devices/$BDF/device")
# pc_sh COMMAND...: in the device's directory
pc_sh() { guest_sh a 30 "cd \$(dirname \$(grep -l $id /sys/bus/pci/devices/*/device)) && $*"; }

must "the guest boots" pc
t "the guest of type pc has the device" pc_sh 'grep . vendor device class'
t "the device has 256 bytes of configuration space" pc_sh '[ $(wc -c <config) = 256 ]'
t "its registers can be read" pc_sh 'echo 1 >enable; bar=$(cut -d " " -f 1 resource | head -n 1); v=$(devmem $bar 8); echo "$bar: $v"; [ $v != 0xFF ]'
t "a driver that needs a register beyond says so" guest_sh a 60 "modprobe ioatdma; dmesg | grep 'channel error register unreachable'"
t "QEMU goes on" guest_sh a 30 true
t "QEMU ends" guest_quit a
no_mdevs_no_vfs
