# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 500
#
# Upstream's virtio_vfio_pci and our module on VFs of one PF, in one boot, by turns. Lines
# "# row: WHAT | OURS | UPSTREAM'S" are for docs/virtio-side-by-side.rst (tests/bench/virtio.sh).
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "two drivers side by side" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
ROUNDS=${ROUNDS:-7}
must "our module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
must "upstream's is loaded" upstream_load
must "4 VFs exist" bound_vfs 4
for i in 2 3; do
	vf_bdf $i
	must "upstream's driver binds VF $i" bind_to "$BDF" virtio_vfio_pci
	eval "up$i=$BDF"
done
for i in 0 1; do
	new_uuid
	must "an mdev of ours" create "$UUID" "$TYPE"
	eval "our$i=$UUID"
done

dir_of() # ours|upstream
{
	[ "$1" = ours ] && DIR=$MDEVS/$our0 VFN=vf0 || DIR=/sys/bus/pci/devices/$up2 VFN=vf2
	[ "$1" != ours ] || mdev_vf "$our0"
	[ "$1" != ours ] || VFN=vf$VF
}

# elapsed WHO COMMANDS...: as vfio-mig; hundredths of a second -> $TOOK
elapsed()
{
	dir_of "$1"
	shift
	now
	e_begin=$NOW
	within 60 vfio-mig -q "$DIR" "$@" >"$WORK/out" 2>&1 || fail "$(cat "$WORK/out")" || return 1
	now
	TOOK=$((NOW - e_begin))
}

# "MEDIAN (LEAST to MOST)" of the numbers in a file, each of 10 operations in 1/100 s: in ms
median()
{
	sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%d (%d to %d)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

# timed WHAT COMMANDS...: ten times in one session, both drivers by turns
timed()
{
	t_what=$1
	shift
	set -- "$@" "$@"
	set -- "$@" "$@" "$@" "$@" "$@"
	rm -f "$WORK"/time.*
	t_n=0
	while [ $t_n -lt "$ROUNDS" ]; do
		t_n=$((t_n + 1))
		for t_who in ours upstream; do
			t_args=
			for t_arg; do
				t_args="$t_args $(echo "$t_arg" | sed "s|@|$t_who|")"
			done
			# shellcheck disable=SC2086  # words
			elapsed $t_who $t_args || { flunk "$t_what: $t_who" "$REASON"; return 1; }
			echo "$TOOK" >>"$WORK/time.$t_who"
		done
	done
	pass "$t_what: both, $ROUNDS times ten by turns"
	echo "# row: $t_what, ms | $(median "$WORK/time.ours") | $(median "$WORK/time.upstream")"
}

for who in ours upstream; do
	dir_of $who
	snap_count parts-get
	before=$VALUE
	must "$who: a state is saved" within 60 vfio-mig -q "$DIR" set:STOP_COPY "read:$WORK/s.$who" set:RUNNING
	snap_count parts-get
	eval "gets_$who=$((VALUE - before)) bytes_$who=$(stat -c %s "$WORK/s.$who")"
done
# shellcheck disable=SC2154
echo "# row: bytes of a state | $bytes_ours | $bytes_upstream"
t "both have the same parts" python3 - "$WORK/s.ours" "$WORK/s.upstream" <<'END'
import sys
ours, up = (open(f, "rb").read() for f in sys.argv[1:])
def records(s):
    at, out = 128, b""
    while at < len(s):
        tag, flags, length = (int.from_bytes(s[at + 4 * i:at + 4 * i + 4], "little") for i in range(3))
        at += 24
        out += s[at:at + length]
        at += length
    return out
parts = up[16:]
# The end record has a trailer of its own
sys.exit(0 if records(ours)[:len(parts)] == parts or parts[:200] in ours else 1)
END
timed "stop, save, resume" set:STOP_COPY "read:$WORK/x.@" set:STOP set:RUNNING
timed "stop, load, resume" set:STOP set:RESUMING "write:$WORK/s.@" set:STOP set:RUNNING

# What each command's failure comes to: what the driver says and the state it is in
outcome() # WHO COMMANDS...
{
	dir_of "$1"
	shift
	within 60 vfio-mig "$DIR" "$@" state >"$WORK/out" 2>&1
	OUTCOME=$(tail -n 1 "$WORK/out" | sed 's/^vfio-mig: //; s/, expected success//; s|/tmp/[^ ]*/|.../|g')
}
for cmd in mode-set obj-create parts-metadata-get parts-get parts-set; do
	row=
	for who in ours upstream; do
		dir_of $who
		t "$cmd fails: $who" snap_inject "$VFN" $cmd fail 5
		case $cmd in
		mode-set) outcome $who set:STOP ;;
		parts-set) outcome $who set:STOP set:RESUMING "write:$WORK/s.$who" ;;
		*) outcome $who set:STOP set:STOP_COPY "read:$WORK/x" ;;
		esac
		row="$row | $OUTCOME"
		snap_inject clear
		t "$cmd fails: $who can be used" within 60 vfio-mig -q "$DIR" reset state=RUNNING \
			set:STOP_COPY "read:$WORK/x" set:RUNNING
	done
	echo "# row: $cmd fails$row"
done
t "no object is left" snap_no_objects

# Parts that no device has: which driver refuses them
hostile() # WHAT BYTE VALUE
{
	row=
	for who in ours upstream; do
		dir_of $who
		case $who in
		ours) mig-stream mutate "$WORK/s.ours" "$WORK/bad" "state:$2:$3" ;;
		*) python3 -c 'import sys
