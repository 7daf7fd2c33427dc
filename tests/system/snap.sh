# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
#
# For test files with "# boot: virtio": the SNAP model (docs/snap-device.rst), its VFs with
# drivers that the project did not write, guests with a load on its volume. Needs host.sh, guest.sh, tap.sh.

SNAP_ID=${SNAP_ID:-snap}

find_snap() # -> $PF, $PFDIR
{
	find_other_pf 1af4:1042
}

snap_qom() # COMMAND PROPERTY [VALUE]
{
	bash -c '. /payload/tests/vm/lib/l0.sh; l0_qmp "$@"' l0 "$1" "$(jq -cn --arg i "/machine/peripheral/$SNAP_ID" \
		--arg p "$2" --arg v "$3" '{path: $i, property: $p} + if $v == "" then {} else {value: $v} end')"
}

# any|vfN COMMAND KIND [PARAMETER [HITS [PASSES]]], or clear: faults of the model
snap_inject()
{
	snap_qom qom-set inject "$*" >"$WORK/inject" 2>&1 || fail "inject $*: $(cat "$WORK/inject")"
}

# hold vfN; forget vfN; bug NAME|none
snap_order() # PROPERTY VALUE
{
	snap_qom qom-set "$1" "$2" >"$WORK/order" 2>&1 || fail "$1 $2: $(cat "$WORK/order")"
}

snap_holds() # N REQUESTS
{
	snap_vf "$1" held && [ "$VALUE" -ge "$2" ]
}

# At the next stop of a VF that is in use at least 2 requests are in flight
snap_hold() # N
{
	snap_order hold "vf$1" && wait_for 60 snap_holds "$1" 2 ||
		fail "VF $1 has no 2 requests that it could hold"
}

# What the model says of a VF: snap_vf N KEY -> $VALUE
snap_vf()
{
	VALUE=$(snap_qom qom-get functions | jq -r .return | sed -n "s/^vf$1: //p" |
		sed -n "s/.*\<$2=\(.*\)/\1/p")
	[ "$2" = oracle ] || VALUE=${VALUE%% *}
	[ -n "$VALUE" ] || fail "VF $1 of the model has no '$2'"
}

snap_vf_is() # N KEY VALUE
{
	snap_vf "$1" "$2" && { [ "$VALUE" = "$3" ] || fail "VF $1: $2=$VALUE, not $3"; }
}

# How often the PF was sent a command -> $VALUE
snap_count() # COMMAND
{
	VALUE=$(snap_qom qom-get commands | jq -r .return | tr ' ' '\n' | sed -n "s/^$1=//p")
	[ -n "$VALUE" ] || fail "the model has no count of $1"
}

# The PF's driver begins anew, which ends commands that were not answered. Not by a reset of the PF:
# after one virtio_pci of 7.3.4 looks at an administration queue that it has freed
snap_rebind()
{
	write_to /sys/bus/pci/drivers/virtio-pci/unbind "$PF" &&
		write_to /sys/bus/pci/drivers/virtio-pci/bind "$PF" &&
		wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
}

# All objects are destroyed
snap_no_objects()
{
	VALUE=$(snap_qom qom-get functions | jq -r .return | sed -n 's/^objects=//p')
	[ "$VALUE" = 0 ] || fail "$VALUE objects"
}

# It has done what it may not
snap_is_tame() # VFS
{
	s_n=0
	while [ $s_n -lt "$1" ]; do
		snap_vf_is $s_n illegal-dma 0 && snap_vf_is $s_n illegal-interrupts 0 || return 1
		s_n=$((s_n + 1))
	done
	snap_no_objects
}

