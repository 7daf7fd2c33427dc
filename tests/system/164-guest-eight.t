# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: many
# timeout: 400
# needs: firmware
#
# A guest with eight mdevs, all of which it drives, migrates with all of them to eight others.

. "$PAYLOAD/tests/system/guest.sh"

vfs_and_mdevs 16 m0 m1 m2 m3 m4 m5 m6 m7 n0 n1 n2 n3 n4 n5 n6 n7

# each COMMAND...: "COMMAND UUID-AT-THE-SOURCE UUID-AT-THE-DESTINATION" for all eight
each()
{
	for e_n in 0 1 2 3 4 5 6 7; do
		eval "e_from=\$m$e_n e_to=\$n$e_n"
		"$@" "$e_from" "$e_to" || fail "device $e_n: $REASON" || return 1
	done
}

# What is launched has the first device; these are the other seven, of mdevs m1... or n1...
seven() # m|n
{
	qemu_words || return 1
	GUEST_ARGS=
	for s_n in 1 2 3 4 5 6 7; do
		eval "s_uuid=\$$1$s_n"
		GUEST_ARGS="$GUEST_ARGS -device pcie-root-port,id=rp$s_n,chassis=1$s_n,slot=1$s_n"
		GUEST_ARGS="$GUEST_ARGS -device vfio-pci,id=dut$s_n,bus=rp$s_n,sysfsdev=$MDEVS/$s_uuid,$MIG_OPTION"
	done
}

# The guest's driver has tested the channel, or copies with it
driven() { mdev_fw "$1" copies && at_least_one "$VALUE"; }
at_least_one() { [ "$1" -gt 0 ] || fail "no copy"; }

# Firmware's digest of what it has saved is that of what the other has loaded
agree()
{
	mdev_fw "$1" digest || return 1
	a_saved=$VALUE
	mdev_fw "$2" load_digest || return 1
	[ "$VALUE" = "$a_saved" ] || fail "saved $a_saved, loaded $VALUE"
}

state_is() { attr_is "$2" migration_state RUNNING && attr_is "$1" migration_state STOP; }
no_illegal_dma()
{
	for i_uuid; do
		mdev_fw "$i_uuid" illegal_dma && [ "$VALUE" = 0 ] || fail "$i_uuid: $VALUE" || return 1
	done
}
none_failed()
{
	attr "$1" migration/saved && [ "$VALUE" = 1 ] && attr "$2" migration/loaded && [ "$VALUE" = 1 ] ||
		fail "counter: $VALUE"
}

must "the devices are put into words" seven m
must "a guest boots with eight mdevs" guest_boot a "$m0"
t "its driver has used all of them" each driven
t "its copies go on" guest_goes_on a 300 60
copies=$COPIES
must "the other devices are put into words" seven n
must "the guest migrates to eight others" guest_migrate a b "$n0"
echo "# downtime $DOWNTIME ms of $TOTAL ms"
t "each device has loaded what its source has saved" each agree
t "each is running at the destination, and stopped at the source" each state_is
t "each has saved once, and loaded once" each none_failed
t "the copies go on" guest_goes_on b 300 60
at_least "from where they were" "$COPIES" "$copies"
is "each byte was right" "$ERRORS" 0
t "no DMA while suspended" each no_illegal_dma
guest_tell b errors
t "no warnings in the guest" guest_wait b 60 'errors-end'
is "none from its drivers" "$(grep -a -i -E 'ioatdma.*(err|reset|halted)' "$GUESTS/b/console")" ""
t "the source's QEMU ends" guest_quit a
t "QEMU ends" guest_quit b
GUEST_ARGS=
no_mdevs_no_vfs