d = bytearray(open(sys.argv[1], "rb").read())
d[16 + int(sys.argv[2])] = int(sys.argv[3])
open(sys.argv[4], "wb").write(d)' "$WORK/s.upstream" "$2" "$3" "$WORK/bad" ;;
		esac
		snap_count parts-set
		before=$VALUE
		outcome $who set:STOP set:RESUMING "write:$WORK/bad"
		snap_count parts-set
		[ "$VALUE" = "$before" ] && seen="the device sees nothing" || seen="it reaches the device"
		row="$row | $seen: $OUTCOME"
	done
	echo "# row: hostile parts: $1$row"
	like "$1: ours keeps it from the device" "$row" '^ \| the device sees nothing'
}
hostile "a reserved bit in a header" 2 2
hostile "features that were not offered" 40 1
hostile "a length beyond the end" 15 255
hostile "a queue that is neither enabled nor not" 179 2

# Each with half of the data read or written: then the VF must migrate again
reset_in() # WHO -> $OUTCOME
{
	head -c 700000 "$WORK/s.$1" >"$WORK/half"
	r_all=
	for r_state in RUNNING STOP STOP_COPY RESUMING; do
		case $r_state in
		RUNNING) set -- "$1" ;;
		STOP) set -- "$1" set:STOP ;;
		STOP_COPY) set -- "$1" set:STOP_COPY "read:$WORK/x:700000" ;;
		RESUMING) set -- "$1" set:STOP set:RESUMING "write:$WORK/half" ;;
		esac
		outcome "$@" reset state=RUNNING set:STOP_COPY "read:$WORK/x" set:RUNNING
		[ "$OUTCOME" = state=RUNNING ] && r_all="$r_all, yes" || r_all="$r_all, $OUTCOME"
	done
	OUTCOME=${r_all#, }
}
row=
for who in ours upstream; do
	reset_in $who
	row="$row | $OUTCOME"
done
is "a VF can be used after a reset in each state: ours" "${row%" |"*}" " | yes, yes, yes, yes"
echo "# row: reset in RUNNING, STOP, STOP_COPY and RESUMING: can the VF be used?$row"

# A guest, migrated there and back with its disk under load
fio=
if [ -e "$PAYLOAD/fio/fio" ]; then
	fio=1
else
	skip "fio verifies the disk, too" "it could not be made"
fi
guest_of() # WHO FROM TO
{
	w_who=$1
	blk_boot "$w_who-0" "$2" || return 1
	[ -z "$fio" ] || fio_begin "$w_who-0"
	w_n=0 w_from=$2 w_to=$3
	rm -f "$WORK/downtime"
	while [ $w_n -lt "${MIGRATIONS:-3}" ]; do
		w_n=$((w_n + 1))
		guest_tell "$w_who-$((w_n - 1))" 'killall -USR2 blkload'
		blk_migrate "$w_who-$((w_n - 1))" "$w_who-$w_n" "$w_to" || return 1
		echo "$DOWNTIME" >>"$WORK/downtime"
		blk_goes_on "$w_who-$w_n" 100 60 && blk_oracle "$w_who-$w_n" || return 1
		guest_quit "$w_who-$((w_n - 1))"
		set -- "$w_to" "$w_from"
		w_from=$1 w_to=$2
	done
	[ -z "$fio" ] || fio_goes_on "$w_who-$w_n" || return 1
	blk_verify "$w_who-$w_n" || return 1
	guest_quit "$w_who-$w_n"
	DOWN=$(median "$WORK/downtime")
}
t "ours: a guest migrates, all its blocks are right" guest_of ours "$our0" "$our1" &&
	ours_down=$DOWN ours_blocks=$VERIFIED ours_runs=$RUNS
if t "upstream's: a guest migrates, all its blocks are right" guest_of upstream "$up2" "$up3"; then
	echo "# row: downtime of a guest (QEMU's), ms | $ours_down | $DOWN"
	echo "# row: blocks verified after ${MIGRATIONS:-3} migrations | $ours_blocks, all right | $VERIFIED, all right"
	[ -z "$fio" ] ||
		echo "# row: runs of fio, 2 MiB each, meanwhile and after them | $ours_runs, all right | $RUNS, all right"
fi
t "no stopped VF has done DMA or sent an interrupt, no object is left" snap_is_tame 4

# The PF's driver goes while a user of each has the device open
asked() # WHO: until it is asked for the device
{
	dir_of "$1"
	within 60 vfio-mig "$DIR" irq set:STOP_COPY "irq-wait:$((30000 * ${PATIENCE:-1}))" >"$WORK/asked.$1" 2>&1
	echo $? >"$WORK/asked.$1.rc"
}
for who in ours upstream; do
	asked $who &
done
sleep 2
t "the PF's driver goes" within 60 sh -c "echo $PF >/sys/bus/pci/drivers/virtio-pci/unbind"
row=
for who in ours upstream; do
	if wait_for 20 is_there "$WORK/asked.$who.rc" && [ "$(cat "$WORK/asked.$who.rc")" = 0 ]; then
		row="$row | the user is asked to close the device, then it is done"
	else
		row="$row | $(tail -n 1 "$WORK/asked.$who")"
	fi
done
is "the user of ours is asked for the device" "$(cat "$WORK/asked.ours.rc")" 0
echo "# row: the PF is unbound while VFs are in STOP_COPY$row"
t "the PF's driver is bound again" write_to /sys/bus/pci/drivers/virtio-pci/bind "$PF"
t "no object is left" snap_no_objects
t "upstream's module unloads" rmmod virtio_vfio_pci
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
