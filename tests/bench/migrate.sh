#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154  # variables that mdevs and moved set
# usage: migrate.sh save|overlap|downtime|guest|eight|dirty|populate|access    (in L1, for run.sh)
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

row() { printf '  %-46s %10s %s\n' "$1" "$2" "$3"; }
us() { awk "BEGIN { printf \"%.2f\", $1 / 1000 }"; }
ms() { awk "BEGIN { printf \"%.1f\", $1 / 1000 }"; }
# met VALUE most|least GOAL -> $MET, in words
met() { MET=$(awk "BEGIN { printf \"goal at $2 %s: %s\", $3, $1 == $3 || ($1 < $3) == (\"$2\" == \"most\") ? \"met\" : \"not met\" }"); }
ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }

# ---- the state's way to user space ------------------------------------------------

# What the kernel's function graph shows of vfio-bench beside
trace_on() # FUNCTION...
{
	TRACING=/sys/kernel/tracing
	mount -t tracefs tracefs $TRACING 2>/dev/null
	do_it write_to $TRACING/buffer_size_kb 4096
	for t_function; do
		echo "$t_function:mod:vfio_pci_engine" >>$TRACING/set_ftrace_filter || die "$t_function can't be traced"
	done
	do_it write_to $TRACING/options/funcgraph-tail 1
	do_it write_to $TRACING/current_tracer function_graph
}

# The engine's events, by the clock of vfio-bench
trace_events()
{
	TRACING=/sys/kernel/tracing
	mount -t tracefs tracefs $TRACING 2>/dev/null
	do_it write_to $TRACING/trace_clock mono
	do_it write_to $TRACING/buffer_size_kb 4096
	do_it write_to $TRACING/events/vfio_pci_engine/enable 1
}
trace_events_off() { do_it write_to "$TRACING/events/vfio_pci_engine/enable" 0; }

trace_off() { do_it write_to $TRACING/current_tracer nop; }

# "save.FUNCTION=US" and "load.FUNCTION=US": how long each function took in reads and writes, and save_read and
# load_write themselves
trace_sums()
{
	awk '
	{ name = $0; sub(/^[^|]*\| *(} \/\* )?/, "", name); sub(/ .*/, "", name) }
	name ~ /^[a-z_]+$/ && / us / {
		time = $0; sub(/ us .*/, "", time); sub(/.* /, "", time)
		us[end "." name] += time
	}
	/save_read.*{/ { end = "save" }
	/load_write.*{/ { end = "load" }
	END { for (key in us) printf "%s=%d\n", key, us[key] }
	' $TRACING/trace
}

# of NAME -> $VALUE: the median of what the runs have printed as NAME=
of() { VALUE=$(sed -n "s/^$1=//p" "$WORK/runs" | sort -n | sed -n "$(((RUNS + 1) / 2))p") && [ -n "$VALUE" ] || die "no $1"; }

part() { of "$1" && row "$2" "$(ms "$VALUE")" "ms, $(us_a_mib "$VALUE") us for a MiB"; }
us_a_mib() { echo $(($1 * MB / bytes)); }

# beside END CHECKSUM GIVE WAIT: the times of one end, and the functions in which they go
beside()
{
	of "$1.$2"
	b_checksum=$VALUE
	of "$1.$3"
	b_known=$((b_checksum + VALUE))
	of "$1.$4"
	b_known=$((b_known + VALUE))
	of "$1.file_us"
	b_all=$VALUE
	part "$1.file_us" "the migration file"
	part "$1.$2" "  of this: checksum"
	part "$1.$3" "  of this: giving chunks to firmware"
	part "$1.$4" "  of this: waiting for firmware"
	row "  of this: copying, and all else" "$(ms $((b_all - b_known)))" "ms, $(us_a_mib $((b_all - b_known))) us for a MiB"
	part "$1.memfd_us" "a memfd"
	b_memfd=$VALUE
	for b_what in all all-checksum; do
		case $b_what in
		all) VALUE=$(ratio "$b_all" "$b_memfd") b_words=ratio ;;
		*) VALUE=$(ratio $((b_all - b_checksum)) "$b_memfd") b_words="ratio without the checksum" ;;
		esac
		met "$VALUE" most 1.15
		row "$b_words" "$VALUE" "$MET"
	done
}

