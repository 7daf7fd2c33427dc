# SPDX-License-Identifier: GPL-2.0-only
# What the tests of ConnectX need and no stack has, so that no stack must be made anew for it:
#   mlx5-KERNEL   mlx5/: order and *.ko: mlx5_core, mlx5_ib and all they depend on, of exactly the
#                 kernel that the modules are built for
#   rdma          rdma/: rdma-core's ibv_rc_pingpong and ibv_devinfo with the libraries they load,
#                 for the initrd of a guest
# and upstream's mlx5-vfio-pci, by recipes/upstream.sh.
. "$VM_DIR/recipes/upstream.sh"

# From 7.x on nothing that mlx5_ib needs has ib_uverbs.ko
MLX5_MODULES="mlx5_core ib_uverbs mlx5_ib"
RDMA_SUITE=bookworm
RDMA_PACKAGES="ibverbs-utils ibverbs-providers libibverbs1 libnl-3-200 libnl-route-3-200 libc6"
RDMA_FILES="usr/bin/ibv_rc_pingpong usr/bin/ibv_devinfo etc/libibverbs.d/mlx5.driver"

mlx5_key() # KERNEL
{
	hash_of "$(build_key "$1")" "$(cat "$(build_dir "$1")/release")" "$MLX5_MODULES" \
		"$(declare -f mlx5_fetch mlx5_modules)"
}
mlx5_dir() { artefact_dir "mlx5-$1" "$(mlx5_key "$1")"; }

mlx5_root() # KERNEL
{
	build_root "$1"
	MLX5_KERNEL=$1
	artefact "mlx5-$1" "$(mlx5_key "$1")" mlx5_make
}

mlx5_make()
{
	local SUITE MORE_SUITES=''

	. "$VM_DIR/kernels/$MLX5_KERNEL"
	need_host kmod xz-utils zstd
	step "modules of the kernel, from ${MORE_SUITES:-$SUITE} (100 MB)" -- mlx5_fetch "$1"
	step "mlx5_core and mlx5_ib" -- mlx5_modules "$1"
	rm -rf "$1/tmp"
}

# The very packages that the headers are of; from 7.x on the modules may have one of their own
mlx5_fetch() # DIR
{
	local tmp=$1/tmp release=$(cat "$(build_dir "$MLX5_KERNEL")/release") p

	mkdir "$tmp"
	private_apt "$tmp/apt" "$(debian_source deb "$SUITE")"
	cd "$tmp"
	for p in "linux-image-$release" "linux-modules-$release"; do
		[ -z "$(APT_CONFIG=$tmp/apt/apt.conf apt-cache show "$p" 2>/dev/null)" ] ||
			papt "$tmp/apt" download "$p"
	done
	for p in ./*.deb; do
		dpkg-deb --fsys-tarfile "$p" | tar -x --wildcards '*/modules/*' || true
		rm "$p"
	done
	[ -d lib ] || ln -s usr/lib lib
}

mlx5_modules() # DIR
{
	local tmp=$1/tmp release=$(cat "$(build_dir "$MLX5_KERNEL")/release") m

	mkdir "$1/mlx5"
	depmod -b "$tmp" "$release"
	for m in $MLX5_MODULES; do
		modprobe -d "$tmp" -S "$release" --show-depends "$m" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++' | while read -r m; do
		cp "$m" "$1/mlx5/"
		basename "$m" | sed 's/\.ko\..*/.ko/' >>"$1/mlx5/order"
	done
	grep -q '^mlx5_ib.ko$' "$1/mlx5/order"
	find "$1/mlx5" -name '*.ko.xz' -print0 | xargs -0 -r xz -d
	find "$1/mlx5" -name '*.ko.zst' -print0 | xargs -0 -r zstd -q --rm -d
}

rdma_key() { hash_of "$RDMA_SUITE" "$RDMA_PACKAGES" "$RDMA_FILES" "$(declare -f rdma_make rdma_unpack)"; }
rdma_dir() { artefact_dir rdma "$(rdma_key)"; }
rdma_root() { artefact rdma "$(rdma_key)" rdma_make; }

rdma_make() { step "rdma-core of $RDMA_SUITE" -- rdma_unpack "$1"; }

rdma_unpack() # DIR
{
	local tmp=$1/tmp p lib

	mkdir -p "$tmp/all" "$1/rdma"
	private_apt "$tmp/apt" "$(debian_source deb "$RDMA_SUITE")"
	cd "$tmp"
	# shellcheck disable=SC2086 # one word a package
	papt "$tmp/apt" download $RDMA_PACKAGES
	for p in ./*.deb; do
		dpkg-deb -x "$p" all
	done
	cd all
	lib=x86_64-linux-gnu
	# shellcheck disable=SC2086 # one word a file
	cp --parents $RDMA_FILES "$1/rdma/"
	mkdir -p "$1/rdma/usr/lib/$lib/libibverbs" "$1/rdma/lib64"
	cp -L usr/lib/$lib/libibverbs/libmlx5-rdmav*.so "$1/rdma/usr/lib/$lib/libibverbs/"
	for p in libibverbs.so.1 libmlx5.so.1 libnl-3.so.200 libnl-route-3.so.200 libc.so.6 libm.so.6; do
		cp -L "$(find . -name "$p" | head -n 1)" "$1/rdma/usr/lib/$lib/"
	done
	cp -L "$(find . -name 'ld-linux-x86-64.so.2' -path "*$lib*" | head -n 1)" "$1/rdma/lib64/"
	rm -rf "$tmp"
}
