# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2015
#
# What tests and demo share: the reference device and the framework, as seen by the
# hypervisor host. Sourced by sh; prints nothing, returns 1 on failure with the reason
# in $REASON.
#
# From the environment: TOOLS, the directory with what prepare.sh has built; DEVICE, what is under test: a
# file in device/.

: "${PAYLOAD:=/payload}"
: "${TOOLS:=$PAYLOAD/bin}"
# shellcheck source=device/refdev.sh
. "$PAYLOAD/tests/system/device/${DEVICE:-refdev}.sh"
PATH=$TOOLS:$PATH
REASON=

fail()
{
	REASON=$*
	return 1
}

# $NOW: hundredths of a second since boot, without a fork
now()
{
	read -r NOW _ </proc/uptime
	NOW=${NOW%.*}${NOW#*.}
}

# seconds CENTISECONDS -> $SECS as "12.34"
seconds()
{
	SECS=$(($1 / 100)).$((($1 % 100) / 10))$(($1 % 10))
}

# wait_for SECONDS COMMAND...: until the command succeeds
wait_for()
{
	now
	wait_end=$((NOW + $1 * 100 * ${PATIENCE:-1}))
	shift
	until "$@"; do
		now
		[ "$NOW" -lt "$wait_end" ] || return 1
		sleep 0.1
	done
}

# within SECONDS COMMAND...: it is ended after as long as that is on a machine as slow as this one
within()
{
	within_limit=$(($1 * ${PATIENCE:-1}))
	shift
	timeout -k 5 $within_limit "$@"
}

# The states PRE_COPY and PRE_COPY_P2P of the uapi came with 6.2
kernel_has_precopy()
{
	[ "$(printf '6.2\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 6.2 ]
}

# Not wait_for's: may stand inside of it
is_dir() { [ -d "$1" ]; }
is_gone() { ! [ -e "$1" ]; }
is_there() { [ -e "$1" ]; }

errno_of() # FILE DATA -> $ERRNO: 0 or ENAME
{
	ERRNO=$(tool write "$1" "$2")
}

write_to() # FILE DATA
{
	errno_of "$1" "$2"
	[ "$ERRNO" = 0 ] || fail "writing '$2' to $1: $ERRNO"
}

new_uuid()
{
	read -r UUID </proc/sys/kernel/random/uuid
}

# ---- modules --------------------------------------------------------------------

loaded() # NAME
{
	[ -d "/sys/module/$(echo "$1" | tr - _)" ]
}

load() # NAME [PARAMETERS]
{
	LOAD_ERR=$(modprobe "$@" 2>&1) || fail "modprobe $1: $LOAD_ERR"
}

unload() # NAME
{
	LOAD_ERR=$(rmmod "$1" 2>&1) || fail "rmmod $1: $LOAD_ERR"
}

# load_all [PARAMETERS OF THE VENDOR MODULE]
load_all()
{
	load vfio_iommu_type1 && load vfio-pci-engine && load mdev-pci &&
		dev_load "$@" && find_pf
}

unload_all()
{
	for module in mdev-pci-generic mdev-pci-virtio mdev-pci-nvme mdev-pci-mlx5 mdev-pci-qat $DEV_MODULE mdev-pci driver-flavour vfio-pci-engine; do
		if loaded $module; then
			unload $module || return 1
		fi
	done
}

# ---- what this machine can do: its kernel, its QEMU ------------------------------

qemu_major() # -> $QEMU
{
	[ -n "$QEMU" ] || QEMU=$(qemu-system-x86_64 --version | sed -n 's/.* version \([0-9]*\)\..*/\1/p')
	[ -n "$QEMU" ] || fail "no QEMU on this machine"
}

dev_has() # WORD of $DEV_CAN
{
	case " $DEV_CAN " in
	*" $1 "*) ;;
	*) fail "the device under test, ${DEVICE:-refdev}, has no '$1'" ;;
	esac
}

