# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 400
#
# A guest with its stock virtio_blk migrates from VF to VF while four threads write and verify blocks:
# none is lost, none is stale, and the VF's own state has come along each time.
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "a guest migrates" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
must "the module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
vfs_and_mdevs 2 u v

must "a guest boots with its disk, and writes" blk_boot g0 "$u"
t "its driver is virtio_blk" guest_sh g0 30 'readlink /sys/block/vda/device/driver | grep virtio_blk'
t "the oracle has seen nothing wrong" blk_oracle g0
set -- "$v" "$u"
n=0
in_flight=0
while [ $n -lt "$(full && echo 10 || echo 3)" ]; do
	n=$((n + 1))
	blk_status g$((n - 1))
	before=$OPS
	mdev_vf "$2"
	from=$VF
	must "migration $n: requests are in flight" snap_hold "$from"
	must "the guest migrates, time $n" blk_migrate g$((n - 1)) g$n "$1"
	echo "# downtime $DOWNTIME ms of $TOTAL ms, $VFIO bytes of the device"
	snap_vf "$from" in-flight-at-stop
	at_least "migration $n: requests were in flight when the VF was stopped" "$VALUE" 2
	in_flight=$((in_flight + VALUE))
	t "migration $n: the load goes on without an error" blk_goes_on g$n 200 60
	at_least "migration $n: from where it was" "$OPS" "$before"
	t "migration $n: the VF's state has come along" blk_oracle g$n
	guest_quit g$((n - 1))
	set -- "$2" "$1"
done
t "every block that was ever written is right" blk_verify g$n
echo "# $VERIFIED blocks were verified, $in_flight requests were in flight at the stops"
t "no stopped VF has done DMA or sent an interrupt, no object is left" snap_is_tame 2

# Can the oracle say no? A part of the state that stays behind is what it is there for
mdev_vf "$1"
t "the destination will leave out a part of the state" snap_inject "vf$VF" parts-set missing 0x5f0
must "the guest migrates, time $((n + 1))" blk_migrate g$n g$((n + 1)) "$1"
t "the oracle sees it" not blk_oracle g$((n + 1))
guest_quit g$n
guest_quit g$((n + 1))
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
