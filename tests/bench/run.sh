#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [--stack NAME] [WHAT...]
#
# Measures and asserts nothing, and puts the numbers into docs/performance.rst (page.py) and its pictures
# (docs/pictures/draw.py). Each WHAT (default: all) has its own boot:
#   create    creating an mdev, and opening it, with 1 to 255 VFs
#   save      saving and loading a state of 256 MiB, compared with a memfd, and where the time goes
#   overlap   the time of a save, compared with firmware's time plus copying time
#   downtime  from the stop at the source to the start at the destination, with and without pre-copy, and its parts
#   guest     the same of a guest that migrates by QEMU
#   eight     eight saves at the same time, compared with one
#   dirty     dirty page reports over 1 GiB, 64 GiB and 1 TiB; on the stack debian12 unless --stack
#             names another: Debian 13's kernel has no dirty page logging
#   fleet     the commands of a host with 64 and 255 mdevs on one device, and with 64 and 256 on four
#   libvirt   how long libvirt needs to see 64 and 255 new mdevs, without and with our callout for mdevctl; 15 minutes. LIBVIRT_MDEVS=64 in
#             the environment: other numbers
#   access    MMIO, DMA mapping and MSI-X of an mdev and of a VF with stock vfio-pci, in turns
#   populate  touching all of a GPU's RAM in huge pages, and with one page a fault
# The machine is emulated without KVM: compare the numbers of one run with each other only.
set -e -o pipefail
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/build.sh"
. "$VM_DIR/recipes/stack.sh"

stack= append= kvm=--no-kvm
while [ $# -gt 0 ]; do
	case $1 in
	--stack) stack=$2; shift ;;
	--help | -h) usage ;;
	-*) usage 2 >&2 ;;
	*) break ;;
	esac
	shift
done
need_root

# boot STACK SCRIPT ARGUMENTS... -- DEVICE...; $append: words for the kernel; $limit: its seconds; $kvm: for guests
boot()
{
	local name=${stack:-$1} words=() devices=() bin KERNEL

	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	for d; do
		devices+=(--device "$d")
	done
	# shellcheck source=../vm/stacks/debian13
	. "$VM_DIR/stacks/$name"
	bin=$("$REPO_DIR/tests/system/prepare.sh" "$KERNEL")
	"$VM_DIR/boot.sh" --stack "$name" --timeout "${limit:-600}" $kvm --add "$bin" --append "log_buf_len=4M $append" \
		"${devices[@]}" -- "tests/bench/${words[0]}" "${words[@]:1}"
}

[ $# -gt 0 ] || set -- create save overlap downtime guest eight dirty populate access fleet libvirt
log=$CACHE/log/bench.log
mkdir -p "${log%/*}"
: >"$log"

# On this machine
checksum()
{
	need_host gcc libc6-dev
	gcc -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -o "$CACHE/log/checksum" "$REPO_DIR/tests/bench/checksum.c"
	"$CACHE/log/checksum"
}

measure() # WHAT
{
	case $1 in
	create) boot debian13 create.sh -- refdev,total-vfs=255 ;;
	fleet)
		boot debian13 fleet.sh 64 255 -- refdev,total-vfs=255
		boot debian13 fleet.sh 64 256 -- refdev,total-vfs=64 refdev,total-vfs=64 refdev,total-vfs=64 refdev,total-vfs=64
		;;
	# A processor that halts is a thread of the host that sleeps: the host's scheduler would be measured
	access) append=idle=poll boot debian13 migrate.sh access 16 -- refdev,total-vfs=2 ;;
	libvirt)
		# shellcheck disable=SC2086 # words on purpose
		limit=1500 boot debian13 fleet.sh libvirt ${LIBVIRT_MDEVS:-64 255} -- refdev,total-vfs=255
		;;
	save)
		boot debian13 migrate.sh save -- refdev,total-vfs=1,context-size=256M
		checksum
		;;
	overlap)
		boot debian13 migrate.sh overlap 150 -- refdev,total-vfs=1,context-size=64M \
			refdev,total-vfs=1,context-size=64M,state-bandwidth=150M
		;;
	# 820 copies: that many pages of 16384, but for those that are hit twice
	downtime)
		boot debian13 migrate.sh downtime 820 -- \
			refdev,total-vfs=2,context-size=64M,state-bandwidth=200M
		;;
	guest) kvm='' boot debian13 migrate.sh guest -- refdev,total-vfs=2,context-size=16M,state-bandwidth=200M ;;
	eight)
		boot debian13 migrate.sh eight -- refdev,context-size=16M \
			refdev,context-size=16M,latencies=save=50000000
		;;
	dirty)
		boot debian12 migrate.sh dirty -- refdev,total-vfs=1,tracker-pages=268435456
		;;
	populate)
		boot debian13 migrate.sh populate -- refdev,total-vfs=1 \
			nvlink2,role=gpu,base=0x6000000000,size=256M,tgt=0x77770000
		;;
	*) usage 2 >&2 ;;
	esac
}

conditions() # STACK
{
	local KERNEL

	. "$VM_DIR/stacks/${stack:-$1}"
	echo "measured $(date -u +%F), stack ${stack:-$1}, kernel $(cat "$(stack_dir "${stack:-$1}")/release")," \
		"load of the machine at the start $(cut -d ' ' -f 1 /proc/loadavg)"
}

for what; do
	of=debian13
	[ "$what" != dirty ] || of=debian12
	echo "==== $what $(conditions $of)" | tee -a "$log"
	measure "$what" | tee -a "$log"
done
"$REPO_DIR/tests/bench/page.py" "$log" "$REPO_DIR/docs/performance.rst"
"$REPO_DIR/docs/pictures/draw.py" --bench
