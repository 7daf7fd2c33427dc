#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: host-run.sh [--stack NAME] [--other NAME] [--boots NAMES] [--all] [--bug NAME] [--keep DIR]
#                    [--root-image FILE] [PATTERN...]
#
# Runs the system tests. It boots L1 as often as the chosen tests need (PATTERN is a part of a
# test's name; default: all tests) and runs tests/system/run.sh in each boot. Prints TAP, then the
# files that failed; the last line is "N passed, N failed". The status is 1 if any test failed.
#
# --stack: the stack that L1 has (default debian13; tests/vm/stacks).
#
# --other: the stack of the second host, where two hosts are booted. The guests of both hosts get
# the machine type that all QEMU versions in use have.
#
# --boots: run only the named boots, one word: main, guests, tools, big, many, noiommu, nvlink2,
# vfctrl, sleep, reboot, rebooted, kexec, mlx5, mlx5silent, mlx5pair, pair, generic, libvirt, upstream.
# The last three take minutes, and upstream's selftests need a download: without patterns they run
# only with --all.
#
# --all: tests run their complete tables instead of a part ("full" in tap.sh).
#
# --keep: keep the files of the boots in DIR/BOOT, with gcov's counters (tests/coverage.sh).
#
# --root-image: L1's root file system, as in boot.sh. Its modules are tested instead of those of
# this checkout (tests/packages).
#
# --bug: plant a bug in the reference device's model (property x-bug of tests/qemu). The run must
# fail.
#
# Environment:
# PATIENCE=N      wait N times as long before a test counts as hung, on a busy machine. A stack's
#                 file can set it for a slow stack.
# DEVICE=NAME     the device under test, which device/NAME.sh describes (default: refdev).
# SILENT=COMMAND  the command that the SNAP model does not answer in the boot virtiosilent (default:
#                 mode-set).
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/rundir.sh"
here=$REPO_DIR/tests/system

stack=debian13 other= only= bug= all= keep= image= twice=
while [ $# -gt 0 ]; do
	case $1 in
	--stack) stack=$2; shift ;;
	--other) other=$2; shift ;;
	--boots) only=$2; shift ;;
	--all) all=1 ;;
	--keep) keep=$2; shift ;;
	--root-image) image=$2; shift ;;
	--bug) bug=,x-bug=$2; shift ;;
	--help | -h) usage ;;
	-*) usage 2 >&2 ;;
	*) break ;;
	esac
	shift
done
need_root

# Boots: what is special about each, and how long it may take in all
declare -A device=([main]='' [guests]='' [tools]='' [big]=',context-size=64M,total-vfs=2'
	[many]=',total-vfs=64' [noiommu]='' [nvlink2]='' [vfctrl]='' [reboot]='' [rebooted]='' [kexec]=''
	[sleep]='' [mlx5]='' [mlx5silent]='' [mlx5pair]='' [pair]='' [generic]='' [libvirt]='' [upstream]='' [virtio]='' [virtiosilent]='' [virtiopair]='' [conform]='')
declare -A limit=([main]=2700 [guests]=1800 [tools]=1500 [big]=400 [many]=900 [noiommu]=200
	[nvlink2]=700 [vfctrl]=600 [reboot]=200 [rebooted]=240 [kexec]=240 [pair]=1500
	[mlx5]=1500 [mlx5silent]=300 [mlx5pair]=700 [generic]=900 [libvirt]=900 [upstream]=2700 [virtio]=2700 [virtiosilent]=300 [virtiopair]=900
	[conform]=1500 [sleep]=600)
declare -A words=([noiommu]='intel_iommu=off' [sleep]='hibernate=nocompress'
	[virtio]='hibernate=nocompress')

boot_of() # FILE
{
	local b

	b=$(sed -n 's/^# boot: *//p;10q' "$1")
	echo "${b:-main}"
}

