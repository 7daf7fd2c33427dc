# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
# dma-faults: expected
# needs: firmware
#
# A hostile user: random but seeded ioctls, reads, writes, mmaps, resets and closes from several
# threads (vfio-fuzz). What its engine may not reach the IOMMU keeps from it, and says so. Afterwards
# all is as it should be. fuzz.sh does the same for longer: FUZZ_SECONDS and FUZZ_SEED.

seed=${FUZZ_SEED:-1} rounds=4
! full || rounds=30
how="--count $rounds" limit=$((120 * ${PATIENCE:-1}))
[ -z "$FUZZ_SECONDS" ] || how="--seconds $((FUZZ_SECONDS / 4))" limit=$((FUZZ_SECONDS / 4 + 120))

vfs_and_mdevs 3 a b c
mdev_vf "$a"
n=$VF
fw_dir
W=$WORK
must "firmware is given little time" fw_timeout 300

# fuzz DESCRIPTION ARGUMENTS...: the first mdev, with the next seed -> $found, what was counted
fuzz()
{
	z_desc=$1
	shift
	# shellcheck disable=SC2086  # words
	timeout -k 30 $limit vfio-fuzz --seed $seed $how "$@" "$MDEVS/$a" >"$W/fuzz" 2>&1
	z_rc=$?
	found=$(cat "$W/fuzz")
	is "$z_desc: no process hangs or crashes" $z_rc 0
	tail -n 60 "$W/fuzz" | sed "s/^# //" | diag
	t "$z_desc: no fault of firmware is left" inject any any off
	t "$z_desc: nothing is stuck" wait_for 10 nobody_stuck
	works "$z_desc"
	seed=$((seed + 1))
}

works() # DESCRIPTION
{
	mig "$1: the function works" "$a" state=RUNNING copies=0 dma:20 "digest:$W/d" set:STOP_COPY \
		"read:$W/s" set:RUNNING
	mig "$1: its state goes elsewhere" "$b" set:RESUMING "write:$W/s" set:RUNNING "digest-is:$W/d" dma:5
	mig "$1: its neighbour works" "$c" dma:20
}

# It had a chance to break something. How far threads get that are in each other's way differs, so
# a little of everything is all that can be asked for, and to have read data only of one that has no
# rival. A seed of one's own may be an unlucky one
reached() # NAME LEAST
{
	[ -z "$FUZZ_SEED" ] || return 0
	at_least "$z_desc: it came far: $1" "$(echo "$found" | sed -n "s/^$1=//p")" "$2"
}

fuzz "three threads"
reached ops 100
reached states 2
reached mapped 1
fuzz "one thread" --threads 1
reached read 1
reached saved 1
reached loaded 1
fuzz "with faults of firmware" --inject "$FW/inject=$n"
if can iommufd; then
	fuzz "by its character device" -c
	reached states 2
fi
REASON=
no_mdevs_no_vfs
if able unload "nothing refers to the modules any more"; then
	t "nothing refers to the modules any more" unload_all
	t "all modules load" load_all
fi
