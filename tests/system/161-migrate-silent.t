# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: guests
# timeout: 500
# needs: firmware
#
# Firmware of the source that does not answer while a guest is migrated: the migration fails or does
# without, the guest is not reset, and its copies go on.

must "firmware is given a second" bound_with_fw_timeout 1000
vfs_and_mdevs 2 u v
here=$u there=$v from=a to=b

# goes_on TEXT: whichever guest it is
goes_on()
{
	t "$1: the guest runs" wait_for 30 guest_running $from
	t "$1: its copies go on" guest_goes_on $from 100 60
	is "$1: each byte was right" "$ERRORS" 0
	at_least "$1: from where they were" "$COPIES" "$copies"
	copies=$COPIES
	t "$1: its mdev is RUNNING" attr_is "$here" migration_state RUNNING
}

swap()
{
	t "$1: the source's QEMU ends" guest_quit $from
	set -- $from $to
	from=$2 to=$1
	set -- $here $there
	here=$2 there=$1
}

# silent COMMAND TIMES WHEN: at the source, for so many commands
silent()
{
	mdev_vf "$here"
	t "firmware will not answer to $1, $3" inject "$VF" "$1" silent 0 "$2"
	if guest_migrate $from $to "$there"; then
		echo "# QEMU did without"
		swap "$1, $3"
	else
		echo "# $REASON"
		guest_quit $to 2>/dev/null || guests_kill_one $to
	fi
	t "no fault is left" inject any any off
	goes_on "$1, $3"
}

must "a guest boots" guest_boot $from "$here"
t "its copies go on" guest_goes_on $from 100 60
copies=$COPIES
silent save 1 once
silent state_size 1 once
if able qemu-precopy "the commands of pre-copy"; then
	silent precopy 1 "as it begins"
	silent precopy 3 "as it begins, and as it ends"
	silent save 3 "again and again"
fi
must "the guest migrates in the second attempt" guest_migrate $from $to "$there"
swap "and now"
goes_on "at last"
t "QEMU ends" guest_quit $from
no_mdevs_no_vfs
t "firmware is given as long as before" bound_with_fw_timeout 5000
