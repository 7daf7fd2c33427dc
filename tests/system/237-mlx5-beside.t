# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 900
# timeout-full: 1800
# complains: irq [0-9]+ handler irq_int_handler.* enabled interrupts
# (6.1's mlx5_core itself: see 234-mlx5-faults.t)
#
# mdev-pci-mlx5 and upstream's mlx5-vfio-pci on the same VFs, by turns in one boot: the same user, the same
# guest. Lines "# row: WHAT | OURS | UPSTREAM'S" are for docs/mlx5-side-by-side.rst (tests/bench/mlx5.sh);
# no time is judged.

. "$PAYLOAD/tests/system/mlx5.sh"

ROUNDS=1 TIMES=3 VFS=4
! full || ROUNDS=2 TIMES=5 VFS=8

must "stock mlx5_core takes the PF" mlx5_load
must "the PF creates $VFS VFs" mlx5_vfs $VFS

# with WHO: the VFs are that driver's -> $FN0, $FN1...: directories of the functions in sysfs
with()
{
	w_n=0
	case $1 in
	ours) load mdev-pci-mlx5 && wait_for 60 all_bound $VFS ;;
	*) load mlx5-vfio-pci ;;
	esac || return 1
	while [ $w_n -lt $VFS ]; do
		if [ "$1" = ours ]; then
			new_uuid
			create "$UUID" mlx5_core-vf || return 1
			w_dir=$MDEVS/$UUID
			mdev_vf "$UUID" && w_vf=$VF
		else
			vf_to mlx5_vfio_pci $w_n && vf_dir $w_n || return 1
			w_dir=$DIR w_vf=$w_n
		fi
		eval "FN$w_vf=$w_dir"
		w_n=$((w_n + 1))
	done
}

without()
{
	w_n=0
	if [ "$1" = ours ]; then
		remove_all && unload mdev-pci-mlx5
		return
	fi
	while [ $w_n -lt $VFS ]; do
		vf_free $w_n || return 1
		w_n=$((w_n + 1))
	done
	unload mlx5-vfio-pci
}

sample() # KEY VALUE, of $who
{
	echo "$2" >>"$WORK/sample.$who.$1"
}

# "MEDIAN (LEAST to MOST)" of KEY and WHO, or "-"
median()
{
	sort -n "$WORK/sample.$2.$1" 2>/dev/null |
		awk '{ v[NR] = $1 } END { if (!NR) print "-"; else if (NR == 1) print v[1];
			else printf "%s (%s to %s)\n", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

row() # KEY WHAT
{
	echo "# row: $2 | $(median "$1" ours) | $(median "$1" upstream)"
}

laps() # KEY...: what vfio-mig has measured, in 1/10 ms
{
	for l_key; do
		mig_value "$l_key"_us && sample "$l_key" "$(awk "BEGIN { printf \"%.1f\", $VALUE / 1000 }")"
	done
}

stop_copy() # [_plain]: the end of the keys' names
{
	walk "$who: a state is saved" "$FN0" cx:3 lap:x set:STOP_COPY "read:$WORK/state$1" close "lap:save$1" \
		set:STOP set:RUNNING cx:1 && laps "save$1" || return 1
	sample "bytes$1" "$(stat -c %s "$WORK/state$1")"
	walk "$who: it is loaded" "$FN1" lap:x set:RESUMING "write:$WORK/state$1" set:STOP close set:RUNNING \
		"lap:load$1" cx-adopt:3 cx:3 && laps "load$1"
}

# Ours with upstream's streams, which have no checksums
plain()
{
	write_to "$FN0/stream" upstream && write_to "$FN1/stream" upstream || return 1
	stop_copy _plain
	pre_copy _plain
	write_to "$FN0/stream" native && write_to "$FN1/stream" native
}

pre_copy() # [_plain]
{
	walk "$who: a state is saved while the VF runs" "$FN0" cx:3 set:PRE_COPY "read:$WORK/early=ENOMSG" cx:2 \
		lap:x set:STOP_COPY "more:$WORK/early" close "lap:rest$1" set:STOP && laps "rest$1" || return 1
	walk "$who: it is loaded" "$FN1" set:RESUMING "write:$WORK/early" set:STOP close set:RUNNING cx-adopt:5 cx:2
}

report()
{
	walk "$who: dirty pages are reported" "$FN0" cx:1 cx-log cx:1 lap:x cx-dirty=1 lap:report cx-dirty=0 \
		cx-log-stop && laps report
}

# N VFs stop, save and go on at the same time, each by a user of its own: the longest counts
at_once() # N
{
	a_n=0 a_pids=
	rm -f "$WORK/go" "$WORK"/ready.* "$WORK"/out.*
	while [ $a_n -lt "$1" ]; do
		eval "a_dir=\$FN$a_n"
		within 90 vfio-mig "$a_dir" cx:2 "touch:$WORK/ready.$a_n" "await:$WORK/go" lap:x set:STOP_COPY \
			"read:$WORK/many.$a_n" close set:STOP set:RUNNING lap:all cx:1 >"$WORK/out.$a_n" 2>&1 &
		a_pids="$a_pids $!"
		a_n=$((a_n + 1))
	done
	wait_for 60 all_ready "$1" || fail "not all $1 users are ready: $(cat "$WORK"/out.*)"
	: >"$WORK/go"
	a_bad=
	for a_pid in $a_pids; do
		wait "$a_pid" || a_bad=1
	done
	[ -z "$a_bad" ] || fail "$(cat "$WORK"/out.*)" || return 1
	sample "many$1" "$(sed -n 's/.*all_us=\([0-9]*\).*/\1/p' "$WORK"/out.* | sort -n | tail -n 1 |
		awk '{ printf "%.1f", $1 / 1000 }')"
}

