# SPDX-License-Identifier: GPL-2.0-only
# vfio-source-KERNEL: drivers/vfio and samples/vfio-mdev of Debian's linux-source of a kernel, and
# upstream-DRIVER-KERNEL: one of upstream's variant drivers from it, or its sample driver mtty,
# unchanged, as a module for that kernel, which Debian does not build:
#   *.ko         the module; a directory for boot.sh --add
#   lines        lines of its sources
#   version      of Debian's package that they are from
. "$VM_DIR/recipes/build.sh"

# What is special about each: objects of the module, its name, flags
declare -A UPSTREAM_OBJECTS=(
	[virtio]="main.o migrate.o legacy_io.o"
	[mlx5]="main.o cmd.o"
	[mtty]=""
	[qat]="main.o"
)
declare -A UPSTREAM_MODULE=([virtio]=virtio-vfio-pci [mlx5]=mlx5-vfio-pci [mtty]=mtty
	[qat]=qat_vfio_pci)
declare -A UPSTREAM_FILES=([virtio]="vfio/pci/virtio/*.[ch]" [mlx5]="vfio/pci/mlx5/*.[ch]"
	[mtty]=vfio-mdev/mtty.c [qat]="vfio/pci/qat/*.[ch]")
declare -A UPSTREAM_FLAGS=([virtio]=-DCONFIG_VIRTIO_VFIO_PCI_ADMIN_LEGACY=1)

vfio_source_key() # KERNEL
{
	hash_of "$VM_DIR/kernels/$1" "$(declare -f vfio_source_fetch)"
}

upstream_key() # DRIVER KERNEL
{
	hash_of "$1" "$(build_key "$2")" "$(vfio_source_key "$2")" "${UPSTREAM_OBJECTS[$1]}" \
		"${UPSTREAM_FLAGS[$1]:-}" "${UPSTREAM_FILES[$1]}" "$(declare -f upstream_compile)"
}

upstream_dir() { artefact_dir "upstream-$1-$2" "$(upstream_key "$1" "$2")"; }

upstream_driver() # DRIVER KERNEL
{
	build_root "$2"
	UPSTREAM_DRIVER=$1 UPSTREAM_KERNEL=$2
	artefact "vfio-source-$2" "$(vfio_source_key "$2")" vfio_source_make
	artefact "upstream-$1-$2" "$(upstream_key "$1" "$2")" upstream_make
}

vfio_source_make()
{
	need_host xz-utils
	step "linux-source-$UPSTREAM_KERNEL (170 MB)" -- vfio_source_fetch "$1"
}

vfio_source_fetch()
{
	local dir=$1 suite SUITE MORE_SUITES='' SOURCE='' CONFIG QUIRKS IN_TREE deb top

	. "$VM_DIR/kernels/$UPSTREAM_KERNEL"
	top=${SOURCE:-linux-source-$UPSTREAM_KERNEL}
	suite=${MORE_SUITES:-$SUITE}
	private_apt "$dir/apt" "$(debian_source deb "$SUITE")"
	(cd "$dir" && papt "$dir/apt" download "$top/$suite")
	deb=$(ls "$dir/$top"_*.deb)
	dpkg-deb -f "$deb" Version >"$dir/version"
	dpkg-deb --fsys-tarfile "$deb" |
		tar -C "$dir" --strip-components=3 --wildcards -x './usr/src/*.tar.xz'
	xz -T0 -dc "$dir/$top.tar.xz" | tar -C "$dir" --strip-components=2 --wildcards -x "$top/drivers/vfio" \
		"$top/samples/vfio-mdev"
	rm -rf "$dir/apt" "$deb" "$dir/$top.tar.xz"
}

upstream_make()
{
	step "upstream's ${UPSTREAM_MODULE[$UPSTREAM_DRIVER]} for $UPSTREAM_KERNEL" -- upstream_compile "$1"
}

upstream_compile()
{
	local dir=$1 name=${UPSTREAM_MODULE[$UPSTREAM_DRIVER]} work=$1/work
	local source=$(artefact_dir "vfio-source-$UPSTREAM_KERNEL" "$(vfio_source_key "$UPSTREAM_KERNEL")")

	mkdir "$work"
	# shellcheck disable=SC2086  # a pattern on purpose
	cp "$source"/${UPSTREAM_FILES[$UPSTREAM_DRIVER]} "$work/"
	cat "$work"/*.[ch] | wc -l >"$dir/lines"
	cp "$source/version" "$dir/"
	cat >"$work/Makefile" <<-END
		obj-m := $name.o
		ccflags-y += ${UPSTREAM_FLAGS[$UPSTREAM_DRIVER]:-}
	END
	[ -z "${UPSTREAM_OBJECTS[$UPSTREAM_DRIVER]}" ] ||
		echo "$name-y := ${UPSTREAM_OBJECTS[$UPSTREAM_DRIVER]}" >>"$work/Makefile"
	build_run "$UPSTREAM_KERNEL" "$work" make -C "$(build_kdir "$UPSTREAM_KERNEL")" M=/src modules
	cp "$work/$name.ko" "$dir/"
	rm -rf "$work"
}
