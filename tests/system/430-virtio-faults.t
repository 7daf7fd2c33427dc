# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 400
#
# What a device or somebody on the way may do wrong: each has an errno and one line in the log, and
# leaves a VF that can be used.
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "faults are refused" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
must "the module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
vfs_and_mdevs 2 u v
mig "a state to load" "$u" set:STOP_COPY "read:$WORK/s" set:RUNNING

# usable WHAT: the VF saves, and another loads
usable()
{
	mig "$1: the VF can be used" "$u" state=RUNNING set:STOP_COPY "read:$WORK/again" set:STOP set:RUNNING
	t "$1: no object is left" snap_no_objects
}

# save_fails WHAT ERRNO LOG-REGEX FAULT: in the middle of a session
save_fails()
{
	s_what=$1 s_errno=$2 s_log=$3
	shift 3
	t "$s_what: the fault is set" snap_inject vf0 "$@"
	mark
	mig "$s_what: $s_errno" "$u" set:STOP "set:STOP_COPY=$s_errno" state=STOP set:RUNNING
	logged_once "$s_what: the log says so" "$s_log"
	t "$s_what: no fault is left" snap_inject clear
	usable "$s_what"
}
refused='device parts of the device refused, at byte [0-9]* of [0-9]*:'
save_fails "PARTS_GET fails" EIO 'admin command error: status\(0x5\)' parts-get fail 5
save_fails "PARTS_GET finds no object" EIO 'admin command error: status\(0x6\)' parts-get fail 6
save_fails "METADATA_GET fails" EBUSY 'admin command error: status\(0x10\)' parts-metadata-get fail 16
save_fails "a device without state" EIO 'firmware asks for 0 bytes for the rest of the state' \
	parts-metadata-get size 0
save_fails "a size beyond the limit" EIO 'firmware asks for 2147483647 bytes for a chunk, its limit' \
	parts-metadata-get size 0x7fffffff
save_fails "a size that is too small" ENOMEM 'admin command error: status\(0xc\)' parts-metadata-get size 100
save_fails "a short answer" EIO "$refused" parts-get short 40
save_fails "a missing part" EIO "$refused the features are missing" parts-get missing 0x101
save_fails "a queue that is missing" EIO "$refused a queue is missing" parts-get missing 0x104
save_fails "a garbled header" EIO "$refused a header has reserved bits" parts-get garble 2
# The engine finds it when the first chunk is read
t "an answer longer than its room: the fault is set" snap_inject vf0 parts-get length 2000000
mark
mig "an answer longer than its room: EIO" "$u" set:STOP_COPY "read:$WORK/x=EIO" set:STOP set:RUNNING
logged_once "an answer longer than its room: the log says so" 'firmware reports 2000000 bytes saved'
usable "an answer longer than its room"

# A command that fails before anything has begun
t "OBJ_CREATE fails" snap_inject any obj-create fail 28
mark
mig "OBJ_CREATE fails: ENOSPC" "$u" set:STOP set:STOP_COPY=ENOSPC state=STOP set:RUNNING
logged_once "OBJ_CREATE fails: the log says so" "firmware refused to begin a session"
usable "OBJ_CREATE fails"
t "MODE_SET fails" snap_inject any mode-set fail 16
mark
mig "MODE_SET fails: EBUSY, and the VF runs" "$u" set:RUNNING_P2P=EBUSY state=RUNNING
logged_once "MODE_SET fails: the log says so" "firmware refused to suspend the function"
usable "MODE_SET fails"

# The object of a session that loads can't say how large the state is
mark
mig "the size is told in each state" "$u" size set:STOP size set:STOP_COPY size set:STOP set:RESUMING size \
	reset state=RUNNING
is "no command has failed for it" "$(tool log "$SEQ" | grep -c 'admin command error')" 0
t "no object is left of it" snap_no_objects

# hostile WHAT REASON MUTATION...: parts in a stream whose checksums are right
snap_count parts-set
sets=$VALUE
hostile()
{
	h_what=$1 h_why=$2
	shift 2
	t "$h_what: the stream is made" mig-stream mutate "$WORK/s" "$WORK/bad" "$@"
	mark
	mig "$h_what: EINVAL" "$v" set:STOP set:RESUMING "write:$WORK/bad=EINVAL" reset state=RUNNING
	logged_once "$h_what: the log says why" "device parts of the migration data refused.*$h_why"
}
hostile "a reserved bit" 'a header has reserved bits' state:2:3
hostile "a length beyond the end" 'a part is cut off' state:15:255
hostile "a part of an unknown kind is refused" 'an unknown part is not optional' state:24:0x77
hostile "features that were not offered" 'features that the device has not offered' state:40:1
hostile "an invalid status" 'the device status is invalid' state:158:0x10
snap_count parts-set
is "the device has seen none of them" "$VALUE" "$sets"

t "the device refuses" snap_inject vf1 parts-set fail 22
mark
mig "the device refuses: EINVAL" "$v" set:STOP set:RESUMING "write:$WORK/s=EINVAL" reset state=RUNNING
logged_once "the device refuses: the log says so" 'admin command error: status\(0x16\)'
mig "the device refuses: the VF can be used" "$v" set:STOP set:RESUMING "write:$WORK/s" set:STOP set:RUNNING
t "the device refuses: no object is left" snap_no_objects

# A late answer is waited for
t "PARTS_GET is late" snap_inject vf0 parts-get late 1500
mig "a late answer is waited for" "$u" set:STOP_COPY "read:$WORK/late" set:RUNNING
usable "a late answer"
t "no stopped VF has done DMA or sent an interrupt" snap_is_tame 2
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
