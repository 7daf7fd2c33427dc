#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: build-example.sh NAME KERNEL
#
# Builds docs/examples/NAME for KERNEL as a vendor does, out of the tree: with the files that "make
# install-dev" installs, and the symbols of modules that are built for that kernel. Uses W=1; prints
# the module's file.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/build.sh"

case ${1:-} in
--help | -h) usage ;;
esac
[ $# = 2 ] || usage 2 >&2
name=$1 kernel=$2
build_check "$kernel"
need_root
log=$CACHE/log/example-$name-$kernel.log
tree=$("$VM_DIR/build-modules.sh" "$kernel" 2>"$log") || { tail -n 30 "$log" >&2; exit 1; }
dev=$tree/.dev
rm -rf "$dev" "$tree/.$name"
make -s -C "$REPO_DIR" install-dev DESTDIR="$dev" PREFIX=/usr >&2
cp -a "$dev/usr/share/mdev-pci/examples/$name" "$tree/.$name"
build_run "$kernel" "$tree" make -C ".$name" MDEV_PCI=/src/.dev/usr/share/mdev-pci W=1 \
	KDIR="$(build_kdir "$kernel")" MDEV_PCI_SYMVERS=/src/Module.symvers >"$log" 2>&1 ||
	{ tail -n 30 "$log" >&2; die "docs/examples/$name does not build for $kernel"; }
! grep -i 'warning' "$log" >&2 || die "docs/examples/$name has warnings for $kernel"
printf '%s\n' "$tree/.$name/$name.ko"
