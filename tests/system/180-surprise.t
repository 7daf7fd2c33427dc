# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 300
#
# The whole device is pulled out: with its driver's knowledge, and by surprise.

. "$(dirname "$0")/slot.sh"

no_mdev() { [ -z "$(ls "$MDEVS")" ]; }

vfs_and_mdevs 4 u v
mig "an mdev works" "$u" dma:20
t "the attention button is pressed" l0 device_del pf
t "the device goes in good order" wait_for 30 is_gone "$PFDIR"
is "the mdevs are gone, too" "$(ls "$MDEVS")" ""
must "the device is plugged in again" plug_in
vfs_and_mdevs 4 u
mig "an mdev works" "$u" dma:20
t "all mdevs are removed" remove_all
t "all VFs are removed" set_vfs 0

vfs_and_mdevs 4 u v
mark
t "the device is pulled out while it is closed" pull_out
t "the device is gone" wait_for 30 is_gone "$PFDIR"
t "the mdevs are gone, too" wait_for 30 no_mdev
logged "it was by surprise: the slot says so" 'pciehp: Slot\([0-9]*\): (Link Down|Card not present)'
must "the device is plugged in again" plug_in

vfs_and_mdevs 4 u
mig_bg "$u" irq dma:20 "touch:$WORK/open" irq-wait:40000
must "a user opens the device" wait_for 20 is_there "$WORK/open"
t "pulled out under the user" pull_out
mig_end "the user is asked to close the device"
t "the device is gone" wait_for 40 is_gone "$PFDIR"
t "the mdevs are gone, too" wait_for 30 no_mdev
must "the device is plugged in again" plug_in
vfs_and_mdevs 4 u
mig "an mdev works" "$u" dma:20
no_mdevs_no_vfs
