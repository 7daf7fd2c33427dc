# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 200
#
# VFs of a virtio PF as mdevs: virtio_pci stays bound, our module moves their state by its commands.
. "$PAYLOAD/tests/system/snap.sh"
. "$PAYLOAD/tests/system/reads.sh"

must "the model is there" find_snap
if ! can dev-parts; then
	REASON=
	t "mdev-pci-virtio does not load on this kernel" not load mdev-pci-virtio
	echo "##done"
	exit 0
fi
TYPE=virtio-pci-vf
mark
must "the module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
is "virtio_pci keeps it" "$(bound_driver "$PF"; echo "$DRIVER")" virtio-pci
vfs_and_mdevs 2 u v
t "the first mdev is migratable" attr_is "$u" migratable 1
t "the second mdev is migratable" attr_is "$v" migratable 1

count_commands virtio_pci:vp_modern_admin_cmd_exec
reads_cost_nothing "a parent, its 2 VFs and 2 mdevs"
sent=$(commands)

snap_count mode-set
before=$VALUE
mig "the device goes through the states" "$u" state=RUNNING size set:RUNNING_P2P set:STOP set:STOP_COPY "read:$WORK/s" \
	set:STOP set:RUNNING state=RUNNING
snap_count mode-set
is "are 2 commands of mode" "$((VALUE - before))" 2
at_least "its commands are counted" $(($(commands) - sent)) 2
count_no_more
must "the model counts the loads" snap_vf 1 loads
loads=$VALUE
mig "the state is loaded into the other VF" "$v" set:STOP set:RESUMING "write:$WORK/s" set:STOP set:RUNNING
t "the model has taken the parts once" snap_vf_is 1 loads $((loads + 1))
mig "what is saved there is the same" "$v" set:STOP_COPY "read:$WORK/s1" set:RUNNING
cmp "$WORK/s" "$WORK/s1" >"$WORK/cmp" 2>&1
is "what the other VF saves is the same, byte for byte" "$(cat "$WORK/cmp")" ""
mig "by the region (v1) it is saved" "$u" v1-state:2 "v1-read:$WORK/v1" v1-state:0 v1-state:1 v1-is=1
is "as by v2, byte for byte" "$(cmp "$WORK/s" "$WORK/v1" 2>&1)" ""
mig "by the region it is loaded into the other VF" "$v" v1-state:4 "v1-write:$WORK/v1" v1-state:1 v1-is=1
mig "what is saved there is the same" "$v" set:STOP_COPY "read:$WORK/s1" set:RUNNING
is "what it saves after a load by the region is the same" "$(cmp "$WORK/s" "$WORK/s1" 2>&1)" ""
within 60 "$PAYLOAD/tools/mdev-pci-check" >"$WORK/check" 2>&1
t "mdev-pci-check says that the type migrates" grep -q "type $TYPE migrates live by v" "$WORK/check"
mig "a reset of a stopped VF lets it run" "$u" set:STOP reset state=RUNNING
t "the model says so" snap_vf_is 0 stopped 0
for way in "set:RUNNING_P2P" "set:STOP_COPY" "set:STOP_COPY read:$WORK/x" "set:RESUMING" \
	"set:RESUMING write:$WORK/s:100"; do
	# shellcheck disable=SC2086 # words
	mig "a reset works after $way" "$u" $way reset state=RUNNING set:STOP_COPY "read:$WORK/x" set:RUNNING
done
t "no object is left" snap_no_objects
t "the model has seen no access of a stopped VF" snap_is_tame 2

no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
is "virtio_pci keeps the PF" "$(bound_driver "$PF"; echo "$DRIVER")" virtio-pci
