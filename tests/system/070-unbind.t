# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 150
#
# A VF is unbound under its mdev: the mdev stays, detached, until it is removed; a user
# is asked to let go and is waited for.

BIND=/sys/bus/pci/drivers/mdev-pci/bind
UNBIND=/sys/bus/pci/drivers/mdev-pci/unbind

is_detached() # UUID
{
	attr_is "$1" function none || fail "function is $VALUE" || return 1
	attr_is "$1" migration_state none || fail "migration_state is $VALUE" || return 1
	is_gone "$MDEVS/$1/iommu_group" || fail "iommu_group is left" || return 1
	is_gone "$MDEVS/$1/vfio-dev" || fail "vfio-dev is left"
}

vfs_and_mdevs 2 u
mdev_vf "$u"
bdf=$BDF vf=$VF
tool uevents "$WORK/uevents" &
listener=$!
wait_for 5 is_there "$WORK/uevents"
t "the VF is unbound without a user" write_to $UNBIND "$bdf"
t "the mdev is detached" is_detached "$u"
t "the detached mdev keeps its attribute migratable" attr_is "$u" migratable 1
sleep 0.3
kill $listener
wait $listener 2>/dev/null
like "user space gets a change event" "$(cat "$WORK/uevents")" "^change@.*/$u "
firmware_says "firmware has disabled the VF" "$vf" enabled 0
is "one VF less is available" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 1
t "the VF can have another driver" is_gone "/sys/bus/pci/devices/$bdf/driver"

t "the VF is bound again" write_to $BIND "$bdf"
t "the detached mdev stays detached" is_detached "$u"
is "its VF is available again" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 2
new_uuid
v=$UUID
t "another mdev is created" create "$v"
new_uuid
w=$UUID
t "a third mdev gets the VF: the detached one holds none" create "$w"
mig "the first mdev does DMA" "$v" dma:20
mig "the second mdev does DMA" "$w" dma:20
t "the detached mdev is removed" remove "$u"
mig "removing it does not disturb other mdevs" "$w" dma:20
t "the mdev is removed" remove "$v"
t "the mdev is removed" remove "$w"

# With a user
new_uuid
u=$UUID
must "an mdev is created" create "$u"
mdev_vf "$u"
bdf=$BDF
mig_bg "$u" irq dma:10 "touch:$WORK/open" irq-wait:20000 "touch:$WORK/asked" "await:$WORK/go" dma:10
must "a user opens the device" wait_for 20 is_there "$WORK/open"
tool write $UNBIND "$bdf" >"$WORK/unbind" &
unbinder=$!
t "the user is asked to close the device" wait_for 20 is_there "$WORK/asked"
sleep 0.5
t "unbind waits for the user" kill -0 $unbinder
t "status can be read meanwhile" timeout 10 cat "$MDEVS/$u/function" "$MDEVS/$u/migration_state"
touch "$WORK/go"
mig_end "the device works until the user closes it"
wait $unbinder
is "unbind ends after the user has closed the device" "$(cat "$WORK/unbind")" 0
t "the mdev is detached" is_detached "$u"
t "the VF is bound again" write_to $BIND "$bdf"
t "the detached mdev is removed" remove "$u"

# Removal of an mdev that is in use
rm -f "$WORK/open" "$WORK/asked" "$WORK/go"
new_uuid
u=$UUID
must "an mdev is created" create "$u"
mig_bg "$u" irq "touch:$WORK/open" irq-wait:20000 "touch:$WORK/asked" "await:$WORK/go" dma:10
must "a user opens the device" wait_for 20 is_there "$WORK/open"
tool write "$MDEVS/$u/remove" 1 >"$WORK/remove" &
remover=$!
t "the user is asked to close the device" wait_for 20 is_there "$WORK/asked"
sleep 0.5
t "remove waits for the user" kill -0 $remover
touch "$WORK/go"
mig_end "the device works until the user closes it"
wait $remover
is "remove ends after the user has closed the device" "$(cat "$WORK/remove")" 0
t "the mdev is gone" is_gone "$MDEVS/$u"

# A user that is killed lets go as well
rm -f "$WORK/open"
new_uuid
u=$UUID
must "an mdev is created" create "$u"
timeout 60 vfio-mig "$MDEVS/$u" start:2000 "touch:$WORK/open" sleep:30000 >/dev/null 2>&1 &
MIG=$!
must "a user, with copies under way" wait_for 20 is_there "$WORK/open"
pkill -9 -P $MIG vfio-mig
wait $MIG
t "killed: the mdev is removed" remove "$u"
no_mdevs_no_vfs
