#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [PATTERN]
#
# Tests kernels that are not available here, with altered copies of the headers of kernels that are.
# It removes from 7.3's headers what later kernels added, adds it to 6.12's and 6.1's, or renames
# it. Each branch of compat.h is compiled both ways. It also checks what have.sh says about a kernel
# that lacks something, by make and by DKMS. TAP; the last line is "N passed, N failed". PATTERN:
# only tests whose name has it (grep -E).
set -e
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"
. "$VM_DIR/recipes/build.sh"

case ${1:-} in
--help | -h) usage ;;
esac
need_root
# Altered headers are mounted over the others: nobody else sees that
[ -n "$HEADERS_UNSHARED" ] || HEADERS_UNSHARED=1 exec unshare --mount -- "$0" "$@"
pattern=${1:-.}
need_host rsync perl
build_roots
mkdir -p "$CACHE/headers" "$CACHE/log"
exec 9>"$CACHE/headers/.lock"
flock -w 900 9 || die "another one takes over 15 minutes"
log=$CACHE/log/headers.log
mounts=()
: >"$CACHE/headers/seen"

tell() { tail -n 60 "$log"; }

# kernel NAME: the next tests are with that one's headers, as they are
kernel()
{
	local m

	for m in "${mounts[@]}"; do
		umount "$m"
	done
	mounts=()
	kernel=$1
	kdir=$(build_kdir "$kernel")
	headers=$(build_dir "$kernel")/root$kdir
	common=${headers%-*}-common
	tree=$CACHE/headers/$kernel
	mkdir -p "$tree/.ccache" "$tree/altered"
	rm -rf "$tree/altered" "$tree/generated"
	find "$tree" -mindepth 1 -maxdepth 1 ! -name .ccache -exec rm -rf {} +
	rsync -a --include='/drivers/***' --include='/include/***' --include='/debian/***' --include=/Makefile \
		--include=/Kconfig --exclude='*' "$REPO_DIR/" "$tree/"
	[ ! -d "$tree/generated" ] || rm -r "$tree/generated"
}

