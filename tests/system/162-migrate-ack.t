# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: big
# timeout: 500
# needs: firmware
#
# QEMU's switchover-ack: the guest stops only once the destination says that it has loaded the initial
# data. If the device has initial data again (VFIO_PRECOPY_INFO_REINIT), the destination says so again.

able qemu-ack "the destination acknowledges that it has loaded the initial data" || return 0
vfs_and_mdevs 2 u v
# Asked now, since it needs an mdev that nobody uses
again=
! able qemu-ack-again "initial data that comes again is acknowledged again" || again=1

GUEST_ARGS="-trace vfio_send_init_data_flag -trace vfio_save_complete_precopy_start
	-trace source_return_path_thread_switchover_acked"
[ -z "$again" ] || GUEST_ARGS="$GUEST_ARGS -trace vfio_query_precopy_size
	-trace vfio_query_precopy_size_request_switchover_ack"

# traced NAME PATTERN -> $COUNT of such lines in the log of that guest's QEMU
traced()
{
	COUNT=$(grep -c -- "$2" "$GUESTS/$1/log")
	[ "$COUNT" -gt 0 ] || fail "QEMU of guest $1 traces no '$2', at the end $(tail -n 3 "$GUESTS/$1/log" | tr '\n' ' ')"
}

at_least_traced() # NAME PATTERN N
{
	traced "$1" "$2" && [ "$COUNT" -ge "$3" ]
}

# in_order NAME PATTERN...: the first line of each comes after that of the one before
in_order()
{
	o_name=$1 o_last=0
	shift
	for o_pattern; do
		o_line=$(grep -n -m 1 -- "$o_pattern" "$GUESTS/$o_name/log" | cut -d: -f1)
		[ "${o_line:-0}" -gt "$o_last" ] || fail "'$o_pattern' is in line ${o_line:-none}, after $o_last" || return 1
		o_last=$o_line
	done
}

goes_on() # NAME
{
	t "the copies go on" guest_goes_on "$1" 100 60
	at_least "from where they were" "$COPIES" "$copies"
	is "each byte was right" "$ERRORS" 0
	copies=$COPIES
}

agree() # FROM TO
{
	mdev_fw "$1" digest
	a_digest=$VALUE
	mdev_fw "$2" load_digest
	is "the digests agree" "$VALUE" "$a_digest"
}

must "a guest boots" guest_boot a "$u"
t "its copies go on" guest_goes_on a 100 60
copies=$COPIES

must "it migrates, and nobody waits for the destination" guest_migrate a b "$v"
without=$DOWNTIME
t "the destination acknowledges nothing" not traced a switchover_acked
agree "$u" "$v"
goes_on b
t "the source's QEMU ends" guest_quit a

GUEST_CAPABILITIES=switchover-ack
must "it migrates back, with acknowledgement" guest_migrate b a "$u"
echo "# downtime $without ms without acknowledgement, $DOWNTIME ms with it"
t "initial data ends, the destination acknowledges it, then the guest stops" in_order b \
	vfio_send_init_data_flag switchover_acked vfio_save_complete_precopy_start
agree "$v" "$u"
goes_on a
t "the source's QEMU ends" guest_quit b

[ -n "$again" ] || { guest_quit a; no_mdevs_no_vfs; return 0; }

# QEMU asks for sizes again and again where it expects that 16 MiB are left, as those of the device; the memory
# that it finds dirty then is more, so the guest runs on
must "a migration begins that can't end yet" guest_migrate_begin a b "$v" 16777216 1000
t "the destination acknowledges the initial data" wait_for 60 at_least_traced a switchover_acked 1
t "QEMU has seen no initial data again" not traced a "reinit 1"
mdev_vf "$u"
t "firmware has initial data again" inject "$VF" precopy again
t "QEMU sees that" wait_for 60 at_least_traced a "reinit 1" 1
t "it asks for another acknowledgement" wait_for 60 at_least_traced a request_switchover_ack 1
t "the destination acknowledges it again" wait_for 120 at_least_traced a switchover_acked 2
t "the guest still runs at the source" guest_running a
# shellcheck disable=SC2086  # two words
t "the way is fast now" guest_migrate_way a $MIG_FAST
t "the migration ends" guest_migrate_end a b
echo "# downtime $DOWNTIME ms"
agree "$u" "$v"
goes_on b
t "the source's QEMU ends" guest_quit a
guest_quit b
no_mdevs_no_vfs
