#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [--no-guests|--no-boots] [SUITE...]
#
# Tests the Debian packages on Debian 12 and 13 (SUITE: bookworm, trixie; default: both):
# - The guides' commands build and install the packages with that Debian's own tools. DKMS builds
#   the modules for that Debian's kernel.
# - This root file system boots as L1, twice, and creates mdevs.
# - The installed files are copied into the root of that Debian's stack, which has QEMU and libvirt.
#   Guests run and migrate there (not with --no-guests).
# - Headers of a kernel without mdevs are installed beside them. They are upgraded, and rolled back.
# - The packages are removed. Afterwards the file system is as it was before.
# - Vendor modules are built with the packages.
# - The guides' commands install modules and tools without packages.
# --no-boots: only what needs no emulated machine. TAP; the last line is "N passed, N failed".
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"
. "$VM_DIR/recipes/build.sh"
. "$VM_DIR/recipes/stack.sh"
. "$VM_DIR/recipes/packages.sh"
GUIDE=$REPO_DIR/docs
# shellcheck source=../system/guide.sh
. "$REPO_DIR/tests/system/guide.sh"

guests=1 boots=1
case ${1:-} in
--help | -h) usage ;;
--no-guests) guests=; shift ;;
--no-boots) guests='' boots=''; shift ;;
-*) usage 2 >&2 ;;
esac
need_root
need_host rsync erofs-utils
[ $# -gt 0 ] || set -- bookworm trixie
modules=(vfio-pci-engine driver-flavour driver-flavour-rdma mdev-pci mdev-pci-refdev mdev-pci-generic
	mdev-pci-nvlink2 mdev-pci-nvme mdev-pci-mlx5)
declare -A stack_of=([bookworm]=debian12 [trixie]=debian13)
for suite; do
	[ -n "${stack_of[$suite]}" ] || die "no suite $suite (there are: ${!stack_of[*]})"
done

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

tell() { [ $# != 0 ] || tail -n 40 "$out"; }

# t NAME COMMAND...: the command succeeds
t()
{
	local name="$suite: $1" rc=0

	shift
	"$@" >"$out" 2>&1 </dev/null 8>&- || rc=$?
	verdict "$name" $rc
	return $rc
}

# inside COMMAND...: as root of the Debian with the packages; /src is a copy of this checkout
inside()
{
	timeout -k 10 $((600 * ${PATIENCE:-1})) bash -c '
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
	for m in "${modules[@]}"; do
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

# guide_inside NAME: that block of the guides
guide_inside()
{
	local line

	while IFS= read -r line; do
		t "guide, $1: ${line#'$ '}" inside sh -c "${line#'$ '}" || return
	done < <(guide_lines "$1")
}

image() # DIRECTORY FILE: of a root file system, for boot.sh
{
	rm -f "$2"
	mkfs.erofs -x-1 --all-root --exclude-regex='^usr/(lib/gcc|src/linux-)' \
		--exclude-regex='^usr/share/(locale|perl)' --exclude-regex='^(boot|var/lib/apt|var/cache)/' \
		"$2" "$1" >/dev/null
}

# boot first|again [OPTIONS of boot.sh]
boot()
{
	local script=$1

	shift
	"$VM_DIR/boot.sh" --stack "${stack_of[$suite]}" --root-image "$work/root.erofs" \
		--no-modules --no-kvm --device refdev,id=pf --add "$bin" --run-dir "$work/run-$script" \
		--qemu-arg -global --qemu-arg ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off \
		"$@" -- tests/packages/inside.sh "$script"
}

# run_tap NAME COMMAND...: its tests are numbered on here, as NAME's
run_tap()
{
	local name="$suite: $1" rc=0 line n=0

	shift
	"$@" >"$out" 2>"$out.err" </dev/null 8>&- || rc=$?
	while IFS= read -r line; do
		case $line in
		'#'*) echo "$line" ;;
		ok*) n=1; verdict "$name: ${line#*- }" 0 ;;
		*) n=1; verdict "$name: ${line#*- }" 1 told ;;
		esac
	done < <(grep -E '^((ok|not ok) [0-9 ]*- |# )' "$out")
	if [ $n = 0 ] || { [ $rc != 0 ] && ! grep -q '^not ok' "$out"; }; then
		cat "$out.err" >>"$out"
		verdict "$name: it comes to its end with status 0 (status $rc)" 1
	fi
}

# What the packages have installed, and nothing else of ours, on a host that runs guests
host_image()
{
	local host=$work/host updates=usr/lib/modules/$release/updates

	rm -rf "$host"
	fsck.erofs --extract="$host" "$(stack_dir "${stack_of[$suite]}")/root.erofs" >/dev/null &&
		mkdir -p "$host/$updates" && cp -a "$root/$updates/dkms" "$host/$updates/" &&
		depmod -b "$host" "$release" &&
		inside dpkg -L mdev-pci-tools >"$work/files" &&
		(cd "$root" && sed 's/^/./' "$work/files" | cpio -pdm --quiet "$host") &&
		image "$host" "$work/host.erofs" && rm -rf "$host"
}

on_guests_host()
{
	t "they are put on a host that runs guests" host_image || return 0
	run_tap guests "$REPO_DIR/tests/system/host-run.sh" --stack "${stack_of[$suite]}" \
		--root-image "$work/host.erofs" 156-libvirt 168-virsh-migrate
	rm -f "$work/host.erofs"
}

# vendor_make DIR [MAKE ARGUMENTS...]: as a vendor does it, for a kernel that does not run here
vendor_make()
{
	local dir=$1

	shift
	inside make -C "$dir" KDIR="/lib/modules/$release/build" \
		MDEV_PCI_SYMVERS="/var/lib/mdev-pci/symvers/$release" "$@"
}

# With nothing but packages: the headers and examples of mdev-pci-dev, the symbols of mdev-pci-dkms
vendor_modules()
{
	local dir=/var/tmp/vendor name

	inside mkdir "$dir" || return
	for name in acme acme-refdev; do
		inside cp -a "/usr/share/mdev-pci/examples/$name" "$dir/" && vendor_make "$dir/$name" || return
		inside modinfo -F depends "$dir/$name/$name.ko" | tee /dev/stderr | grep -qw mdev-pci || return
		# A module without a symbol of mdev-pci's would depend on nothing either
		! grep -q 'undefined!' "$out" || return
	done
}

# vendor.mk says what is missing, and nothing is compiled
vendor_without()
{
	vendor_make /var/tmp/vendor/acme clean || return
	! vendor_make /var/tmp/vendor/acme MDEV_PCI_SYMVERS=/nowhere/Module.symvers || return
	grep -q '^mdev-pci is not built for this kernel: there is no /nowhere/Module.symvers' "$out" &&
		[ ! -e "$root/var/tmp/vendor/acme/acme.o" ]
}

vendors()
{
	t "mdev-pci-dev is installed" inside sh -c 'dpkg -i build/deb/mdev-pci-dev_*.deb' || return 0
	t "vendor modules of one file and of two are built against it" vendor_modules || true
	t "without mdev-pci's symbols their make says what to install" vendor_without || true
	rm -rf "$root/var/tmp/vendor"
	t "mdev-pci-dev is removed" inside dpkg -P mdev-pci-dev || true
}

# For "the running kernel", which a chroot does not have. Not sooner: DKMS would see two
running_kernel()
{
	[ -e "$root/lib/modules/$(uname -r)" ] || ln -s "$release" "$root/lib/modules/$(uname -r)"
}

# That kernel lacks what the modules need. DKMS meets it twice: when its headers are configured, and when our
# package is
cloud_kernel()
{
	t "apt has lists of packages" inside apt-get update || return 0
	t "headers of a kernel that lacks mdevs are installed beside them" inside \
		apt-get install --no-install-recommends linux-headers-cloud-amd64 || true
	t "DKMS has built nothing for that kernel" not_for_cloud || true
}

not_for_cloud()
{
	inside dkms status -m mdev-pci | tee /dev/stderr | grep -q "$release," || return
	! grep -q cloud "$out"
}

# dpkg prints what it has not finished
all_configured() { inside sh -c 'dpkg --audit && [ -z "$(dpkg --audit)" ]'; }

# deb_of VERSION: build/deb-VERSION gets packages of these sources with that version
deb_of()
{
	inside sh -c 'sed -i "1s/(.*)/($1)/" debian/changelog &&
		sed -i "s/\"0[^\"]*\"/\"$1\"/" include/linux/modules_version.h &&
		make deb && rm -rf "build/deb-$1" && mv build/deb "build/deb-$1"' sh "$1"
}

# only VERSION: it is DKMS's and the modules', and no other one is left
only()
{
	inside dkms status -m mdev-pci | tee /dev/stderr | grep -c "$release" | grep -qx 1 &&
		inside dkms status -m mdev-pci | grep -q "mdev-pci/$1,.*$release.*installed" &&
		[ "$(inside modinfo -k "$release" -F version mdev-pci)" = "$1" ] &&
		[ "$(ls -d "$root"/usr/src/mdev-pci-*)" = "$root/usr/src/mdev-pci-$1" ] &&
		grep -qx 'options mdev-pci-refdev num_vfs=7' "$root/etc/modprobe.d/mdev-pci.conf"
}

# What a host with guests needs: files change, and nothing that is loaded is touched
no_unloading() { ! grep -nE 'modprobe|rmmod|depmod -r' "$root"/var/lib/dpkg/info/mdev-pci-*.{pre,post}*; }

# change NAME VERSION: to packages of that version
change()
{
	t "$1: the packages are installed" inside sh -c "dpkg -i build/deb-$2/mdev-pci-dkms_*.deb build/deb-$2/mdev-pci-tools_*.deb" || true
	t "$1: modules and sources are of version $2 only, and what was changed in /etc stays" only "$2" || true
}

upgrades()
{
	local old

	old=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$REPO_DIR/debian/changelog")
	inside cp -a build/deb "build/deb-$old"
	t "packages of a later version are built" deb_of 0.9 || return 0
	inside cp -a "build/deb-$old" build/deb
	inside sh -c 'cp /etc/modprobe.d/mdev-pci.conf /root/mdev-pci.conf &&
		echo "options mdev-pci-refdev num_vfs=7" >/etc/modprobe.d/mdev-pci.conf'
	change upgrade 0.9
	change rollback "$old"
	t "no maintainer script unloads a module" no_unloading || true
	inside sh -c 'mv /root/mdev-pci.conf /etc/modprobe.d/mdev-pci.conf'
}

modules_by_hand()
{
	local m

	for m in "${modules[@]}"; do
		grep -q "/$m\.ko[^:]*:" "$root/lib/modules/$release/modules.dep" || { echo "no $m"; return 1; }
	done
	inside /usr/local/sbin/mdev-pci-check --help
}

for_boots()
{
	stack_root "${stack_of[$suite]}"
	cmp -s "$(packages_dir "$suite")/release" "$(stack_dir "${stack_of[$suite]}")/release" ||
		die "$suite has kernel $release here, stack ${stack_of[$suite]} another: remove" \
			"$CACHE/packages-$suite and use setup.sh --refresh ${stack_of[$suite]}"
	bin=$("$REPO_DIR/tests/system/prepare.sh" --stack "${stack_of[$suite]}")
}

boot_twice()
{
	image "$root" "$work/root.erofs"
	run_tap "first boot" boot first
	run_tap "second boot" boot again --systemd --disk "$work/run-first/share/disk.tar"
}

test_suite()
{
	local modules=("${modules[@]}")

	packages_root "$suite"
	release=$(cat "$(packages_dir "$suite")/release")
	# Debian 12's kernel lacks what this module needs
	[ "$suite" = bookworm ] || modules+=(mdev-pci-qat)
	[ -z "$boots" ] || for_boots
	rm -rf "${work:?}"/{up,wk,src,run-first,run-again}
	mkdir -p "$work/up" "$work/wk" "$work/root" "$work/src"
	rsync -rlpt --exclude=/.git --exclude=/build --exclude='*.o' --exclude='*.ko' "$REPO_DIR/" "$work/src/"
	root=$work/root
	mount -t overlay overlay -o "lowerdir=$(packages_dir "$suite")/root,upperdir=$work/up,workdir=$work/wk" "$root"
	printf 'APT::Get::Assume-Yes "true";\n' >"$root/etc/apt/apt.conf.d/99yes"
	snapshot >"$work/before"

	if guide_inside install && t "nothing that was built is in them" clean_contents; then
		t "DKMS has built the modules for $release" installed_modules || true
		vendors
		[ -z "$boots" ] || boot_twice
		[ -z "$guests" ] || on_guests_host
		cloud_kernel || true
		t "they are installed again, over themselves" inside sh -c \
			'dpkg -i build/deb/mdev-pci-dkms_*.deb build/deb/mdev-pci-tools_*.deb' || true
		t "DKMS has built the modules anew" installed_modules || true
		t "no package is left half configured" all_configured || true
		# Debian 13's headers depend on that kernel's image
		t "the cloud kernel and its headers are removed" inside apt-get purge --auto-remove \
			'^linux-(headers|image).*-cloud-amd64$' || true
		upgrades
		t "mdev-pci-conform needs none of them, and knows its points" inside sh -c 'dpkg -i \
			build/deb/mdev-pci-conform_*.deb && mdev-pci-conform --list | grep -q ^states.initial: &&
			dpkg -P mdev-pci-conform' || true
		guide_inside purge || true
		snapshot >"$work/after"
		t "nothing is left of them" same "$work/before" "$work/after" || true
		running_kernel
		guide_inside install-others && t "modprobe knows the modules, and the tools are there" modules_by_hand || true
	fi
	umount "$root"
	root=
	rm -rf "${work:?}"/{up,wk,src,run-first,run-again,root.erofs}
}

for suite; do
	echo "# ---- $suite"
	test_suite
done
verdicts
