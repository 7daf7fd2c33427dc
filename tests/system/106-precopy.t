# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
# needs: firmware precopy
#
# PRE_COPY: most of the state moves while the function runs, and only the rest when it is
# stopped; nothing is lost, whatever changes meanwhile.

able precopy "pre-copy by v2 (107 uses the migration region's)" || return 0
must "firmware is given a second" bound_with_fw_timeout 1000
vfs_and_mdevs 2 a b
mdev_vf "$a"
n=$VF
fw_dir
W=$WORK
arm() { printf "sh:echo $n %s >$FW/inject" "$*"; }
tracked() { printf "sh:grep -qx 'precopy: %s' $FW/vf$n" "$1"; }	# firmware records changes
loaded="set:RESUMING write:$W/s set:RUNNING digest-is:$W/d"

# moved DESCRIPTION COMMANDS...: of pre-copy on the first; what the second gets is the same.
# "rest" stands for the end of it. What is left then is at most $LITTLE bytes.
LITTLE=200000
moved()
{
	v_desc=$1
	shift
	for v_word; do
		shift
		[ "$v_word" = rest ] || { set -- "$@" "$v_word"; continue; }
		set -- "$@" set:STOP_COPY nodata "digest:$W/d" size "more:$W/s" reread "digest-is:$W/d"
	done
	mig "$v_desc" "$a" "$@" && mig_value size &&
		at_least "$v_desc: what is left is little" $LITTLE "$VALUE"
	# shellcheck disable=SC2086  # words on purpose
	mig "$v_desc: it arrives" "$b" $loaded
}

moved "an idle device migrates with pre-copy" dma:300 set:PRE_COPY state=PRE_COPY "$(tracked 1)" 'initial>=1048576' \
	dirty=0 "read:$W/s=ENOMSG" initial=0 dirty=0 read1=ENOMSG read1=ENOMSG rest
t "the stream is as documented" mig-stream info "$W/s"
like "its records are those of pre-copy" "$(mig-stream info "$W/s")" 'tag=3'
moved "copies between two reads reach the destination" set:PRE_COPY "read:$W/s=ENOMSG" dma:20 initial=0 'dirty>=4096' \
	"more:$W/s=ENOMSG" dirty=0 dma:30 'dirty>=4096' rest
moved "copies while the bulk is read" dma:50 set:PRE_COPY dma:5 "read:$W/s:300000" dma:50 'initial>=1' \
	"more:$W/s:300000" dma:50 "more:$W/s=ENOMSG" initial=0 dirty=0 dma:7 rest
moved "by way of P2P" set:PRE_COPY "read:$W/s=ENOMSG" dma:9 set:PRE_COPY_P2P nodata \
	state=PRE_COPY_P2P frozen:50 'dirty>=4096' "more:$W/s=ENOMSG" dirty=0 rest
moved "to P2P and back" set:PRE_COPY "read:$W/s:100000" set:PRE_COPY_P2P frozen:50 set:PRE_COPY \
	state=PRE_COPY dma:40 "more:$W/s=ENOMSG" dma:2 rest
moved "pre-copy can begin in RUNNING_P2P" dma:12 set:RUNNING_P2P set:PRE_COPY_P2P \
	'initial>=1048576' "read:$W/s=ENOMSG" initial=0 rest
# Firmware has initial data again: only users of PRECOPY_INFO v2 are told (7.1)
moved "all is initial again, its user has not asked" set:PRE_COPY "read:$W/s=ENOMSG" initial=0 dma:5 \
	"$(arm precopy again)" initial=0 'dirty>=1048576' "more:$W/s=ENOMSG" initial=0 dirty=0 rest
if able precopy-v2 "all is initial again, its user has asked"; then
	moved "all is initial again, its user has asked" precopy-v2 set:PRE_COPY flags-of-info=0 'initial>=1048576' \
		"read:$W/s=ENOMSG" flags-of-info=0 initial=0 dma:5 "$(arm precopy again)" flags-of-info=1 \
		'initial>=1048576' dirty=0 "more:$W/s:300000" 'initial>=1' flags-of-info=0 "more:$W/s=ENOMSG" initial=0 \
		dirty=0 dma:7 initial=0 'dirty>=4096' rest
	moved "its user reads it before asking" precopy-v2 set:PRE_COPY "read:$W/s=ENOMSG" initial=0 dma:5 \
		"$(arm precopy again)" "more:$W/s=ENOMSG" flags-of-info=1 flags-of-info=0 initial=0 dirty=0 dma:7 rest
