# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# The slot that the first device under test is in: what it is pulled out of and plugged into.
# By L0's QEMU, and by the registers of the root port above. Needs host.sh.

l0() { bash -c '. /payload/tests/vm/lib/l0.sh; l0_hmp "$@"' l0 "$@"; }

# The old one may take a moment to leave the slot
plugged()
{
	l0 "device_add $DEV_MODEL,id=pf,bus=rp1" >"$WORK/plug" && ! [ -s "$WORK/plug" ]
}

slot_is_off()
{
	read -r power </sys/bus/pci/slots/1/power && [ "$power" = 0 ]
}

plug_in()
{
	# What is plugged in before the kernel has switched the slot off goes with that
	wait_for 30 slot_is_off || fail "the slot stays on" || return 1
	sleep 1.5
	wait_for 30 plugged || fail "device_add: $(cat "$WORK/plug")" || return 1
	wait_for 30 is_there "$PFDIR/driver" || fail "the device does not come back"
}

# The slot is powered off behind the drivers' back, with its interrupt masked, and on
# again: QEMU takes the device out at once, and the kernel then finds the slot empty.
pull_out()
{
	slot=$(basename "$(dirname "$(readlink -f "$PFDIR")")")
	# Slot Control: bit 5 interrupt, bits 8-9 power indicator (1 on, 3 off), bit 10 power off
	setpci -s "$slot" CAP_EXP+18.w=0700:0720 CAP_EXP+18.w=0120:0720
}
