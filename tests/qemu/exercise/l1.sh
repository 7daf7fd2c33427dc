#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# In L1: binds the reference device's PF and two VFs to vfio-pci and runs the
# exerciser on them. Arguments: names of tests.
set -e
pf=$(lspci -Dn -d 8086:f0d0 | head -n 1 | cut -d' ' -f1)
modprobe vfio-pci
echo 1 >/sys/module/vfio_pci/parameters/enable_sriov
echo vfio-pci >"/sys/bus/pci/devices/$pf/driver_override"
echo "$pf" >/sys/bus/pci/drivers_probe
# the VFs follow the PF's driver_override
echo 2 >"/sys/bus/pci/devices/$pf/sriov_numvfs"
exec /payload/exercise "$pf" "$@"
