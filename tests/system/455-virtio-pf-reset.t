# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 300
#
# A reset of the PF under a guest: its VF forgets all, and virtio_pci does not report it. The engine detects it,
# tells operator and user, and the guest works again once it has been restarted. By the model: a reset by
# this kernel may crash it (docs/virtio.rst).
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "the PF is reset under a guest" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
must "the module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
vfs_and_mdevs 2 u v
lost='the function has lost its state without a reset by its user'

# The guest's own reset of its VF, and that of a user, are no such thing
must "a guest boots with its disk, and writes" blk_boot g0 "$u"
mark
mig "a user resets its VF" "$v" reset sleep:8000 reset state=RUNNING
is "the log has no line of a lost state" "$(tool log "$SEQ" | grep -c "$lost")" 0
t "the guest's VF runs" attr_is "$u" migration_state RUNNING

said_so() { tool log "$SEQ" | grep -q "$lost"; }
guest_is() # STATUS
{
	qmp g0 query-status
	case $ANSWER in
	*"\"status\": \"$1\""*) ;;
	*) fail "$ANSWER" ;;
	esac
}

mark
for i in "$u" "$v"; do
	mdev_vf "$i"
	t "VF $VF forgets its state, as in a reset of the PF" snap_order forget "vf$VF"
done
t "the engine notices the reset of the PF" wait_for 30 said_so
sleep 12
logged_once "by one line, which says what to do" "$lost.*restart its guest.*ERROR state"
t "the idle mdev stays RUNNING" attr_is "$v" migration_state RUNNING
# By when QEMU, which can't set the state of a device in ERROR, has reset it
t "QEMU stops the guest" guest_is internal-error
mig "an idle VF can be used" "$v" state=RUNNING set:STOP_COPY "read:$WORK/x" set:RUNNING

guest_quit g0
must "the guest boots again with its disk, and writes" blk_boot g2 "$u"
t "its I/O goes on without an error" blk_goes_on g2 200 60
t "its VF runs" attr_is "$u" migration_state RUNNING
t "the oracle has seen nothing wrong" blk_oracle g2
must "it migrates" blk_migrate g2 g1 "$v"
t "the load goes on without an error" blk_goes_on g1 100 60
guest_quit g2
guest_quit g1
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
