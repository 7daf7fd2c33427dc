# SPDX-License-Identifier: GPL-2.0-only
# ppc64le, of Debian, by cross compiling and an emulator:
#   power-KERNEL       a root tree each with that kernel's headers and a cross compiler
#   power-boot-KERNEL  the kernels of a POWER9 machine, one directory a page size:
#                      4k/ and 64k/ with vmlinux, modules/ and release; and busybox
#   power-qemu         a root tree with the emulator
#   power-guest        q/: bookworm's QEMU 7.2 for ppc64le, with what it needs: later ones have no
#                      NVLink2

POWER_TRIPLET=powerpc64le-linux-gnu
POWER_PACKAGES="gcc-$POWER_TRIPLET libc6-dev-ppc64el-cross make sparse dash bash coreutils sed grep
	mawk findutils diffutils tar gzip xz-utils bc perl-base libc-bin"
POWER_QEMU_PACKAGES="qemu-system-ppc dash coreutils util-linux libc-bin mawk"
POWER_GUEST_PACKAGES="qemu-system-ppc qemu-system-data"
POWER_MODULES="drivers/vfio crypto/crc32c_generic lib virt"

power_key()
{
	hash_of "$VM_DIR/kernels/$1" "$POWER_PACKAGES" \
		"$(declare -f power_make power_apt power_names power_fetch power_headers debian_tree finish_tree)"
}
power_dir() { artefact_dir "power-$1" "$(power_key "$1")"; }

power_root() # KERNEL
{
	POWER_KERNEL=$1
	artefact "power-$1" "$(power_key "$1")" power_make
}

# As build_roots()
power_roots()
{
	local k

	HAVE_POWER=
	for k in $BUILD_KERNELS; do
		optional "$VM_DIR/kernels/$k" power_root "$k"
		[ $OPTIONAL_RC != 0 ] || HAVE_POWER+="${HAVE_POWER:+ }$k"
	done
}

# The compiler and sparse are of the kernel's own suite: its headers have what that compiler was found
# to know when it was configured, and warnings by an older one are of them, not of us
power_make()
{
	local SUITE SOURCE CONFIG

	. "$VM_DIR/kernels/$POWER_KERNEL"
	need_host mmdebstrap
	step "cross compiler from $SUITE" -- debian_tree "$SUITE" "$1/root" $POWER_PACKAGES
	step "headers of $SUITE" -- power_headers "$1" "$SUITE"
}

# An apt for two architectures, that takes nothing on this machine for installed
power_apt() # DIR SUITE
{
	mkdir -p "$1"
	: >"$1/status"
	private_apt "$1" "deb [arch=amd64,ppc64el signed-by=$DEBIAN_KEYRING] $(debian_mirror) $2 main"
	printf '%s\n' 'APT::Architectures { "amd64"; "ppc64el"; };' \
		"Dir::State::status \"$1/status\";" >>"$1/apt.conf"
	papt "$1" update
}

# power_names APT-DIR PACKAGE PATTERN: what it depends on
power_names()
{
	APT_CONFIG=$1/apt.conf apt-cache depends "$2:ppc64el" |
		sed -n "s/^[ |]*Depends: <\{0,1\}\($3\):ppc64el>\{0,1\}\$/\1/p" | sort -u
}

# power_fetch DIR RELEASE: its headers, for both page sizes where there are both. Not its compiler
power_fetch()
{
	local apt=$1/apt name=linux-headers-$2 names

	names="$(power_names "$apt" "$name" 'linux-headers-[0-9].*-common')
		$(power_names "$apt" "$name" 'linux-kbuild-[0-9].*'):amd64 $name:ppc64el"
	[ -z "$(APT_CONFIG=$apt/apt.conf apt-cache pkgnames "$name-64k")" ] || names+=" $name-64k:ppc64el"
	rm -rf "$1/dl"
	mkdir "$1/dl"
	# shellcheck disable=SC2086 # words
	(cd "$1/dl" && papt "$apt" download $names)
}

# The newest ones that the mirror has: it gets an architecture's packages later than its lists
power_headers() # DIR SUITE
{
	local dir=$1 release deb

	power_apt "$dir/apt" "$2"
	for release in $(APT_CONFIG=$dir/apt/apt.conf apt-cache pkgnames "linux-headers-$POWER_KERNEL." |
		sed -n 's/^linux-headers-\(.*-powerpc64le\)$/\1/p' | sort -rV); do
		! power_fetch "$dir" "$release" || break
		release=
	done
	[ -n "$release" ] || { echo "$2 has no headers of $POWER_KERNEL"; return 1; }
	for deb in "$dir"/dl/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -C "$dir/root" -x --keep-directory-symlink
	done
	mkdir "$dir/root/src"
	printf '%s\n' "$release" >"$dir/release"
	rm -rf "$dir/apt" "$dir/dl"
}

# power_run KERNEL TREE COMMAND...: in the tree with its cross compiler
power_run()
{
	local root=$(power_dir "$1")/root

	shift
	root_run "$root" "$@"
}

# power_make_args KERNEL [-64k]: for the make of a module. CC: newer headers name the version of
# theirs. BTF would need pahole
power_make_args()
{
	printf '%s\n' ARCH=powerpc "CROSS_COMPILE=$POWER_TRIPLET-" "CC=$POWER_TRIPLET-gcc" \
		CONFIG_DEBUG_INFO_BTF_MODULES= \
		"KDIR=/usr/src/linux-headers-$(cat "$(power_dir "$1")/release")${2:-}"
}

