#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# In L1: binds the reference device's PFs and two VFs of each to vfio-pci and runs
# the exerciser on them: on the first all tests, or those that are the arguments; on
# others the registers, and those for devices without pre-copy and CONFIGURE, or with
# control blocks.
set -e
modprobe vfio-pci
echo 1 >/sys/module/vfio_pci/parameters/enable_sriov

prepare() # PF
{
	echo vfio-pci >"/sys/bus/pci/devices/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	# the VFs follow the PF's driver_override
	echo 2 >"/sys/bus/pci/devices/$1/sriov_numvfs"
}

rc=0
others=
for pf in $(lspci -Dn -d 8086:f0d0 | cut -d' ' -f1); do
	prepare "$pf"
	if [ -z "$others" ]; then
		/payload/exercise "$pf" "$@" || rc=1
		others=1
	else
		/payload/exercise "$pf" registers precopy-off configure-off \
			vf-ctrl-state vf-ctrl-bad vf-ctrl-ends || rc=1
	fi
done
exit $rc