bench_save()
{
	mdevs 1 a
	trace_on save_read stream_write_state mig_chunk_submit mig_file_wait_enter \
		load_write stream_got mig_file_submit mig_file_wait
	for _ in $(seq $RUNS); do
		echo >$TRACING/trace
		vfio-bench beside "$a" $((256 * MB)) >>"$WORK/runs" || die "$(tail -n 1 "$WORK/runs")"
		trace_sums >>"$WORK/runs"
	done
	trace_off
	of bytes
	bytes=$VALUE
	firmware_us "$a" save
	worked=$((VALUE / RUNS))
	echo "Saving $((bytes / MB)) MiB, firmware without delay, in turns with reading a memfd: median of $RUNS"
	beside save stream_write_state mig_chunk_submit mig_file_wait_enter
	row "firmware at work, while the program copies" "$(ms $worked)" ms
	firmware_us "$a" load
	worked=$((VALUE / RUNS))
	echo "Loading $((bytes / MB)) MiB, in turns with writing a memfd"
	beside load stream_got mig_file_submit mig_file_wait
	row "firmware at work, while the program copies" "$(ms $worked)" ms
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
	bytes=$VALUE
	firmware_us "$b" save
	firmware=$((VALUE / RUNS))
	most=$firmware
	[ "$copy" -lt "$most" ] || most=$copy
	echo "Saving $((bytes / MB)) MiB, firmware with $1 MiB/s"
	row "firmware at work" "$(ms $firmware)" ms
	row "copying: the time with firmware without delay" "$(ms "$copy")" ms
	row "the two one after the other would be" "$(ms $((firmware + copy)))" ms
	row "time in all" "$(ms "$total")" ms
	row "ratio to the larger of the two" "$(ratio "$total" "$most")"
}

# ---- pre-copy -----------------------------------------------------------------------

# stopped_us: from the order to stop at the source until the function runs at the destination, and its parts
moved()
{
	echo >$TRACING/trace
	vfio-bench move "$@" >"$WORK/moved" || { cat "$WORK/moved"; return 1; }
	. "$WORK/moved"
	cp $TRACING/trace "$WORK/trace"
	"$here/../bench/parts.py" "$WORK/trace" "$WORK/moved" || return 1
	echo "rest=$after"
}

# downtime WORDS COMMAND...: $RUNS times; the rows are those of the median. -> $stopped, and $rest, its last value
downtime()
{
	d_words=$1
	shift
	: >"$WORK/runs"
	for _ in $(seq $RUNS); do
		"$@" >"$WORK/out" || die "$*: $REASON $(cat "$WORK/out")"
		sed 's/.*=//' "$WORK/out" | tr '\n' ' ' >>"$WORK/runs"
		echo >>"$WORK/runs"
	done
	sort -n "$WORK/runs" | sed -n "$(((RUNS + 1) / 2))p" >"$WORK/median"
	read -r stopped d_firmware d_engine d_vmm rest <"$WORK/median"
	row "$d_words" "$(ms "$stopped")" ms
	part_of "$stopped" "firmware at work" "$d_firmware"
	part_of "$stopped" "engine: checksum, copying, states" "$d_engine"
	part_of "$stopped" "VMM: ${VMM:-passing the stream on}" "$d_vmm"
}

part_of() { row "  of this: $2" "$(ms "$3")" "ms, $(awk "BEGIN { printf \"%.0f\", $3 * 100 / $1 }") %"; }

# firmware_us DIR OPERATION -> $VALUE: how long firmware has worked on these for the mdev
firmware_us()
{
	do_it op "${1##*/}" "$2"
	VALUE=$((NS / 1000))
}

bench_downtime() # COPIES: so many copies change 5 % of the pages
{
	mdevs 1 a b
	trace_events
	echo "Downtime of a function with a state of 64 MiB, the median of $RUNS moves"
	downtime "without pre-copy" moved "$a" "$b" 100 stop
	without=$stopped
	all=$rest
	downtime "with pre-copy" moved "$a" "$b" 100 "$1"
	row "with pre-copy, left for the downtime" "$((rest / MB))" "MiB, $((rest * 100 / all)) %"
	row "ratio, with and without pre-copy" "$(ratio "$stopped" "$without")"
	trace_events_off
}

# ---- a guest of QEMU ------------------------------------------------------------------

# The engine's events in a buffer of their own, since the function graph has the other one
trace_guest()
{
	trace_on engine_set_state save_read load_write
	do_it write_to $TRACING/trace_clock mono
	do_it write_to $TRACING/options/funcgraph-abstime 1
	do_it mkdir $TRACING/instances/bench
	do_it write_to $TRACING/instances/bench/trace_clock mono
	do_it write_to $TRACING/instances/bench/events/vfio_pci_engine/enable 1
}

# "# call START END" of what the function graph shows
traced_calls()
{
	awk '/ us .*\(\);/ {
		time = $0; sub(/ us .*/, "", time); sub(/.* /, "", time)
		printf "# call %d %d\n", $1 * 1000000, $1 * 1000000 + time
	}' $TRACING/trace
}

