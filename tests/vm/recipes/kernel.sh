# SPDX-License-Identifier: GPL-2.0-only
# build-KERNEL of the kernels that we build ourselves (those in tests/vm/kernels with a
# SOURCE): besides a root tree with its headers and compiler, as of any kernel,
#   vmlinuz      the kernel
#   modules/     its modules, lib/modules/RELEASE
#   config       its configuration
#   version      of Debian's package that it was made from
# Ten to fifteen minutes of two cores, so it is made only when a stack asks for it. With IN_TREE it
# has our modules itself, and is made anew when their sources change.

KERNEL_PACKAGES="gcc make sparse dash bash coreutils sed grep mawk findutils diffutils tar
	gzip xz-utils zstd bc bison flex libelf-dev perl-base cpio kmod python3-minimal
	rsync libc6-dev libc-bin"

# The files named in CONFIG, or what kernel_without() made of them
kernel_fragments()
{
	# shellcheck disable=SC2086 # words on purpose
	[ -n "${FRAGMENTS:-}" ] || { printf "$VM_DIR/config/%s.config\n" $CONFIG; return; }
	printf '%s\n' "$FRAGMENTS"
}

# kernel_without DIR: the fragments without the options in GONE, which this kernel does not know
kernel_without()
{
	# shellcheck disable=SC2046 # one word a file
	cat $(kernel_fragments) | grep -vE "^CONFIG_($GONE)=" >"$1/work/fragments"
	FRAGMENTS=$1/work/fragments
}

# The source of a kernel in another suite than its compiler's
kernel_fetch_from()
{
	local SUITE=${MORE_SUITES:-$SUITE} MORE_SUITES=

	kernel_fetch "$1"
}

# What a kernel tree gets of this repository
kernel_own()
{
	(cd "$REPO_DIR" && find Kconfig Makefile drivers include -name '*.[ch]' -o -name Kconfig \
		-o -name Makefile -o -name 'have.*')
}

kernel_key() # KERNEL
{
	(
		IN_TREE='' MORE_SUITES='' GONE=''
		. "$VM_DIR/kernels/$1"
		# shellcheck disable=SC2046 # one word a file
		hash_of "$SUITE $SOURCE${MORE_SUITES:+ $MORE_SUITES}" ${GONE:+"$GONE"} $(kernel_fragments) "$KERNEL_PACKAGES" \
			${IN_TREE:+"$VM_DIR/config/in-tree.config" "$(declare -f kernel_in_tree)"
				$(kernel_own | sort | sed "s|^|$REPO_DIR/|")} \
			${QUIRKS:+"$(declare -f "kernel_quirk_$QUIRKS")"} \
			"$(declare -f kernel_fetch kernel_configure kernel_compile \
				kernel_install debian_tree finish_tree)"
	)
}

kernel_make() # DIR; SUITE, SOURCE and CONFIG are set
{
	local dir=$1 FRAGMENTS=

	need_host mmdebstrap xz-utils
	step "compiler from $SUITE" -- debian_tree "$SUITE" "$dir/root" $KERNEL_PACKAGES
	step "$SOURCE" -- kernel_fetch_from "$dir"
	[ -z "$GONE" ] || kernel_without "$dir"
	[ -z "$QUIRKS" ] || "kernel_quirk_$QUIRKS" "$dir/work/linux"
	step "configuration: $CONFIG" -- kernel_configure "$dir"
	[ -z "$IN_TREE" ] || step "our directory in the tree" -- kernel_in_tree "$dir"
	step "kernel (about 1000 s of CPU)" -- kernel_compile "$dir"
	step "headers and modules" -- kernel_install "$dir"
}

# Has the suite another version than the one that was built?
kernel_outdated() # KERNEL
{
	local SUITE SOURCE CONFIG MORE_SUITES='' tmp=$(mktemp -d) now

	. "$VM_DIR/kernels/$1"
	SUITE=${MORE_SUITES:-$SUITE} MORE_SUITES=
	private_apt "$tmp" "$(debian_source deb "$SUITE")" >/dev/null
	now=$(APT_CONFIG=$tmp/apt.conf apt-cache show "$SOURCE" | sed -n 's/^Version: //p' | head -n 1)
	rm -rf "$tmp"
	[ "$now" != "$(cat "$(build_dir "$1")/version" 2>/dev/null)" ]
}

