# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: sleep
# timeout: 500
# needs: trace
#
# System sleep and hibernation. The host refuses while a device is open; firmware is told before it
# loses its power, and has each VF set up again afterwards. The kernel's own tests stand for sleep:
# it goes down as far as its devices (pm_test), or writes its image and loads it again (test_resume).

. "$(dirname "$0")/slot.sh"
. "$(dirname "$0")/sleep.sh"

T=/sys/kernel/tracing
STATE=/sys/power/state
W=$WORK

can_sleep || return 0
[ -d $T/events ] || must "tracefs" mount -t tracefs none $T

commands() { sed -n 's/^.* '"$DEV_TRACE_COMMAND"': .*function=\([-0-9]*\) opcode=\([A-Z]*\) .*status=0 .*/\2:\1/p' $T/trace | tr '\n' ' '; }

# comes_back WHAT COMMAND: the mdevs that are closed are as they were
comes_back()
{
	: >$T/trace
	t "$1" "$2"
	like "$1: firmware has disabled the VF before" "$(commands)" "DISABLE:$vf "
	like "$1: and enabled it afterwards" "$(commands)" "DISABLE:$vf .*ENABLE:$vf "
	t "$1: the mdev has its value" attr_is "$u" max_copy 8192
	t "$1: firmware has it, too" eval '[ "$(mdev_fw "$u" max_copy; echo "$VALUE")" = 8192 ]'
	mig "$1: the device works" "$u" dma:20
	new_uuid
	t "$1: another mdev can be created" create "$UUID"
	mig "$1: and works" "$UUID" dma:20
	t "$1: it is removed" remove "$UUID"
}

echo 1 >$T/events/$DEV_TRACE/enable
vfs_and_mdevs 2
new_uuid; u=$UUID
must "an mdev is created" create "$u"
must "max_copy is set" write_to "$MDEVS/$u/max_copy" 8192
mdev_vf "$u"
vf=$VF bdf=$BDF

mig_bg "$u" "touch:$W/open" "await:$W/go" dma:20
must "a user has it open" wait_for 20 is_there "$W/open"
: >$T/trace
refused "sleep while it is open" $STATE freeze EBUSY "$bdf: system sleep refused: mdev $u is open; stop the guest"
refused "hibernation while it is open" $STATE disk EBUSY "$bdf: system sleep refused: mdev $u is open; stop the guest"
must "L0 is heard again" ports_anew
is "firmware has heard of neither" "$(commands)" ""
touch "$W/go"
mig_end "its user has not noticed"

comes_back "the host suspends" nap
must "there is room for the host's image" swap_on
comes_back "the host hibernates" hibernate

# The mdev stays, without a VF: nothing may reach the vendor module for it
t "firmware will refuse to enable the VF again" inject "$vf" enable fail 11
mark
t "the host sleeps" nap
logged "the log says what to do with the mdev" "$bdf: could not be enabled again .*; remove its mdev"
: >$T/trace
mark
t "a user cannot open the device" not within 20 vfio-mig "$MDEVS/$u" state
logged "the log says why" "$bdf: the mdev has lost its VF in system sleep; remove the mdev"
refused "an attribute is refused" "$MDEVS/$u/max_copy" 4096 ENODEV "the mdev has lost its VF; remove the mdev"
t "the mdev is removed" remove "$u"
is "firmware is not told to disable the VF once more" "$(grep -c opcode=DISABLE $T/trace)" 0
new_uuid
t "another mdev can be created" create "$UUID"
mig "the other mdev works" "$UUID" dma:20
no_mdevs_no_vfs

# The NVMe controller's PF
must "the NVMe module loads" load mdev-pci-nvme
must "there is a controller" find_other_pf 1b36:0010
[ ! -e "$PFDIR/driver" ] || write_to "$PFDIR/driver/unbind" "$PF"
must "driver_override of the PF is nvme-pf" write_to "$PFDIR/driver_override" nvme-pf
must "the PF is bound to its driver" write_to /sys/bus/pci/drivers_probe "$PF"
online() { sed -n 's/^online: //p' "$PFDIR/mdev_supported_types/nvme-pf-q1/description"; }
must "2 VFs exist" bound_vfs 2
new_uuid; u=$UUID
must "an mdev of the controller is created" create "$u" nvme-pf-q1
is "the VF is online" "$(online)" "1 of 4 secondary controllers"
t "the host suspends" nap
is "the VF is online again" "$(online)" "1 of 4 secondary controllers"
t "the host hibernates" hibernate
is "the VF is online again" "$(online)" "1 of 4 secondary controllers"
new_uuid
t "another one can be had" create "$UUID" nvme-pf-q2
is "the second VF is online" "$(online)" "2 of 4 secondary controllers"
no_mdevs_no_vfs
must "the PF is unbound" write_to "$PFDIR/driver/unbind" "$PF"
must "nothing is reserved" write_to "$PFDIR/driver_override" ""
t "the NVMe module is unloaded" unload mdev-pci-nvme