# The guest migrates from the one mdev to the other one, which change roles then
guest_moved()
{
	echo >$TRACING/trace
	echo >$TRACING/instances/bench/trace
	guest_migrate "$from" "$from+" "${b##*/}" || return 1
	traced_calls >"$WORK/calls"
	cp $TRACING/instances/bench/trace "$WORK/trace"
	"$here/../bench/parts.py" "$WORK/trace" "$WORK/calls" || return 1
	echo "ram=$RAM"
	guest_goes_on "$from+" 20 60 && guest_quit "$from" && from=$from+ && swap_ends
}

swap_ends() { set -- "$a" && a=$b && b=$1; }

bench_guest()
{
	RUNS=3
	. "$here/guest.sh"
	mdevs 1 a b
	do_it guest_boot g "${a##*/}"
	from=g
	trace_guest
	qemu_major
	echo "Downtime of the function of a guest with $GUEST_MEM of memory, QEMU $QEMU, the median of $RUNS migrations"
	VMM="memory and all other devices"
	downtime "with pre-copy" guest_moved
	row "memory that QEMU has transferred, in all" "$((rest / MB))" MiB
	trace_off
	guest_quit "$from"
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

us_a_gib() { ratio "$1" "$gib"; }

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
		row "$gib GiB, $dirty pages" "$(ms "$time")" "ms, $(us_a_gib "$time") us for a GiB, $(ratio "$time" "$dirty") us for a dirty page"
		row "$gib GiB, again: nothing is dirty" "$(ms "$VALUE")" "ms, $(us_a_gib "$VALUE") us for a GiB"
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

# compared RATIO NAME DIR NAME DIR: values go to $WORK/STEP.NAME, and those of the first name by those of the second
# to $WORK/STEP.RATIO
compared()
{
	r_ratio=$1
	shift
	vfio-reach "$@" >"$WORK/out" || die "$(cat "$WORK/out")"
	while IFS='=' read -r r_name r_ns; do
		echo "$r_ns" >>"$WORK/$r_name"
	done <"$WORK/out"
	for r_step in $REACH; do
		r_ns=$(sed -n "s/^$r_step.${r_ratio%/*}=//p" "$WORK/out")
		ratio "$r_ns" "$(sed -n "s/^$r_step.${r_ratio#*/}=//p" "$WORK/out")" >>"$WORK/$r_step.ratio-${r_ratio%/*}"
		echo >>"$WORK/$r_step.ratio-${r_ratio%/*}"
	done
}

# reached FIRST: one VF is an mdev, the other one has vfio-pci
reached()
{
	new_uuid
	do_it create "$UUID"
	if [ "$1" = mdev ]; then
		compared mdev/vfio-pci mdev "$MDEVS/$UUID" vfio-pci "/sys/bus/pci/devices/$STOCK"
	else
		compared mdev/vfio-pci vfio-pci "/sys/bus/pci/devices/$STOCK" mdev "$MDEVS/$UUID"
	fi
}

# control ROUNDS: how far apart two VFs are that both have vfio-pci
control()
{
	do_it vf_bdf 0
	r_first=$BDF
	do_it vf_bdf 1
	driven "$r_first" vfio-pci
	driven "$BDF" vfio-pci
	for _ in $(seq "$1"); do
		compared first/second first "/sys/bus/pci/devices/$r_first" second "/sys/bus/pci/devices/$BDF"
	done
	driven "$r_first" mdev-pci
	driven "$BDF" mdev-pci
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
	quartiles "$WORK/$1.ratio-mdev"
	met "$VALUE" most 1.02
	row "ratio: $2" "$VALUE" "($low to $high), $MET"
	quartiles "$WORK/$1.ratio-first"
	row "  two VFs that both have vfio-pci" "$VALUE" "($low to $high)"
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
	control $(($1 / 2))
	echo "An mdev beside stock vfio-pci, $1 rounds: median (half of the rounds)"
	reach_row mapped "a register, BAR 0 mapped"
	reach_row read "a register, by read()"
	reach_row config "configuration space, by read()"
	reach_row map "2 MiB mapped for DMA and unmapped"
	reach_row sleeping "doorbell to MSI-X, program sleeps"
	reach_row polling "doorbell to MSI-X, program polls"
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
	VALUE=$(ratio "$small" "$huge")
	met "$VALUE" least 20
	row "ratio" "$VALUE" "$MET"
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
