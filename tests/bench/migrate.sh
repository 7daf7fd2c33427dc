#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154  # variables that mdevs and moved set
# usage: migrate.sh save|overlap|downtime|eight|dirty|populate|access    (in L1, for run.sh)
#
# Makes one measurement with the devices that run.sh gives it. Each number is the median of $RUNS,
# and ratios are of numbers of this run.
here=$(cd "$(dirname "$0")/../system" && pwd)
. "$here/host.sh"
RUNS=5
MB=1048576

die() { echo "FAILED: $*"; exit 1; }
do_it() { "$@" || die "$*: $REASON"; }

# pf N: the Nth reference device, from 1 -> $PF, $PFDIR
pf()
{
	PF=$(lspci -Dnd 8086:f0d0 | cut -d ' ' -f 1 | sed -n "$1p")
	[ -n "$PF" ] || die "there is no reference device $1"
	PFDIR=/sys/bus/pci/devices/$PF
}

# mdevs N NAME...: that many mdevs of the Nth device, in variables
mdevs()
{
	pf "$1"
	shift
	do_it set_vfs $#
	do_it wait_for 30 all_bound $#
	for d_name; do
		new_uuid
		do_it create "$UUID"
		eval "$d_name=$MDEVS/\$UUID"
	done
}

# measure NAME COMMAND...: $RUNS times -> $VALUE, the median of what it prints as NAME=
measure()
{
	m_name=$1
	shift
	: >"$WORK/values"
	for _ in $(seq $RUNS); do
		"$@" >"$WORK/out" || die "$*: $(cat "$WORK/out")"
		sed -n "s/^$m_name=//p" "$WORK/out" >>"$WORK/values"
	done
	VALUE=$(sort -n "$WORK/values" | sed -n "$(((RUNS + 1) / 2))p")
	[ -n "$VALUE" ] || die "$*: no $m_name"
}

also() { VALUE=$(sed -n "s/^$1=//p" "$WORK/out"); }	# of the last one

row() { printf '  %-58s %10s %s\n' "$1" "$2" "$3"; }
us() { awk "BEGIN { printf \"%.2f\", $1 / 1000 }"; }
ms() { awk "BEGIN { printf \"%.1f\", $1 / 1000 }"; }
# met VALUE GOAL -> $MET, in words; more than the goal is worse
met() { MET=$(awk "BEGIN { printf \"goal at most %s: %s\", $2, $1 <= $2 ? \"met\" : \"not met\" }"); }
ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }

# ---- the state's way to user space ------------------------------------------------

bench_save()
{
	mdevs 1 a
	measure read_us vfio-bench save "$a"
	state=$VALUE
	also bytes
	bytes=$VALUE
	measure read_us vfio-bench memfd $((bytes / MB * MB))
	echo "Reading a state of $((bytes / MB)) MiB from the migration file, firmware without delay"
	row "from the migration file" "$(ms "$state")" ms
	row "a memfd of the same size" "$(ms "$VALUE")" ms
	row "ratio" "$(ratio "$state" "$VALUE")"
	row "more than the memfd, for a MiB" "$(((state - VALUE) * MB / bytes))" us
}

# ---- firmware and copying at the same time ----------------------------------------

# Device 1 has no delay, device 2 one of MBPS MiB a second
bench_overlap() # MBPS
{
	mdevs 1 a
	measure read_us vfio-bench save "$a"
	copy=$VALUE
	do_it remove_all
	mdevs 2 b
	measure read_us vfio-bench save "$b"
	total=$VALUE
	also bytes
	firmware=$((VALUE * 1000000 / (MB * $1)))
	most=$firmware
	[ "$copy" -lt "$most" ] || most=$copy
	echo "Saving $((VALUE / MB)) MiB, firmware with $1 MiB/s"
	row "firmware's time, by its bandwidth" "$(ms $firmware)" ms
	row "time with firmware that has no delay: copying" "$(ms "$copy")" ms
	row "the two one after the other would be" "$(ms $((firmware + copy)))" ms
	row "time in all" "$(ms "$total")" ms
	row "ratio to the larger of the two" "$(ratio "$total" $most)"
}

# ---- pre-copy -----------------------------------------------------------------------

# stopped_us: from the order to stop at the source until the function runs at the destination
moved()
{
	vfio-bench move "$@" >"$WORK/moved" || { cat "$WORK/moved"; return 1; }
	. "$WORK/moved"
	echo "stopped_us=$((runs_at_us - stopped_at_us))"
	echo "calls_us=$calls_us"
	echo "rest=$after"
}