# One of several gigabytes once built; all but headers goes at the end.
kernel_fetch()
{
	local dir=$1 deb

	private_apt "$dir/apt" "$(debian_source deb "$SUITE")"
	(cd "$dir" && papt "$dir/apt" download "$SOURCE/$SUITE")
	deb=$(ls "$dir"/linux-source-*.deb)
	dpkg-deb -f "$deb" Version >"$dir/version"
	mkdir "$dir/root/src" "$dir/work" "$dir/work/linux"
	dpkg-deb --fsys-tarfile "$deb" |
		tar -C "$dir/work" --strip-components=3 --wildcards -x './usr/src/*.tar.xz'
	xz -T0 -dc "$dir"/work/linux-source-*.tar.xz |
		tar -C "$dir/work/linux" --strip-components=1 -x
	rm -rf "$dir/apt" "$deb" "$dir"/work/linux-source-*
}

# pciehp takes reset_lock and pci_rescan_remove_lock in both orders (pciehp_ist() against
# pciehp_unconfigure_device()), with any device in the slot. lockdep says so at the first removal and
# then looks at no lock any more, which is why that one is taken from it.
kernel_quirk_pciehp_reset_lock() # SOURCE
{
	local file=$1/drivers/pci/hotplug/pciehp_hpc.c init='init_rwsem(&ctrl->reset_lock);'

	sed -i "s/$init/& lockdep_set_novalidate_class(\&ctrl->reset_lock);/" "$file"
	[ "$(grep -c "$init lockdep_set_novalidate_class" "$file")" = 1 ] ||
		die "pciehp's reset_lock is not where it was: does lockdep still complain of it?"
}

kernel_configure()
{
	local dir=$1 line bad=

	# shellcheck disable=SC2046 # one word a file
	cat $(kernel_fragments) >"$dir/work/all.config"
	root_run "$dir/root" "$dir/work" make -C linux O=/src/o \
		KCONFIG_ALLCONFIG=/src/all.config allnoconfig
	cp "$dir/work/o/.config" "$dir/config"
	while read -r line; do
		case $line in
		CONFIG_*=n) line="# ${line%=n} is not set" ;;
		CONFIG_* | '# CONFIG_'*' is not set') ;;
		*) continue ;;
		esac
		grep -qxF "$line" "$dir/config" || case $line in
		# Not to be seen at all is as good
		'#'*) ! grep -q "^${line:2:-11}=" "$dir/config" || bad+="$line"$'\n' ;;
		*) bad+="$line"$'\n' ;;
		esac
	done <"$dir/work/all.config"
	[ -z "$bad" ] || { echo "not in the configuration:"; printf '%s' "$bad"; return 1; }
}

# As Kconfig and Makefile of this repository say that it is done
kernel_in_tree()
{
	local dir=$1 vfio=$1/work/linux/drivers/vfio line missing=

	mkdir "$vfio/mdev-pci"
	(cd "$REPO_DIR" && kernel_own | xargs cp --parents -t "$vfio/mdev-pci")
	sed -i '/^source.*vfio.mdev.Kconfig/a source "drivers/vfio/mdev-pci/Kconfig"' "$vfio/Kconfig"
	echo 'obj-y += mdev-pci/' >>"$vfio/Makefile"
	cp "$VM_DIR/config/in-tree.config" "$dir/work/"
	root_run "$dir/root" "$dir/work" sh -ec '
		cd o
		../linux/scripts/kconfig/merge_config.sh -m .config ../in-tree.config
		make olddefconfig'
	cp "$dir/work/o/.config" "$dir/config"
	while read -r line; do
		grep -qxF "$line" "$dir/config" || missing+="$line"$'\n'
	done < <(grep ^CONFIG_ "$dir/work/in-tree.config")
	[ -z "$missing" ] || { echo "not in the configuration:"; printf '%s' "$missing"; return 1; }
}

kernel_compile()
{
	root_run "$1/root" "$1/work" make -C o -j"$(nproc)" bzImage modules \
		KBUILD_BUILD_USER=test KBUILD_BUILD_HOST=test
}

kernel_install()
{
	local dir=$1 release headers

	release=$(cat "$dir/work/o/include/config/kernel.release")
	headers=$dir/root/usr/src/linux-headers-$release
	root_run "$dir/root" "$dir/work" sh -ec '
		make -C o INSTALL_MOD_PATH=/src/modules INSTALL_MOD_STRIP=1 modules_install
		make -C o run-command KBUILD_RUN_COMMAND='\''$(srctree)/scripts/package/install-extmod-build /src/headers'\'
	mv "$dir/work/modules" "$dir/"
	cp "$dir/work/o/arch/x86/boot/bzImage" "$dir/vmlinuz"
	rm -f "$dir/modules/lib/modules/$release/build"
	mkdir -p "$dir/root/usr/src"
	mv "$dir/work/headers" "$headers"
	rm -rf "$dir/work"
	printf '%s\n' "$release" >"$dir/release"
}