fi
# Some of the bulk, and what the copies change
LITTLE=4000000
moved "copies go on without end" set:PRE_COPY start:2000 "read:$W/s:1100000" rest
LITTLE=200000
mig "stopped before anything is read" "$a" dma:80 set:PRE_COPY set:STOP_COPY "digest:$W/d" "read:$W/s" reread
# shellcheck disable=SC2086
mig "the state arrives at the destination" "$b" $loaded
mig "a session without pre-copy says nothing of it" "$a" dma:3 set:STOP_COPY info=EINVAL "read:$W/x"
like "and has plain records" "$(mig-stream info "$W/x")" 'tag=1'

mig "the size becomes less" "$a" set:PRE_COPY size "read:$W/x=ENOMSG"
mig_value size
at_least "at first it is all" "$VALUE" 1048576
mig "the second pre-copy has little to save" "$a" set:PRE_COPY "read:$W/x=ENOMSG" size
mig_value size
at_least "little is left then" $LITTLE "$VALUE"

mig "VFIO_MIG_GET_PRECOPY_INFO is refused outside of pre-copy" "$a" set:PRE_COPY info set:STOP_COPY info=EINVAL \
	set:STOP info=ENODEV set:RESUMING info=ENOTTY
mig "pre-copy ends when the user goes back to RUNNING" "$a" dma:4 set:PRE_COPY "read:$W/x:5000" set:RUNNING nodata read1=ENODEV info=ENODEV \
	"$(tracked 0)" state=RUNNING copies=4 dma:4
mig "pre-copy at P2P ends when the user goes back" "$a" set:PRE_COPY_P2P "read:$W/x:5000" set:RUNNING_P2P read1=ENODEV \
	"$(tracked 0)" set:RUNNING dma:4
mig "closing the migration file ends pre-copy" "$a" set:PRE_COPY "read:$W/x:5000" close "$(tracked 0)" state=PRE_COPY \
	dma:3 set:PRE_COPY_P2P set:STOP_COPY state=STOP_COPY set:RUNNING dma:3
mig "after STOP_COPY firmware records no more" "$a" set:PRE_COPY "read:$W/x:5000" set:STOP_COPY \
	"$(tracked 1)" set:STOP "$(tracked 0)" set:RUNNING dma:2
mig "a reset leads to RUNNING" "$a" dma:5 set:PRE_COPY "read:$W/x:5000" reset read1=ENODEV info=ENODEV state=RUNNING copies=0 \
	"$(tracked 0)" set:PRE_COPY "read:$W/x=ENOMSG" set:STOP_COPY "more:$W/x" set:RUNNING dma:5
mig "the user closes the device in pre-copy" "$a" set:PRE_COPY "read:$W/x:5000"
mig "the next user finds the device RUNNING" "$a" state=RUNNING "$(tracked 0)" dma:5

mark
mig "if firmware can't begin pre-copy the device still runs" "$a" "$(arm precopy fail 11)" set:PRE_COPY=EIO state=RUNNING dma:5 \
	set:PRE_COPY "read:$W/x:5000" set:RUNNING
logged "the log says so" 'firmware refused to begin pre-copy'
mig "so it is where the device was stopped, and the other front end may begin then" "$a" set:STOP \
	"$(arm precopy fail 11)" set:PRE_COPY=EIO state=RUNNING v1-state:3 v1-is=3 v1-state:1 dma:5
mig "firmware does not answer" "$a" "$(arm precopy silent)" set:PRE_COPY=ETIMEDOUT state=RUNNING \
	dma:2 set:PRE_COPY "read:$W/x:5000" set:RUNNING dma:2
mig "firmware can't tell sizes" "$a" set:PRE_COPY "$(arm precopy fail 11)" info=EIO state=PRE_COPY info \
	"$(arm precopy fail 11)" size=EIO size "read:$W/x=ENOMSG" set:RUNNING dma:2
