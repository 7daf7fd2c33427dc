#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The test bed's own check, third part: with --device igb,romfile= an L2 guest gets
# a VF of a stock SR-IOV device by the kernel's own vfio-pci.
. "$BED/lib/l2.sh"
pf=$(basename "$(dirname "$(ls /sys/bus/pci/devices/*/sriov_numvfs)")")
modprobe igb
ip link set "$(ls "/sys/bus/pci/devices/$pf/net")" up
echo 2 >"/sys/bus/pci/devices/$pf/sriov_numvfs" || exit 1
echo 1..3
[ "$(ls -d /sys/bus/pci/devices/"$pf"/virtfn* | wc -l)" = 2 ] &&
	echo "ok 1 - two VFs" || { echo "not ok 1 - two VFs"; exit 1; }
vf=$(basename "$(readlink "/sys/bus/pci/devices/$pf/virtfn0")")
[ "$(ls "/sys/bus/pci/devices/$vf/iommu_group/devices")" = "$vf" ] &&
	echo "ok 2 - a group of its own" || { echo "not ok 2 - a group of its own"; exit 1; }
echo vfio-pci >"/sys/bus/pci/devices/$vf/driver_override"
[ ! -e "/sys/bus/pci/devices/$vf/driver" ] || echo "$vf" >"/sys/bus/pci/devices/$vf/driver/unbind"
echo "$vf" >/sys/bus/pci/drivers_probe
l2_start a -device "vfio-pci,host=$vf"
l2_ready a && l2_exec a 'ls -l /sys/bus/pci/drivers/igbvf /sys/class/net' | tee /tmp/out | sed 's/^/# /'
grep -q ' 0000:' /tmp/out && echo "ok 3 - igbvf in L2" || { echo "not ok 3 - igbvf in L2"; l2_log a; exit 1; }