# Upstream's driver, built from Debian's source of this kernel (tests/vm/upstream-driver.sh)
upstream_load()
{
	[ -d /sys/module/virtio_vfio_pci ] && return 0
	modprobe vfio-pci 2>/dev/null
	set -- "$PAYLOAD"/*/virtio-vfio-pci.ko
	[ -e "$1" ] || fail "there is no virtio-vfio-pci.ko" || return 1
	insmod "$1" || fail "insmod $1"
}

bind_to() # BDF DRIVER
{
	[ ! -e "/sys/bus/pci/devices/$1/driver" ] ||
		write_to "/sys/bus/pci/devices/$1/driver/unbind" "$1" || return 1
	write_to "/sys/bus/pci/devices/$1/driver_override" "$2" &&
		write_to /sys/bus/pci/drivers_probe "$1" || return 1
	bound_driver "$1"
	[ "$DRIVER" = "$2" ] || fail "$1 has driver '$DRIVER', not $2"
}

unbind_from() # BDF
{
	write_to "/sys/bus/pci/devices/$1/driver/unbind" "$1" &&
		write_to "/sys/bus/pci/devices/$1/driver_override" "
"
}

# As mig, on a PCI function
mig_pci() # DESCRIPTION BDF COMMANDS...
{
	MDEVS=/sys/bus/pci/devices mig "$@"
}

# ---- a guest with a load on the volume (tests/guest/blkload.c) -----------------------------

# blk_launch NAME DEVICE [QEMU ARGUMENTS...]: DEVICE is an mdev's UUID or a VF's BDF
blk_launch()
{
	b_devs=$MDEVS
	case $2 in *:*) b_devs=/sys/bus/pci/devices ;; esac
	MIG_OPTION=enable-migration=on
	b_saved=$MDEVS b_append=$GUEST_APPEND
	MDEVS=$b_devs GUEST_APPEND="rdinit=/init $GUEST_APPEND"
	guest_launch "$@"
	b_rc=$?
	MDEVS=$b_saved GUEST_APPEND=$b_append
	return $b_rc
}

# The guest's last line of its load -> $OPS $ERRORS $GAP
blk_status() # NAME
{
	# Not one that is just being written
	g_line=$(grep -a '^BLKLOAD ops=.*gap_ms=[0-9]' "$GUESTS/$1/console" | tail -n 1 | tr -d '\r')
	[ -n "$g_line" ] || fail "guest $1 has no load" || return 1
	for g_word in $g_line; do
		case $g_word in
		ops=*) OPS=${g_word#*=} ;;
		errors=*) ERRORS=${g_word#*=} ;;
		gap_ms=*) GAP=${g_word#*=} ;;
		esac
	done
}

blk_boot() # NAME DEVICE
{
	blk_launch "$1" "$2" && guest_wait "$1" 240 '^l2: up' || return 1
	# What is written before it listens is lost
	wait_for 60 guest_sh "$1" 2 true && REASON=
	guest_sh "$1" 60 '[ -b /dev/vda ]' || return 1
	guest_tell "$1" "/blkload /dev/vda 4 >/dev/console 2>&1 &" &&
		guest_wait "$1" 60 '^BLKLOAD ops=[1-9]'
}

blk_ops_above() # NAME N
{
	blk_status "$1" && [ "$OPS" -gt "$2" ]
}

# The load goes on from here, without an error
blk_goes_on() # NAME N SECONDS
{
	blk_status "$1" || return 1
	g_from=$OPS
	wait_for "$3" blk_ops_above "$1" $((g_from + $2)) ||
		fail "guest $1: no $2 further requests within $3 s (stopped at $OPS)" || return 1
	[ "$ERRORS" = 0 ] || fail "guest $1: $(grep -a -m 3 '^BLKLOAD failed' "$GUESTS/$1/console")"
}

# Every block that was ever written is read and compared -> $VERIFIED
blk_verify() # NAME
{
	b_before=$(grep -a -c '^BLKLOAD verified=' "$GUESTS/$1/console")
	guest_tell "$1" 'killall -USR1 blkload' || return 1
	wait_for 60 blk_verified "$1" "$b_before" || fail "guest $1 does not verify" || return 1
	case $g_line in
	*' errors=0') ;;
	*) fail "guest $1: $g_line; $(grep -a -m 3 '^BLKLOAD failed' "$GUESTS/$1/console")"; return 1 ;;
	esac
	VERIFIED=${g_line#*verified=} VERIFIED=${VERIFIED%% *}
	[ "$VERIFIED" -gt 0 ] || fail "nothing was verified"
}

blk_verified() # NAME BEFORE
{
	[ "$(grep -a -c '^BLKLOAD verified=' "$GUESTS/$1/console")" -gt "$2" ] &&
		g_line=$(grep -a '^BLKLOAD verified=' "$GUESTS/$1/console" | tail -n 1 | tr -d '\r')
}

# Beside blkload's blocks fio writes 2 MiB and verifies them, again and again, each time with another pattern: a
# line "FIO runs=N" each time, "FIO BAD" at the first fault
FIO_JOB="--name=v --offset=16M --offset_increment=1M --size=512k --numjobs=4 --thread --ioengine=psync
	--direct=1 --bs=4k --rw=randwrite --verify=pattern --verify_fatal=1"
fio_begin() # NAME
{
	b_fio="/fio --filename=/dev/vda $(echo $FIO_JOB) --verify_pattern=%o0x\$(printf %08x \$n)"
	guest_tell "$1" "{ n=0; while n=\$((n + 1)); $b_fio >/fio.out 2>&1; do echo \"FIO runs=\$n\"; done;\
		echo 'FIO BAD'; cat /fio.out; } >/dev/console &"
}

fio_has_run() # NAME TIMES
{
	[ "$(grep -a -c '^FIO runs=' "$GUESTS/$1/console")" -ge "$2" ] || grep -a -q '^FIO BAD' "$GUESTS/$1/console"
}

# After a migration two runs end, the second of which has begun after it -> $RUNS in all
fio_goes_on() # NAME
{
	wait_for 120 fio_has_run "$1" 2 || fail "guest $1: no two runs of fio" || return 1
	! grep -a -q '^FIO BAD' "$GUESTS/$1/console" ||
		fail "guest $1: $(grep -a -A 5 '^FIO BAD' "$GUESTS/$1/console" | tr '\n' ' ')" || return 1
	RUNS=$(sed -n 's/^FIO runs=\([0-9]*\).*/\1/p' "$GUESTS/$1/console" | tail -n 1)
}

