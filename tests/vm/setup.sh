#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: setup.sh [--refresh] [STACK...]
#
# Makes the missing parts of the test bed: L0's QEMU with our device models, the build roots of all
# kernels, checkpatch, and the named L1 stacks (default: debian13; one file each in
# tests/vm/stacks). All of it is kept in $XDG_CACHE_HOME/mdev-pci (~/.cache/mdev-pci), which you may
# remove at any time.
#
# --refresh: make the named stacks and their build roots again, with today's packages. A kernel of
# our own build is made again only if its source is newer.
#
# Status 69: a named stack may be missing (OPTIONAL in its file), and is missing.
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

# In a process of its own: a stack's file sets more than that
kernel_of() { (. "$VM_DIR/stacks/$1" && echo "$KERNEL"); }

start=$SECONDS
if [ -n "$refresh" ]; then
	for s in $stacks; do
		kernel=$(kernel_of "$s")
		rm -rf "${CACHE:?}/l1-$s"
		! build_outdated "$kernel" || rm -rf "${CACHE:?}/build-$kernel"
	done
fi
need_host rsync
missing=
for s in $stacks; do
	optional "$VM_DIR/stacks/$s" stack_root "$s"
	[ $OPTIONAL_RC = 0 ] || missing+=" $s"
done
# Those that are never missing, and what the stacks have
kernels=$BUILD_KERNELS
for s in $stacks; do
	kernel=$(kernel_of "$s")
	build_own "$kernel" || grep -qx "$kernel" <<<"$kernels" || kernels+=$'\n'$kernel
done
build_roots "$kernels"
checkpatch_root
qemu_dev
# A kernel update between two downloads: modules would not load.
for s in $stacks; do
	kernel=$(kernel_of "$s")
	[[ " $missing " != *" $s "* ]] || continue
	if ! build_own "$kernel" && [[ " $HAVE_KERNELS " != *" $kernel "* ]]; then
		missing+=" $s"
		continue
	fi
	cmp -s "$(build_dir "$kernel")/release" "$(stack_dir "$s")/release" ||
		die "stack $s and build-$kernel differ in their kernel: use --refresh $s"
done
note "test bed: ready ($((SECONDS - start)) s)${missing:+, but for$missing}"
[ -z "$missing" ] || exit 69
