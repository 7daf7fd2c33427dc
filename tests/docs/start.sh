#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: start.sh [SUITE...]
#
# Runs the first half of docs/getting-started.rst on a bare Debian (trixie, trixie-backports;
# default: both): the page's apt lines, its GRUB lines, and its build of the packages. They run in a
# root of that Debian with only the base system and GRUB. update-grub is Debian's; only grub-probe
# is replaced, since it needs a disk. tests/system/159-start.t runs the second half. TAP; the last
# line is "N passed, N failed". PATIENCE=N in the environment: wait N times as long.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"
. "$VM_DIR/recipes/build.sh"
GUIDE=$REPO_DIR/docs
# shellcheck source=../system/guide.sh
. "$REPO_DIR/tests/system/guide.sh"

case ${1:-} in
--help | -h) usage ;;
-*) usage 2 >&2 ;;
esac
need_root
need_host mmdebstrap rsync
[ $# -gt 0 ] || set -- trixie trixie-backports
mkdir -p "$CACHE/work"
work=$(mktemp -d "$CACHE/work/start-XXXXXX")
root=$work/root

# mmdebstrap leaves /sys mounted if it was busy
cleanup()
{
	! mountpoint -q "$root/sys" || umount -l "$root/sys"
	rm -rf --one-file-system "$work"
}
trap cleanup EXIT

tell() { tail -n 40 "$work/out"; }

# t NAME COMMAND...: the command succeeds
t()
{
	local name="$suite: $1" rc=0

	shift
	"$@" >"$work/out" 2>&1 </dev/null || rc=$?
	verdict "$name" $rc
	return $rc
}

# As root of that Debian, in a copy of this checkout
inside()
{
	timeout -k 10 $((1200 * ${PATIENCE:-1})) bash -c '
		. "$1/lib/common.sh"
		. "$1/recipes/build.sh"
		shift
		root_run "$@"' bash "$VM_DIR" "$root" "$work/src" env DEBIAN_FRONTEND=noninteractive "$@"
}

guide_inside() # NAME: that block of the page
{
	local line

	while IFS= read -r line; do
		t "guide, $1: ${line#'$ '}" inside sh -c "${line#'$ '}" || return
	done < <(guide_lines "$1")
}

# A disk with one ext4 partition, for grub-mkconfig
grub_probe()
{
	cat >"$root/usr/sbin/grub-probe" <<'PROBE'
#!/bin/sh
case $* in
*target=device*) echo /dev/vda1 ;;
*target=fs_uuid*) echo 0a1b2c3d-0000-4000-8000-000000000001 ;;
*target=partuuid*) echo 0a1b2c3d-01 ;;
*target=fs*) echo ext2 ;;
*target=partmap*) echo msdos ;;
*target=drive*) echo "(hd0,msdos1)" ;;
*hint* | *abstraction*) ;;
esac
PROBE
	chmod 755 "$root/usr/sbin/grub-probe"
}

bare_debian()
{
	local opts=$work/aptopts

	rm -rf "$root" "$work/src"
	debian_aptopts >"$opts"
	echo 'APT::Get::Assume-Yes "true";' >>"$opts"
	mmdebstrap --mode=root --variant=minbase --aptopt="$opts" --include=grub2-common,kmod trixie \
		"$root" "$(debian_source deb trixie)" || return
	[ "$suite" = trixie ] || debian_source deb "$suite" >"$root/etc/apt/sources.list.d/backports.list"
	cp "$opts" "$root/etc/apt/apt.conf.d/99test"
	# What an installer leaves, which minbase has not
	mkdir -p "$root/src" "$root/boot/grub" "$work/src"
	[ -s "$root/etc/default/grub" ] || cp "$root/usr/share/grub/default/grub" "$root/etc/default/grub"
	grub_probe
	rsync -rlpt --exclude=/.git --exclude=/build --exclude='*.o' --exclude='*.ko' "$REPO_DIR/" "$work/src/"
}

# Each entry that boots a kernel has the option
boots_with_iommu()
{
	grep -E '^\s*linux\s' "$root/boot/grub/grub.cfg" || return 1
	! grep -E '^\s*linux\s' "$root/boot/grub/grub.cfg" | grep -vw intel_iommu=on
}

not_before() { ! grep -w intel_iommu=on "$root/boot/grub/grub.cfg"; }

built_for_each_kernel()
{
	local k n=0

	for k in "$root"/lib/modules/*-amd64; do
		inside dkms status -m mdev-pci -k "${k##*/}" | grep -q installed || { echo "not for ${k##*/}"; return 1; }
		n=$((n + 1))
	done
	inside dkms status
	[ $n -ge "$1" ]
}

for suite; do
	echo "# ---- $suite"
	t "a bare Debian" bare_debian || continue
	guide_inside start-apt || continue
	kernels=1
	if [ "$suite" != trixie ]; then
		guide_inside start-backports || continue
		kernels=2
	fi
	t "update-grub runs as before" inside update-grub
	t "no kernel boots with the option yet" not_before
	guide_inside start-grub || continue
	t "each kernel boots with intel_iommu=on" boots_with_iommu || true
	guide_inside start-build || continue
	t "DKMS has built the modules for each kernel" built_for_each_kernel $kernels || true
	t "mdev-pci-check is there" inside sh -c 'mdev-pci-check --help' || true
done
verdicts
