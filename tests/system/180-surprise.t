# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 300
#
# The whole device is pulled out: with its driver's knowledge, and by surprise.

l0() { bash -c '. /payload/tests/vm/lib/l0.sh; l0_hmp "$@"' l0 "$@"; }

no_mdev() { [ -z "$(ls "$MDEVS")" ]; }

# The old one may take a moment to leave the slot
plugged()
{
	l0 "device_add refdev,id=pf,bus=rp1" >"$WORK/plug" && ! [ -s "$WORK/plug" ]
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

vfs_and_mdevs 4 u v
mig "an mdev works" "$u" dma:20
t "the attention button" l0 device_del pf
t "the device goes in good order" wait_for 30 is_gone "$PFDIR"
is "the mdevs too" "$(ls "$MDEVS")" ""
must "plugged in again" plug_in
vfs_and_mdevs 4 u
mig "an mdev works" "$u" dma:20
t "all mdevs removed" remove_all
t "all VFs removed" set_vfs 0

# The slot is powered off behind the drivers' back, with its interrupt masked, and on
# again: QEMU takes the device out at once, and the kernel then finds the slot empty.
pull_out()
{
	slot=$(basename "$(dirname "$(readlink -f "$PFDIR")")")
	# Slot Control: bit 5 interrupt, bits 8-9 power indicator (1 on, 3 off), bit 10 power off
	setpci -s "$slot" CAP_EXP+18.w=0700:0720 CAP_EXP+18.w=0120:0720
}

vfs_and_mdevs 4 u v
mark
t "pulled out, nobody uses it" pull_out
t "the device is gone" wait_for 30 is_gone "$PFDIR"
t "the mdevs too" wait_for 30 no_mdev
logged "it was by surprise: the slot says so" 'pciehp: Slot\([0-9]*\): (Link Down|Card not present)'
must "plugged in again" plug_in

vfs_and_mdevs 4 u
mig_bg "$u" irq dma:20 "touch:$WORK/open" irq-wait:40000
must "a user" wait_for 20 is_there "$WORK/open"
t "pulled out under the user" pull_out
mig_end "the user is asked to let go"
t "the device is gone" wait_for 40 is_gone "$PFDIR"
t "the mdevs too" wait_for 30 no_mdev
must "plugged in again" plug_in
vfs_and_mdevs 4 u
mig "an mdev works" "$u" dma:20
no_mdevs_no_vfs
