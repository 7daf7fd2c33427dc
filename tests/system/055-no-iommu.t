# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# boot: noiommu
# timeout: 120
#
# A host without an IOMMU: no mdev can be created, and the log says why.

find_pf
must "2 VFs exist" set_vfs 2
must "all VFs are bound to mdev-pci" wait_for 20 all_bound 2
vf_bdf 0
t "the VF has no IOMMU group" is_gone "/sys/bus/pci/devices/$BDF/iommu_group"
new_uuid
refused "no IOMMU" "$PFDIR/mdev_supported_types/$DEV_TYPE/create" "$UUID" EOPNOTSUPP \
	"mdev $UUID refused: the VF has no IOMMU"
t "no mdev is left" is_gone "$MDEVS/$UUID"
checked=$("$PAYLOAD/tools/mdev-pci-check")
is "mdev-pci-check takes it for an error" $? 2
like "mdev-pci-check says to boot with intel_iommu=on" "$checked" 'boot with intel_iommu=on'
t "all VFs are removed" set_vfs 0