mark
mig "firmware can't end it" "$a" set:PRE_COPY "$(arm precopy fail 11)" set:RUNNING "$(tracked 1)" dma:2 \
	set:PRE_COPY 'initial>=1048576' set:RUNNING "$(tracked 0)"
logged "the log says so" 'firmware refused to end pre-copy'
logged "the log says that pre-copy starts again" 'PRECOPY of VF [0-9]+ was still in effect: it is done again'
mig "save fails" "$a" "$(arm save fail 11)" set:PRE_COPY "read:$W/x=EIO" read1=EIO state=PRE_COPY \
	set:RUNNING dma:2 set:PRE_COPY "read:$W/x=ENOMSG" set:RUNNING
mig "save does not answer" "$a" "$(arm save silent)" set:PRE_COPY "read:$W/x=ETIMEDOUT" \
	read1=ETIMEDOUT state=PRE_COPY dma:2 set:RUNNING dma:2 set:PRE_COPY "read:$W/x=ENOMSG" set:RUNNING
mig "save does not answer, the function is to stop" "$a" "$(arm save silent)" set:PRE_COPY \
	set:PRE_COPY_P2P state=PRE_COPY_P2P read1=ETIMEDOUT set:STOP_COPY read1=ETIMEDOUT set:RUNNING dma:2
mig "firmware can't tell sizes in time" "$a" dma:3 set:PRE_COPY "$(arm precopy silent)" info=ETIMEDOUT \
	state=PRE_COPY dma:2 info "read:$W/x=ENOMSG" set:RUNNING copies=5
mig "save does not answer, pre-copy is given up" "$a" "$(arm save silent)" set:PRE_COPY set:RUNNING \
	state=RUNNING dma:2
moved "save is late, and the function stops meanwhile" dma:6 "$(arm save late 300000000)" set:PRE_COPY \
	"read:$W/s:0" set:PRE_COPY_P2P "more:$W/s=ENOMSG" rest
mig "suspend fails" "$a" dma:9 set:PRE_COPY "read:$W/s=ENOMSG" "$(arm suspend fail 11)" \
	set:PRE_COPY_P2P=EIO state=PRE_COPY dma:9 set:PRE_COPY_P2P "$(arm suspend fail 11)" \
	set:STOP_COPY=EIO state=PRE_COPY_P2P frozen:50 "more:$W/s=ENOMSG" set:STOP_COPY "more:$W/s" \
	"digest:$W/d"
# shellcheck disable=SC2086
mig "nothing was lost by that" "$b" $loaded

# A stream that is cut off or mixed of both kinds changes nothing
mig "a good stream is saved" "$a" dma:10 set:PRE_COPY "read:$W/s=ENOMSG" dma:5 set:STOP_COPY "digest:$W/d" "more:$W/s"
refuses() # DESCRIPTION ERRNO MUTATION...
{
	r_desc=$1 r_errno=$2
	shift 2
	t "$r_desc" mig-stream mutate "$W/s" "$W/bad" "$@"
	mig "$r_desc: refused" "$b" dma:3 "digest:$W/own" set:RESUMING "write:$W/bad$r_errno" \
		"digest-is:$W/own" set:STOP=ENODATA "digest-is:$W/own" state=ERROR reset
}
refuses "a stream that is cut off is refused" "" cut:-40
refuses "without its last chunk" =EPROTO drop:-2
# Of all but the first chunk
rest=$(mig-stream info "$W/s" | awk '/tag=3/ && n++ { sub(/.*length=/, ""); sum += $1 } END { print sum }')
refuses "without its first chunk" =EBADMSG drop:0 renumber "end:$rest"
mark
refuses "chunks of both kinds" =EINVAL rec:1:tag:1
logged "the log says so" 'the stream mixes state with and without pre-copy'
refuses "passed off as a plain one" =EFBIG,EBADMSG rec:0:tag:1 rec:1:tag:1 rec:2:tag:1
# shellcheck disable=SC2086
mig "the good one is taken" "$b" $loaded dma:5
no_mdevs_no_vfs
t "firmware is given as long as before" bound_with_fw_timeout 5000