# firmware_us DIR OPERATION... -> $VALUE: how long firmware has worked on these for the mdev
firmware_us()
{
	f_sum=0 f_dir=$1
	shift
	for f_op; do
		do_it op "${f_dir##*/}" "$f_op"
		f_sum=$((f_sum + NS))
	done
	VALUE=$((f_sum / 1000))
}

# worked -> $VALUE: how long it has on what a move without pre-copy needs from the order to stop on
worked()
{
	firmware_us "$a" suspend_p2p suspend_full save
	w_source=$VALUE
	firmware_us "$b" load resume_full resume_p2p
	VALUE=$((VALUE + w_source))
}

bench_downtime() # COPIES: so many copies change 5 % of the pages
{
	mdevs 1 a b
	worked
	before=$VALUE
	measure stopped_us moved "$a" "$b" 100 stop
	without=$VALUE
	also calls_us
	calls=$VALUE
	also rest
	all=$VALUE
	worked
	firmware=$(((VALUE - before) / RUNS))
	measure stopped_us moved "$a" "$b" 100 "$1"
	with=$VALUE
	also rest
	echo "Downtime with a state of $((all / MB)) MiB, of which pre-copy leaves $((VALUE * 100 / all)) %"
	row "without pre-copy" "$(ms "$without")" ms
	row "both ends in system calls of VFIO, which overlap" "$(ms "$calls")" ms
	row "firmware at work, during these calls or beside them" "$(ms $firmware)" ms
	row "with pre-copy" "$(ms "$with")" ms
	row "ratio" "$(ratio "$with" "$without")"
}

# ---- eight at once ------------------------------------------------------------------

at_once()
{
	s_start=$(date +%s%N)
	for s_dir; do
		vfio-bench save "$s_dir" >/dev/null || echo bad >>"$WORK/bad" &
	done
	wait
	[ ! -e "$WORK/bad" ] || return 1
	echo "all_us=$((($(date +%s%N) - s_start) / 1000))"
}

bench_eight()
{
	for d in 1 2; do
		mdevs $d m0 m1 m2 m3 m4 m5 m6 m7
		measure all_us at_once "$m0"
		one=$VALUE
		measure all_us at_once "$m0" "$m1" "$m2" "$m3" "$m4" "$m5" "$m6" "$m7"
		if [ $d = 1 ]; then
			echo "Saves of 16 MiB, opening included, firmware without delay: one processor copies"
		else
			echo "The same, firmware takes 50 ms for a chunk: there is something to wait for"
		fi
		row "one" "$(ms "$one")" ms
		row "eight at the same time" "$(ms "$VALUE")" ms
		row "ratio (one after the other: 8)" "$(ratio "$VALUE" "$one")"
		do_it remove_all
		do_it set_vfs 0
	done
}

# ---- dirty pages -----------------------------------------------------------------------

bench_dirty()
{
	RUNS=3
	if ! can log; then
		echo "Reports of dirty pages: left out, $REASON"
		return
	fi
	mdevs 1 a
	echo "Reports of dirty pages of 4 KiB, 0.1 % of them dirty, 16 in a row"
	for gib in 1 64 1024; do
		length=$((gib * 1024 * MB))
		# 64 KiB in 64 MiB
		measure report_us vfio-bench dirty "$a" $length $((64 * MB)) 65536
		time=$VALUE
		also dirty
		dirty=$VALUE
		also clean_us
		row "$gib GiB, $dirty pages" "$(ms "$time")" "ms, $(ratio "$time" "$dirty") us for a dirty page"
		row "$gib GiB, again: nothing is dirty" "$(ms "$VALUE")" ms
	done
}

# ---- an mdev and stock vfio-pci, in turns ------------------------------------------------

# driven BDF DRIVER: the VF has that driver
driven()
{
	do_it write_to "/sys/bus/pci/devices/$1/driver_override" "$2"
	do_it write_to "/sys/bus/pci/devices/$1/driver/unbind" "$1"
	do_it write_to /sys/bus/pci/drivers_probe "$1"
	[ -e "/sys/bus/pci/drivers/$2/$1" ] || die "$2 does not bind to $1"
}

# Firmware leaves the VFs enabled when their mdevs go: they would not work for vfio-pci else
removed()
{
	for r_dir in "$MDEVS"/*; do
		do_it mdev_vf "${r_dir##*/}"
		do_it inject "$VF" disable fail 11
	done
	do_it remove_all
}

