# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# timeout: 120
#
# VFs come and go by sriov_numvfs and by the vendor module's parameter, and belong to
# the framework from the start.

available() # -> $VALUE
{
	read -r VALUE <"$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances"
}

drivers_of_all() # N: prints each VF's driver
{
	i=0
	while [ $i -lt "$1" ]; do
		vf_bdf $i && bound_driver "$BDF" && echo "$DRIVER"
		i=$((i + 1))
	done | sort | uniq -c | tr -s ' '
}

available
is "available_instances is 0 without VFs" "$VALUE" 0

# Others that would want these VFs
t "ioatdma is loaded" load ioatdma
t "vfio-pci is loaded" load vfio-pci
for n in 1 3 8; do
	t "$n VFs are created" set_vfs $n
	t "$n VFs are bound" wait_for 20 all_bound $n
	is "$n VFs belong to mdev-pci" "$(drivers_of_all $n)" " $n mdev-pci"
	available
	is "$n VFs are available" "$VALUE" $n
	t "$n VFs are removed" set_vfs 0
	t "no VF is left" is_gone "$PFDIR/virtfn0"
	available
	is "available_instances is 0 again" "$VALUE" 0
done

# What is said of the host's drivers does not count for VFs of a parent
echo 0 >"$PFDIR/sriov_drivers_autoprobe"
t "2 VFs are created without autoprobe" set_vfs 2
t "the VFs are bound to mdev-pci without autoprobe" wait_for 20 all_bound 2
is "their driver is mdev-pci" "$(drivers_of_all 2)" " 2 mdev-pci"
t "all VFs are removed" set_vfs 0
echo 1 >"$PFDIR/sriov_drivers_autoprobe"

must "8 VFs exist" set_vfs 8
t "all VFs are bound to mdev-pci" wait_for 20 all_bound 8
groups=$(for vf in "$PFDIR"/virtfn*; do basename "$(readlink "$vf/iommu_group")"; done | sort -u | wc -l)
is "each VF has an IOMMU group of its own" "$groups" 8
errno_of "$PFDIR/sriov_numvfs" 4
is "another number needs 0 in between" "$ERRNO" EBUSY
t "all VFs are removed" set_vfs 0
errno_of "$PFDIR/sriov_numvfs" 9
is "more VFs than the device has" "$ERRNO" ERANGE

# The parameter: VFs exist before the parent is announced
if able modprobe "VFs by the parameter num_vfs"; then
	t "vendor module unloads" unload $DEV_MODULE
	tool uevents "$WORK/uevents" &
	listener=$!
	wait_for 5 is_there "$WORK/uevents"
	mark
	t "the module loads with num_vfs=4" dev_load num_vfs=4
	logged_once "the log has one line for the parent" "$PF: is an mdev parent with [0-9]+ types and 4 VFs"
	vf_bdf 3
	logged_once "the log has one line for each VF" "$BDF: is VF 3 of mdev parent $PF"
	available
	is "4 VFs at once" "$VALUE" 4
	is "all VFs are bound to mdev-pci" "$(drivers_of_all 4)" " 4 mdev-pci"
	sleep 0.3
	kill $listener
	wait $listener 2>/dev/null
	events=$(grep -n -E 'add@.*SUBSYSTEM=pci|add@.*/virtfn|MDEV_STATE=registered' "$WORK/uevents")
	like "the parent is announced" "$events" 'MDEV_STATE=registered'
	last=$(printf '%s\n' "$events" | tail -n 1)
	like "after the last VF" "$last" 'MDEV_STATE=registered'
	t "vendor module unloads" unload $DEV_MODULE
	t "its VFs go" is_gone "$PFDIR/virtfn0"
	mark
	t "the module loads with num_vfs=100" dev_load num_vfs=100
	logged "the log says that there are fewer" 'num_vfs is 100, but the device has only 8 VFs'
	t "all 8 VFs are bound" all_bound 8
	t "vendor module unloads" unload $DEV_MODULE
	t "vendor module loads as before" dev_load
	t "the PF has no VFs then" is_gone "$PFDIR/virtfn0"
fi

# mdevctl's autostart waits for the uevent of a parent's registration, which such VFs come after
rm -f "$WORK/uevents"
tool uevents "$WORK/uevents" &
listener=$!
wait_for 5 is_there "$WORK/uevents"
told() { grep -q "^change@.*$PF .*MDEV_STATE=registered" "$WORK/uevents"; }
must "the VFs are created" bound_vfs 4
t "a uevent tells user space of VFs that come after the parent" wait_for 10 told
sleep 0.5
kill $listener
wait $listener 2>/dev/null
events=$(grep -n -E 'bind@.*DRIVER=mdev-pci|MDEV_STATE=registered' "$WORK/uevents" | tail -n 1)
like "when they are bound" "$events" 'MDEV_STATE=registered'
is "once for all of them" "$(grep -c "^change@.*$PF .*MDEV_STATE=registered" "$WORK/uevents")" 1
no_mdevs_no_vfs
