# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 300
#
# What a save and a load cost, step by step, with upstream's virtio_vfio_pci and with our module: time,
# commands of the PF, and functions of the kernel by ftrace. Lines "# cost: WHAT | OURS | UPSTREAM'S" are for
# docs/virtio-side-by-side.rst.
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "what a save and a load cost" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
ROUNDS=${ROUNDS:-15}
T=/sys/kernel/tracing
[ -d $T/events ] || must "tracefs is mounted" mount -t tracefs none $T
must "our module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
must "upstream's is loaded" upstream_load
must "2 VFs exist" bound_vfs 2
vf_bdf 1
theirs=$BDF
must "upstream's driver binds VF 1" bind_to "$theirs" virtio_vfio_pci
new_uuid
must "an mdev of ours" create "$UUID" "$TYPE"
ours=$UUID

# bare: ours with upstream's streams, which have no checksum
dir_of() # ours|bare|upstream -> $DIR
{
	DIR=$MDEVS/$ours
	case $1 in
	ours) write_to "$DIR/stream" native ;;
	bare) write_to "$DIR/stream" upstream ;;
	upstream) DIR=/sys/bus/pci/devices/$theirs ;;
	esac
}

saves() # WHO: with a lap each step
{
	dir_of "$1"
	within 60 vfio-mig "$DIR" lap:begin set:STOP lap:stop set:STOP_COPY lap:begin-save \
		"read:$WORK/s.$1" lap:read set:STOP lap:end-save set:RUNNING lap:resume
}

loads() # WHO
{
	dir_of "$1"
	within 60 vfio-mig "$DIR" lap:begin set:STOP lap:stop set:RESUMING lap:begin-load \
		"write:$WORK/s.$1" lap:write set:STOP lap:end-load set:RUNNING lap:resume
}

# In ms, with a tenth: the median of a step's laps, or of the sums of all
step() # WHO STEP|whole
{
	# Each run's laps begin with "begin"
	sed -n 's/^\([a-z-]*\)_us=/\1 /p' "$WORK/laps.$1" | awk -v step="$2" '
		$1 == "begin" { runs++; next }
		$1 == step || step == "whole" { us[runs] += $2 }
		END { for (r in us) print us[r] }' | sort -n |
		awk '{ v[NR] = $1 } END { printf "%.1f", v[int((NR + 1) / 2)] / 1000 }'
}

# by_steps saves|loads STEP...
by_steps()
{
	b_what=$1
	shift
	rm -f "$WORK"/laps.*
	b_n=0
	while [ $b_n -lt "$ROUNDS" ]; do
		b_n=$((b_n + 1))
		for b_who in ours bare upstream; do
			"$b_what" $b_who >>"$WORK/laps.$b_who" 2>&1 ||
				{ flunk "$b_what: $b_who" "$(tail -n 1 "$WORK/laps.$b_who")"; return 1; }
		done
	done
	pass "$b_what, step by step: both, $ROUNDS times by turns"
	for b_step in "$@" whole; do
		echo "# cost: $b_what, $b_step, ms | $(step ours "$b_step"), without a checksum" \
			"$(step bare "$b_step") | $(step upstream "$b_step")"
	done
}

commands() # -> $VALUE: all that the PF was sent
{
	VALUE=$(snap_qom qom-get commands | jq -r .return | tr ' ' '\n' | sed -n 's/^.*=//p' |
		awk '{ n += $1 } END { print n + 0 }')
}

# How often was a function called, and for how long: "N calls, MS ms"
function_took() # NAME
{
	awk -v name="$1" '
	{
		at = index($0, "|")
		if (!at || !match($0, "[^A-Za-z0-9_]" name "[^A-Za-z0-9_]") || $0 ~ /\{ *$/)
			next
		if (match(substr($0, 1, at), /[0-9.]+ us/)) {
			calls++
			us += substr($0, RSTART, RLENGTH)
		}
	}
	END { printf "%d times, %.1f ms", calls, us / 1000 }' "$WORK/graph"
}

# traced WHAT FUNCTION...: one of each, with the functions traced
traced()
{
	d_what=$1
	shift
	for d_who in ours upstream; do
		: >$T/set_ftrace_filter
		for d_f; do
			echo "$d_f" >>$T/set_ftrace_filter
		done
		echo function_graph >$T/current_tracer
		echo 1 >$T/options/funcgraph-tail
		: >$T/trace
		commands
		d_before=$VALUE
		t "$d_what, traced: $d_who" "$d_what" $d_who
		cat $T/trace >"$WORK/graph"
		commands
		eval "n_$d_who=$((VALUE - d_before))"
		echo nop >$T/current_tracer
		for d_f; do
			function_took "$d_f" >"$WORK/took.$d_who.$d_f"
		done
	done
	: >$T/set_ftrace_filter
	echo "# cost: $d_what, commands of the PF | $n_ours | $n_upstream"
	for d_f; do
		echo "# cost: $d_what, $d_f() | $(cat "$WORK/took.ours.$d_f") | $(cat "$WORK/took.upstream.$d_f")"
	done
}

by_steps saves stop begin-save read end-save resume
by_steps loads stop begin-load write end-load resume
traced saves crc32c virtio_pci_admin_dev_parts_get
traced loads crc32c virtio_pci_admin_dev_parts_set
unbind_from "$theirs"
t "upstream's module unloads" rmmod virtio_vfio_pci
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