# can WHAT: fails with the reason if it can't. By what there is, never by a stack's name, nor
# by what the modules under test say
can()
{
	case $1 in
	attributes | firmware | modprobe | trace | pf)
		dev_has "$1"
		;;
	iommufd)	# VFIO's character devices, with IOMMUFD
		modprobe -q iommufd
		[ -c /dev/iommu ] || fail "the kernel has no IOMMUFD" || return 1
		grep -q ' vfio-dev$' /proc/devices ||
			fail "the kernel has no character devices of VFIO (VFIO_DEVICE_CDEV)"
		;;
	qemu-iommufd)
		can iommufd || return 1
		qemu-system-x86_64 -object help | grep -q '^ *iommufd' ||
			fail "QEMU knows no IOMMUFD"
		;;
	precopy)	# by v2
		dev_has precopy || return 1
		kernel_has_precopy || fail "the kernel has no PRE_COPY states (6.2)"
		;;
	precopy-v2)	# VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2
		can precopy || return 1
		# Of VFIO itself; asked of an mdev that nobody uses
		set -- "$MDEVS"/*
		vfio-mig -q "$1" precopy-v2 >/dev/null ||
			fail "kernel $(uname -r) has no VFIO_PRECOPY_INFO_REINIT (7.1)"
		;;
	log)		# dirty page logging by the device
		dev_has log || return 1
		grep -q ' iova_bitmap_set' /proc/kallsyms ||
			fail "the kernel has no logging of dirty pages by devices (IOMMUFD_DRIVER)"
		;;
	qemu-log)	# QEMU migrates by it
		can log && qemu_major || return 1
		[ "$QEMU" -ge 9 ] || fail "QEMU $QEMU does not ask devices for dirty pages"
		;;
	qemu-precopy)	# QEMU has the device saved while the guest runs
		dev_has precopy && qemu_major || return 1
		# Up to 7.2 by the migration region, which needs nothing of the kernel's
		[ "$QEMU" -lt 8 ] || kernel_has_precopy ||
			fail "kernel $(uname -r) has no PRE_COPY states, and QEMU $QEMU knows no migration region"
		;;
	qemu-ack)	# QEMU can wait until the destination has loaded what came first (8.1)
		can qemu-precopy || return 1
		[ "$QEMU" -ge 9 ] || fail "QEMU $QEMU knows no switchover-ack"
		;;
	qemu-ack-again)	# and once more if there is initial data again (11.1)
		can qemu-ack && can precopy-v2 || return 1
		[ "$QEMU" -ge 11 ] || fail "QEMU $QEMU does not ask whether initial data is there again"
		;;
	detach)		# the device's PF driver takes a VF from firmware when it is told to
		command -v dev_detach >/dev/null || fail "$DEV_MODULE takes no VF from its firmware"
		;;
	reset-fails)	# the device's VFs do not come out of a reset when they are told to
		command -v dev_vf_reset >/dev/null || fail "$DEV_MODEL always comes out of a reset"
		;;
	faults)		# of memory, for one task
		mount_debugfs 2>/dev/null
		[ -w /proc/self/fail-nth ] && [ -d /sys/kernel/debug/failslab ] ||
			fail "kernel $(uname -r) injects no faults (FAILSLAB, FAULT_INJECTION_USERCOPY)"
		;;
	dev-parts)	# virtio_pci has the commands that move a virtio VF's state
		grep -q ' virtio_pci_admin_mode_set$' /proc/kallsyms ||
			fail "kernel $(uname -r) has no device parts of virtio (6.13)"
		;;
	unload)
		[ -e /sys/module/mdev_pci/initstate ] ||
			fail "mdev-pci is no module here, it is in the kernel's image"
		;;
	kprobes)	# as trace events
		mount_debugfs 2>/dev/null
		[ -w /sys/kernel/debug/tracing/kprobe_events ] ||
			fail "kernel $(uname -r) is built without KPROBE_EVENTS"
		;;
	nvme-multipath)
		load nvme_core || return 1
		[ -e /sys/module/nvme_core/parameters/multipath ] ||
			fail "kernel $(uname -r) is built without NVME_MULTIPATH"
		;;
	kunit)
		[ -d /sys/kernel/debug/kunit ] ||
			fail "kernel $(uname -r) is built without KUNIT and KUNIT_DEBUGFS"
		;;
	*) fail "can $1?" ;;
	esac
}

# ---- the PF ---------------------------------------------------------------------

find_pfs() # -> $PFS, the BDFs of all devices under test
{
	PFS=
	for dir in /sys/bus/pci/devices/*; do
		read -r vendor <"$dir/vendor" && read -r device <"$dir/device" || continue
		[ "${vendor#0x}:${device#0x}" != $DEV_ID ] || PFS="$PFS${PFS:+ }${dir##*/}"
	done
	[ -n "$PFS" ] || fail "no device $DEV_ID on this machine"
}

find_pf() # -> $PF (its BDF), $PFDIR: the first one
{
	PF=
	find_pfs && use_pf "${PFS%% *}"
}

# Some other device's, which must be there: find_other_pf VENDOR:DEVICE
find_other_pf()
{
	for dir in /sys/bus/pci/devices/*; do
		[ -e "$dir/sriov_numvfs" ] || continue
		read -r vendor <"$dir/vendor" && read -r device <"$dir/device" || continue
		[ "${vendor#0x}:${device#0x}" = "$1" ] || continue
		use_pf "${dir##*/}"
		return 0
	done
	fail "no PF $1 on this machine"
}

