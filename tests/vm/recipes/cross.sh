# SPDX-License-Identifier: GPL-2.0-only
# Other machines and another compiler:
#   cross-ARCH-KERNEL  a root tree with Debian's headers of that kernel for ppc64el or arm64, and a
#                      cross gcc; where Debian has no such headers (yet), with the kernel's source,
#                      prepared by the cross gcc
#   clang-KERNEL       a root tree with clang, and in /usr/src/linux the kernel's source, prepared by it:
#                      Debian's headers have gcc's flags, and programs that gcc has built
. "$VM_DIR/recipes/build.sh"

declare -A CROSS_TRIPLET=([ppc64el]=powerpc64le-linux-gnu [arm64]=aarch64-linux-gnu)
# As the kernel's Makefile and as its packages have it
declare -A CROSS_MACHINE=([ppc64el]=powerpc [arm64]=arm64)
declare -A CROSS_FLAVOUR=([ppc64el]=powerpc64le [arm64]=arm64)
# Pages of more than 4 KiB
declare -A CROSS_LARGE=([ppc64el]=-64k [arm64]=-16k)
CROSS_PACKAGES="make sparse dash bash coreutils sed grep
	mawk findutils diffutils tar gzip xz-utils bc perl-base libc-bin"
# What else prepares a kernel's source
CROSS_SOURCE_PACKAGES="gcc libc6-dev bison flex libelf-dev libssl-dev python3 kmod"
declare -A CROSS_DEFCONFIG=([ppc64el]=ppc64le_defconfig [arm64]=defconfig)
CROSS_CONFIG="-e IOMMU_SUPPORT -e PCI_IOV -e PCI_MSI -m VFIO -m VFIO_PCI -e SAMPLES -m SAMPLE_VFIO_MDEV_MTTY
	-m VIRTIO_PCI -e VIRTIO_PCI_ADMIN_LEGACY -m INFINIBAND -m MLX5_CORE -e MLX5_ESWITCH -m BLK_DEV_NVME
	-d WERROR -d PPC_WERROR -e PPC_DISABLE_WERROR -d MODVERSIONS -d DEBUG_INFO_BTF -d RUST"
# perl and python3: W=1 runs the source's kernel-doc
CLANG_PACKAGES="clang lld llvm make dash bash coreutils sed grep mawk findutils diffutils tar gzip
	xz-utils bc bison flex libelf-dev libc6-dev perl python3 libc-bin"
# What would need programs or keys that are not there, or that LLVM does otherwise
CLANG_WITHOUT="DEBUG_INFO_BTF DEBUG_INFO_DWARF5 DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT MODVERSIONS
	MODULE_SIG SECURITY_LOCKDOWN_LSM RUST SYSTEM_TRUSTED_KEYRING"

cross_key() # ARCH KERNEL
{
	hash_of "$1" "$VM_DIR/kernels/$2" "$CROSS_PACKAGES" "$CROSS_SOURCE_PACKAGES" "$CROSS_CONFIG" \
		"$(declare -f cross_make cross_apt cross_releases cross_has_headers cross_names cross_fetch \
			cross_headers cross_prepare clang_source debian_tree finish_tree)"
}
cross_dir() { artefact_dir "cross-$1-$2" "$(cross_key "$1" "$2")"; }

cross_root() # ARCH KERNEL
{
	CROSS_ARCH=$1 CROSS_KERNEL=$2
	artefact "cross-$1-$2" "$(cross_key "$1" "$2")" cross_make
}

# The compiler and sparse are of the kernel's own suite: its headers have what that compiler was found
# to know when it was configured, and warnings by an older one are of them, not of us
cross_make()
{
	local SUITE SOURCE CONFIG HEADERS MORE_SUITES='' OPTIONAL more=

	. "$VM_DIR/kernels/$CROSS_KERNEL"
	need_host mmdebstrap xz-utils
	cross_has_headers "$1/apt" "$SUITE" || more=$CROSS_SOURCE_PACKAGES
	rm -rf "$1/apt"
	step "cross compiler from $SUITE" -- debian_tree "$SUITE" "$1/root" $CROSS_PACKAGES $more \
		"gcc-${CROSS_TRIPLET[$CROSS_ARCH]}" "libc6-dev-$CROSS_ARCH-cross"
	if [ -z "$more" ]; then
		step "headers of ${MORE_SUITES:-$SUITE} for $CROSS_ARCH" -- cross_headers "$1" "$SUITE"
		return
	fi
	build_root "$CROSS_KERNEL"
	CLANG_KERNEL=$CROSS_KERNEL
	step "linux-source-$CROSS_KERNEL, since there are no headers for $CROSS_ARCH" -- clang_source "$1" "$SUITE"
	step "preparation for $CROSS_ARCH" -- cross_prepare "$1"
}

