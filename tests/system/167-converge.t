# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# boot: big
# timeout: 350
# needs: firmware
#
# A state that is too large for the downtime that the user allows: with pre-copy QEMU finds
# that what is left of it fits, and switches over by itself.

if ! able qemu-log "migration with little downtime" || ! able qemu-precopy "the same, by pre-copy"; then
	return 0
fi
vfs_and_mdevs 2 u v
must "a guest boots" guest_boot a "$u"
t "its copies go on" guest_goes_on a 100 60
guest_status a
copies=$COPIES
mig_size=$((64 * 1048576))
# 200 MB/s for 200 ms: 40 MB, and the state has 64 MiB
t "migration with 200 ms of downtime begins" guest_migrate_begin a b "$v" 200000000 200
t "the migration completes by itself" guest_migrate_end a b
echo "# downtime $DOWNTIME ms of $TOTAL ms"
at_least "all of the state was transferred" "$VFIO" "$mig_size"
op "$u" precopy_start
at_least "while the guest ran" "$COUNT" 1
mdev_vf "$u"
fw "$VF" digest
digest=$VALUE
mdev_vf "$v"
fw "$VF" load_digest
is "the digests agree" "$VALUE" "$digest"
t "the copies go on" guest_goes_on b 100 60
at_least "from where they were" "$COPIES" "$copies"
is "each byte was right" "$ERRORS" 0
t "the source's QEMU ends" guest_quit a
guest_quit b
no_mdevs_no_vfs
