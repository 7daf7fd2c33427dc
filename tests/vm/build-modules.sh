#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: build-modules.sh KERNEL [MAKE ARGUMENTS...]
#        build-modules.sh --shell KERNEL
#
# Builds the kernel modules for KERNEL (6.1, 6.12 or 7.3: one file each in tests/vm/kernels) with
# that kernel's own compiler: "make modules W=1 KDIR=..." of the top-level Makefile. It builds a
# copy of this checkout, so the checkout does not change and the next build is incremental. The
# arguments go to make, and so do the words of MODULE_ARGS in the environment; a target among them
# replaces "modules". The compiler's output is shown. On success the last line of standard output is
# the copy's directory. --shell opens a shell in the build root, in that copy.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/build.sh"

shell=
case ${1:-} in
--help | -h) usage ;;
--shell) shell=1; shift ;;
-* | '') usage 2 >&2 ;;
esac
kernel=$1
shift
build_check "$kernel"
need_root
need_host rsync
build_root "$kernel"

work=$(work_dir "$kernel")
mkdir -p "$work"
exec 8>"$work/.lock"
flock -w 600 8 || die "another build for $kernel takes over 10 minutes"
tree=$(build_sync "$kernel")
if [ -n "$shell" ]; then
	build_run "$kernel" "$tree" bash -i
	exit
fi
target=modules
for arg; do
	case $arg in -* | *=*) ;; *) target= ;; esac
done
[ -f "$tree/Makefile" ] || die "no top-level Makefile yet"
build_run "$kernel" "$tree" make -j"$(nproc)" $target \
	KDIR="$(build_kdir "$kernel")" W=1 ${MODULE_ARGS:-} "$@" >&2 8>&-
echo "$tree"
