# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 500
#
# System sleep and hibernation with a virtio PF, whose own driver stays bound: refused while a guest has a VF.
# VFs of mdevs that are closed migrate afterwards as before, and a guest finds its disk as it has left it.
. "$PAYLOAD/tests/system/snap.sh"
. "$PAYLOAD/tests/system/slot.sh"
. "$PAYLOAD/tests/system/sleep.sh"

can_sleep || return 0
must "the model is there" find_snap
able dev-parts "VFs come back from sleep" || return 0
TYPE=virtio-pci-vf
must "the module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
vfs_and_mdevs 2 u v
mdev_vf "$u"
why="$BDF: system sleep refused: mdev $u is open; stop the guest"

# writes_and_goes NAME: a guest boots with its disk, writes, and each block is compared
writes_and_goes()
{
	must "guest $1 boots with its disk, and writes" blk_boot "$1" "$u"
	t "its I/O goes on without an error" blk_goes_on "$1" 100 60
	t "each block is right" blk_verify "$1"
	t "the oracle has seen nothing wrong" blk_oracle "$1"
}

# comes_back WHAT COMMAND GUEST
comes_back()
{
	t "$1" "$2"
	mig "$1: a VF is saved" "$u" state=RUNNING set:STOP_COPY "read:$WORK/x" close set:STOP set:RUNNING
	mig "$1: the other one takes its state" "$v" set:RESUMING "write:$WORK/x" close set:STOP set:RUNNING reset
	writes_and_goes "$3"
	must "$1: the guest migrates" blk_migrate "$3" "$3to" "$v"
	t "$1: its load goes on without an error" blk_goes_on "$3to" 100 60
	guest_quit "$3"
	guest_quit "$3to"
}

writes_and_goes g
refused "sleep while a guest has a VF" /sys/power/state freeze EBUSY "$why"
refused "hibernation while a guest has a VF" /sys/power/state disk EBUSY "$why"
must "L0 is heard again" ports_anew
t "the guest has not noticed" blk_goes_on g 100 60
guest_quit g

comes_back "suspended" nap s
must "there is room for the host's image" swap_on
comes_back "hibernated" hibernate h
t "the VFs have done nothing that they may not" snap_is_tame 2
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