all_ready() { [ "$(ls "$WORK"/ready.* 2>/dev/null | wc -l)" = "$1" ]; }

# outcome FUNCTION COMMAND KIND [...] -- COMMANDS...: what a fault comes to, and whether a reset mends it
outcome()
{
	o_what=
	while [ "$1" != -- ]; do
		o_what="$o_what${o_what:+ }$1"
		shift
	done
	shift
	cx_inject "$o_what" || return 1
	within 60 vfio-mig "$FN0" "$@" state >"$WORK/out" 2>&1
	echo "$o_what: $(tail -n 1 "$WORK/out" | sed 's/^vfio-mig: //; s/, expected success//; s|/tmp/[^ ]*/|.../|g')" \
		>>"$WORK/outcome.$who"
	cx_inject clear
	t "$who: $o_what: a reset mends it" within 60 vfio-mig "$FN0" reset state=RUNNING cx:1 set:STOP_COPY \
		"read:$WORK/x" close set:STOP set:RUNNING cx:1
}

faults()
{
	outcome 0 suspend fail 4 -- cx:1 set:STOP
	outcome 0 resume fail 4 -- cx:1 set:STOP set:RUNNING
	outcome 0 query_state fail 4 9 -- cx:1 set:STOP_COPY "read:$WORK/x"
	# Upstream's driver of 6.12 allocates what firmware says, and the host runs out of memory
	if [ "$who" = ours ]; then
		outcome 0 query_state value 0xffffffff 9 -- cx:1 set:STOP_COPY "read:$WORK/x"
	else
		echo "0 query_state value 0xffffffff 9: not done: the host runs out of memory (seen)" >>"$WORK/outcome.$who"
	fi
	outcome 0 save fail 4 -- cx:1 set:STOP_COPY "read:$WORK/x"
	outcome 0 save value 0xffffff00 -- cx:1 set:STOP_COPY "read:$WORK/x"
	outcome 0 load fail 3 -- set:RESUMING "write:$WORK/state" set:STOP
	outcome pf create_mkey fail 8 2 -- cx:1 set:STOP_COPY "read:$WORK/x"
	outcome pf alloc_pd fail 8 -- cx:1 set:STOP_COPY "read:$WORK/x"
}

r=0
while [ $r -lt $ROUNDS ]; do
	r=$((r + 1))
	for who in ours upstream; do
		must "$who: round $r: $VFS VFs" with $who
		i=0
		while [ $i -lt $TIMES ]; do
			i=$((i + 1))
			stop_copy ""
			[ "$who" = upstream ] || ! can precopy || t "$who: upstream's streams" plain
			! can precopy || pre_copy ""
			! can log || report
		done
		t "$who: 4 VFs at once" at_once 4
		[ $VFS -lt 8 ] || t "$who: 8 VFs at once" at_once 8
		[ $r != 1 ] || faults
		t "$who: no DMA of a VF that is stopped" cx_no_bad_dma
		t "$who: all is given back" without $who
	done
done

# The first guest of a boot has the longest downtimes
for who in ours upstream upstream ours; do
	full || break
	must "$who: a guest" with $who
	if t "$who: it boots" mlx5_guest_boot a "$FN0"; then
		from=a to=b i=0
		while [ $i -lt 3 ]; do
			i=$((i + 1))
			[ $((i % 2)) = 1 ] && dir=$FN1 || dir=$FN0
			t "$who: migration $i" mlx5_migrate $from $to "$dir" && sample downtime "$DOWNTIME" || break
			t "$who: its connections go on, each byte was right" rdma_goes_on $to 2 120 || break
			guest_quit $from
			set -- $from $to
			from=$2 to=$1
		done
		t "$who: no command waited for a lost interrupt" guest_never_waited $from
		rdma_runs $from && sample runs "$RUNS"
	fi
	guest_quit a
	guest_quit b
	t "$who: all is given back" without $who
done

row bytes "bytes of a stream"
row save "stop, save, ms"
row load "load, run, ms"
row save_plain "stop, save with upstream's streams (no checksum), ms"
row load_plain "load, run with upstream's streams, ms"
row rest "stop, save what is left after pre-copy, ms"
row rest_plain "the same with upstream's streams, ms"
! can log || row report "report of dirty pages, 64 pages, ms"
row many4 "4 VFs at once: stop, save, run, the slowest, ms"
row many8 "8 VFs at once: the same"
row downtime "downtime of a guest (QEMU's), ms"
row runs "RDMA connections of the guest after the last migration, all right"
paste -d '|' "$WORK/outcome.ours" "$WORK/outcome.upstream" |
	awk -F '|' '{ what = $1; sub(/: .*/, "", what); sub(/^[^:]*: /, "", $1); sub(/^[^:]*: /, "", $2);
		printf "# row: %s | %s | %s\n", what, $1, $2 }'
t "all VFs are removed" set_vfs 0
t "mlx5_core unloads" unload mlx5_core