# An apt for two architectures, that takes nothing on this machine for installed
cross_apt() # DIR SUITE
{
	local suite lines=()

	mkdir -p "$1"
	: >"$1/status"
	for suite in "$2" ${MORE_SUITES:-}; do
		lines+=("deb [arch=amd64,$CROSS_ARCH signed-by=$DEBIAN_KEYRING] $(debian_mirror) $suite main")
	done
	private_apt "$1" "${lines[@]}"
	printf '%s\n' "APT::Architectures { \"amd64\"; \"$CROSS_ARCH\"; };" \
		"Dir::State::status \"$1/status\";" >>"$1/apt.conf"
	papt "$1" update
}

# cross_releases APT-DIR: the kernels that there are headers of, the newest first
cross_releases()
{
	APT_CONFIG=$1/apt.conf apt-cache pkgnames "linux-headers-$CROSS_KERNEL." |
		sed -n "s/^linux-headers-\(.*-${CROSS_FLAVOUR[$CROSS_ARCH]}\)\$/\1/p" |
		grep -vE -- '-(rt|cloud)-' | sort -rV || true
}

# A port may get a kernel later than the others, and its lists may not fit while the mirror changes
cross_has_headers() # APT-DIR SUITE
{
	cross_apt "$1" "$2" >/dev/null 2>&1 && [ -n "$(cross_releases "$1")" ]
}

# The architecture's own configuration, with what the modules need. By the exports, which are those of
# Debian's kernel for x86, the modules are chosen (drivers/vfio/have.sh)
cross_prepare() # DIR
{
	local dir=$1 tree=$1/root/usr/src/linux args=(ARCH="${CROSS_MACHINE[$CROSS_ARCH]}"
		CROSS_COMPILE="${CROSS_TRIPLET[$CROSS_ARCH]}-")

	root_run "$dir/root" "$tree" make "${args[@]}" "${CROSS_DEFCONFIG[$CROSS_ARCH]}"
	# shellcheck disable=SC2086 # words
	root_run "$dir/root" "$tree" scripts/config $CROSS_CONFIG
	root_run "$dir/root" "$tree" make "${args[@]}" olddefconfig
	root_run "$dir/root" "$tree" make "${args[@]}" -j"$(nproc)" modules_prepare
	cp "$(build_dir "$CROSS_KERNEL")/root$(build_kdir "$CROSS_KERNEL")/Module.symvers" "$tree/"
	root_run "$dir/root" "$tree" make -s "${args[@]}" kernelrelease >"$dir/release"
	ln -s linux "$dir/root/usr/src/linux-headers-$(cat "$dir/release")"
}

# cross_names APT-DIR PACKAGE PATTERN: what it depends on
cross_names()
{
	APT_CONFIG=$1/apt.conf apt-cache depends "$2:$CROSS_ARCH" |
		sed -n "s/^[ |]*Depends: <\{0,1\}\($3\)\(:$CROSS_ARCH\)\{0,1\}>\{0,1\}\$/\1/p" | sort -u
}

# cross_fetch DIR RELEASE: its headers, for both page sizes where there are both. Not its compiler
cross_fetch()
{
	local apt=$1/apt name=linux-headers-$2 large=linux-headers-$2${CROSS_LARGE[$CROSS_ARCH]} names

	names="$(cross_names "$apt" "$name" 'linux-headers-[0-9][^:]*-common')
		$(cross_names "$apt" "$name" 'linux-kbuild-[0-9][^:]*'):amd64 $name:$CROSS_ARCH"
	[ -z "$(APT_CONFIG=$apt/apt.conf apt-cache pkgnames "$large")" ] || names+=" $large:$CROSS_ARCH"
	rm -rf "$1/dl"
	mkdir "$1/dl"
	# shellcheck disable=SC2086 # words
	(cd "$1/dl" && papt "$apt" download $names)
}

# The newest ones that the mirror has: it gets an architecture's packages later than its lists
cross_headers() # DIR SUITE
{
	local dir=$1 release deb

	cross_apt "$dir/apt" "$2"
	for release in $(cross_releases "$dir/apt"); do
		! cross_fetch "$dir" "$release" || break
		release=
	done
	[ -n "$release" ] || { echo "$2 has no headers of $CROSS_KERNEL for $CROSS_ARCH"; return 1; }
	for deb in "$dir"/dl/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -C "$dir/root" -x --keep-directory-symlink
	done
	mkdir "$dir/root/src"
	printf '%s\n' "$release" >"$dir/release"
	rm -rf "$dir/apt" "$dir/dl"
}

