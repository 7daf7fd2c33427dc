# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: tools
# timeout: 150
# needs: modprobe
#
# mdevctl, as an administrator uses it.

ctl() { within 60 mdevctl "$@" || fail "mdevctl $*"; }

must "4 VFs exist" set_vfs 4
t "all VFs are bound to mdev-pci" wait_for 20 all_bound 4
types=$(mdevctl types)
like "types lists the PF" "$types" "^$PF"
like "types lists the type" "$types" "$DEV_TYPE\$"
like "types knows how many" "$types" 'Available instances: 4'
like "types knows the API" "$types" 'Device API: vfio-pci'
like "types shows the description" "$types" 'migratable: yes'

new_uuid
u=$UUID
t "mdevctl define succeeds" ctl define --uuid "$u" --parent "$PF" --type $DEV_TYPE
like "mdevctl lists the mdev as defined" "$(mdevctl list --defined)" "^$u $PF $DEV_TYPE manual"
t "a defined mdev is not active yet" is_gone "$MDEVS/$u"
t "the definition starts" ctl start --uuid "$u"
t "the mdev is active" attr_is "$u" migration_state RUNNING
like "mdevctl lists the active mdev" "$(mdevctl list)" "^$u $PF $DEV_TYPE.*defined"
mig "the mdev does DMA" "$u" dma:20
like "types knows that one is used" "$(mdevctl types)" 'Available instances: 3'
t "a second start is refused" not ctl start --uuid "$u"
t "mdevctl stop succeeds" ctl stop --uuid "$u"
t "the mdev is gone" is_gone "$MDEVS/$u"
like "the mdev is still defined" "$(mdevctl list --defined)" "^$u "
t "mdevctl starts the mdev again" ctl start --uuid "$u"
t "mdevctl stops the mdev again" ctl stop --uuid "$u"

new_uuid
v=$UUID
t "start without a definition" ctl start --uuid "$v" --parent "$PF" --type $DEV_TYPE_LITE
like "the mdev is listed" "$(mdevctl list)" "^$v $PF $DEV_TYPE_LITE"
t "define from what runs" ctl define --uuid "$v"
t "mdevctl stop succeeds" ctl stop --uuid "$v"
t "the definition is removed" ctl undefine --uuid "$v"

t "all VFs are removed" set_vfs 0
t "start without VFs fails" not ctl start --uuid "$u"
like "mdevctl says why" "$(mdevctl start --uuid "$u" 2>&1)" '[^ ]'

# Autostart: the VFs exist when the parent is announced, so once is enough
t "to be started automatically" ctl modify --uuid "$u" --auto
t "the vendor module unloads" unload $DEV_MODULE
tool uevents "$WORK/uevents" &
listener=$!
wait_for 5 is_there "$WORK/uevents"
t "the vendor module loads with num_vfs=2" load $DEV_MODULE num_vfs=2
sleep 0.3
kill $listener
wait $listener 2>/dev/null
# What udev's rule does on this event
like "the parent is announced" "$(cat "$WORK/uevents")" "^change@.*$PF .*MDEV_STATE=registered"
t "what the rule runs" ctl start-parent-mdevs "$PF"
t "the mdev is active" attr_is "$u" migration_state RUNNING
mig "the mdev does DMA" "$u" dma:20
t "the vendor module unloads under it" unload $DEV_MODULE
t "it is gone, its definition is not" is_gone "$MDEVS/$u"
like "the mdev is still defined" "$(mdevctl list --defined)" "^$u .*auto"
t "the definition is removed" ctl undefine --uuid "$u"
is "no definition is left" "$(mdevctl list --defined)" ""
t "the vendor module loads as before" load $DEV_MODULE
