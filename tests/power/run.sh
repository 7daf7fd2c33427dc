#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [KERNEL[-64k][-guest]...]
#
# Tests the engine on an emulated POWER9 machine (QEMU's powernv9). It boots Debian's kernels with
# our engine, changes the device tree at run time (power-test.c) and runs the tests in init.
# Default: 6.12 with pages of 4 and of 64 KiB, and 7.2 with 4 KiB if Debian has it. VFIO does not
# work on 6.1's ppc64le. -guest: QEMU 7.2 in the machine assigns both functions to a guest
# (guest.sh). KERNEL: 6.12, 6.12-64k, 7.2, 6.12-64k-guest, ... tests/cross/run.sh builds all modules
# for ppc64le.
#
# Prints TAP; the last line is "N passed, N failed". PATIENCE=N in the environment: wait N times as
# long for the machine.
set -e
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"
. "$VM_DIR/recipes/build.sh"
. "$VM_DIR/recipes/power.sh"

SECONDS_MAX=120		# 20 on a quiet machine
case ${1:-} in
--help | -h) usage ;;
-*) usage 2 >&2 ;;
esac
need_root
need_host rsync kmod cpio binutils

tell() { tail -n 40 "$1"; } # LOG

# compile KERNEL SIZE WORDS...: make in the tree of the two, with all warnings
compile()
{
	local kernel=$1 size=$2

	shift 2
	# shellcheck disable=SC2046 # words
	power_run "$kernel" "$tree" make -j"$(nproc)" $(cross_make_args ppc64el "$kernel" "$size") W=1 "$@"
}

# The real consumer, which needs its bug mended from outside (keep.c)
guest() # KERNEL
{
	power_run "$1" "$tree" $POWER_TRIPLET-gcc -O2 -Wall -shared -fPIC -nostdlib tests/power/keep.c \
		-o keep.so || return 1
	cp -a "$(power_guest_dir)/q" "$tree/keep.so" "$root/"
	mv "$root/keep.so" "$root/q/"
	mkdir "$root/lib64"
	cp "$root/q/lib/ld64.so.2" "$root/lib64/"
	cp "$tree/tests/power/guest.sh" "$root/guest"
}

# The engine, the test's module and program for one kernel: into $root, an initrd's tree
initrd() # KERNEL SIZE RELEASE [guest]
{
	local lib=$root/lib/modules/$3

	rm -rf "$root"
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,lib/modules}
	cp "$bed/busybox" "$root/bin/"
	cp -a "$bed/${2:-4k}/modules/lib/modules/$3" "$root/lib/modules/"
	mkdir "$lib/extra"
	cp "$tree/drivers/vfio/pci/vfio-pci-engine.ko" "$tree/tests/power/power-test.ko" "$lib/extra/"
	depmod -b "$root" "$3"
	cp "$tree/vfio-nvlink2" "$root/bin/"
	cp "$tree/tests/power/init" "$root/init"
	[ -z "$4" ] || guest "$1" || return 1
	(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$tree/initrd"
	cp "$bed/${2:-4k}/vmlinux" "$tree/vmlinux"
}

machine_files() # KERNEL SIZE [guest]
{
	local release=$(cat "$bed/${2:-4k}/release")

	compile "$1" "$2" config="CONFIG_VFIO_PCI_ENGINE=m CONFIG_VFIO_PCI_ENGINE_NVLINK2=y" modules || return 1
	compile "$1" "$2" -C tests/power \
		KBUILD_EXTRA_SYMBOLS=/src/Module.symvers modules || return 1
	power_run "$1" "$tree" $POWER_TRIPLET-gcc -O2 -Wall -static \
		-D_GNU_SOURCE -Itools/conform tests/system/vfio-nvlink2.c tools/conform/{device,v1,v2,user}.c \
		-o vfio-nvlink2 || return 1
	initrd "$1" "$2" "$release" "$3"
}

# Memory that Linux is told not to have stands for the GPU's. The other functions are there so that
# VFIO can't reset the bus at each close, for which this machine's firmware takes 6 s. The emulator is
# in a root of its own, where the tree is at /src
machine() # KERNEL SIZE [guest]
{
	local config page=4096 count=n

	[ -z "$2" ] || page=65536
	config=$(power_dir "$1")/root/usr/src/linux-headers-$(cat "$bed/${2:-4k}/release")/.config
	! grep -qx CONFIG_PREEMPT_COUNT=y "$config" || count=y
	root_run "$(power_qemu_dir)/root" "$tree" timeout -k 10 $((SECONDS_MAX * ${PATIENCE:-1})) \
		qemu-system-ppc64 -M powernv9 -accel tcg,thread=multi,tb-size=512 -m 2G -nographic \
		-no-reboot -nic none -kernel vmlinux -initrd initrd \
		-append "console=hvc0 loglevel=1 panic=-1 mem=1536M power.page=$page power.count=$count power.test=$3" \
		-device edu,bus=pcie.0,addr=0.0,multifunction=on -device pci-testdev,bus=pcie.0,addr=0.1 \
		-device edu,bus=pcie.1,addr=0.0,multifunction=on -device pci-testdev,bus=pcie.1,addr=0.1 \
		</dev/null
}

# Its TAP is ours, with the kernel's name. A machine that does not reach the end has failed
boot() # KERNEL SIZE [guest]
{
	local name=$1${2:+-$2}${3:+-$3} console line rc=0 bed tree root
	local log=$CACHE/log/power-$name.log

	bed=$(power_boot_dir "$1")
	tree=$(build_sync "power-$name")
	root=$CACHE/work/power-$name/root
	console=$tree/console
	machine_files "$@" >"$log" 2>&1 8>&- || { verdict "$name: modules and initrd" 1 "$log"; return; }
	machine "$@" >"$console" 2>&1 || true
	while IFS= read -r line; do
		case $line in
		'ok '*) verdict "$name: ${line#ok }" 0 ;;
		'not ok '*)
			verdict "$name: ${line#not ok }" 1 /dev/null
			;;
		'# '*) echo "$line" ;;
		esac
	done < <(tr -d '\r' <"$console")
	grep -q '^power: end' "$console" || rc=1
	verdict "$name: the machine came to its end" $rc "$console"
}

kernels=${*:-}
power_qemu
for k in ${kernels:-6.12 6.12-64k 7.2 6.12-64k-guest 7.2-guest}; do
	test= size=
	case $k in *-guest) test=guest k=${k%-guest}; power_guest ;; esac
	case $k in *-64k) size=64k k=${k%-64k} ;; esac
	optional "$VM_DIR/kernels/$k" power_boot "$k"
	[ $OPTIONAL_RC != 0 ] || boot "$k" "$size" $test
done
verdicts