# change FILE PERL: by that program, which must have an effect. FILE is below include/
change()
{
	local file=$common/include/$1 new=$tree/altered/${1#../}

	[ -e "$file" ] || file=$headers/${1#../}
	[ -e "$file" ] || file=$headers/include/$1
	if [ ! -e "$new" ]; then
		mkdir -p "${new%/*}"
		cp "$file" "$new"
		mount --bind "$new" "$file"
		mounts=("$file" "${mounts[@]}")
	fi
	cp "$new" "$new.before"
	# In place: it is mounted
	perl -0777 -pe "$2" "$new.before" >"$new"
	! cmp -s "$new" "$new.before" || die "$kernel: nothing to change in $1 by $2"
}

in_tree() { build_run "$kernel" "$tree" env CCACHE_DIR=/src/.ccache "$@" >>"$log" 2>&1 9>&-; }

config="CONFIG_VFIO_PCI_ENGINE=m CONFIG_VFIO_PCI_ENGINE_NVLINK2=y CONFIG_DRIVER_FLAVOUR=m CONFIG_MDEV_PCI=m"
users=$(cd "$REPO_DIR" && grep -lE 'compat_|COMPAT_' drivers/vfio/{pci,pci/nvlink2,flavour,mdev-pci}/*.c | sed 's/c$/o/')

has() { grep -qs "^#define HAVE_$1 1" "$tree/generated/have-pci.h"; }

# compiles NAME [WORD...]: all that uses compat.h, without a warning. A word is what the kernel must be
# found to have, or with a "-" before it, not to have; or with a "@", a symbol that the engine uses
compiles()
{
	local name="$1" rc=0 word

	shift
	grep -qE -- "$pattern" <<<"$name" || return 0
	: >"$log"
	find "$tree" -name '*.o' -delete
	# shellcheck disable=SC2086 # lists
	in_tree make -C "$kdir" M=/src -j"$(nproc)" DEBIAN_KERNEL_USE_CCACHE=1 W=1 $config $users || rc=$?
	! grep -qE '(warning|error):' "$log" || rc=1
	for word; do
		case $word in
		@*) grep -qs "${word#@}" "$tree/drivers/vfio/pci/engine.o" || { echo "no ${word#@}" >>"$log"; rc=1; } ;;
		-*) ! has "${word#-}" || { echo "HAVE$word is found" >>"$log"; rc=1; } ;;
		*) has "$word" || { echo "HAVE_$word is not found" >>"$log"; rc=1; } ;;
		esac
	done
	[ $rc != 0 ] ||
		sed -n 's/^#define HAVE_\([A-Z0-9_]*\) 1/+ \1/p' "$tree/generated/have-pci.h" >>"$CACHE/headers/seen"
	sed -n 's,^/\* HAVE_\([A-Z0-9_]*\)[,:].*,\1,p' "$tree/drivers/vfio/pci/have.c" |
		while IFS= read -r word; do
			has "$word" || echo "- $word"
		done >>"$CACHE/headers/seen"
	verdict "$name" $rc
}

# refused NAME WORDS: make fails with that sentence, and DKMS does not build
refused()
{
	grep -qE -- "$pattern" <<<"$1" || return 0
	: >"$log"
	rc=0
	! in_tree make -j"$(nproc)" KDIR="$kdir" modules || { echo "make succeeded" >>"$log"; rc=1; }
	grep -qE "^mdev-pci: .*$2" "$log" || rc=1
	[ -z "$(find "$tree" -name '*.o')" ] || rc=1
	verdict "$1" $rc
	dkms "$1: DKMS builds nothing and says why" 'exclusive ^none' "$2"
}

# not_built NAME DIR WORDS: that directory is left out with that sentence, the rest builds
not_built()
{
	grep -qE -- "$pattern" <<<"$1" || return 0
	: >"$log"
	rc=0
	in_tree make -j"$(nproc)" KDIR="$kdir" HAVE_ONLY=1 modules || rc=$?
	grep -qE "^mdev-pci: .*$3" "$log" || rc=1
	grep -qx "lacks-$2 := y" "$tree/generated/have-$2.mk" || rc=1
	verdict "$1" $rc
}

# dkms NAME WORDS [SENTENCE]: dkms.conf, read as DKMS does before it builds, has that line
dkms()
{
	grep -qE -- "$pattern" <<<"$1" || return 0
	: >"$log"
	rc=0
	cat "$REPO_DIR/debian/mdev-pci-dkms.dkms" >"$tree/dkms.conf"
	cp "$REPO_DIR/debian/dkms-have" "$tree/"
	in_tree bash -c '
		action=autoinstall kernelver=$1 arch=x86_64 kernel_source_dir=$2 dkms_tree=/nowhere
		. ./dkms.conf
		echo "exclusive $BUILD_EXCLUSIVE_KERNEL"
		printf "%s\n" "${BUILT_MODULE_NAME[@]:3}" | sort | tr "\n" " " |
			sed "s/^/modules ${BUILT_MODULE_NAME[*]:0:3} /; s/ $/\n/"' bash "${kdir##*headers-}" "$kdir" || rc=$?
	grep -qxF "$2" "$log" || rc=1
	[ -z "$3" ] || grep -qE "^mdev-pci: .*$3" "$log" || rc=1
	verdict "$1" $rc
}

# without NAME OPTION...: the engine and the framework build by these options alone, with a vendor
# module, without a warning, and have nothing of what is optional
without()
{
	local name="$1" rc=0

	shift
	grep -qE -- "$pattern" <<<"$name" || return 0
	: >"$log"
	find "$tree" -name '*.o' -delete
	in_tree make -C "$kdir" M=/src -j"$(nproc)" W=1 "$@" modules || rc=$?
	! grep -qE '(warning|error|undefined)[:!]' "$log" || rc=1
	find "$tree/drivers" -path '*/nvlink2/*.o' -o -path '*/flavour*.o' -o -name driver-flavour.ko >>"$log"
	! grep -q "^$tree" "$log" || rc=1
	[ -f "$tree/drivers/vfio/mdev-pci/refdev/mdev-pci-refdev.ko" ] || rc=1
	verdict "$name" $rc
}

# Those of the vendors' directories, but for the words
modules()
{
	local dir list=

	for dir in "$REPO_DIR"/drivers/vfio/mdev-pci/*/; do
		case " $* " in *" $(basename "$dir") "*) ;; *) list+=" mdev-pci-$(basename "$dir")" ;; esac
	done
	printf '%s\n' "${list# }"
}

drop_precopy_v2()
{
	change linux/vfio.h 's/\bprecopy_info_v2\b/other_info/g'
	change uapi/linux/vfio.h 's/#define VFIO_PRECOPY_INFO_REINIT.*\n//; s/#define VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2.*\n//'
}
drop_region_info() { change linux/vfio.h 's/\tint\t\(\*get_region_info_caps\).*?;\n//s'; }
drop_pci_ops()
{
	change linux/vfio_pci_core.h 's/\tconst struct vfio_pci_device_ops \*pci_ops;\n//;
		s/vfio_pci_device_ops/no_pci_device_ops/g; s/vfio_pci_core_get_dmabuf_phys/no_get_dmabuf_phys/g;
		s/struct (p2pdma_provider|phys_vec|vfio_region_dma_range)/struct no_$1/g;
		s/struct no_p2pdma_provider;\n/$&struct no_phys_vec;\nstruct no_vfio_region_dma_range;\n/'
	change uapi/linux/vfio.h 's/struct vfio_region_dma_range/struct no_region_dma_range/g'
}
drop_pfn_space() { change linux/memory-failure.h 's/register_pfn_address_space/$&_not/g; s/struct pfn_address_space/struct no_pfn_address_space/g'; }
drop_match_token()
{
	change linux/vfio.h 's/\tint\t\(\*match_token_uuid\).*?;\n//s'
	change linux/vfio_pci_core.h 's/int vfio_pci_core_match_token_uuid.*?;\n//s'
}
drop_pasid()
{
	change linux/vfio.h 's/\tint\t\(\*pasid_attach_ioas\).*?;\n//s; s/\tvoid\t\(\*pasid_detach_ioas\).*?;\n//s;
		s/(vfio_iommufd_physical)_pasid/$1_no_pasid/g'
}
drop_netdev_lock() { change net/netdev_lock.h 's/\bnetdev_(un)?lock_ops\b/netdev_$1lock_no_ops/g'; }
drop_inode() { change linux/vfio.h 's/\tstruct inode \*inode;\n//'; }
drop_debug_root() { change linux/vfio.h 's/\tstruct dentry \*debug_root;\n//'; }
drop_detach()
{
	change linux/vfio.h 's/\tvoid\t\(\*detach_ioas\).*?;\n//s; s/vfio_iommufd_physical_detach_ioas/no_detach/g'
}
drop_hex()
{
	change linux/hex.h 's/mac_pton/no_mac_pton/'
	change linux/kernel.h 's/(\n#endif\s*)$/\nbool mac_pton(const char *s, u8 *mac);$1/'
}
# To where it was until 7.1
drop_device_override()
{
	change linux/device.h 's/device_(set|match)_driver_override/device_$1_no_override/g'
	change linux/pci.h 's/\nstruct pci_dev \{\n/$&\tconst char *driver_override;\n/'
	grep -q 'int driver_set_override' "$common/include/linux/device/driver.h" ||
		change linux/device/driver.h 's/(\n#endif[^\n]*\n)$/\nint driver_set_override(struct device *dev, const char **override, const char *s, size_t len);$1/'
}
add_match_token()
{
	change linux/vfio.h 's/\tint\t\(\*match\).*?;\n/$&\tint\t(*match_token_uuid)(struct vfio_device *vdev, const uuid_t *uuid);\n/s'
	change linux/vfio_pci_core.h 's/int vfio_pci_core_match\(.*?;\n/$&int vfio_pci_core_match_token_uuid(struct vfio_device *vdev, const uuid_t *uuid);\n/s'
}
add_region_info()
{
	change linux/vfio.h 's/\nstruct vfio_device_ops/\nstruct vfio_info_cap;\nstruct vfio_region_info;$&/;
		s/\tint\t\(\*mmap\).*?;\n/$&\tint (*get_region_info_caps)(struct vfio_device *vdev, struct vfio_region_info *info, struct vfio_info_cap *caps);\n/s'
	change linux/vfio_pci_core.h 's/int vfio_pci_core_match\(.*?;\n/$&int vfio_pci_ioctl_get_region_info(struct vfio_device *vdev, struct vfio_region_info *info, struct vfio_info_cap *caps);\n/s'
}
add_precopy_v2()
{
	change linux/vfio.h 's/\tunsigned int migration_flags;\n/$&\tu8 precopy_info_v2;\n/'
	change uapi/linux/vfio.h 's/#define VFIO_MIG_GET_PRECOPY_INFO/#define VFIO_PRECOPY_INFO_REINIT (1 << 0)\n$&/'
}
add_vm_flags_set()
{
	change linux/mm.h 's/(\n#endif[^\n]*\n)$/\nstatic inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)\n{\n\tvma->vm_flags |= flags;\n}\n$1/'
}
add_device_override()
{
	change linux/device.h 's/(\n#endif[^\n]*\n)$/\nbool device_has_driver_override(struct device *dev);\nint device_set_driver_override(struct device *dev, const char *s);\nint device_match_driver_override(struct device *dev, const struct device_driver *drv);\n$1/'
}
add_iommufd()
{
	change generated/autoconf.h 's/$/\n#define CONFIG_IOMMUFD 1\n#define CONFIG_IOMMUFD_DRIVER 1\n/'
}

kernel 7.3
compiles "7.3 as it is"
dkms "7.3: DKMS builds all modules" "modules vfio-pci-engine driver-flavour driver-flavour-rdma mdev-pci $(modules)"
drop_precopy_v2
drop_device_override
compiles "as 7.0: REINIT unknown, driver_override in struct pci_dev" -VFIO_PRECOPY_INFO_V2 -DEVICE_OVERRIDE \
	PCI_OVERRIDE VFIO_REGION_INFO VFIO_MATCH_TOKEN
drop_region_info
drop_pci_ops
drop_pfn_space
compiles "as 6.18: region info by ops->ioctl" -VFIO_REGION_INFO -VFIO_PCI_DEVICE_OPS -PFN_ADDRESS_SPACE VFIO_MATCH_TOKEN
drop_match_token
drop_pasid
drop_netdev_lock
compiles "as 6.14: no operation for the token" -VFIO_MATCH_TOKEN -VFIO_PASID_IOAS -NETDEV_LOCK

kernel 7.3
drop_precopy_v2
drop_region_info
compiles "as 6.18.y: driver_override in struct device" DEVICE_OVERRIDE -PCI_OVERRIDE -VFIO_REGION_INFO \
	@vfio_pci_core_match_token_uuid

kernel 7.3
without "without NVLink2 and without driver_flavour" CONFIG_VFIO_PCI_ENGINE=m CONFIG_MDEV_PCI=m CONFIG_MDEV_PCI_REFDEV=m

kernel 7.3
change linux/vfio.h 's/vfio_mig(ration)?_ops/vfio_other_ops/g; s/vfio_log_ops/vfio_other_log_ops/g'
refused "7.3 with other operations of migration" "lacks what the modules need: VFIO's operations"

kernel 7.3
change linux/vfio_pci_core.h 's/int vfio_pci_core_enable\(/int vfio_pci_core_enable(int more, /'
refused "7.3 with another parameter of a function of vfio-pci-core" "vfio-pci-core with the functions"

kernel 7.3
change generated/autoconf.h 's/#define CONFIG_VFIO_MDEV(_MODULE)? 1\n//'
not_built "7.3 without CONFIG_VFIO_MDEV: the framework is left out" mdev-pci "lacks CONFIG_VFIO_MDEV"

kernel 7.3
change ../Module.symvers 's/.*virtio_pci_admin_dev_parts_get\t.*\n//'
not_built "7.3 whose virtio_pci does not export all: virtio is left out" virtio "lacks virtio_pci with device parts"

kernel 7.3
change ../Module.symvers 's/.*\tqat_vfmig_load_setup\t.*\n//'
not_built "7.3 whose intel_qat does not export all: qat is left out" qat "lacks intel_qat with migration of VFs"

kernel 7.3
change linux/vfio.h 's/$/\nthis is no C\n/'
: >"$log"
rc=0
! in_tree make KDIR="$kdir" modules || rc=1
grep -q "^mdev-pci: errors in the kernel's headers" "$log" || rc=1
verdict "headers with an error are no answer" $rc

kernel 6.12
compiles "6.12 as it is" NAMESPACE_TOKEN -IOVA_BITMAP
not_built "6.12 has no device parts: virtio is left out" virtio "lacks virtio_pci with device parts \\(6.13\\): virtio is not built"
dkms "6.12: DKMS builds the others" "modules vfio-pci-engine driver-flavour driver-flavour-rdma mdev-pci $(modules virtio)"
add_iommufd
compiles "6.12 with IOMMUFD" IOVA_BITMAP VFIO_DETACH_IOAS @vfio_iommufd_physical_detach_ioas
drop_device_override
drop_inode
compiles "as 6.8 with IOMMUFD: no inode of the device" -VFIO_INODE PCI_OVERRIDE IOVA_BITMAP
drop_debug_root
drop_detach
drop_hex
compiles "as 6.5 with IOMMUFD: no detachment" -VFIO_DETACH_IOAS -VFIO_DEBUG_ROOT VFIO_BIND_IOMMUFD \
	@vfio_iommufd_physical_bind

kernel 6.12
add_match_token
compiles "6.12 with 6.17's operation for the token" VFIO_MATCH_TOKEN -VFIO_REGION_INFO \
	@vfio_pci_core_match_token_uuid
add_region_info
add_precopy_v2
compiles "6.12 with 6.19's region info and 7.1's REINIT" VFIO_REGION_INFO VFIO_PRECOPY_INFO_V2 \
	@vfio_pci_ioctl_get_region_info

kernel 6.1
compiles "6.1 as it is" -VFIO_PRECOPY -VFIO_MIG_DATA_SIZE IOVA_BITMAP PCI_OVERRIDE
not_built "6.1's intel_qat does not migrate VFs: qat is left out" qat \
	"lacks intel_qat with migration of VFs \\(6.10\\): qat is not built"
add_vm_flags_set
add_device_override
compiles "6.1 with helpers of later kernels" VM_FLAGS_SET DEVICE_OVERRIDE
kernel 6.1

if [ "$pattern" = . ]; then
	: >"$log"
	# What is required has no other way; the page frames' type can't be changed by hand
	sed -n 's,^/\* HAVE_\([A-Z0-9_]*\):.*,\1,p' "$tree/drivers/vfio/pci/have.c" | while IFS= read -r word; do
		for way in + -; do
			grep -qx -- "$way $word" "$CACHE/headers/seen" || echo "never $way HAVE_$word"
		done
	done >"$log"
	[ ! -s "$log" ]
	verdict "each probe was seen to find its matter, and not to" $?
fi
verdicts