# The oracle: has the VF's state come along with the volume's? -> $OUT
blk_oracle() # NAME
{
	guest_sh "$1" 30 'cat /sys/block/vda/serial; echo' || return 1
	# The load's lines may come between
	OUT=$(printf '%s\n' "$OUT" | grep -aoE -m 1 '(ok|BAD) [0-9/]+')
	case $OUT in
	ok*) ;;
	*) fail "the oracle says '$OUT'" ;;
	esac
}

# blk_incoming NAME DEVICE URI: a QEMU with that device waits for a guest
blk_incoming()
{
	blk_launch "$1" "$2" -incoming defer || return 1
	wait_for 90 qmp_up "$1" || fail "QEMU of guest $1: $(tail -n 1 "$GUESTS/$1/log")" || return 1
	qmp "$1" '{"execute":"migrate-incoming","arguments":{"uri":"'"$3"'"}}'
}

# blk_left NAME URI: sets what guest_left does. All memory counts as dirty until the guest stops: virtio
# devices have no log of dirty pages
blk_left()
{
	guest_leave "$1" "$2" 17179869184 200000 && guest_left "$1"
}

blk_arrived() # NAME
{
	wait_for 60 guest_running "$1" || fail "guest $1 does not run after migration" || return 1
	guest_wait "$1" 60 '^BLKLOAD ops='
}

# blk_migrate FROM TO DEVICE: all of that on one host
blk_migrate()
{
	b_uri=unix:$GUESTS/$2/migration
	blk_incoming "$2" "$3" "$b_uri" || return 1
	blk_left "$1" "$b_uri" ||
		fail "$REASON $(tail -n 2 "$GUESTS/$2/log" | tr '\n' ' ')" || return 1
	blk_arrived "$2"
}
