# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: upstream
# timeout: 600
# needs: firmware
#
# tests/upstream/vfio_pci_migration_test.c, built in upstream's tools/testing/selftests/vfio: on the function of
# an mdev, on that mdev by its UUID, and on a VF of vfio-pci, which does not migrate.

SELFTESTS=$PAYLOAD/selftests
if ! [ -x "$SELFTESTS/vfio_pci_migration_test" ]; then
	skip "vfio_pci_migration_test" "it could not be made: Debian's linux-source is not to be had"
	return 0
fi
MODES=vfio_type1v2_iommu
! able iommufd "by IOMMUFD" || MODES="$MODES iommufd"

# judged WAY RESULT: all tests have that result, or are skipped where the kernel has no PRE_COPY
judged()
{
	for mode in $MODES; do
		SELFTESTS_IOMMU=$mode within 400 "$SELFTESTS/vfio_pci_migration_test" "$bdf" \
			>"$WORK/out" 2>&1 </dev/null
		sed -nE -e 's/^ok [0-9]+ vfio_pci_migration_test\.(.*[^ ]) *# SKIP.*/\1 skipped/p; t' \
			-e 's/^ok [0-9]+ vfio_pci_migration_test\.(.*)/\1 passed/p' \
			-e 's/^not ok [0-9]+ vfio_pci_migration_test\.(.*)/\1 failed/p' "$WORK/out" >"$WORK/results"
		at_least "$1, $mode: tests" "$(wc -l <"$WORK/results")" 10
		while read -r name result; do
			if [ "$result" = "$2" ]; then
				pass "$1, $mode: $name: $result"
			elif [ "$result $name" = "skipped precopy" ] && ! kernel_has_precopy; then
				skip "$1, $mode: $name" "the kernel has no PRE_COPY states"
			else
				flunk "$1, $mode: $name: $2" "$(cat "$WORK/out")"
			fi
		done <"$WORK/results"
	done
}

vfs_and_mdevs 2 a b
mdev_vf "$a"; bdf=$BDF
judged "the mdev's function" passed
export SELFTESTS_MDEV="$a"
judged "the mdev" passed
unset SELFTESTS_MDEV
mdev_vf "$b"; bdf=$BDF
load vfio-pci
t "VF $VF stays as it is" inject "$VF" disable fail 11
t "its mdev is removed" remove "$b"
t "the VF is unbound from mdev-pci" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$bdf"
t "the function is reserved for vfio-pci" write_to "/sys/bus/pci/devices/$bdf/driver_override" vfio-pci
t "the VF is bound again" write_to /sys/bus/pci/drivers_probe "$bdf"
judged "a VF of vfio-pci" skipped
no_mdevs_no_vfs