chosen()
{
	local file name p

	for file in "$here"/[0-9]*.t; do
		name=$(basename "$file" .t)
		[ $# -gt 0 ] || boot_of "$file"
		for p; do
			[[ $name != *"$p"* ]] || { boot_of "$file"; break; }
		done
	done | sort -u
}

boots=$(chosen "$@")
[ $# -gt 0 ] || [ -n "$all$only" ] || boots=$(grep -vxE "kexec|generic|upstream|libvirt|mlx5|mlx5silent|mlx5pair|virtio|virtiosilent|virtiopair|conform" <<<"$boots")
[ -z "$only" ] || boots=$(grep -xE "${only// /|}" <<<"$boots" || true)
[ -n "$boots" ] || die "no test's name contains: $*${only:+ (boots: $only)}"
for b in $boots; do
	[ -n "${limit[$b]}" ] || die "a test wants a boot '$b', which does not exist"
done

[ -z "$all" ] || limit[main]=4500 limit[mlx5]=9000 limit[mlx5silent]=1200
dev=${DEVICE:-refdev}
# shellcheck source=device/refdev.sh
. "$here/device/$dev.sh"
patience=$(. "$VM_DIR/stacks/$stack"; echo "${PATIENCE:-1}")
bin=$("$here/prepare.sh" --stack "$stack")
# The second host has a second device, with a firmware of another state version
bed=(boot.sh) pair=(boot-pair.sh --on-b --device "$DEV_MODEL,id=other,compat=2")
if [ -n "$other" ]; then
	pair+=(--stack "$other" --add "$("$here/prepare.sh" --stack "$other")"
		--both --env GUEST_MACHINE=pc-q35-7.2)
fi
pair+=(--both)
# Without them their test says so
add_selftests()
{
	local dir

	dir=$("$VM_DIR/selftests.sh") || return 0
	bed+=(--add "$dir")
}

tap=$(mktemp) disk=$(mktemp) ssdt=$(mktemp) swap=$(mktemp)
volume='' example='' variant=''
trap 'rm -rf "$tap" "$disk" "$ssdt" "$swap" $volume $example $variant' EXIT
# QEMU's own devices, each with what it needs: a network, and 64 MiB to write on
# shellcheck disable=SC2054  # the commas are QEMU's
others=(--device igb,netdev=wire,romfile= --qemu-arg -netdev --qemu-arg user,id=wire,restrict=on
	--qemu-arg -drive --qemu-arg "if=none,id=disk,format=raw,cache=unsafe,file=$disk"
	--qemu-arg -device --qemu-arg nvme-subsys,id=subsys
	--qemu-arg -device --qemu-arg nvme,serial=mdev-pci,bus=rp3,subsys=subsys,sriov_max_vfs=4,sriov_vq_flexible=10,sriov_vi_flexible=10,sriov_max_vq_per_vf=5,sriov_max_vi_per_vf=5,max_ioqpairs=12,msix_qsize=12
	--qemu-arg -device --qemu-arg nvme-ns,drive=disk,nsid=1,shared=on)
truncate -s 64M "$disk"
# Where a host that hibernates writes its image
truncate -s 3G "$swap"
# shellcheck disable=SC2054 # the commas are QEMU's
sleeps=(--qemu-arg -drive --qemu-arg "if=none,id=swap,format=raw,cache=unsafe,file=$swap")
# A GPU, its bridges with and without ATSD, and a GPU that only the firmware describes, below
# 4 GiB: QEMU's ACPI tables are of a revision that has integers of 32 bits
[[ $boots != *nvlink2* ]] || "$here/ssdt.py" SE8_ 0xa0000000 0x1000000 >"$ssdt"
# shellcheck disable=SC2054 # the commas are QEMU's
nvlink2=(--device nvlink2,id=gpu,role=gpu,base=0x6000000000,size=64M,tgt=0x77770000,ready-ms=1000
	--device nvlink2,id=link,role=link,atsd=0x6100000000,tgt=0x77770000,speed=9
	--device nvlink2,id=bare,role=link,tgt=0x77770000,speed=8
	--device nvlink2,id=acpi,role=gpu,base=0xa0000000,size=16M,dvsec=off,bus=pcie.0,addr=0x1d
	--qemu-arg -acpitable --qemu-arg "file=$ssdt")
# VFs that have their migration control themselves, beside those of the first device, which have not.
# One more without shares its IOMMU group: nothing isolates the ports, it, and its neighbour
# shellcheck disable=SC2054 # the commas are QEMU's
vfctrl=(--device "refdev,id=bar,vf-ctrl=bar" --device "refdev,id=part,vf-ctrl=part"
	--device "refdev,id=odd,vf-ctrl=odd"
	--qemu-arg -device --qemu-arg "pcie-root-port,disable-acs=on,addr=0x15,id=rp5,chassis=5,slot=5,multifunction=on"
	--qemu-arg -device --qemu-arg "pcie-root-port,disable-acs=on,addr=0x15.1,id=rp6,chassis=6,slot=6"
	--qemu-arg -device --qemu-arg refdev,id=shared,bus=rp5
	--qemu-arg -device --qemu-arg pci-testdev,bus=rp6)
# The SNAP model, and upstream's driver for its VFs if this kernel can have it
add_virtio()
{
	local kernel dir

	# Late enough that requests are in flight when a VF is stopped
	more+=(--device "snap,id=snap,trace=on,latency-ns=20000000,ballast=1536K${bug}${volume:+,volume=$volume}")
	kernel=$(. "$VM_DIR/stacks/$stack"; echo "$KERNEL")
	grep -qs virtio_pci_admin_mode_set \
		"$CACHE/build-$kernel"/*/root/usr/src/linux-headers-*/include/linux/virtio_pci_admin.h || return 0
	dir=$("$VM_DIR/upstream-driver.sh" virtio "$kernel")
	more+=(--add "$dir")
	add_variant "$kernel"
	# Without its source the test says so
	! dir=$("$VM_DIR/fio.sh") || more+=(--add "$dir")
}
# A driver for virtio VFs on the engine without mdevs: tests/variant/virtio
add_variant() # KERNEL
{
	local tree

	tree=$("$VM_DIR/build-modules.sh" "$1" 2>/dev/null) &&
		tree=$("$VM_DIR/build-modules.sh" "$1" -C tests/variant modules 2>"$CACHE/log/variant-$1.log") ||
		{ tail -n 30 "$CACHE/log/variant-$1.log" >&2; die "tests/variant does not build"; }
	variant=$(mktemp -d)
	cp "$tree/tests/variant/virtio/virtio-engine-vfio-pci.ko" "$variant/"
	more+=(--add "$variant")
}
# Upstream's sample driver mtty. Without its source the test says so
add_mtty()
{
	local dir

	dir=$("$VM_DIR/upstream-driver.sh" mtty "$(. "$VM_DIR/stacks/$stack"; echo "$KERNEL")") || return 0
	more+=(--add "$dir")
}
# Upstream's driver for VFs of QAT devices, and what stands in for intel_qat (tests/qat), where the kernel has its
# header. Without its source the test says so
add_qat()
{
	local kernel dir tree

	kernel=$(. "$VM_DIR/stacks/$stack"; echo "$KERNEL")
	ls "$CACHE/build-$kernel"/*/root/usr/src/linux-headers-*/include/linux/qat/qat_mig_dev.h >/dev/null 2>&1 || return 0
	dir=$("$VM_DIR/upstream-driver.sh" qat "$kernel") || return 0
	more+=(--add "$dir")
	tree=$("$VM_DIR/build-modules.sh" "$kernel" -C tests/qat modules 2>"$CACHE/log/qat-$kernel.log") ||
		{ tail -n 30 "$CACHE/log/qat-$kernel.log" >&2; die "tests/qat does not build"; }
	variant=$(mktemp -d)
	cp "$tree/tests/qat/qat-stand-in.ko" "$variant/"
	more+=(--add "$variant")
}
# Debian's driverctl, a download. Without it the test says so
add_driverctl()
{
	local dir

	! dir=$("$VM_DIR/driverctl.sh") || more+=(--add "$dir")
}
# What the host boots next in the boot kexec, a download. Without it the test says so
add_kexec()
{
	example=${example:-$(mktemp -d)}
	! "$VM_DIR/kexec.sh" "$stack" "$example" || more+=(--add "$example/kexec")
}
# A skeleton of docs/examples, as a vendor builds it
add_example() # NAME
{
	local ko

	ko=$("$VM_DIR/build-example.sh" "$1" "$(. "$VM_DIR/stacks/$stack"; echo "$KERNEL")")
	example=${example:-$(mktemp -d)}
	cp "$ko" "$example/"
	more+=(--add "$example")
}
# A ConnectX, with the drivers and programs that no stack has. $MLX5: more of its properties. Without
# logs of dirty pages in the kernel upstream's driver fails at each report: no tracker then. Guests' drivers
# take a time-out for their own, so it is short only where commands are not answered
add_mlx5() # BOOT
{
	local kernel dir dirs tracker=off timeout=

	kernel=$(. "$VM_DIR/stacks/$stack"; echo "$KERNEL")
	dirs=$("$VM_DIR/mlx5.sh" "$kernel")
	! grep -qs iova_bitmap_set "$CACHE/build-$kernel"/*/root/usr/src/linux-headers-*/Module.symvers || tracker=on
	[ "$1" != mlx5silent ] || timeout=,command-ms=5000
	more+=(--device "connectx,id=cx,tracker=$tracker$timeout${MLX5:+,$MLX5}")
	for dir in $dirs; do
		more+=(--add "$dir")
	done
}

# A host that boots twice: the second time it has on its disk what the first has left in /share
reboots() # BOOT
{
	twice=${keep:-${twice:-$(new_run_dir)}}
	dir=$twice/$1
	[ "$1" = reboot ] || [ ! -e "$twice/reboot/share/disk.tar" ] ||
		more+=(--disk "$twice/reboot/share/disk.tar")
}

passed=0 failed=0 reasons=
for b in main guests tools big many noiommu nvlink2 vfctrl sleep reboot rebooted kexec mlx5 mlx5silent generic libvirt upstream virtio virtiosilent conform virtiopair mlx5pair pair; do
	[[ " ${boots//$'\n'/ } " == *" $b "* ]] || continue
	start=$SECONDS
	echo "# ==== boot $b${bug:+ with bug ${bug#,x-bug=}}"
	rc=0 more=()
	[ "$b" != generic ] || more=("${others[@]}")
	[ "$b" != pair ] || bed=("${pair[@]}")
	[ "$b" != upstream ] || add_selftests
	[ "$b" != tools ] || [ -z "$all" ] || add_driverctl
	[ "$b" != kexec ] || add_kexec
	[ "$b" != sleep ] || more=("${others[@]}" "${sleeps[@]}")
	[ "$b" != vfctrl ] || more=("${vfctrl[@]}")
	[ "$b" != virtio ] || { more=("${sleeps[@]}"); add_virtio; }
	[ "$b" != virtiosilent ] || { add_virtio; more+=(--env "SILENT=${SILENT:-}"); }
	[ "$b" != virtiopair ] || { volume=$(mktemp); bed=("${pair[@]}"); add_virtio; }
	[ "$b" != mlx5pair ] || bed=("${pair[@]}")
	[[ $b != mlx5* ]] || add_mlx5 "$b"
	[ "$b" != conform ] || { add_mtty; add_qat; add_example acme-refdev; }
	[ -z "$DEV_EXAMPLE" ] || add_example "$DEV_EXAMPLE"
	[ "$b" != nvlink2 ] || more=("${nvlink2[@]}")
	[ -z "$image" ] || more+=(--root-image "$image" --no-modules)
	dir=${keep:+$keep/$b}
	[[ $b != reboot* ]] || reboots "$b"
	set +e
	# shellcheck disable=SC2086  # words on purpose
	CONSOLE_LINES=${CONSOLE_LINES:-10} "$VM_DIR/${bed[0]}" "${bed[@]:1}" --stack "$stack" \
		--timeout $((${limit[$b]} * patience)) --env PATIENCE="$patience" --env FULL=$all \
		--append "log_buf_len=4M ${words[$b]}" --add "$bin" \
		--qemu-arg -global --qemu-arg ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off \
		--device "$DEV_MODEL,id=pf${device[$b]}$bug" --env DEVICE="$dev" "${more[@]}" \
		${keep:+--env COVERAGE=1} ${dir:+--run-dir "$dir"} \
		-- tests/system/run.sh -b "$b" "$@" | tee "$tap"
	rc=${PIPESTATUS[0]}
	set -e
	read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$tap" | tail -n 1) || true
	passed=$((passed + ${p:-0}))
	failed=$((failed + ${f:-0}))
	if [ -z "${p:-}" ]; then
		# It died with tests unfinished: count what was seen, and this
		passed=$((passed + $(grep -c '^ok ' "$tap" || true)))
		failed=$((failed + 1 + $(grep -c '^not ok ' "$tap" || true)))
		reasons+="not ok - boot $b: L1 ended early (status $rc)"$'\n'
	elif [ "$rc" != 0 ] && [ "$f" = 0 ]; then
		failed=$((failed + 1))
		reasons+="not ok - boot $b: status $rc although all tests passed"$'\n'
	fi
	reasons+=$(grep '^not ok ' "$tap" || true)
	reasons=${reasons:+${reasons%$'\n'}$'\n'}
	p='' f=''
	echo "# boot $b took $((SECONDS - start)) s"
done
if [ -n "$reasons" ]; then
	echo "# failed:"
	printf '%s' "$reasons" | sed 's/^/#   /'
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
