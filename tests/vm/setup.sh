#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: setup.sh [--refresh] [STACK...]
#
# Makes whatever of the test bed is missing: L0's QEMU with our device models,
# the build roots of all kernels, checkpatch, and the given L1 stacks (default:
# debian13; one file each in tests/vm/stacks). All of it is kept in
# $XDG_CACHE_HOME/mdev-pci (~/.cache/mdev-pci); removing that is safe.
# --refresh makes the given stacks and their build roots anew, with the
# packages of today (a kernel of our own only if there is a newer source).
#
# Status 69: a stack was asked for that may be missing (OPTIONAL in its file),
# and is.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/qemu.sh"
. "$VM_DIR/recipes/build.sh"
. "$VM_DIR/recipes/stack.sh"
. "$VM_DIR/recipes/checkpatch.sh"

refresh=
case ${1:-} in
--help | -h) usage ;;
--refresh) refresh=1; shift ;;
-*) usage 2 >&2 ;;
esac
need_root
stacks=${*:-debian13}
for s in $stacks; do
	stack_check "$s"
done
start=$SECONDS
if [ -n "$refresh" ]; then
	for s in $stacks; do
		. "$VM_DIR/stacks/$s"
		rm -rf "${CACHE:?}/l1-$s"
		! build_outdated "$KERNEL" || rm -rf "${CACHE:?}/build-$KERNEL"
	done
fi
need_host rsync
missing=
for s in $stacks; do
	optional "$VM_DIR/stacks/$s" stack_root "$s"
	[ $OPTIONAL_RC = 0 ] || missing+=" $s"
done
build_roots
checkpatch_root
qemu_dev
# A kernel update between two downloads: modules would not load.
for s in $stacks; do
	. "$VM_DIR/stacks/$s"
	[[ " $missing " != *" $s "* ]] || continue
	if ! build_own "$KERNEL" && [[ " $HAVE_KERNELS " != *" $KERNEL "* ]]; then
		missing+=" $s"
		continue
	fi
	cmp -s "$(build_dir "$KERNEL")/release" "$(stack_dir "$s")/release" ||
		die "stack $s and build-$KERNEL differ in their kernel: use --refresh $s"
done
note "test bed: ready ($((SECONDS - start)) s)${missing:+, but for$missing}"
[ -z "$missing" ] || exit 69