# reached FIRST: one VF is an mdev, the other one has vfio-pci. Values go to $WORK/STEP.WHOSE, and ratios to
# $WORK/STEP.ratio
reached()
{
	new_uuid
	do_it create "$UUID"
	set -- "$1" "$MDEVS/$UUID" "/sys/bus/pci/devices/$STOCK"
	if [ "$1" = mdev ]; then
		set -- mdev "$2" vfio-pci "$3"
	else
		set -- vfio-pci "$3" mdev "$2"
	fi
	vfio-reach "$@" >"$WORK/out" || die "$(cat "$WORK/out")"
	while IFS='=' read -r r_name r_ns; do
		echo "$r_ns" >>"$WORK/$r_name"
	done <"$WORK/out"
	for r_name in $REACH; do
		r_ns=$(sed -n "s/^$r_name.mdev=//p" "$WORK/out")
		ratio "$r_ns" "$(sed -n "s/^$r_name.vfio-pci=//p" "$WORK/out")" >>"$WORK/$r_name.ratio"
		echo >>"$WORK/$r_name.ratio"
	done
}

# quartile FILE N -> $VALUE
quartile() { VALUE=$(sort -n "$1" | awk "{ v[NR] = \$1 } END { print v[int((NR - 1) * $2 / 4 + 1.5)] }"); }

# quartiles FILE -> $VALUE, the median, and $low, $high
quartiles()
{
	quartile "$1" 1
	low=$VALUE
	quartile "$1" 3
	high=$VALUE
	quartile "$1" 2
}

reach_row() # NAME WORDS
{
	for r_who in vfio-pci mdev; do
		quartiles "$WORK/$1.$r_who"
		row "$2, $r_who" "$(us "$VALUE")" "us ($(us "$low") to $(us "$high"))"
	done
	quartiles "$WORK/$1.ratio"
	met "$VALUE" 1.02
	row "ratio" "$VALUE" "($low to $high), $MET"
}

bench_access() # ROUNDS
{
	REACH="mapped read config map sleeping polling"
	mdevs 1 a b
	removed
	do_it load vfio-pci
	# Which VF is the mdev, changes with each round, and who comes first, with each second one
	for r in $(seq "$1"); do
		do_it vf_bdf $((r % 2))
		STOCK=$BDF
		driven "$STOCK" vfio-pci
		if [ $((r / 2 % 2)) = 0 ]; then
			reached mdev
		else
			reached vfio-pci
		fi
		removed
		driven "$STOCK" mdev-pci
	done
	echo "An mdev and a VF with stock vfio-pci, $1 rounds: median (half of the rounds)"
	reach_row mapped "a register, BAR 0 mapped"
	reach_row read "a register, by read()"
	reach_row config "configuration space, by read()"
	reach_row map "2 MiB mapped for DMA and unmapped"
	reach_row sleeping "doorbell to MSI-X interrupt, the program sleeps"
	reach_row polling "doorbell to MSI-X interrupt, the program polls"
}

# ---- GPU RAM -----------------------------------------------------------------------

# Where a mapping is not aligned as the memory is, no huge page fits: one page a fault
bench_populate()
{
	do_it load mdev-pci-nvlink2
	gpu=$(lspci -Dnd 10de:f0d2 | cut -d ' ' -f 1)
	[ -n "$gpu" ] || die "there is no GPU"
	do_it write_to "/sys/bus/pci/devices/$gpu/driver_override" nvlink2
	do_it write_to /sys/bus/pci/drivers_probe "$gpu"
	new_uuid
	do_it write_to "/sys/bus/pci/devices/$gpu/mdev_supported_types/nvlink2-gpu/create" "$UUID"
	measure us vfio-nvlink2 "$MDEVS/$UUID" region:0x800010de:1 populate:0
	huge=$VALUE
	also bytes
	bytes=$VALUE
	also faults
	huge_faults=$VALUE
	measure us vfio-nvlink2 "$MDEVS/$UUID" region:0x800010de:1 populate:4096
	small=$VALUE
	also faults
	echo "Touching all pages of $((bytes / MB)) MiB of GPU RAM, kernel $(uname -r)"
	row "aligned as huge pages are, $huge_faults faults" "$(ms "$huge")" ms
	row "one page a fault, $VALUE faults" "$(ms "$small")" ms
	row "ratio" "$(ratio "$small" "$huge")"
	do_it remove_all
	do_it unload mdev-pci-nvlink2
}

WORK=$(mktemp -d /tmp/work.XXXXXX)
do_it load_all
what=$1
shift
"bench_$what" "$@"
do_it remove_all
do_it unload_all
rm -rf "$WORK"
