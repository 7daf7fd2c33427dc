# SPDX-License-Identifier: GPL-2.0-only
# ppc64le, of Debian, by an emulator (headers and cross compiler: cross.sh):
#   power-boot-KERNEL  the kernels of a POWER9 machine, one directory a page size:
#                      4k/ and 64k/ with vmlinux, modules/ and release; and busybox
#   power-qemu         a root tree with the emulator
#   power-guest        q/: bookworm's QEMU 7.2 for ppc64le, with what it needs: later ones have no
#                      NVLink2
. "$VM_DIR/recipes/cross.sh"

POWER_TRIPLET=${CROSS_TRIPLET[ppc64el]}
POWER_QEMU_PACKAGES="qemu-system-ppc dash coreutils util-linux libc-bin mawk"
POWER_GUEST_PACKAGES="qemu-system-ppc qemu-system-data"
POWER_MODULES="drivers/vfio crypto/crc32c_generic lib virt"

power_dir() { cross_dir ppc64el "$1"; }
power_root() { cross_root ppc64el "$1"; }
power_run() { cross_run ppc64el "$@"; } # KERNEL TREE COMMAND...

power_boot_key()
{
	hash_of "$(cross_key ppc64el "$1")" "$POWER_MODULES" "$(declare -f power_boot_make power_kernel power_kernels)"
}
power_boot_dir() { artefact_dir "power-boot-$1" "$(power_boot_key "$1")"; }

power_boot() # KERNEL
{
	power_root "$1"
	POWER_KERNEL=$1 CROSS_ARCH=ppc64el
	artefact "power-boot-$1" "$(power_boot_key "$1")" power_boot_make
}

power_boot_make()
{
	local SUITE SOURCE CONFIG HEADERS MORE_SUITES='' OPTIONAL

	. "$VM_DIR/kernels/$POWER_KERNEL"
	need_host kmod cpio xz-utils
	step "kernels for POWER of $SUITE" -- power_kernels "$1" "$SUITE"
}

power_kernels() # DIR SUITE
{
	local dir=$1 release=$(cat "$(power_dir "$POWER_KERNEL")/release")

	cross_apt "$dir/apt" "$2"
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
		$(cross_names "$apt" "linux-image-$release" 'linux-\(base\|binary\|modules\)-[0-9][^:]*' |
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