use_pf() # BDF
{
	PF=$1
	PFDIR=/sys/bus/pci/devices/$1
}

# at_pf BDF COMMAND...: with another device than the first one
at_pf()
{
	use_pf "$1"
	shift
	"$@"
}

mount_debugfs()
{
	[ -d /sys/kernel/debug/tracing ] || mount -t debugfs none /sys/kernel/debug
}

fw_dir()
{
	mount_debugfs 2>/dev/null
	dev_debugfs "$PF"
	[ -d "$FW" ] || fail "$FW does not exist"
}

# What firmware says of a VF: fw VF KEY -> $VALUE
fw()
{
	fw_dir || return 1
	FWTEXT=$(cat "$FW/vf$1") || fail "reading $FW/vf$1" || return 1
	VALUE=$(echo "$FWTEXT" | sed -n "s/^$2: *//p")
	[ -n "$VALUE" ] || fail "$FW/vf$1 has no '$2'"
}

inject() # VF|any OPCODE KIND [PARAMETER] [COUNT] [SKIP]
{
	fw_dir || return 1
	write_to "$FW/inject" "$*"
}

set_vfs() # N
{
	write_to "$PFDIR/sriov_numvfs" "$1"
}

vf_bdf() # N -> $BDF
{
	BDF=$(readlink "$PFDIR/virtfn$1") || fail "there is no VF $1" || return 1
	BDF=${BDF##*/}
}

vf_number() # BDF -> $VF
{
	VF=0
	while [ -e "$PFDIR/virtfn$VF" ]; do
		vf_bdf $VF
		[ "$BDF" != "$1" ] || return 0
		VF=$((VF + 1))
	done
	fail "$1 is no VF of $PF"
}

bound_driver() # BDF -> $DRIVER, empty if none
{
	DRIVER=$(readlink "/sys/bus/pci/devices/$1/driver") || DRIVER=
	DRIVER=${DRIVER##*/}
}

pf_driver() # NAME: the PF gets that driver, by its driver_override
{
	bound_driver "$PF"
	[ -z "$DRIVER" ] || write_to "$PFDIR/driver/unbind" "$PF" || return 1
	write_to "$PFDIR/driver_override" "$1" && write_to /sys/bus/pci/drivers_probe "$PF" || return 1
	bound_driver "$PF"
	[ "$DRIVER" = "$1" ] || fail "its driver is '$DRIVER'"
}

all_bound() # N: that many VFs, all with a driver
{
	all_i=0
	while [ $all_i -lt "$1" ]; do
		[ -e "$PFDIR/virtfn$all_i/driver" ] || return 1
		all_i=$((all_i + 1))
	done
}

bound_vfs() # N
{
	set_vfs "$1" || return 1
	wait_for 20 all_bound "$1" || fail "not all of $1 VFs are bound"
}

# ---- mdevs ----------------------------------------------------------------------

MDEVS=/sys/bus/mdev/devices

type_dir() # TYPE -> $TYPEDIR
{
	TYPEDIR=$PFDIR/mdev_supported_types/$1
	[ -d "$TYPEDIR" ] || fail "$PF offers no type $1"
}

create() # UUID [TYPE]: sysfs create; $ERRNO says what happened
{
	type_dir "${2:-$DEV_TYPE}" || return 1
	write_to "$TYPEDIR/create" "$1"
}

remove() # UUID
{
	write_to "$MDEVS/$1/remove" 1
}

attr() # UUID ATTRIBUTE -> $VALUE
{
	read -r VALUE <"$MDEVS/$1/$2" || fail "reading $MDEVS/$1/$2"
}

attr_is() # UUID ATTRIBUTE VALUE
{
	attr "$1" "$2" && [ "$VALUE" = "$3" ]
}

# What the engine says of an mdev's firmware operation: op UUID NAME -> $COUNT, $NS in all
op()
{
	attr "$1" function || return 1
	mount_debugfs 2>/dev/null
	o_line=$(grep "^$2 " "/sys/kernel/debug/vfio/$VALUE/vfio-pci-engine/firmware") ||
		fail "no operation $2" || return 1
	# shellcheck disable=SC2086  # words
	set -- $o_line
	COUNT=$2 NS=$6
}

mdev_vf() # UUID -> $BDF, $VF
{
	attr "$1" function || return 1
	function=$VALUE
	vf_number "$function" || return 1
	BDF=$function
}

mdev_fw() # UUID KEY -> $VALUE: what firmware says of its VF
{
	mdev_vf "$1" && fw "$VF" "$2"
}

remove_all()
{
	for dir in "$MDEVS"/*; do
		[ -e "$dir" ] || continue
		remove "${dir##*/}" || return 1
	done
}
