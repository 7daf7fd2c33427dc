#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: prepare.sh [KERNEL | --stack NAME]
#
# Builds what the system tests and the demo need besides the modules under test:
# tool, vfio-mig, vfio-log, vfio-fuzz, vfio-nth, vfio-nvlink2, mig-stream, vfio-bench, vfio-reach, blkload
# and mdev-pci-conform (static programs), disk.img, which a guest boots from, copyload.ko, the guest's module, refdev-vfio-pci.ko, a driver of VFIO's,
# faulty-parent.ko, a parent with mistakes, and where the kernel has KUnit mdev-pci-test.ko,
# for KERNEL (default 6.12); and what "make install-tools" installs. --stack: for that stack's
# kernel, and the one of its guests, if that is another.
# Prints the directory that holds them, which is for boot.sh --add.
set -e
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../vm/lib/common.sh
. "$here/../vm/lib/common.sh"
# shellcheck source=../vm/lib/debian.sh
. "$VM_DIR/lib/debian.sh"

kernel=${1:-6.12}
guest_kernel=$kernel
case ${1:-} in
--stack)
	# shellcheck source=../vm/stacks/debug
	kernel=$(. "$VM_DIR/stacks/$2"; echo "$KERNEL")
	# shellcheck source=../vm/stacks/debian13
	guest_kernel=$(. "$VM_DIR/stacks/$(. "$VM_DIR/stacks/$2"; echo "${GUEST_STACK:-$2}")"; echo "$KERNEL")
	;;
-*) usage "$([ "$1" = --help ] || echo 2)" ;;
esac
bin=$(checkout_dir system)/$kernel/bin
mkdir -p "$bin"
exec 7>"$bin/../.lock"
flock -w 300 7 || die "another prepare.sh takes over 5 minutes"

compile() # NAME [DIRECTORY]
{
	local dir=${2:-$here}

	[ -n "$(find "$dir" "$here" "$bin/../conform" \( -name "$1.c" -o -name "vfio-*.h" -o -name libvfio-user.a \) -newer "$bin/$1" 2>/dev/null)" ] || [ ! -f "$bin/$1" ] || return 0
	need_host gcc libc6-dev linux-libc-dev
	gcc -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -static -I "$REPO_DIR/tools/conform" -o "$bin/$1.new" "$dir/$1.c" \
		"$bin/../conform/libvfio-user.a" >&2
	mv "$bin/$1.new" "$bin/$1"
}

# Static, with its plug-ins linked in
need_host make
make -s -C "$REPO_DIR/tools/conform" STATIC=1 CFLAGS="-O2 -Werror" O="$bin/../conform" >&2
cmp -s "$bin/../conform/mdev-pci-conform" "$bin/mdev-pci-conform" ||
	cp "$bin/../conform/mdev-pci-conform" "$bin/mdev-pci-conform"

"$REPO_DIR/tests/calls.py" --homes "$REPO_DIR"/drivers/vfio/mdev-pci "$REPO_DIR"/drivers/vfio/pci >"$bin/calls.map.new"
mv "$bin/calls.map.new" "$bin/calls.map"

compile tool
compile vfio-mig
compile vfio-log
compile vfio-fuzz
compile vfio-nth
compile vfio-nvlink2
compile mig-stream
compile vfio-bench "$REPO_DIR/tests/bench"
compile vfio-reach "$REPO_DIR/tests/bench"
compile blkload "$REPO_DIR/tests/guest"
# A disk that a guest boots from, for samples that are to start as they are
if [ "$REPO_DIR/tests/guest/bootsector.S" -nt "$bin/disk.img" ]; then
	need_host binutils
	as --32 -o "$bin/bootsector.o" "$REPO_DIR/tests/guest/bootsector.S" >&2
	ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o "$bin/disk.img.new" "$bin/bootsector.o" >&2
	truncate -s 1M "$bin/disk.img.new"
	rm "$bin/bootsector.o"
	mv "$bin/disk.img.new" "$bin/disk.img"
fi
release=$(cat "$CACHE/build-$guest_kernel"/*/release 2>/dev/null) || release=
if [ "$REPO_DIR/tests/guest/copyload.c" -nt "$bin/copyload.ko" ] ||
	! modinfo -F vermagic "$bin/copyload.ko" | grep -q "^$release "; then
	log=$CACHE/log/copyload-$guest_kernel.log
	mkdir -p "${log%/*}"
	tree=$("$VM_DIR/build-modules.sh" "$guest_kernel" -C tests/guest modules 2>"$log") || {
		tail -n 30 "$log" >&2
		die "the guest's module does not build"
	}
	cp "$tree/tests/guest/copyload.ko" "$bin/copyload.ko.new"
	mv "$bin/copyload.ko.new" "$bin/copyload.ko"
fi
# module NAME DIRECTORY HEADER...: for the same kernel as the modules under test
module()
{
	local name=$1 dir=$2 log=$CACHE/log/$1-$kernel.log

	shift 2
	if [ -z "$(find "$REPO_DIR/$dir" "$@" -newer "$bin/$name.ko" 2>/dev/null)" ] &&
		modinfo -F vermagic "$bin/$name.ko" 2>/dev/null |
		grep -q "^$(cat "$CACHE/build-$kernel"/*/release 2>/dev/null) "; then
		return 0
	fi
	tree=$("$VM_DIR/build-modules.sh" "$kernel" -C "$dir" modules 2>"$log") || {
		tail -n 30 "$log" >&2
		die "$dir does not build"
	}
	cp "$tree/$dir/$name.ko" "$bin/$name.ko.new"
	mv "$bin/$name.ko.new" "$bin/$name.ko"
}

module refdev-vfio-pci tests/variant "$REPO_DIR/drivers/vfio/pci/compat.h"
module faulty-parent tests/vendor "$REPO_DIR/include/linux"
# The engine's sources are in it, too: make knows best what is old
if grep -qsx 'CONFIG_KUNIT=y' "$CACHE/build-$kernel"/*/config; then
	log=$CACHE/log/kunit-$kernel.log
	tree=$("$VM_DIR/build-modules.sh" "$kernel" -C tests/kunit modules 2>"$log") || {
		tail -n 30 "$log" >&2
		die "the KUnit suites do not build"
	}
	cp "$tree/tests/kunit/mdev-pci-test.ko" "$bin/mdev-pci-test.ko.new"
	mv "$bin/mdev-pci-test.ko.new" "$bin/mdev-pci-test.ko"
fi
# As on a host: tests copy it to L1's root. Not made anew in place: another run may just copy it
tools=$bin/../install-tools.new
rm -rf "$tools"
make -s -C "$REPO_DIR" install-tools DESTDIR="$tools" PREFIX=/usr >&2
if ! diff -qr "$tools" "$bin/install-tools" >/dev/null 2>&1; then
	rm -rf "$bin/install-tools"
	mv "$tools" "$bin/install-tools"
fi
printf '%s\n' "$bin"
