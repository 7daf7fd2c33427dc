# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 200
#
# The SNAP model, used by software that the project did not write: virtio_pci and virtio_blk as they
# stand in this kernel, and upstream's virtio_vfio_pci, which moves a VF's state.
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
is "virtio_pci has bound the PF" "$(bound_driver "$PF"; echo "$DRIVER")" virtio-pci
set -- "$PFDIR"/virtio*/block/*
t "virtio_blk has made a disk of it" is_dir "$1"
if able dev-parts "virtio_pci negotiates device parts"; then
	snap_count driver-cap-set
	is "virtio_pci negotiates device parts" "$VALUE" 1
fi
must "virtio_pci makes 2 VFs" set_vfs 2

# A VF as a disk of this host
vf_bdf 0
zero=$BDF
vf_bdf 1
one=$BDF
must "virtio_blk binds a VF" bind_to "$zero" virtio-pci
disk=$(basename "$PFDIR"/virtfn0/virtio*/block/*)
is "its size is the volume's" "$(cat "/sys/block/$disk/size")" 65536
like "the oracle has seen nothing wrong" "$(cat "/sys/block/$disk/serial")" '^ok [0-9]+$'
head -c 1048576 /dev/urandom >"$WORK/out"
t "1 MiB is written" dd if="$WORK/out" of="/dev/$disk" bs=64k oflag=direct
t "the blocks are read back" dd if="/dev/$disk" of="$WORK/in" bs=64k count=16 iflag=direct
t "the disk reads back what was written" cmp "$WORK/out" "$WORK/in"
like "the oracle has counted the writes" "$(cat "/sys/block/$disk/serial")" '^ok [1-9]'
timeout 4 blkload "/dev/$disk" 4 >"$WORK/load"
like "a load of 4 threads reads what it wrote" "$(tail -n 1 "$WORK/load")" 'ops=[1-9][0-9]* errors=0'
t "the VF is unbound" unbind_from "$zero"

if able dev-parts "upstream's driver moves a VF's state"; then
	must "upstream's driver is loaded" upstream_load
	must "virtio_vfio_pci is bound to VF 0" bind_to "$zero" virtio_vfio_pci
	must "virtio_vfio_pci is bound to VF 1" bind_to "$one" virtio_vfio_pci
	snap_count mode-set
	before=$VALUE
	mig_pci "it stops the VF, saves it and resumes it" "$zero" flags=7 state=RUNNING size set:RUNNING_P2P \
		set:STOP set:STOP_COPY "read:$WORK/s" set:STOP set:RUNNING state=RUNNING
	snap_count mode-set
	is "by 2 commands" "$((VALUE - before))" 2
	t "the state is saved with all parts" test -s "$WORK/s"
	mig_pci "another VF loads it" "$one" set:STOP set:RESUMING "write:$WORK/s" set:STOP set:RUNNING
	t "the model has taken the parts" snap_vf_is 1 loads 1
	mig_pci "what is saved there is the same" "$one" set:STOP_COPY "read:$WORK/s1" set:RUNNING
	mig_pci "it saves while the VF runs" "$zero" set:PRE_COPY info "read:$WORK/p=ENOMSG" set:PRE_COPY_P2P \
		set:STOP_COPY "more:$WORK/p" set:STOP set:RUNNING
	mig_pci "a reset of a stopped VF lets it run" "$zero" set:STOP reset state=RUNNING
	t "the model says so" snap_vf_is 0 stopped 0
	unbind_from "$zero"
	unbind_from "$one"
fi
t "the model has seen no access of a stopped VF" snap_is_tame 2
t "all VFs are removed" set_vfs 0
