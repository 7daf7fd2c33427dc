# SPDX-License-Identifier: GPL-2.0-only
# l1-STACK: what L1 boots, one directory:
#   root.erofs   the root file system, read-only (tests/vm/stacks/STACK)
#   vmlinux      its kernel, uncompressed: PVH boot saves seconds under TCG. Or, for a
#                stack with ENTRY=bzimage (and another's guests), bzimage
#   initrd       mounts root.erofs and the payload, starts the payload's init
#   modules/     the module tree again, for depmod at payload time
#   release      the kernel's release
# The image holds L2's kernel and initrd too, in /l2: over 9p they load slowly.

# What a stack's userland needs besides the packages that make it a stack.
STACK_BASE="linux-image-amd64 base-files bash dash coreutils util-linux mount
	grep sed mawk findutils diffutils procps kmod iproute2 pciutils jq socat
	uuid-runtime busybox-static cpio libc-bin udev strace"

# Parts of the kernel's module tree that are kept, with all they depend on.
# Fewer modules make depmod, the image and modprobe under TCG quick.
STACK_MODULES="arch/x86/kvm drivers/vfio drivers/iommu drivers/virtio drivers/vhost
	drivers/block/virtio_blk drivers/block/loop drivers/block/nbd
	drivers/nvme drivers/dma drivers/dca drivers/uio drivers/pci
	drivers/char/virtio_console drivers/char/hw_random/virtio-rng
	drivers/net/virtio_net drivers/net/tun drivers/net/tap drivers/net/veth
	drivers/net/dummy drivers/net/macvtap drivers/net/ethernet/intel/igb drivers/net/ethernet/intel/igbvf
	drivers/net/ethernet/intel/e1000e drivers/firmware/qemu_fw_cfg
	drivers/misc/pvpanic fs/erofs fs/overlayfs fs/9p fs/fuse net/9p net/bridge
	net/packet net/unix net/vmw_vsock lib crypto virt"
STACK_INITRD_MODULES="virtio_pci virtio_blk erofs overlay"
STACK_L2_MODULES="virtio_pci virtio_blk virtio_net virtio_console virtio-rng
	ioatdma dca nvme igbvf uio_pci_generic"

stack_check()
{
	# shellcheck disable=SC2046 # one line
	[ -f "$VM_DIR/stacks/$1" ] || die "no stack '$1' (there are:" $(ls "$VM_DIR/stacks")")"
}

stack_key() # STACK
{
	local own= GUEST_STACK='' LIKE=''

	# shellcheck source=../stacks/iommufd
	own=$(. "$VM_DIR/stacks/$1"; ! build_own "$KERNEL" ||
		{ build_key "$KERNEL"; declare -f stack_unpack_own; }
		[ -z "$LIKE" ] || cat "$VM_DIR/stacks/$LIKE"
		[ -z "$GUEST_STACK" ] ||
			{ stack_key "$GUEST_STACK"; declare -f stack_l2_other stack_kernel_bzimage; })
	hash_of "$VM_DIR/stacks/$1" ${own:+"$own"} "$STACK_BASE" "$STACK_MODULES" \
		"$STACK_INITRD_MODULES" "$STACK_L2_MODULES" \
		"$VM_DIR/initrd-init" "$VM_DIR/l2-init" "$VM_DIR/lib/vmlinux.py" \
		"$(declare -f debian_tree finish_tree stack_unpack stack_modules \
			stack_kernel stack_initrd stack_l2 stack_finish stack_libvirt stack_image)"
}

stack_dir() { artefact_dir "l1-$1" "$(stack_key "$1")"; }

stack_root() # STACK
{
	local KERNEL GUEST_STACK

	KERNEL=$(. "$VM_DIR/stacks/$1"; echo "$KERNEL")
	GUEST_STACK=$(. "$VM_DIR/stacks/$1"; echo "$GUEST_STACK")
	# Not in stack_make: one artefact is no place to make another
	! build_own "$KERNEL" || build_root "$KERNEL"
	[ -z "$GUEST_STACK" ] || stack_root "$GUEST_STACK"
	STACK=$1
	artefact "l1-$1" "$(stack_key "$1")" stack_make
}

