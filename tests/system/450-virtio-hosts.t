# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtiopair
# timeout: 400
#
# A guest migrates between two hosts, each with a PF of its own, before one volume: there and back.
. "$PAYLOAD/tests/system/pair.sh"
. "$PAYLOAD/tests/system/snap.sh"

must "hostA has the model" find_snap
able dev-parts "a guest migrates between hosts" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
must "the module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
must "hostB has the model" on_b find_snap
# Each order finds the device under test, and says so
pf_b=$PF pfdir_b=$PFDIR
must "hostB loads the module" on_b load mdev-pci-virtio
must "hostB's PF is a parent" on_b wait_for 20 is_there "$pfdir_b/mdev_supported_types/$TYPE/create"
find_snap
vfs_and_mdevs 1 u
must "1 VF exists on hostB" on_b at_pf "$pf_b" bound_vfs 1
new_uuid
v=$UUID
must "an mdev on hostB is created" on_b at_pf "$pf_b" create "$v" "$TYPE"
find_snap

must "a guest boots on hostA, and writes" blk_boot a "$u"
must "hostB waits for it" on_b blk_incoming b "$v" tcp:0.0.0.0:$MIG_PORT
must "the guest migrates to hostB" blk_left a tcp:hostB:$MIG_PORT
must "the guest runs on hostB" on_b blk_arrived b
echo "# downtime $DOWNTIME ms of $TOTAL ms"
t "the load goes on, without an error" on_b blk_goes_on b 200 60
t "the VF's state has come along" on_b blk_oracle b
guest_quit a
t "the source's VF is free" attr_is "$u" migration_state RUNNING
must "hostA waits for it" blk_incoming a2 "$u" tcp:0.0.0.0:$MIG_PORT
must "the guest migrates back to hostA" on_b blk_left b tcp:hostA:$MIG_PORT
must "the guest runs on hostA" blk_arrived a2
t "the load goes on, without an error" blk_goes_on a2 200 60
t "the VF's state has come along" blk_oracle a2
t "every block that was ever written is right" blk_verify a2
echo "# two hosts, ours: $VERIFIED, all right"
guest_quit a2
on_b guest_quit b
find_snap
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
t "hostB's mdevs are removed" on_b remove_all
t "VFs of hostB are removed" on_b at_pf "$pf_b" set_vfs 0
t "hostB's module unloads" on_b unload mdev-pci-virtio
