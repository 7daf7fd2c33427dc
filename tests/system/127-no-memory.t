# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 600
# complains: vmalloc error:|vfio/group.c:[0-9]+ vfio_group_release
#
# Each allocation, and each copy from or to user memory, of create, remove, open, migration, dirty
# page logging, reset and registration of a parent fails once. Of vmalloc() the kernel itself tells
# with a trace; and vfio core warns of itself where it cannot make a group (6.12: vfio_create_group()
# drops what vfio_group_release() takes for in use), which only an allocation that fails can bring about.

able faults "faults of memory" || return 0

# set_knob FILE VALUE: of fault injection; as it was before -> $knobs
knobs=
set_knob()
{
	[ -e "$1" ] || return 0
	read -r before <"$1"
	knobs="$knobs $1=$before"
	t "${1#/sys/kernel/debug/}" write_to "$1" "$2"
}

# nth LEAST ARGUMENTS...: each sequence has at least so many places where it can fail, and fails
# at some of them; else the kernel has injected nothing
nth()
{
	least=$1
	shift
	n_out=$(within 300 vfio-nth "$@" 2>&1) && pass "vfio-nth ${*##*/}" ||
		flunk "vfio-nth $*" "$n_out"
	echo "$n_out" | diag
	for line in $(echo "$n_out" | sed -n 's/^\([a-z]*\): faults=\([0-9]*\) failed=\([0-9]*\) .*/\1:\2:\3/p'); do
		faults=${line#*:}
		at_least "${line%%:*}: places" "${faults%:*}" "$least"
		at_least "${line%%:*}: failures" "${line##*:}" 1
	done
}

vfs_and_mdevs 2 u
new_uuid
# Also of allocations that may wait, and of the smallest; the log is for what follows from it
for dir in failslab fail_page_alloc fail_usercopy; do
	dir=/sys/kernel/debug/$dir
	set_knob $dir/verbose 0
	for file in cache-filter ignore-gfp-wait ignore-gfp-highmem; do
		set_knob $dir/$file N
	done
	set_knob $dir/min-order 0
done
nth 10 create "$TYPEDIR/create" "$UUID"
nth 2 "$MDEVS/$u" open
nth 2 "$MDEVS/$u" save load
nth 2 "$MDEVS/$u" precopy
nth 2 "$MDEVS/$u" log
nth 1 "$MDEVS/$u" reset
nth 2 "$MDEVS/$u" region
nth 2 -c "$MDEVS/$u" open
mdev_vf "$u"
debug=/sys/kernel/debug/vfio/$BDF/vfio-pci-engine
nth 1 read "$MDEVS/$u/function" "$MDEVS/$u/migration_state" "$debug/state" "$debug/counters"

# A parent is registered, with VFs that are there. What the mdev core has made by then goes late on a
# debug kernel (DEBUG_KOBJECT_RELEASE)
no_mdevs_no_vfs
must "pci-pf-stub is loaded" load pci-pf-stub
must "it gets the PF" pf_driver pci-pf-stub
must "2 VFs exist" set_vfs 2
mark
like "a registration fails at each place, and then works" \
	"$(insmod "$TOOLS/faulty-parent.ko" device="$PF" types=one,two attrs=a external=Y faults=Y 2>&1)" canceled
n=$(tool log "$SEQ" | sed -n 's/.*faulty-parent: \([0-9]*\) faults$/\1/p')
at_least "registration has 20 places or more where memory can be missing" "${n:-0}" 20
is "the VFs are there" "$(cat "$PFDIR/sriov_numvfs")" 2
t "all VFs are removed" set_vfs 0
t "the PF's driver gets it" pf_driver "$DEV_DRIVER"
t "no override is left" write_to "$PFDIR/driver_override" "
"
t "pci-pf-stub is unloaded" unload pci-pf-stub
vfs_and_mdevs 2 u

for knob in $knobs; do
	t "${knob%=*} as it was" write_to "${knob%=*}" "${knob#*=}"
done
mig "the mdev works as before" "$u" dma:20 set:STOP_COPY "read:$WORK/s" set:RESUMING \
	"write:$WORK/s" set:RUNNING dma:20
no_mdevs_no_vfs
