# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5pair
# timeout: 500
#
# A guest whose RDMA connections go on, each byte checked, migrates between two hosts, each with a ConnectX of
# its own: there and back.

. "$PAYLOAD/tests/system/pair.sh"
. "$PAYLOAD/tests/system/mlx5.sh"

must "hostA: stock mlx5_core takes the PF" mlx5_load
must "hostA: it makes 1 VF" mlx5_vfs 1
must "hostA: the module loads" load mdev-pci-mlx5
must "hostA: the VF is bound to mdev-pci" wait_for 20 all_bound 1
new_uuid
u=$UUID
must "hostA: an mdev is created" create "$u" mlx5_core-vf
must "hostB: stock mlx5_core takes the PF" on_b mlx5_load
# Each order finds a device, and says so
pf_b=$PF
must "hostB: it makes 1 VF" on_b at_pf "$pf_b" mlx5_vfs 1
must "hostB: the module loads" on_b load mdev-pci-mlx5
must "hostB: the VF is bound to mdev-pci" on_b at_pf "$pf_b" wait_for 20 all_bound 1
new_uuid
v=$UUID
must "hostB: an mdev is created" on_b at_pf "$pf_b" create "$v" mlx5_core-vf

must "a guest boots on hostA" mlx5_guest_boot a "$MDEVS/$u"
must "hostB waits for it" on_b mlx5_incoming b "$MDEVS/$v" tcp:0.0.0.0:$MIG_PORT
must "the guest leaves hostA" mlx5_left a tcp:hostB:$MIG_PORT
must "the guest runs on hostB" on_b wait_for 60 guest_running b
echo "# downtime $DOWNTIME ms of $TOTAL ms"
t "its connections go on, each byte was right" on_b rdma_goes_on b 2 120
t "no command waited for a lost interrupt" on_b guest_never_waited b
guest_quit a
t "hostA: the VF is free" attr_is "$u" migration_state RUNNING
must "hostA waits for it" mlx5_incoming a2 "$MDEVS/$u" tcp:0.0.0.0:$MIG_PORT
must "the guest leaves hostB" on_b mlx5_left b tcp:hostA:$MIG_PORT
must "the guest runs on hostA" wait_for 60 guest_running a2
t "its connections go on, each byte was right" rdma_goes_on a2 2 120
t "no command waited for a lost interrupt" guest_never_waited a2
guest_quit a2
on_b guest_quit b
find_other_pf $CX_PF
t "hostA: no DMA of a VF that is stopped" cx_no_bad_dma
t "hostB: no DMA of a VF that is stopped" on_b at_pf "$pf_b" cx_no_bad_dma
find_other_pf $CX_PF
t "hostA: the mdev is removed" remove "$u"
t "hostA: the VF is removed" set_vfs 0
t "hostA: the module unloads" unload mdev-pci-mlx5
t "hostA: mlx5_core unloads" unload mlx5_core
t "hostB: the mdev is removed" on_b remove_all
t "hostB: the VF is removed" on_b at_pf "$pf_b" set_vfs 0
t "hostB: the module unloads" on_b unload mdev-pci-mlx5
t "hostB: mlx5_core unloads" on_b unload mlx5_core
