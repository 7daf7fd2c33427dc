# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: many
# timeout: 200
#
# 64 VFs, each with its mdev.

must "64 VFs exist" set_vfs 64
must "all 64 VFs are bound" wait_for 60 all_bound 64
is "all 64 VFs are available" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 64
all()
{
	for _ in $(seq 64); do
		new_uuid
		create "$UUID" || return 1
		last=$UUID
	done
}
t "64 mdevs are created" all
is "each has a VF of its own" "$(cat "$MDEVS"/*/function | sort -u | wc -l)" 64
is "each has a group of its own" "$(for d in "$MDEVS"/*; do readlink "$d/iommu_group"; done | sort -u | wc -l)" 64
new_uuid
refused "one more" "$PFDIR/mdev_supported_types/$DEV_TYPE/create" "$UUID" ENOSPC 'all VFs are in use'
mig "the last one works" "$last" dma:50
# 1.2 prints one line more
is "mdevctl lists them" "$(timeout 120 mdevctl list | grep -c " $PF ")" 64
refused "the VFs stay" "$PFDIR/sriov_numvfs" 0 EBUSY 'can.t change while mdevs exist'
t "the PF is reset" write_to "$PFDIR/reset" 1
mig "the last one works" "$last" dma:50
t "64 mdevs are removed" remove_all

# Removing 64 VFs takes seconds; meanwhile nothing can be created, and the log says why. An mdev
# that was created before it began keeps the VFs: once more then
going()
{
	tool write "$PFDIR/sriov_numvfs" 0 >"$WORK/gone" &
	g_pid=$!
	while kill -0 $g_pid 2>/dev/null; do
		new_uuid
		errno_of "$PFDIR/mdev_supported_types/$DEV_TYPE/create" "$UUID"
		case $ERRNO in
		EBUSY) break ;;
		0) remove "$UUID" ;;
		esac
	done
	wait $g_pid
	[ "$ERRNO" = EBUSY ] || fail "the last answer was $ERRNO"
}
mark
t "create while VFs are removed: EBUSY" wait_for 60 going
logged "the log says why" 'refused: VFs are being created or removed; try again'
is "64 VFs are removed" "$(cat "$WORK/gone")" 0
t "64 VFs are created" set_vfs 64
t "the modules unload" unload_all
t "all modules load" load_all
