# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2046
# boot: pair
# timeout: 700
# needs: firmware
#
# Live migration between two hosts, each with a device and a kernel of its own: there and
# back; and migrations that fail, after which the guest goes on where it was.
. "$PAYLOAD/tests/system/pair.sh"

vfs_and_mdevs 1 u

# hostB: an mdev by mdevctl, one of another type, and one of the device whose firmware
# has another version of the state
must "hostB has two devices" on_b find_pfs
pf_b=${PFS% *} other_b=${PFS#* }
must "2 VFs exist on hostB" on_b bound_vfs 2
new_uuid
v=$UUID
must "mdevctl starts an mdev on hostB" on_b mdevctl start --uuid "$v" --parent "$pf_b" --type $DEV_TYPE
new_uuid
lite=$UUID
must "an mdev of another type is created" on_b create "$lite" $DEV_TYPE_LITE
must "a VF of the other device exists" on_b at_pf "$other_b" bound_vfs 1
new_uuid
compat=$UUID
must "an mdev of the other device is created" on_b at_pf "$other_b" create "$compat"

must "a guest boots on hostA" guest_boot a "$u"

stays() # AFTER-WHAT
{
	t "$1: the guest runs on hostA" wait_for 30 guest_running a
	t "$1: its copies go on" guest_goes_on a 50 60
	is "$1: each byte was right" "$ERRORS" 0
	t "$1: its mdev is RUNNING" attr_is "$u" migration_state RUNNING
}

# Nobody there
t "migration to a port where nobody listens begins" guest_leave a tcp:hostB:4999
t "and fails" not guest_left a
stays "nobody listens"

# What hostB's kernel refuses, without a word to its firmware
refused_by_b() # WHY UUID LOG-REGEX
{
	mark_b
	t "$1: migration fails" not go_to_b a x "$2"
	logged_once_b "$1: hostB's log says why" "$3"
	t "$1: the destination does not run" not on_b guest_running x
	t "$1: the destination ends" give_up_b x
	on_b mig "$1: its mdev can be used" "$2" copies=0 state=RUNNING dma:5
	stays "$1"
}
refused_by_b "another type" "$lite" 'data refused: .*another .*type'
refused_by_b "another state version" "$compat" 'data refused: .*firmware with state version 1'

# The destination dies in the middle: it is stopped, so it can't have taken all. Where the
# source waits for it meanwhile, the guest runs (QEMU 7.2) or not (10.0, without a word to us)
under_way()
{
	attr "$u" migration_state && [ "$VALUE" != RUNNING ] && return 0
	ANSWER=$(tool qmp "$GUESTS/a/qmp" query-migrate 2 2>/dev/null) &&
		[ "$(echo "$ANSWER" | jq -r '.return.ram.transferred // 0')" -ge 50000 ]
}
kill_b() { on_b sh -c 'kill "$1" $(cat "$2/pid")' sh "$1" "$GUESTS/$2"; }
t "hostB waits for the guest" on_b guest_incoming x "$v" tcp:0.0.0.0:$MIG_PORT
t "its QEMU is stopped" kill_b -STOP x
t "migration begins" guest_leave a tcp:hostB:$MIG_PORT
t "a part of the guest is on its way" wait_for 60 under_way
t "the destination is killed" kill_b -KILL x
t "migration fails" not guest_left a
stays "the destination has died"

# And now
guest_status a
copies=$COPIES
must "the guest migrates to hostB" go_to_b a b "$v"
echo "# downtime $DOWNTIME ms of $TOTAL ms"

agree() # THE TWO
{
	[ -n "$1" ] && [ "$1" = "$2" ] || fail "source '$1', destination '$2'"
}

t "firmware of hostA has a digest" mdev_fw "$u" digest
saved=$VALUE
fw "$VF" level
is "of the full level" "$VALUE" full
VALUE=
t "firmware of hostB has one" on_b mdev_fw "$v" load_digest
t "the digests agree" agree "$saved" "$VALUE"
t "the source's mdev is stopped" attr_is "$u" migration_state STOP
t "the destination's is RUNNING" on_b attr_is "$v" migration_state RUNNING
t "the copies go on, on hostB" on_b guest_goes_on b 300 60
at_least "from where they were" "$COPIES" "$copies"
is "each byte was right" "$ERRORS" 0
t "the source's QEMU ends" guest_quit a
mig "the source's mdev is free" "$u" copies=0 state=RUNNING dma:5
copies=$COPIES

must "the guest migrates back" come_from_b b a "$u"
t "firmware of hostB has a digest" on_b mdev_fw "$v" digest
saved=$VALUE VALUE=
t "firmware of hostA has one" mdev_fw "$u" load_digest
t "the digests agree" agree "$saved" "$VALUE"
t "the copies go on, on hostA" guest_goes_on a 300 60
at_least "from where they were" "$COPIES" "$copies"
is "each byte was right" "$ERRORS" 0
t "hostB's QEMU ends" on_b guest_quit b
guest_tell a errors
t "no warnings in the guest" guest_wait a 60 'errors-end'
is "none from its drivers" "$(grep -a -i -E 'ioatdma.*(err|reset|halted)' "$GUESTS/a/console")" ""
t "the guest powers off" guest_off a

mdev_fw "$u" illegal_dma
is "no DMA while suspended, on hostA" "$VALUE" 0
for x in "$v" "$lite"; do
	VALUE=
	on_b mdev_fw "$x" illegal_dma
	is "no DMA while suspended, on hostB" "$VALUE" 0
done
no_mdevs_no_vfs
t "mdevctl stops hostB's mdev" on_b mdevctl stop --uuid "$v"
t "all mdevs of hostB removed" on_b remove_all
t "all its VFs removed" on_b set_vfs 0
t "and the other device's" on_b at_pf "$other_b" set_vfs 0
