# SPDX-License-Identifier: GPL-2.0-only
# selftests: upstream's tools/testing/selftests/vfio, from the source of a kernel that has them (6.12
# has not), unchanged, with ours in tests/upstream, as static programs:
#   selftests/   the programs, a directory for boot.sh --add
#   version      of Debian's package that they were made from

# Those of 7.2, while Debian unstable has it: SELFTESTS_SUITE=sid SELFTESTS_SOURCE=linux-source-7.2 in the environment
: "${SELFTESTS_SUITE:=trixie-backports}" "${SELFTESTS_SOURCE:=linux-source-7.3}"
SELFTESTS_NAMES=$REPO_DIR/tests/system/upstream/names.c
# Ours, in their shape
SELFTESTS_OWN=$REPO_DIR/tests/upstream/vfio_pci_migration_test.c

selftests_key()
{
	hash_of "$SELFTESTS_SUITE $SELFTESTS_SOURCE" "$SELFTESTS_NAMES" "${SELFTESTS_NAMES%.c}.h" \
		"$SELFTESTS_OWN" \
		"$(declare -f selftests_fetch selftests_build selftests_compile)"
}

selftests_dir() { artefact_dir selftests "$(selftests_key)"; }
selftests_root() { artefact selftests "$(selftests_key)" selftests_make; }

selftests_make()
{
	need_host gcc libc6-dev uuid-dev xz-utils
	step "selftests/vfio from $SELFTESTS_SOURCE" -- selftests_fetch "$1"
	step "their programs" -- selftests_build "$1"
	rm -rf "$1/src" "$1/uapi" "$1/obj"
}

# Their sources with what these include, and the headers for user space of the same kernel
selftests_fetch()
{
	local dir=$1 top=$SELFTESTS_SOURCE

	private_apt "$dir/apt" "$(debian_source deb $SELFTESTS_SUITE)"
	(cd "$dir" && papt "$dir/apt" download "$top/$SELFTESTS_SUITE" "linux-libc-dev/$SELFTESTS_SUITE")
	dpkg-deb -f "$dir/$top"_*.deb Version >"$dir/version"
	dpkg-deb -x "$dir"/linux-libc-dev_*.deb "$dir/uapi"
	dpkg-deb --fsys-tarfile "$dir/$top"_*.deb |
		tar -C "$dir" --strip-components=3 --wildcards -x './usr/src/*.tar.xz'
	mkdir "$dir/src"
	xz -T0 -dc "$dir/$top.tar.xz" | tar -C "$dir/src" --strip-components=1 --wildcards -x \
		"$top/tools/testing/selftests/vfio" "$top/tools/testing/selftests/*.h" \
		"$top/tools/include" "$top/tools/arch/x86/include" \
		"$top/include/linux/pci_ids.h" "$top/drivers/dma/ioat" "$top/drivers/dma/idxd" \
		"$top/drivers/net/ethernet/intel/igb"
	rm -rf "$dir/apt" "$dir"/*.deb "$dir/$top.tar.xz"
}

selftests_compile() # DIR ARGUMENTS OF gcc
{
	local dir=$1 tests=$1/src/tools/testing/selftests

	shift
	gcc -O2 -Wall -D_GNU_SOURCE= -isystem "$dir/uapi/usr/lib/linux/uapi/x86" \
		-isystem "$dir/uapi/usr/include" -I "$tests/vfio/lib/include" -I "$tests" \
		-I "$dir/src/tools/include" "$@"
}

# Not by their Makefile, which wants a whole kernel tree
selftests_build()
{
	local dir=$1 vfio=$1/src/tools/testing/selftests/vfio src wrap= extra=()

	mkdir "$dir/obj" "$dir/selftests"
	# 7.2.13 uses a function that its library lacks, and does not build by itself
	grep -rqs 'calloc_assert(' "$vfio/lib/include" ||
		extra=(-DNEED_CALLOC_ASSERT '-Dcalloc_assert=names_calloc')
	for src in ioctl opendir poll readlink; do
		wrap+=",--wrap=$src"
	done
	for src in "$vfio"/lib/*.c "$vfio"/lib/drivers/*/*.c "$SELFTESTS_NAMES"; do
		selftests_compile "$dir" "${extra[@]}" -include "${SELFTESTS_NAMES%.c}.h" \
			-c "$src" -o "$dir/obj/$(basename "$src" .c).o"
	done
	cp "$SELFTESTS_OWN" "$vfio/"
	for src in "$vfio"/*_test.c; do
		selftests_compile "$dir" -static -pthread "-Wl$wrap" "$src" "$dir"/obj/*.o -luuid \
			-o "$dir/selftests/$(basename "$src" .c)"
	done
	cp "$dir/version" "$dir/selftests/"
}