stack_make()
{
	local SUITE KERNEL GUEST_STACK='' ENTRY='' PACKAGES MORE_SUITES='' unpack=stack_unpack dir=$1
	local IMAGE='' LIKE='' STACK_BASE=$STACK_BASE

	. "$VM_DIR/stacks/$STACK"
	STACK_BASE=${STACK_BASE/linux-image-amd64/${IMAGE:-linux-image-amd64}}
	need_host mmdebstrap erofs-utils kmod cpio xz-utils zstd python3
	! build_own "$KERNEL" || unpack=stack_unpack_own
	step "packages of $SUITE${MORE_SUITES:+ and $MORE_SUITES}" -- $unpack "$dir"
	step "modules" -- stack_modules "$dir"
	step "kernel" -- stack_kernel${ENTRY:+_$ENTRY} "$dir"
	step "initrds" -- stack_initrd "$dir"
	step "L2" -- stack_l2${GUEST_STACK:+_other} "$dir"
	step "image" -- stack_image "$dir"
}

stack_unpack()
{
	debian_tree "$SUITE" "$1/root" $STACK_BASE $PACKAGES
	ls "$1/root/usr/lib/modules" >"$1/release"
	case $(cat "$1/release") in
	"$KERNEL".*) ;;
	*) echo "$SUITE has kernel $(cat "$1/release"), not $KERNEL"; return 1 ;;
	esac
}

# With a kernel of our own, put where Debian's packages have theirs
stack_unpack_own()
{
	local dir=$1 built=$(build_dir "$KERNEL")

	debian_tree "$SUITE" "$dir/root" ${STACK_BASE/linux-image-amd64/} $PACKAGES
	cp "$built/release" "$dir/"
	mkdir -p "$dir/root/boot" "$dir/root/usr/lib/modules"
	cp -a "$built/modules/lib/modules/." "$dir/root/usr/lib/modules/"
	cp "$built/vmlinuz" "$dir/root/boot/vmlinuz-$(cat "$built/release")"
}

# The kept part of the module tree, decompressed, moves to $dir/modules.
stack_modules()
{
	local dir=$1 release=$(cat "$1/release") old new part

	old=$dir/root/usr/lib/modules/$release
	new=$dir/modules/lib/modules/$release
	mkdir -p "$new"
	depmod -b "$dir/root" "$release"
	# Since 7.x the image lies beside the modules.
	cp "$dir/root/boot/vmlinuz-$release" "$dir/vmlinuz" || cp "$old/vmlinuz" "$dir/vmlinuz"
	# modules.dep: "kernel/a.ko.xz: kernel/b.ko.xz ...", already transitive.
	for part in $STACK_MODULES; do
		# shellcheck disable=SC1087 # no array
		grep "^kernel/$part[./]" "$old/modules.dep" || true
	done | tr -d : | tr ' ' '\n' | sort -u | (cd "$old" && cpio -pdm --quiet "$new")
	cp "$old"/modules.builtin* "$old/modules.order" "$new/"
	find "$new" -name '*.ko.xz' -print0 | xargs -0 -r -n 50 -P 2 xz -d
	find "$new" -name '*.ko.zst' -print0 | xargs -0 -r -n 50 -P 2 zstd -q --rm -d
	depmod -b "$dir/modules" "$release"
	rm -rf "$dir"/root/usr/lib/modules
	mkdir -p "$dir/root/usr/lib/modules"
	cp -a "$new" "$dir/root/usr/lib/modules/"
}

stack_kernel()
{
	python3 "$VM_DIR/lib/vmlinux.py" "$1/vmlinuz" "$1/vmlinux"
	rm -rf "$1/root/boot" "$1/vmlinuz"
}

stack_kernel_bzimage()
{
	mv "$1/vmlinuz" "$1/bzimage"
	rm -rf "$1/root/boot"
}

# cpio_of DIR FILE: an initrd, uncompressed: TCG decompresses slowly.
cpio_of() { (cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) >"$2"; }

