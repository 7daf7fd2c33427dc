# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
#
# The migration region (v1): registers, states, its protocol, and that v2 stays away.
# device_state: 1 running, 2 saving, 4 resuming.

vfs_and_mdevs 2 a b
W=$WORK

mig "the device is running at first" "$a" v1-is=1 v1-pending=0
mig "the reserved register can be read and written" "$a" v1-touch:4:4
mig "registers have one width" "$a" v1-touch:0:1=EINVAL v1-touch:0:8=EINVAL v1-touch:2:4=EINVAL \
	v1-touch:8:4=EINVAL v1-touch:12:8=EINVAL v1-touch:0x10:16=EINVAL v1-touch:0x18:4=EINVAL
mig "some are read only" "$a" v1-touch:w8:8=EINVAL v1-touch:w0x10:8=EINVAL
mig "nothing between registers and data" "$a" v1-touch:0x20:8=EINVAL v1-touch:0xfff8:8=EINVAL
mig "nothing can be read behind the data" "$a" v1-touch:0x110000:1=EINVAL v1-touch:0x10fff8:16=EINVAL \
	v1-touch:0x10fff8:8
mig "only the data can be mapped" "$a" v1-nomap
mig "states that are none" "$a" v1-state:5=EINVAL v1-is=1 v1-state:6=EINVAL v1-state:7=EINVAL \
	v1-state:9=EINVAL v1-state:0x80000001=EINVAL v1-is=1 dma:3
mig "stop and go" "$a" v1-state:0 v1-is=0 state=STOP frozen:50 v1-state:1 v1-is=1 state=RUNNING dma:2
mig "pre-copy begins and ends" "$a" v1-state:3 v1-is=3 dma:5 v1-state:2 v1-is=2 state=STOP_COPY v1-state:0 v1-state:1
mig "pre-copy is cancelled" "$a" v1-state:3 v1-state:1 v1-is=1 set:RUNNING
mig "a save is cancelled" "$a" v1-state:2 v1-state:1 v1-is=1 state=RUNNING dma:2
mig "a load is cancelled before any data" "$a" v1-state:4 v1-is=4 v1-state:1 v1-is=1 dma:2

mig "the state is saved" "$a" dma:150 "digest:$W/d" v1-state:2 "v1-read:$W/s" v1-pending=0 v1-state:0 v1-state:1
mig "the state is loaded" "$b" "digest-not:$W/d" v1-state:4 "v1-write:$W/s" v1-state:1 "digest-is:$W/d" copies=150 dma:5
mig "the state is saved through the mapping" "$a" dma:33 "digest:$W/d" v1-state:2 "v1-read:$W/m:map" v1-state:1
mig "load through the mapping" "$b" v1-state:4 "v1-write:$W/m:map" v1-state:0 v1-state:1 \
	"digest-is:$W/d" copies=33
mig "the region has the same stream as v2" "$a" dma:40 "digest:$W/d" v1-state:2 "v1-read:$W/v1" v1-state:0 \
	v1-state:1 set:STOP_COPY "read:$W/v2" set:RUNNING
t "both regions give the same state" cmp "$W/v1" "$W/v2"
mig "saved by v1, loaded by v2" "$b" set:RESUMING "write:$W/v1" set:RUNNING "digest-is:$W/d"
mig "saved by v2, loaded by v1" "$b" dma:3 v1-state:4 "v1-write:$W/v2" v1-state:1 "digest-is:$W/d"

mig "v2 is refused while v1 is in use" "$a" v1-state:3 set:STOP=EBUSY v1-state:2 set:RUNNING=EBUSY \
	v1-is=2 v1-state:1 set:STOP set:RUNNING
mig "v1 is refused while v2 is in use" "$a" set:STOP v1-state:1=EBUSY v1-state:2=EBUSY v1-is=0 \
	set:RUNNING v1-state:0 v1-state:1
mig "a reset ends the claim of v1" "$a" v1-state:2 reset v1-is=1 set:STOP set:RUNNING
mig "a reset ends the claim of v2" "$a" set:STOP reset v1-state:3 v1-state:1

t "a stream is damaged" mig-stream mutate "$W/v2" "$W/bad" "flip:99999"
mig "is refused" "$b" v1-state:4 "v1-write:$W/bad=EPROTO" v1-state:1=ENODATA v1-is=6 \
	v1-state:1=EINVAL reset v1-is=1 state=RUNNING copies=0 dma:2
mig "one that is cut off too" "$b" "sh:head -c 5000 $W/v2 >$W/cut" v1-state:4 "v1-write:$W/cut" \
	v1-state:1=ENODATA v1-is=6 reset v1-is=1
mig "data_size is bounded" "$b" v1-state:4 v1-touch:w0x18:8 reset
mdev_vf "$a"
if able firmware "firmware that fails to save"; then
	t "firmware will fail to save" inject "$VF" save fail 11
	mig "a failed save is EIO for the reader" "$a" v1-state:2 "v1-read:$W/x=EIO" v1-state:0 v1-state:1 dma:2
fi
# The data section is memory of the host for as long as the device is open
group=/sys/fs/cgroup/mdev-pci
if grep -qw memory /sys/fs/cgroup/cgroup.controllers; then
	t "memory is accounted" write_to /sys/fs/cgroup/cgroup.subtree_control +memory
	t "a control group exists" mkdir -p $group
	# shellcheck disable=SC2016,SC2086  # by the inner shell; words on purpose
	t "a user in the control group uses the region" within 60 sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh $group \
		vfio-mig $MIG_OPTIONS -q "$MDEVS/$a" "sh:cp $group/memory.stat $W/stat"
	VALUE=$(sed -n 's/^vmalloc //p' "$W/stat")
	at_least "its memory control group is charged" "$VALUE" $((1024 * 1024))
	t "the control group goes" wait_for 10 rmdir $group
fi
no_mdevs_no_vfs
