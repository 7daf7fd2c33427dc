# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtiopair
# timeout: 500
#
# A guest migrates between hostA, whose mdev has upstream's streams, and hostB with upstream's virtio_vfio_pci,
# before one volume, both ways; and between two hosts with upstream's driver. 457 has the same on one host, and
# what is refused.
. "$PAYLOAD/tests/system/pair.sh"
. "$PAYLOAD/tests/system/snap.sh"

must "hostA has the model" find_snap
able dev-parts "a guest migrates between our module and upstream's driver on two hosts" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
must "the module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
vfs_and_mdevs 2 u
t "the mdev gets upstream's streams" write_to "$MDEVS/$u/stream" upstream
mdev_vf "$u"
vf_bdf $((1 - VF))
also_a=$BDF
must "upstream's driver is loaded" upstream_load
must "upstream's driver binds the other VF" bind_to "$also_a" virtio_vfio_pci
must "hostB has the model" on_b find_snap
pf_b=$PF
must "hostB loads upstream's driver" on_b upstream_load
must "1 VF exists on hostB" on_b at_pf "$pf_b" bound_vfs 1
must "hostB's VF has an address" on_b at_pf "$pf_b" vf_bdf 0
dev_b=$BDF
must "upstream's driver binds it" on_b bind_to "$dev_b" virtio_vfio_pci
t "hostB has not loaded our module" on_b is_gone /sys/module/mdev_pci_virtio
find_snap

# to_b GUEST FROM TO, to_a GUEST FROM TO DEVICE
to_b()
{
	must "$1: hostB waits for the guest" on_b blk_incoming "$3" "$dev_b" tcp:0.0.0.0:$MIG_PORT
	must "$1: the guest migrates" blk_left "$2" tcp:hostB:$MIG_PORT
	must "$1: the guest runs on hostB" on_b blk_arrived "$3"
	echo "# $1: downtime $DOWNTIME ms of $TOTAL ms"
	t "$1: the load goes on, without an error" on_b blk_goes_on "$3" 200 60
	t "$1: the VF's state has come along" on_b blk_oracle "$3"
	guest_quit "$2"
}
to_a()
{
	must "$1: hostA waits for the guest" blk_incoming "$3" "$4" tcp:0.0.0.0:$MIG_PORT
	must "$1: the guest migrates" on_b blk_left "$2" tcp:hostA:$MIG_PORT
	must "$1: the guest runs on hostA" blk_arrived "$3"
	echo "# $1: downtime $DOWNTIME ms of $TOTAL ms"
	t "$1: the load goes on, without an error" blk_goes_on "$3" 200 60
	t "$1: the VF's state has come along" blk_oracle "$3"
	t "$1: every block that was ever written is right" blk_verify "$3"
	on_b guest_quit "$2"
}
must "a guest boots on our mdev, and writes" blk_boot a0 "$u"
to_b "from ours to upstream's" a0 b1
t "the source's VF is free" attr_is "$u" migration_state RUNNING
to_a "from upstream's to ours" b1 a2 "$u"
guest_quit a2

must "a guest boots on upstream's driver, and writes" blk_boot c0 "$also_a"
to_b "from upstream's to upstream's" c0 d1
to_a "from upstream's to upstream's, back" d1 c2 "$also_a"
echo "# two hosts, upstream: $VERIFIED, all right"
guest_quit c2

unbind_from "$also_a"
t "upstream's module unloads" rmmod virtio_vfio_pci
find_snap
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
t "hostB's VF is unbound" on_b unbind_from "$dev_b"
t "VFs of hostB are removed" on_b at_pf "$pf_b" set_vfs 0
t "hostB's driver goes" on_b rmmod virtio_vfio_pci