stack_initrd()
{
	local dir=$1 tree=$1/initrd.d release=$(cat "$1/release") m

	mkdir -p "$tree"/{bin,dev,proc,sys,new,lower,rw,modules}
	cp "$dir/root/usr/bin/busybox" "$tree/bin/"
	cp "$VM_DIR/initrd-init" "$tree/init"
	chmod +x "$tree/init"
	for m in $STACK_INITRD_MODULES; do
		modprobe -d "$dir/modules" -S "$release" --show-depends "$m" |
			sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++' | while read -r m; do
		cp "$m" "$tree/modules/"
		basename "$m" >>"$tree/modules/order"
	done
	cpio_of "$tree" "$dir/initrd"
	rm -rf "$tree"
}

# L2's guest: the same kernel, and a busybox initrd that a test extends by
# appending a cpio of its own (lib/l2.sh).
stack_l2()
{
	local dir=$1 tree=$1/l2.d release=$(cat "$1/release") m lib

	lib=lib/modules/$release
	mkdir -p "$tree"/{bin,dev,proc,sys,tmp,run} "$tree/$lib"
	cp "$dir/root/usr/bin/busybox" "$tree/bin/"
	cp "$VM_DIR/l2-init" "$tree/init"
	chmod +x "$tree/init"
	for m in $STACK_L2_MODULES; do
		modprobe -d "$dir/modules" -S "$release" --show-depends "$m" |
			sed -n "s,^insmod $dir/modules/\([^ ]*\).*,\1,p"
	done | sort -u | (cd "$dir/modules" && cpio -pdm --quiet "$tree")
	cp "$dir/modules/$lib"/modules.{builtin*,order} "$tree/$lib/"
	depmod -b "$tree" "$release"
	rm -f "$tree/$lib"/*.bin
	mkdir -p "$dir/root/l2"
	cpio_of "$tree" "$dir/root/l2/initrd"
	cp "$dir/vmlinux" "$dir/root/l2/vmlinux"
	rm -rf "$tree"
}

# Of another stack: the same, of a tree that has that one's kernel
stack_l2_other()
{
	local dir=$1 other=$1/guest from=$(stack_dir "$GUEST_STACK")

	mkdir -p "$other/root/usr/bin"
	cp "$dir/root/usr/bin/busybox" "$other/root/usr/bin/"
	cp -a "$from/release" "$from/vmlinux" "$from/modules" "$other/"
	stack_l2 "$other"
	mv "$other/root/l2" "$dir/root/"
	rm -rf "$other"
}

# What maintainer scripts would have done, as far as anyone here notices.
stack_finish()
{
	local root=$1

	mkdir -p "$root"/{payload,share,sys,proc,dev,run,tmp,root} \
		"$root"/etc/mdevctl.d/scripts.d/{callouts,notifiers}
	printf 'l1\n' >"$root/etc/hostname"
	printf '127.0.0.1 localhost l1\n' >"$root/etc/hosts"
	printf '%032d\n' 1 >"$root/etc/machine-id"
	printf 'share /share 9p trans=virtio,version=9p2000.L,cache=none 0 0\n' >"$root/etc/fstab"
	[ -e "$root/usr/sbin/iptables" ] || [ ! -e "$root/usr/sbin/iptables-nft" ] ||
		ln -s iptables-nft "$root/usr/sbin/iptables"
	[ ! -d "$root/etc/libvirt" ] || stack_libvirt "$root"
}

# libvirtd without systemd, users and AppArmor: QEMU is root, and its log a plain file
stack_libvirt()
{
	printf 'libvirt-qemu:x:64055:108::/var/lib/libvirt:/bin/sh\n' >>"$1/etc/passwd"
	printf 'libvirt:x:64054:\nlibvirt-qemu:x:64055:\n' >>"$1/etc/group"
	printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' \
		'namespaces = []' 'stdio_handler = "file"' >"$1/etc/libvirt/qemu.conf"
}

stack_image()
{
	local dir=$1

	stack_finish "$dir/root"
	rm -rf "$dir"/root/usr/share/{icons,fonts,zoneinfo,bug,lintian,perl5,bash-completion}
	mkfs.erofs -x-1 --all-root "$dir/root.erofs" "$dir/root" >/dev/null
	rm -rf "$dir/root"
}