power_boot_key()
{
	hash_of "$(power_key "$1")" "$POWER_MODULES" "$(declare -f power_boot_make power_kernel power_kernels)"
}
power_boot_dir() { artefact_dir "power-boot-$1" "$(power_boot_key "$1")"; }

power_boot() # KERNEL
{
	power_root "$1"
	artefact "power-boot-$1" "$(power_boot_key "$1")" power_boot_make
}

power_boot_make()
{
	local SUITE SOURCE CONFIG

	. "$VM_DIR/kernels/$POWER_KERNEL"
	need_host kmod cpio xz-utils
	step "kernels for POWER of $SUITE" -- power_kernels "$1" "$SUITE"
}

power_kernels() # DIR SUITE
{
	local dir=$1 release=$(cat "$(power_dir "$POWER_KERNEL")/release")

	power_apt "$dir/apt" "$2"
	power_kernel "$dir" 4k "$release"
	power_kernel "$dir" 64k "$release-64k"
	mkdir "$dir/dl"
	(cd "$dir/dl" && papt "$dir/apt" download busybox-static:ppc64el)
	dpkg-deb --fsys-tarfile "$dir"/dl/*.deb | tar -C "$dir/dl" -x
	find "$dir/dl" -name busybox -type f -perm -1 -exec cp {} "$dir/busybox" \;
	rm -rf "$dir/apt" "$dir/dl"
}

# In newer suites the image's package is empty, and others have its parts
power_kernel() # DIR PAGE-SIZE RELEASE
{
	local apt=$1/apt new=$1/$2 release=$3 modules part

	mkdir -p "$new/dl" "$new/root/usr/lib" "$new/modules/lib/modules/$release"
	ln -s usr/lib "$new/root/lib"
	# shellcheck disable=SC2046 # words
	(cd "$new/dl" && papt "$apt" download "linux-image-$release:ppc64el" \
		$(power_names "$apt" "linux-image-$release" 'linux-\(base\|binary\|modules\)-[0-9].*' |
			sed 's/$/:ppc64el/'))
	for part in "$new"/dl/*.deb; do
		dpkg-deb --fsys-tarfile "$part" | tar -C "$new/root" -x --keep-directory-symlink
	done
	find "$new/root" -name 'vmlinu[xz]*' -type f -exec cp {} "$new/vmlinux" \;
	depmod -b "$new/root" "$release"
	modules=$new/root/usr/lib/modules/$release
	for part in $POWER_MODULES; do
		# shellcheck disable=SC1087 # no array
		grep "^kernel/$part[./]" "$modules/modules.dep" || true
	done | tr -d : | tr ' ' '\n' | sort -u |
		(cd "$modules" && cpio -pdm --quiet "$new/modules/lib/modules/$release")
	cp "$modules"/modules.{builtin*,order} "$new/modules/lib/modules/$release/"
	find "$new/modules" -name '*.ko.xz' -exec xz -d {} +
	printf '%s\n' "$release" >"$new/release"
	rm -rf "$new/root" "$new/dl"
}

power_qemu_key() { hash_of "$POWER_QEMU_PACKAGES" "$(declare -f power_qemu_make debian_tree finish_tree)"; }
power_qemu_dir() { artefact_dir power-qemu "$(power_qemu_key)"; }
power_qemu() { artefact power-qemu "$(power_qemu_key)" power_qemu_make; }

power_qemu_make()
{
	need_host mmdebstrap
	step "emulator from trixie" -- debian_tree trixie "$1/root" $POWER_QEMU_PACKAGES
	mkdir "$1/root/src"
}

power_guest_key()
{
	hash_of "$POWER_GUEST_PACKAGES" "$(declare -f power_guest_make power_guest_tree power_guest_lib)"
}
power_guest_dir() { artefact_dir power-guest "$(power_guest_key)"; }
power_guest() { artefact power-guest "$(power_guest_key)" power_guest_make; }

power_guest_make()
{
	need_host mmdebstrap binutils
	step "QEMU 7.2 for ppc64le from bookworm" -- power_guest_tree "$1"
}

# Nothing of it runs here: there is only what its program needs in the end
power_guest_tree() # DIR
{
	local dir=$1 opts=$(mktemp)

	debian_aptopts >"$opts"
	mmdebstrap --mode=root --variant=extract --architectures=ppc64el --aptopt="$opts" \
		--setup-hook=/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh \
		--include="${POWER_GUEST_PACKAGES// /,}" bookworm "$dir/root" "$(debian_source deb bookworm)"
	rm -f "$opts"
	mkdir -p "$dir/q/lib" "$dir/q/share"
	cp "$dir/root/usr/bin/qemu-system-ppc64" "$dir/q/"
	cp "$dir"/root/usr/share/qemu/{slof,vof}.bin "$dir/q/share/"
	power_guest_lib "$dir" "$dir/q/qemu-system-ppc64"
	rm -rf "$dir/root"
}

# power_guest_lib DIR FILE: the libraries that the file needs, and those that they do
power_guest_lib()
{
	local dir=$1 name

	readelf -d "$2" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | while IFS= read -r name; do
		[ ! -e "$dir/q/lib/$name" ] || continue
		cp -L "$dir"/root/usr/lib/powerpc64le-linux-gnu/"$name" "$dir/q/lib/"
		power_guest_lib "$dir" "$dir/q/lib/$name"
	done
}
