#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [SUITE...]
#
# The Debian packages, on Debian 12 and 13 (bookworm, trixie; default: both): built by "make deb"
# with that Debian's own tools, installed, DKMS builds the modules for that Debian's kernel; that
# very root file system boots as L1 and makes an mdev; and they are removed again, after which the
# file system is what it was. TAP; the last line is "N passed, N failed".
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/build.sh"
. "$VM_DIR/recipes/stack.sh"
. "$VM_DIR/recipes/packages.sh"

case ${1:-} in
--help | -h) usage ;;
-*) usage 2 >&2 ;;
esac
need_root
need_host rsync erofs-utils
[ $# -gt 0 ] || set -- bookworm trixie
declare -A stack_of=([bookworm]=debian12 [trixie]=debian13)
for suite; do
	[ -n "${stack_of[$suite]}" ] || die "no suite $suite (there are: ${!stack_of[*]})"
done

passed=0 failed=0
work=$CACHE/packages-work
mkdir -p "$work"
exec 8>"$work/.lock"
flock -w 1200 8 || die "another run takes over 20 minutes"
out=$work/out
trap leave EXIT

leave()
{
	[ -z "$root" ] || ! mountpoint -q "$root" || umount "$root"
}

verdict() # STATUS NAME: the end of $out is shown if the status is not 0
{
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $((passed + failed)) - $2"
	else
		failed=$((failed + 1))
		echo "not ok $((passed + failed)) - $2"
		tail -n 40 "$out" | sed 's/^/# /'
	fi
}

# t NAME COMMAND...: the command succeeds
t()
{
	local name="$suite: $1" rc=0

	shift
	"$@" >"$out" 2>&1 </dev/null 8>&- || rc=$?
	verdict $rc "$name"
	return $rc
}

# inside COMMAND...: as root of the Debian with the packages; /src is a copy of this checkout
inside()
{
	timeout -k 10 600 bash -c '
		. "$1/lib/common.sh"
		. "$1/recipes/build.sh"
		shift
		root_run "$@"' bash "$VM_DIR" "$root" "$work/src" env DEBIAN_FRONTEND=noninteractive "$@"
}

# What is there, and what is in it. Not what the package manager keeps of its own work: logs,
# caches, its database; what that has of our packages is looked for by name
snapshot()
{
	local own=(./var/log ./var/cache ./var/lib/dpkg ./var/lib/apt ./src) skip=() p

	for p in "${own[@]}"; do
		skip+=(-path "$p" -prune -o)
	done
	(
		cd "$root"
		find . "${skip[@]}" -printf '%p %y %m %U:%G %l\n'
		find . "${skip[@]}" -type f -print0 | xargs -0 md5sum
		find var/lib/dpkg -name '*mdev-pci*'
		grep -A 2 'Package: mdev-pci' var/lib/dpkg/status || true
	) | LC_ALL=C sort
}

same() # BEFORE AFTER
{
	diff "$1" "$2" | head -n 40
	cmp -s "$1" "$2"
}

installed_modules()
{
	local m

	inside dkms status -m mdev-pci | tee /dev/stderr | grep -q "$release, x86_64: installed"
	for m in vfio-pci-engine mdev-pci mdev-pci-refdev; do
		ls "$root/lib/modules/$release/updates/dkms/$m.ko"* || return 1
	done
}

# Nothing that was built for this machine, or by it, may be in the packages
clean_contents()
{
	local deb

	for deb in "$work"/src/build/deb/*.deb; do
		dpkg-deb -c "$deb"
	done >"$work/contents"
	cat "$work/contents"
	! grep -E '\.(o|ko|cmd|mod)$|/tests/|modules\.order|Module\.symvers' "$work/contents"
}

boot()
{
	rm -f "$work/root.erofs"
	mkfs.erofs -x-1 --all-root --exclude-regex='^usr/(lib/gcc|src/linux-)' \
		--exclude-regex='^usr/share/(locale|perl)' --exclude-regex='^(boot|var/lib/apt|var/cache)/' \
		"$work/root.erofs" "$root" >/dev/null
	"$VM_DIR/boot.sh" --stack "${stack_of[$suite]}" --root-image "$work/root.erofs" \
		--no-modules --no-kvm --device refdev,id=pf \
		--qemu-arg -global --qemu-arg ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off \
		-- tests/packages/inside.sh
}

# run_boot: its tests are numbered on here
run_boot()
{
	local rc=0 line

	boot >"$out" 2>"$out.err" </dev/null 8>&- || rc=$?
	grep -E '^((ok|not ok) - |# )' "$out" >"$out.tap" || true
	while IFS= read -r line; do
		case $line in
		'#'*) echo "$line" ;;
		ok*) passed=$((passed + 1)); echo "ok $((passed + failed)) - $suite: ${line#ok - }" ;;
		*) failed=$((failed + 1)); echo "not ok $((passed + failed)) - $suite: ${line#not ok - }" ;;
		esac
	done <"$out.tap"
	if [ "$rc" != 0 ] || ! grep -q '^##done' "$out"; then
		cat "$out.err" >>"$out"
		verdict 1 "$suite: L1 comes to its end with status 0 (status $rc)"
	fi
}

test_suite()
{
	packages_root "$suite"
	stack_root "${stack_of[$suite]}"
	release=$(cat "$(packages_dir "$suite")/release")
	cmp -s "$(packages_dir "$suite")/release" "$(stack_dir "${stack_of[$suite]}")/release" ||
		die "$suite has kernel $release here, stack ${stack_of[$suite]} another: remove" \
			"$CACHE/packages-$suite and use setup.sh --refresh ${stack_of[$suite]}"
	rm -rf "${work:?}/up" "$work/wk" "$work/src"
	mkdir -p "$work/up" "$work/wk" "$work/root" "$work/src"
	rsync -rlpt --exclude=/.git --exclude=/build --exclude='*.o' --exclude='*.ko' "$REPO_DIR/" "$work/src/"
	root=$work/root
	mount -t overlay overlay -o "lowerdir=$(packages_dir "$suite")/root,upperdir=$work/up,workdir=$work/wk" "$root"
	snapshot >"$work/before"

	if t "the packages are built by its own tools" inside make deb &&
		t "nothing that was built is in them" clean_contents &&
		t "they are installed" inside sh -c 'dpkg -i build/deb/*.deb'; then
		t "DKMS has built the modules for $release" installed_modules || true
		t "the tools are there" inside sh -c 'mdev-pci-check --help && vfio-mig-timeline --help &&
			zcat /usr/share/man/man8/mdev-pci-check.8.gz | grep -q .Nm' || true
		run_boot
		t "they are installed again, over themselves" inside sh -c 'dpkg -i build/deb/*.deb' || true
		t "DKMS has built the modules anew" installed_modules || true
		t "they are removed" inside dpkg --purge mdev-pci-dkms mdev-pci-tools || true
		snapshot >"$work/after"
		t "nothing is left of them" same "$work/before" "$work/after" || true
	fi
	umount "$root"
	root=
	rm -rf "${work:?}/up" "$work/wk" "$work/src" "$work/root.erofs"
}

for suite; do
	echo "# ---- $suite"
	test_suite
done
echo "1..$((passed + failed))"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
