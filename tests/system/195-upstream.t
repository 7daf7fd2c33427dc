# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: upstream
# timeout: 2500
# dma-faults: expected
# needs: firmware
#
# Upstream's tools/testing/selftests/vfio on a VF three times: bound to vfio-pci; as the function
# of an mdev; and as that mdev, by its directory in sysfs and its UUID. The results are the same.

SELFTESTS=$PAYLOAD/selftests
UNBIND=/sys/bus/pci/drivers/mdev-pci/unbind
MODES="vfio_type1_iommu vfio_type1v2_iommu"
if able iommufd "the ways to the IOMMU by IOMMUFD"; then
	MODES="$MODES iommufd_compat_type1 iommufd_compat_type1v2 iommufd"
fi
OPTIONS=
for mode in $MODES; do
	OPTIONS="$OPTIONS -v $mode"
	for size in anonymous anonymous_hugetlb_2mb anonymous_hugetlb_1gb; do
		OPTIONS="$OPTIONS -v ${mode}_$size"
	done
done

# results FILE PREFIX: its TAP as "NAME RESULT", in a file of all of one way
results()
{
	sed -nE -e "s/^ok [0-9]+ ([^ ]+) # SKIP.*/$2\\1 skipped/p; t" \
		-e "s/^ok [0-9]+ ([^ ]+).*/$2\\1 passed/p" \
		-e "s/^not ok [0-9]+ ([^ ]+).*/$2\\1 failed/p" "$1" >>"$WORK/$way"
}

# program NAME PREFIX ARGUMENTS...: one of them; one that ends without a result has one, too
program()
{
	p_name=$1 p_prefix=$2 p_out=$WORK/$way.out.$2$1
	shift 2
	now
	p_start=$NOW
	# shellcheck disable=SC2068  # words on purpose
	timeout -k 5 $((400 * ${PATIENCE:-1})) "$SELFTESTS/$p_name" $@ >"$p_out" 2>&1 </dev/null
	p_rc=$?
	grep -qE '^(not )?ok ' "$p_out" || echo "$p_prefix$p_name status-$p_rc" >>"$WORK/$way"
	results "$p_out" "$p_prefix"
	now
	seconds $((NOW - p_start))
	echo "# $way: $p_prefix$p_name took $SECS s"
}

# all_of BDF OTHER-BDF...: -> $WORK/$way
all_of()
{
	: >"$WORK/$way"
	# It has no variants for the ways to the IOMMU
	for mode in $MODES; do
		export SELFTESTS_IOMMU="$mode"
		program vfio_pci_device_test "$mode:" "$1"
	done
	# shellcheck disable=SC2086
	program vfio_dma_mapping_test '' $OPTIONS "$1"
	# shellcheck disable=SC2086
	program vfio_dma_mapping_mmio_test '' $OPTIONS "$1"
	case $MODES in *' iommufd'*) program vfio_iommufd_setup_test '' "$1" ;; esac
	# shellcheck disable=SC2086
	program vfio_pci_driver_test '' ${DRIVER_OPTIONS:-$OPTIONS} "$1"
	# shellcheck disable=SC2086
	[ $# = 1 ] || program vfio_pci_device_init_perf_test '' $OPTIONS "$@"
	sort -o "$WORK/$way" "$WORK/$way"
}

result() # NAME -> $VALUE
{
	VALUE=$(sed -n "s/^$1 //p" "$WORK/$way")
	[ -n "$VALUE" ] || VALUE=missing
}

# said NAME: what the test printed
said()
{
	case $1 in
	*:*) s_files=$WORK/$way.out.${1%%:*}: ;;
	*) s_files=$WORK/$way.out.vfio_ ;;
	esac
	awk -v name="${1#*:}" '
		$1 == "#" && $2 == "RUN" { on = $3 == name }
		on { print }
		/^(not )?ok / { on = 0 }' "$s_files"*
}

# as_stock NAME: the way's result is that of vfio-pci
as_stock()
{
	result "$1"
	a_ours=$VALUE a_way=$way
	way=vfio-pci
	result "$1"
	way=$a_way
	[ "$a_ours" = "$VALUE" ] && pass "$a_way: $1: $VALUE, as with vfio-pci" && return
	flunk "$a_way: $1: as with vfio-pci" "$a_ours, with vfio-pci $VALUE
$(said "$1")"
}

