# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: guests
# timeout: 500
# needs: firmware
#
# Live migration of a guest whose copies go on; and migrations that fail, after which
# the guest goes on where it was.

vfs_and_mdevs 4 u v
TYPE=$DEV_TYPE_LITE
new_uuid
lite=$UUID
must "an mdev of another type is created" create "$lite" $DEV_TYPE_LITE

# agree FROM TO: firmware's digest of the source is what the destination has loaded
agree()
{
	mdev_vf "$1" && fw "$VF" digest || return 1
	a_from=$VALUE
	fw "$VF" level
	[ "$VALUE" = full ] || fail "the source's level is $VALUE" || return 1
	fw "$VF" copies
	[ "$VALUE" -gt 0 ] || fail "the source has done nothing" || return 1
	mdev_vf "$2" && fw "$VF" load_digest || return 1
	[ "$VALUE" = "$a_from" ] || fail "source $a_from, destination $VALUE"
}

no_illegal_dma()
{
	for x in "$u" "$v"; do
		mdev_vf "$x" && fw "$VF" illegal_dma || return 1
		[ "$VALUE" = 0 ] || fail "VF $VF: $VALUE" || return 1
	done
}

must "a guest boots with the first mdev" guest_boot a "$u"
t "its copies go on" guest_goes_on a 300 60
copies=$COPIES

# To another type: refused at the destination, and the source goes on
t "migration to another type fails" not guest_migrate a x "$lite"
t "the destination ends or waits, it does not run" not guest_running x
guest_quit x 2>/dev/null || guests_kill_one x
t "the source runs" wait_for 30 guest_running a
t "its copies go on" guest_goes_on a 200 60
is "each byte was right" "$ERRORS" 0
t "its mdev is RUNNING" attr_is "$u" migration_state RUNNING
mig "the destination's mdev can be used" "$lite" dma:5

# A source whose firmware fails to save
mdev_vf "$u"
t "firmware will fail to save" inject "$VF" save fail 11
t "migration fails" not guest_migrate a x "$v"
guest_quit x 2>/dev/null || guests_kill_one x
t "the source runs" wait_for 30 guest_running a
t "its copies go on" guest_goes_on a 200 60
is "each byte was right" "$ERRORS" 0

# A destination whose firmware fails to load
mdev_vf "$v"
t "firmware will fail to load" inject "$VF" load fail 11
t "migration fails" not guest_migrate a x "$v"
guest_quit x 2>/dev/null || guests_kill_one x
t "the source runs" wait_for 30 guest_running a
t "its copies go on" guest_goes_on a 200 60
is "each byte was right" "$ERRORS" 0

# And now
guest_status a
copies=$COPIES
must "the guest migrates to the second mdev" guest_migrate a b "$v"
echo "# downtime $DOWNTIME ms of $TOTAL ms"
# QEMU 7.2 keeps no count of it
[ "$VFIO" = unknown ] || at_least "device state was transferred" "$VFIO" 1048576
t "the digests agree" agree "$u" "$v"
t "the source's mdev is stopped" attr_is "$u" migration_state STOP
t "the destination's is RUNNING" attr_is "$v" migration_state RUNNING
if able qemu-precopy "the state is saved while the guest runs"; then
	op "$u" precopy_start
	at_least "the state is saved while the guest runs" "$COUNT" 1
fi
t "the copies go on" guest_goes_on b 300 60
at_least "from where they were" "$COPIES" "$copies"
is "each byte was right" "$ERRORS" 0
t "no DMA while suspended" no_illegal_dma
t "the source's QEMU ends" guest_quit a

must "the guest migrates back" guest_migrate b a "$u"
t "the digests agree" agree "$v" "$u"
t "the copies go on" guest_goes_on a 300 60
is "each byte was right" "$ERRORS" 0
t "no DMA while suspended" no_illegal_dma
t "QEMU ends" guest_quit b
guest_tell a errors
t "no warnings in the guest" guest_wait a 60 'errors-end'
# "Completion timeout with pending descriptors" says only that a slow guest was interrupted
# between the submission of a copy and its start
is "none from its drivers" "$(grep -a -i -E 'ioatdma.*(err|reset|halted)' "$GUESTS/a/console")" ""

# The guest's end is a bad one
released()
{
	within 20 vfio-mig -q "$MDEVS/$u" state=RUNNING >/dev/null 2>&1
}
t "QEMU is killed in the middle of the copies" kill -9 "$(cat "$GUESTS/a/pid")"
t "the kernel lets go for it" wait_for 30 released
mig "the mdev has been reset" "$u" copies=0 state=RUNNING dma:20
t "no DMA while suspended, to the end" no_illegal_dma
no_mdevs_no_vfs
