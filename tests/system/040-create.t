# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 150
#
# create and remove: what exists when "create" returns, names, events, firmware.

vfs_and_mdevs 8
tool uevents "$WORK/uevents" &
listener=$!
wait_for 5 is_there "$WORK/uevents"

new_uuid
u=$UUID
d=$MDEVS/$u
mark
t "create succeeds" create "$u"
logged_once "the log has one line for the new mdev" "$PF: mdev $u of type ${DEV_TYPE#"$DEV_DRIVER"-} was created"
# At once, without waiting for anyone: as mdevctl and QEMU do
t "the mdev exists" is_dir "$d"
t "mdev_type is a link to its type" test "$(basename "$(readlink -f "$d/mdev_type")")" = $DEV_TYPE
attr "$u" function
bdf=$VALUE
like "function is a PCI address" "$bdf" '^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$'
t "the function is a VF of the PF" vf_number "$bdf"
vf=$VF
t "migratable is 1" attr_is "$u" migratable 1
t "migration_state is RUNNING" attr_is "$u" migration_state RUNNING
ids=device=$(cut -c3- <"/sys/bus/pci/devices/$bdf/vendor"):$(cut -c3- <"/sys/bus/pci/devices/$bdf/device")
like "migration_compat has the type, its state and the VF's PCI IDs, and attributes as they are at first" \
	"$(cat "$d/migration_compat")" "^type=$DEV_TYPE state=[0-9]+ .* $ids subsystem=[0-9a-f:]{9} setup=00000000\$"
is "the type's description has the same but setup" \
	"$(sed -n 's/^migration_compat: //p' "$d/mdev_type/description") setup=00000000" "$(cat "$d/migration_compat")"
link=$(readlink "$d/iommu_group")
like "iommu_group points at the group itself" "$link" '/kernel/iommu_groups/[0-9]+$'
is "the group is that of the VF" "${link##*/}" \
	"$(basename "$(readlink -f "/sys/bus/pci/devices/$bdf/iommu_group")")"
like "vfio-dev has the VFIO device" "$(ls "$d/vfio-dev/")" '^vfio[0-9]+$'
is "the VFIO device is that of the VF" "$(readlink -f "$d/vfio-dev")" "$(readlink -f "/sys/bus/pci/devices/$bdf/vfio-dev")"
t "the group has a device node" test -c "/dev/vfio/${link##*/}"
is "the mdev is on the mdev bus" "$(readlink -f "$d/subsystem")" /sys/bus/mdev

sleep 0.3
kill $listener
wait $listener 2>/dev/null
events=$(grep -o "^[a-z]*@[^ ]*/$u " "$WORK/uevents" | sed 's/@.*//' | tr '\n' ' ')
like "events of the mdev: a change after it was added" "$events" '^add .*change '

firmware_says "firmware has enabled the VF" "$vf" enabled 1
firmware_says "with the profile of the type" "$vf" profile 1

mig "opens by UUID" "$u" state=RUNNING
mig "opens by PCI address" "$u" state=RUNNING
m_out=$(timeout 30 vfio-mig -n "$bdf" "$d" state=RUNNING 2>&1) &&
	pass "opens by PCI address through the mdev's directory" ||
	flunk "opens by PCI address through the mdev's directory" "$m_out"
m_out=$(timeout 30 vfio-mig "/sys/bus/pci/devices/$bdf" state=RUNNING 2>&1) &&
	pass "opens as the PCI device that it is" || flunk "opens as the PCI device that it is" "$m_out"
upper=$(echo "$u" | tr a-f A-F)
m_out=$(timeout 30 vfio-mig -n "$upper" "$d" state=RUNNING 2>&1) &&
	pass "the case of the UUID does not matter" || flunk "the case of the UUID does not matter" "$m_out"
for name in 00000000-0000-4000-8000-000000000000 "${u}0" "x$u" "${u%?}" 0000:00:00.0; do
	m_out=$(timeout 30 vfio-mig -n "$name" "$d" open=ENODEV 2>&1) &&
		pass "does not open by '$name'" || flunk "does not open by '$name'" "$m_out"
done

mig_bg "$u" "touch:$WORK/open" "await:$WORK/go"
t "a user has it open" wait_for 20 is_there "$WORK/open"
mig "nobody else can open it" "$u" open=EBUSY
touch "$WORK/go"
mig_end "the user's device works throughout"

new_uuid
l=$UUID
t "an mdev of the other type is created" create "$l" $DEV_TYPE_LITE
mdev_vf "$l"
firmware_says "firmware applies the profile of the other type" "$VF" profile 2
t "the second mdev has another VF" test "$VF" != "$vf"
mig "its engine works" "$l" dma:50 copies=50

mark
t "the first mdev is removed" remove "$u"
logged_once "the log has one line for the removal" "$PF: mdev $u was removed"
t "the mdev's directory is gone" is_gone "$d"
firmware_says "firmware has disabled the VF" "$vf" enabled 0
t "the group's device node is gone" is_gone "/dev/vfio/${link##*/}"
t "the other mdev is still there" attr_is "$l" migration_state RUNNING
t "the other mdev is removed" remove "$l"

# All at once
all()
{
	for n in 1 2 3 4 5 6 7 8 9 10 11; do
		new_uuid
		echo "$UUID" >>"$WORK/uuids"
		tool write "$PFDIR/mdev_supported_types/$DEV_TYPE/create" "$UUID" >"$WORK/errno.$n" &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086  # words
	wait $pids
	sort "$WORK"/errno.* | uniq -c | tr -s ' ' | tr '\n' ';'
}
result=$(all)
is "11 creates at a time on 8 VFs" "$result" " 8 0; 3 ENOSPC;"
functions=$(cat "$MDEVS"/*/function | sort -u | wc -l)
is "each has a VF of its own" "$functions" 8
none()
{
	for x in "$MDEVS"/*; do
		tool write "$x/remove" 1 &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086
	wait $pids
}
none >"$WORK/removed"
is "8 removes at a time" "$(sort "$WORK/removed" | uniq -c | tr -s ' ')" " 8 0"
is "none is left" "$(ls "$MDEVS")" ""

again()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		new_uuid
		create "$UUID" && remove "$UUID" || return 1
	done
}
t "create and remove work ten times" again
no_mdevs_no_vfs
