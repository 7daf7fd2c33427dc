# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 300
#
# A PF that never answers, in each command: the user gets ETIMEDOUT and one line, never hangs, and
# can't use the VF's migration until the PF has been reset or has lost its driver.
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "a PF that does not answer" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
must "the module is loaded, and waits 2 s" load mdev-pci-virtio timeout_ms=$((2000 * ${PATIENCE:-1}))
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
vfs_and_mdevs 2 u v
mig "a state to load" "$v" set:STOP_COPY "read:$WORK/s" set:RUNNING

# No process of user space waits where no signal reaches it. A worker of the kernel's does
users_not_stuck()
{
	for p_dir in /proc/[0-9]*; do
		[ -s "$p_dir/maps" ] || continue
		read -r p_line 2>/dev/null <"$p_dir/stat" || continue
		case ${p_line##*) } in
		D*) fail "stuck: ${p_line%) *}), in $(cat "$p_dir/stack" 2>/dev/null)"; return 1 ;;
		esac
	done
}

logged_more() { tool log "$SEQ" | grep 'migration:' | grep -v 'migration: refused, operation'; }

anew()
{
	within 60 sh -c "echo $PF >/sys/bus/pci/drivers/virtio-pci/unbind" &&
		wait_for 20 is_gone "$MDEVS/$u" &&
		write_to /sys/bus/pci/drivers/virtio-pci/bind "$PF" &&
		wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
}

# silent COMMAND VFIO-MIG'S COMMANDS...
silent()
{
	s_cmd=$1
	shift
	t "$s_cmd: the PF will not answer" snap_inject any "$s_cmd" silent
	mark
	mig "$s_cmd: the user gets ETIMEDOUT" "$u" "$@" state=ERROR
	logged_once "$s_cmd: one line says which operation, and how long" \
		'migration: operation [a-z0-9_]* has not returned for [0-9]* ms'
	mark
	mig "$s_cmd: until it returns others are refused at once, and nothing changes" "$u" state=RUNNING \
		size=ETIMEDOUT state=RUNNING set:STOP=ETIMEDOUT state=RUNNING
	logged_once "$s_cmd: one line says why" 'migration: refused, operation [a-z0-9_]* has not returned'
	t "$s_cmd: no other line" not logged_more
	t "$s_cmd: no process of user space is stuck" users_not_stuck
	mig "$s_cmd: the other VF works" "$v" set:STOP_COPY "read:$WORK/x" set:RUNNING
	must "$s_cmd: virtio_pci is unbound from the PF, which ends it, and bound again" anew
	vfs_and_mdevs 2 u v
	mig "$s_cmd: then the VF can be used" "$u" state=RUNNING set:STOP_COPY "read:$WORK/x" set:RUNNING
	t "$s_cmd: no object is left" snap_no_objects
}
silent mode-set set:STOP=ETIMEDOUT
silent obj-create set:STOP set:STOP_COPY=ETIMEDOUT
silent parts-metadata-get set:STOP set:STOP_COPY=ETIMEDOUT
silent parts-get set:STOP set:STOP_COPY=ETIMEDOUT
silent parts-set set:STOP set:RESUMING "write:$WORK/s=ETIMEDOUT"

# The other way out
t "the PF will not answer" snap_inject any mode-set silent
mig "the user gets ETIMEDOUT" "$u" set:STOP=ETIMEDOUT
t "virtio_pci is unbound from the PF" within 60 sh -c "echo $PF >/sys/bus/pci/drivers/virtio-pci/unbind"
t "the mdevs are gone" wait_for 20 is_gone "$MDEVS/$u"
t "the module unloads" wait_for 20 unload mdev-pci-virtio
t "virtio_pci is bound again" write_to /sys/bus/pci/drivers/virtio-pci/bind "$PF"
t "all VFs are removed" set_vfs 0
