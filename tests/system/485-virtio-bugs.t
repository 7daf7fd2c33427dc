# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 500
#
# Each bug that can be planted in the SNAP model (x-bug) is seen by what the other tests look at: what
# passes without the bug fails with it.
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "bugs of the model are seen" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
must "the module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
vfs_and_mdevs 3 u v

plant() { t "$1: is planted" snap_order bug "$1"; }
none() { snap_order bug none; }

# By virtio_blk of this host, on the VF without an mdev
vf_bdf 2
disk_vf=$BDF
must "virtio_blk binds the third VF" bind_to "$disk_vf" virtio-pci
disk=$(basename "$PFDIR"/virtfn2/virtio*/block/*)
load_is_right()
{
	blkload "/dev/$disk" 4 >"$WORK/load" &
	l_pid=$!
	sleep 6
	# Every block that was written is read and compared
	kill -USR1 $l_pid
	wait_for 30 grep -q '^BLKLOAD verified=' "$WORK/load"
	kill $l_pid
	grep '^BLKLOAD verified=' "$WORK/load" | grep -q 'verified=[1-9].* errors=0'
}
fio_is_right() # NUMBER: of its pattern
{
	# shellcheck disable=SC2086  # words
	within 60 "$PAYLOAD/fio/fio" --filename="/dev/$disk" $FIO_JOB --verify_pattern="%o0x0000000$1" \
		>"$WORK/fio" 2>&1
}
t "without a bug the host reads what it wrote" load_is_right
[ ! -e "$PAYLOAD/fio/fio" ] || t "without a bug fio does, too" fio_is_right 1
plant lose-write
t "lose-write: a load sees it" not load_is_right
[ ! -e "$PAYLOAD/fio/fio" ] || t "lose-write: fio sees it" not fio_is_right 2
none
t "the VF is unbound" unbind_from "$disk_vf"

# By guests, which migrate with requests in flight
migrates() # FROM TO SOURCE DESTINATION
{
	mdev_vf "$3" && snap_hold "$VF" && blk_migrate "$1" "$2" "$4" && guest_quit "$1"
}
must "a guest boots with its disk, and writes" blk_boot g0 "$u"
must "without a bug it migrates" migrates g0 g1 "$u" "$v"
t "without a bug the load goes on" blk_goes_on g1 100 60
t "without a bug the oracle has seen nothing wrong" blk_oracle g1
t "without a bug no stopped VF has done DMA" snap_is_tame 3
plant stale-part
must "stale-part: the guest migrates" migrates g1 g2 "$v" "$u"
none
t "stale-part: the oracle sees it" not blk_oracle g2
plant dma-stopped
must "dma-stopped: the guest migrates" migrates g2 g3 "$u" "$v"
none
t "dma-stopped: the model has seen DMA of a stopped VF" not snap_is_tame 3
t "dma-stopped: the load goes on" blk_goes_on g3 100 60
plant stale-index
must "stale-index: the guest migrates" migrates g3 g4 "$v" "$u"
none
t "stale-index: the load does not go on, or has errors" not blk_goes_on g4 400 15
guests_kill_one g4
must "another guest boots, and writes" blk_boot h0 "$u"
plant drop-requests
must "drop-requests: the guest migrates" migrates h0 h1 "$u" "$v"
none
t "drop-requests: the load does not go on, or has errors" not blk_goes_on h1 400 15
guests_kill_one h1

# What a VF offers is part of the state's version
mig "a state is saved" "$u" set:STOP_COPY "read:$WORK/s" set:RUNNING
anew() # MDEV'S VARIABLE
{
	eval "remove \$$1" || return 1
	new_uuid
	eval "$1=$UUID"
	create "$UUID" "$TYPE"
}
t "without a bug an mdev is made anew" anew v
mig "without a bug it loads the state" "$v" set:STOP set:RESUMING "write:$WORK/s" set:STOP set:RUNNING
plant no-platform
t "no-platform: an mdev is made anew" anew v
mig "no-platform: it refuses the state" "$v" set:STOP set:RESUMING "write:$WORK/s=EPROTONOSUPPORT" reset
none

# The device's letter of the specification is not Linux's
no_mdevs_no_vfs
migratable() # 0|1: of a VF, after the PF's driver has asked anew
{
	snap_rebind && bound_vfs 1 && new_uuid && create "$UUID" "$TYPE" || return 1
	attr "$UUID" migratable
	m_is=$VALUE
	remove "$UUID"
	set_vfs 0
	[ "$m_is" = "$1" ] || fail "migratable is $m_is"
}
t "without a bug the PF has device parts" migratable 1
for bug in strict-group strict-self; do
	plant $bug
	t "$bug: the PF has none" migratable 0
	none
done
t "without a bug it has them again" migratable 1
t "the module unloads" unload mdev-pci-virtio