# cross_run ARCH KERNEL TREE COMMAND...: in the tree with its cross compiler
cross_run()
{
	local root=$(cross_dir "$1" "$2")/root

	shift 2
	root_run "$root" "$@"
}

# cross_make_args ARCH KERNEL [large]: for the make of a module. CC: newer headers name the version of
# theirs. BTF would need pahole
cross_make_args()
{
	printf '%s\n' "ARCH=${CROSS_MACHINE[$1]}" "CROSS_COMPILE=${CROSS_TRIPLET[$1]}-" \
		"CC=${CROSS_TRIPLET[$1]}-gcc" CONFIG_DEBUG_INFO_BTF_MODULES= \
		"KDIR=/usr/src/linux-headers-$(cat "$(cross_dir "$1" "$2")/release")${3:+${CROSS_LARGE[$1]}}"
}

# Is it the kernel's source, for want of headers?
cross_is_source() { [ -d "$(cross_dir "$1" "$2")/root/usr/src/linux" ]; } # ARCH KERNEL

# Has it headers for large pages?
cross_has_large() # ARCH KERNEL
{
	local dir=$(cross_dir "$1" "$2")

	[ -d "$dir/root/usr/src/linux-headers-$(cat "$dir/release")${CROSS_LARGE[$1]}" ]
}

clang_key() # KERNEL
{
	hash_of "$(build_key "$1")" "$CLANG_PACKAGES" "$CLANG_WITHOUT" \
		"$(declare -f clang_make clang_source clang_prepare debian_tree finish_tree)"
}
clang_dir() { artefact_dir "clang-$1" "$(clang_key "$1")"; }

clang_root() # KERNEL
{
	build_root "$1"
	CLANG_KERNEL=$1
	artefact "clang-$1" "$(clang_key "$1")" clang_make
}

clang_make()
{
	local SUITE SOURCE CONFIG HEADERS MORE_SUITES='' OPTIONAL

	. "$VM_DIR/kernels/$CLANG_KERNEL"
	need_host mmdebstrap xz-utils
	step "clang from $SUITE" -- debian_tree "$SUITE" "$1/root" $CLANG_PACKAGES
	step "linux-source-$CLANG_KERNEL (170 MB)" -- clang_source "$1" "$SUITE"
	step "preparation by clang" -- clang_prepare "$1"
}

# Not the sources of what no header is made from
clang_source() # DIR SUITE
{
	local dir=$1 top=linux-source-$CLANG_KERNEL part without=()

	for part in drivers sound fs net mm crypto samples Documentation; do
		without+=("--exclude=$top/$part/*.[chS]")
	done
	private_apt "$dir/apt" "$(debian_source deb "$2")"
	(cd "$dir" && papt "$dir/apt" download "$top/${MORE_SUITES:-$2}")
	dpkg-deb --fsys-tarfile "$dir/$top"_*.deb |
		tar -C "$dir" --strip-components=3 --wildcards -x './usr/src/*.tar.xz'
	mkdir "$dir/root/src" "$dir/root/usr/src/linux"
	xz -T0 -dc "$dir/$top.tar.xz" |
		tar -C "$dir/root/usr/src/linux" --strip-components=1 "${without[@]}" -x
	# shellcheck disable=SC2115 # a directory of the cache
	rm -rf "$dir/apt" "$dir/$top"*
}

# By Debian's configuration, as far as clang can do it, and with what its kernel exports
clang_prepare() # DIR
{
	local dir=$1 tree=$1/root/usr/src/linux headers

	headers=$(build_dir "$CLANG_KERNEL")/root$(build_kdir "$CLANG_KERNEL")
	cp "$headers/.config" "$tree/"
	# shellcheck disable=SC2046,SC2086 # words
	root_run "$dir/root" "$tree" scripts/config --set-str SYSTEM_TRUSTED_KEYS '' \
		--set-str LOCALVERSION '' -e DEBUG_INFO_NONE $(printf ' -d %s' $CLANG_WITHOUT)
	root_run "$dir/root" "$tree" make LLVM=1 olddefconfig
	root_run "$dir/root" "$tree" make LLVM=1 -j"$(nproc)" modules_prepare
	cp "$headers/Module.symvers" "$tree/"
	root_run "$dir/root" "$tree" make -s LLVM=1 kernelrelease >"$dir/release"
}