if ! [ -x "$SELFTESTS/vfio_pci_driver_test" ]; then
	skip "upstream's selftests" "they could not be made: Debian's linux-source is not to be had"
	return 0
fi
echo "# from Debian's linux-source $(cat "$SELFTESTS/version")"
# They map 1 GiB of shared memory for each test, which takes long by small pages
echo always >/sys/kernel/mm/transparent_hugepage/shmem_enabled
echo 4 >/proc/sys/vm/nr_hugepages
load vfio-pci

vfs_and_mdevs 3 a b c
mdev_vf "$b"; other=$BDF
mdev_vf "$c"; third=$BDF
mdev_vf "$a"; bdf=$BDF

way=function
all_of "$bdf" "$other" "$third"
way=mdev
export SELFTESTS_MDEV="$a"
DRIVER_OPTIONS=
for mode in $MODES; do
	for test in send_msi memcpy_success memcpy_to_unmapped_iova; do
		DRIVER_OPTIONS="$DRIVER_OPTIONS -r vfio_pci_driver_test.$mode.$test"
	done
done
all_of "$bdf"
# Not by what they know by themselves
way=wrong
SELFTESTS_MDEV=$(cat /proc/sys/kernel/random/uuid)
for wrong in vfio_type1_iommu ${MODES##* }; do
	SELFTESTS_IOMMU=$wrong program vfio_pci_device_test "$wrong:" "$bdf"
done
is "with another UUID none of them passes" "$(grep -c ' passed$' "$WORK/wrong")" 0
unset SELFTESTS_MDEV
DRIVER_OPTIONS=

# The VFs stay enabled: firmware refuses to disable them, once
for uuid in "$a" "$b" "$c"; do
	mdev_vf "$uuid"
	t "VF $VF stays as it is" inject "$VF" disable fail 11
	t "its mdev is removed" remove "$uuid"
	t "the VF is unbound from mdev-pci" write_to $UNBIND "$BDF"
	fw "$VF" enabled
	is "firmware has the VF enabled" "$VALUE" 1
	t "its driver_override is vfio-pci" write_to "/sys/bus/pci/devices/$BDF/driver_override" vfio-pci
	t "vfio-pci is bound to the VF" write_to /sys/bus/pci/drivers_probe "$BDF"
	bound_driver "$BDF"
	is "the VF's driver is vfio-pci" "$DRIVER" vfio-pci
done
way=vfio-pci
all_of "$bdf" "$other" "$third"

# Side by side. As the mdev not all are run: many take long, or know but one name ("-")
cut -d' ' -f1 "$WORK/vfio-pci" "$WORK/function" | sort -u >"$WORK/names"
echo "# vfio-pci function mdev"
while read -r name; do
	line=
	for way in vfio-pci function mdev; do
		result "$name"
		[ "$way $VALUE" != "mdev missing" ] || VALUE=-
		line="$line$(printf '%-8s ' "$VALUE")"
	done
	echo "# $line $name"
done <"$WORK/names"
# What fails with vfio-pci does so for reasons of the kernel's own
way=vfio-pci
sed -n 's/ failed$//p' "$WORK/vfio-pci" | while read -r name; do
	echo "# with vfio-pci $name fails:"
	said "$name" | tail -n 8 | diag
done

while read -r name; do
	way=function
	as_stock "$name"
done <"$WORK/names"
while read -r name _; do
	way=mdev
	as_stock "$name"
done <"$WORK/mdev"
n_modes=$(echo "$MODES" | wc -w)
for way in vfio-pci function; do
	is "$way: all tests with its engine passed" \
		"$(grep -c '^vfio_pci_driver_test.* passed$' "$WORK/$way")" $((7 * n_modes))
done
skip vfio_pci_sriov_uapi_test "it wants the PF on vfio-pci, for the token that its VFs ask for; with mdevs the PF is its vendor driver's, and there is no token"
at_least "by the mdev: many passed" "$(grep -c ' passed$' "$WORK/mdev")" $((8 * n_modes))
no_mdevs_no_vfs
