# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 300
#
# VFs of a ConnectX as mdevs, beside stock mlx5_core: the same states as with upstream's driver.

. "$PAYLOAD/tests/system/mlx5.sh"
. "$PAYLOAD/tests/system/reads.sh"

TYPES() { is_there "$PFDIR/mdev_supported_types/mlx5_core-vf/create"; }

must "stock mlx5_core takes the PF" mlx5_load
must "the module loads" load mdev-pci-mlx5
must "the PF is a parent" wait_for 10 TYPES
description=$(cat "$PFDIR/mdev_supported_types/mlx5_core-vf/description")
like "the type tells firmware's version" "$description" '^firmware: 28\.39\.2006$'
like "the description has the PSID" "$description" '^psid: MDEVPCI000000001$'
like "and what it can" "$description" '^firmware_can: migration'
must "mlx5_core makes 2 VFs" mlx5_vfs 2
must "both VFs are bound to mdev-pci" wait_for 20 all_bound 2
count_commands mlx5_core:mlx5_cmd_do mlx5_core:mlx5_cmd_exec mlx5_core:mlx5_cmd_exec_cb
new_uuid; u=$UUID
costs "an mdev is created" create "$u" mlx5_core-vf
reads_cost_nothing "a parent, its 2 VFs and an mdev"
count_no_more
new_uuid; v=$UUID
must "a second mdev is created" create "$v" mlx5_core-vf
t "the mdev is migratable" attr_is "$u" migratable 1

states_of ours "$MDEVS/$u" "$MDEVS/$v"
if able precopy "ours: pre-copy"; then
	precopy_of ours "$MDEVS/$u" "$MDEVS/$v"
fi
t "no DMA of a VF that is stopped" cx_no_bad_dma

t "the mdevs are removed" remove_all
t "VF 0 is marked as not migratable" cx_set not-migratable 1
new_uuid
must "an mdev of the VF is created" create "$UUID" mlx5_core-vf
t "the mdev is not migratable" attr_is "$UUID" migratable 0
attr "$UUID" not_migratable
like "not_migratable has the reason" "$VALUE" "migration off for this VF.*devlink port function set"
t "the mdev is removed" remove "$UUID"
t "VF 0 is migratable again" cx_set not-migratable 0
t "all VFs are removed" set_vfs 0
t "no VF has pages any more" no_vf_pages
t "the module unloads" unload mdev-pci-mlx5
t "mlx5_core unloads" unload mlx5_core
