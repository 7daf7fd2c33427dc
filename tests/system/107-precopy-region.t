# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
# needs: firmware precopy
#
# Pre-copy by the migration region (v1), also on kernels whose v2 has no such states.
# device_state: 1 running, 2 saving, 3 both.

vfs_and_mdevs 2 a b
mdev_vf "$a"
n=$VF
fw_dir
W=$WORK
tracked() { printf "sh:grep -qx 'precopy: %s' $FW/vf$n" "$1"; }
loaded="v1-state:4 v1-write:$W/s v1-state:1 digest-is:$W/d dma:3"

# of_it DESCRIPTION: how much of the stream came after the stop
of_it()
{
	of_it=$(($(stat -c %s "$W/s") - $(stat -c %s "$W/bulk")))
	at_least "$1: what is left is little" 100000 "$of_it"
	at_least "$1: and not nothing" "$of_it" 4096
}

mig "the function runs and is saved" "$a" dma:100 v1-state:3 v1-is=3 "$(tracked 1)" "v1-read:$W/s" \
	v1-pending=0 dma:20 v1-is=3 "v1-more:$W/s" v1-pending=0 dma:2 "sh:cp $W/s $W/bulk" v1-state:2 \
	v1-is=2 state=STOP_COPY "digest:$W/d" "v1-more:$W/s" v1-pending=0 v1-state:0 v1-state:1 "$(tracked 0)"
of_it "by read()"
# shellcheck disable=SC2086
mig "the state arrives at the destination" "$b" $loaded
mig "the state is saved through a mapping" "$a" dma:100 v1-state:3 "v1-read:$W/s:map" dma:20 "v1-more:$W/s:map" dma:2 \
	"sh:cp $W/s $W/bulk" v1-state:2 "digest:$W/d" "v1-more:$W/s:map" v1-state:0 v1-state:1
of_it "by mmap()"
# shellcheck disable=SC2086
mig "the state arrives at the destination" "$b" $loaded
t "the stream is as documented" mig-stream info "$W/s"
mig "copies while the bulk is read" "$a" v1-state:3 start:2000 "v1-read:$W/s" wait dma:9 \
	v1-state:2 "digest:$W/d" "v1-more:$W/s" v1-state:1
# shellcheck disable=SC2086
mig "the states that a VMM uses arrive at the destination" "$b" $loaded
mig "saved by the region, loaded by v2" "$b" set:RESUMING "write:$W/s" set:RUNNING "digest-is:$W/d"
mig "stopped before anything is read" "$a" dma:8 v1-state:3 v1-state:2 "digest:$W/d" "v1-read:$W/s" v1-state:1
# shellcheck disable=SC2086
mig "the state arrives at the destination" "$b" $loaded
mig "pre-copy ends when the user goes back to RUNNING" "$a" v1-state:3 "v1-read:$W/x" v1-state:1 v1-is=1 "$(tracked 0)" v1-pending=0 set:STOP set:RUNNING dma:2
mig "pre-copy ends before the user reads anything" "$a" v1-state:3 v1-state:1 "$(tracked 0)" v1-state:3 v1-state:0 v1-state:1
mig "v2 is refused meanwhile" "$a" v1-state:3 set:STOP=EBUSY set:RUNNING=EBUSY v1-is=3 v1-state:1 set:STOP
mig "a reset leads to RUNNING" "$a" v1-state:3 reset v1-is=1 v1-pending=0 "$(tracked 0)" state=RUNNING dma:2
mig "pre-copy can't begin in stop-and-copy" "$a" v1-state:2 v1-state:3=EINVAL v1-is=2 v1-state:1
no_mdevs_no_vfs
