#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo, inside of the hypervisor host: an mdev of the reference device is started,
# a guest uses it, and moves with it to a second mdev on another VF while it works.
# Once with mdevctl, once with the sysfs attribute "create" alone.
#
# Progress goes to standard error, the summary to standard output. Exit status 0 if
# every step was done; else the reason is on the last lines.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../system/host.sh
. "$here/../system/host.sh"
# shellcheck source=../system/guest.sh
. "$here/../system/guest.sh"

TYPE=refdev-dma
NVFS=8
# shellcheck source=steps.sh
. "$here/steps.sh"

# ---- steps ----------------------------------------------------------------------

load_modules()
{
	load_all || return 1
	RESULT="vfio-pci-engine, mdev-pci, mdev-pci-refdev"
}

make_vfs()
{
	set_vfs $NVFS || return 1
	wait_for 20 all_bound $NVFS || fail "not every VF was bound within 20 s" || return 1
	vf_bdf 0
	bound_driver "$BDF"
	RESULT="$NVFS VFs, bound to $DRIVER"
}

show_types()
{
	types=$(mdevctl types 2>&1) || fail "$types" || return 1
	case $types in
	*"$TYPE"*) ;;
	*) fail "mdevctl types does not know $TYPE: $types" || return 1 ;;
	esac
	echo "$types" | sed 's/^/             /' >&2
	type_dir $TYPE
	read -r count <"$TYPEDIR/available_instances"
	RESULT="$TYPE: $count available"
}

ctl() # ARGUMENTS...
{
	out=$(timeout 60 mdevctl "$@" 2>&1) || fail "mdevctl $*: $out"
}

ctl_make() # UUID
{
	ctl define --uuid "$1" --parent "$PF" --type $TYPE &&
		ctl start --uuid "$1" || return 1
	describe "$1"
}

sysfs_make() # UUID
{
	create "$1" $TYPE && describe "$1"
}

describe() # UUID
{
	mdev_vf "$1" || return 1
	group=$(readlink "$MDEVS/$1/iommu_group") || fail "no iommu_group" || return 1
	attr "$1" migratable
	same "$VALUE" 1 "attribute migratable" || return 1
	RESULT="VF $VF ($BDF), IOMMU group ${group##*/}, migratable"
}

boot()
{
	guest_boot a "$1" || return 1
	RESULT=$(sed -n 's/^COPYLOAD channel=/ioatdma: /p' "$GUESTS/a/console" | tr -d '\r')
}

verified_copies() # GUEST
{
	guest_goes_on "$1" 500 60 && no_errors "$1" || return 1
	RESULT="$COPIES copies, $((BYTES / 1048576)) MiB, $ERRORS errors"
}

no_errors() # GUEST
{
	guest_status "$1" || return 1
	same "$ERRORS" 0 "wrong copies in the guest"
}

move() # TO-UUID
{
	guest_status a
	copies_before=$COPIES
	guest_tell a gap || return 1
	guest_migrate a b "$1" || return 1
	RESULT="$((RAM / 1048576)) MiB memory, $((VFIO / 1024)) KiB device state"
}

# What goes on in between is a picture in the end (demo.sh)
TRACE=/sys/kernel/tracing

trace_on()
{
	[ -d $TRACE/events ] || mount -t tracefs none $TRACE
	: >$TRACE/trace
	echo 1 >$TRACE/events/vfio_pci_engine/enable
	echo 1 >$TRACE/events/mdev_pci_refdev/enable
}

trace_off()
{
	echo 0 >$TRACE/events/enable
	events=$(grep -c vfio_pci_mig $TRACE/trace)
	[ "$events" -gt 0 ] || fail "no trace event" || return 1
	mountpoint -q /share || mount /share || fail "no way out of this machine" || return 1
	cp $TRACE/trace /share/migration.trace || fail "the trace can't be brought out" || return 1
	RESULT="$events events"
}

goes_on()
{
	guest_goes_on b 500 60 && no_errors b || return 1
	[ "$COPIES" -gt "$copies_before" ] ||
		fail "the guest counts $COPIES copies, it had $copies_before before" || return 1
	guest_gap=$GAP
	RESULT="$copies_before -> $COPIES copies, $ERRORS errors"
}

digests() # FROM-UUID TO-UUID
{
	mdev_vf "$1" && fw "$VF" level || return 1
	level=$VALUE
	fw "$VF" digest || return 1
	from=$VALUE
	mdev_vf "$2" && fw "$VF" load_digest || return 1
	to=$VALUE
	case $from in
	'' | 0 | 0x0 | 0000000000000000 | 0x0000000000000000)
		fail "the source has no context digest (level $level)" || return 1 ;;
	esac
	same "$to" "$from" "context digest at the destination" || return 1
	RESULT="both $from"
}

illegal()
{
	for uuid; do
		mdev_vf "$uuid" && fw "$VF" illegal_dma && same "$VALUE" 0 "DMA while suspended" ||
			return 1
	done
	RESULT="none on either VF"
}

end_guests()
{
	guest_quit a && guest_off b || return 1
	RESULT="powered off"
}

ctl_unmake()
{
	for uuid; do
		ctl stop --uuid "$uuid" && ctl undefine --uuid "$uuid" || return 1
		[ ! -e "$MDEVS/$uuid" ] || fail "$uuid is still there" || return 1
	done
	RESULT="both mdevs gone"
}

sysfs_unmake()
{
	for uuid; do
		remove "$uuid" || return 1
		[ ! -e "$MDEVS/$uuid" ] || fail "$uuid is still there" || return 1
	done
	RESULT="both mdevs gone"
}

end_vfs()
{
	set_vfs 0 && unload_all || return 1
	RESULT="sriov_numvfs 0, modules unloaded"
}

log_is_clean()
{
	splat=$(dmesg | grep -m 1 -E 'WARNING:|BUG:|Oops|Call Trace|hung task|possible .* deadlock|refcount_t|general protection')
	[ -z "$splat" ] || fail "$splat" || return 1
	RESULT="no warning, no call trace"
}

# pass MAKE UNMAKE
pass()
{
	new_uuid; one=$UUID
	new_uuid; two=$UUID
	step "first mdev" "$1" "$one"
	step "second mdev" "$1" "$two"
	step "guest boots with the first" boot "$one"
	step "copies verified in the guest" verified_copies a
	trace_on
	step "live migration to the second" move "$two"
	step "trace of the migration" trace_off
	step "copies continue, all verified" goes_on
	step "context digest of source and destination" digests "$one" "$two"
	step "DMA while a VF was suspended" illegal "$one" "$two"
	note "downtime, as QEMU measured it" "$DOWNTIME ms (of $TOTAL ms in all)"
	note "longest gap between copies in the guest" "$guest_gap ms"
	step "guest ends" end_guests
	step "mdevs removed" "$2" "$one" "$two"
}

step "modules loaded" load_modules
step "VFs created" make_vfs
step "mdevctl types" show_types
row "=" "with mdevctl define and start:"
pass ctl_make ctl_unmake
row "=" "with the sysfs attribute create:"
pass sysfs_make sysfs_unmake
row "=" "end:"
step "VFs and modules removed" end_vfs
step "kernel log" log_is_clean

demo_end
