# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# timeout: 200
# dma-faults: expected
# needs: firmware
#
# A guest that writes anything anywhere in its function's BARs and config space, all the time, while
# the function is migrated. The state that was saved is whole; each step succeeds or
# says by its errno why not; other functions do not notice; and the next user finds the function well.

vfs_and_mdevs 3 a b c
mdev_vf "$a"
n=$VF
fw_dir
W=$WORK
rounds=1
! full || rounds="1 2 3 4 5 6"
phases="RUNNING RUNNING_P2P STOP STOP_COPY RESUMING"
! kernel_has_precopy || phases="$phases PRE_COPY PRE_COPY_P2P"
must "a good stream is saved" vfio-mig -q "$MDEVS/$b" dma:100 "digest:$W/d" set:STOP_COPY "read:$W/s"

# By its registers a function can be stopped from copying, but not be kept from being saved, loaded
# or reset; what firmware has suspended does not change by them
after="hostile-end reset state=RUNNING copies=0 dma:7"
loaded="digest:$W/x.d set:RESUMING write:$W/x set:RUNNING digest-is:$W/x.d"
for seed in $rounds; do
	mig "$seed, bars: it runs, is stopped and runs" "$a" dma:3 hostile:$seed:bars sleep:100 set:RUNNING_P2P \
		sleep:30 set:STOP sleep:30 set:RUNNING sleep:30 $after
	mig "$seed, bars: what is stopped does not change" "$a" start:200 hostile:$seed:bars sleep:50 set:STOP \
		frozen:100 set:STOP_COPY "read:$W/x" set:STOP frozen:50 set:STOP_COPY "read:$W/y" \
		hostile-end $loaded reset dma:5
	mig "$seed, bars: its state goes elsewhere" "$b" set:RESUMING "write:$W/y" set:RUNNING "digest-is:$W/x.d"
	mig "$seed, bars: it is loaded" "$a" set:RESUMING hostile:$seed:bars "write:$W/s:100000" set:STOP \
		"digest-is:$W/d" hostile-end set:RUNNING "digest-is:$W/d" reset dma:5
	kernel_has_precopy &&
		mig "$seed, bars: it is saved while it runs" "$a" start:200 hostile:$seed:bars set:PRE_COPY \
			"read:$W/x=ENOMSG" sleep:50 set:PRE_COPY_P2P "more:$W/x=ENOMSG" set:STOP_COPY \
			"more:$W/x" reread hostile-end $loaded reset dma:5
	mig "$seed, bars: it is saved by the region" "$a" start:200 hostile:$seed:bars v1-state:3 "v1-read:$W/x" \
		v1-state:2 "v1-more:$W/x" hostile-end v1-state:1 reset dma:5
	mig "$seed, bars: that goes elsewhere" "$b" v1-state:4 "v1-write:$W/x" v1-state:1
	mig "$seed: the others do not notice" "$c" state=RUNNING dma:100
done

# By config space it can also be reset: then the session is over, and user space hears of it
GONE=0,ENODEV,EINVAL,EAGAIN,ECANCELED,EBADFD,ENODATA,EBADMSG,EIO
for seed in $rounds; do
	for p in $phases; do
		work=
		case $p in
		STOP_COPY) work="read:$W/x=$GONE,EBADF" ;;
		PRE_COPY*) work="read:$W/x:2000000=$GONE,ENOMSG,EBADF" ;;
		RESUMING) work="write:$W/s=$GONE,EBADF,EBADFD" ;;
		esac
		mig "$seed, config space too: $p" "$a" dma:3 hostile:$seed$seed sleep:30 set:$p=$GONE sleep:50 \
			$work set:STOP=$GONE set:RUNNING=$GONE $after
		[ "$p" != STOP_COPY ] || mig "$seed, config space too: the others do not notice" "$c" dma:50
	done
done

# At the same time, in another process
mig_bg "$a" hostile:99 "touch:$W/open" "await:$W/go" hostile-end
must "the hostile guest goes on" wait_for 20 is_there "$W/open"
mig "meanwhile another one is saved" "$c" dma:33 "digest:$W/c" set:STOP_COPY "read:$W/cs" set:RUNNING dma:5
mig "the state is loaded" "$b" set:RESUMING "write:$W/cs" set:RUNNING "digest-is:$W/c" dma:20
new_uuid
t "an mdev is removed meanwhile" write_to "$MDEVS/$c/remove" 1
t "a new mdev is made meanwhile" create "$UUID"
mig "the mdev does DMA" "$UUID" dma:20
touch "$W/go"
mig_end "the hostile one ends"
fw "$n" illegal_dma
is "no DMA was made at the wrong time" "$VALUE" 0
mig "the next user finds the function well" "$a" state=RUNNING copies=0 dma:20 "digest:$W/c" set:STOP_COPY \
	"read:$W/cs" set:RUNNING
mig "its state is loaded by another mdev" "$b" set:RESUMING "write:$W/cs" set:RUNNING "digest-is:$W/c" dma:20
t "no task is stuck in the kernel" wait_for 10 nobody_stuck
no_mdevs_no_vfs
