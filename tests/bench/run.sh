#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [--stack NAME] [WHAT...]
#
# Measures and asserts nothing. Each WHAT (default: all) has its own boot:
#   create    the time from "create" to a usable mdev, with 1 to 64 VFs
#   save      reading a state of 256 MiB, compared with reading a memfd
#   overlap   the time of a save, compared with firmware's time plus copying time
#   downtime  from the stop at the source to the start at the destination, with and without pre-copy
#   eight     eight saves at the same time, compared with one
#   dirty     dirty page reports over 1 GiB, 64 GiB and 1 TiB; on the stack debian12 unless --stack
#             names another: Debian 13's kernel has no dirty page logging
#   populate  touching all of a GPU's RAM in huge pages, and with one page a fault
# The machine is emulated without KVM: compare the numbers of one run with each other only.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"

stack=
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

# boot STACK SCRIPT ARGUMENTS... -- DEVICE...
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
	"$VM_DIR/boot.sh" --stack "$name" --timeout 600 --no-kvm --add "$bin" --append log_buf_len=4M \
		"${devices[@]}" -- "tests/bench/${words[0]}" "${words[@]:1}"
}

[ $# -gt 0 ] || set -- create save overlap downtime eight dirty populate
for what; do
	case $what in
	create) boot debian13 create.sh -- refdev,total-vfs=64 ;;
	save) boot debian13 migrate.sh save -- refdev,total-vfs=1,context-size=256M ;;
	overlap)
		boot debian13 migrate.sh overlap 150 -- refdev,total-vfs=1,context-size=64M \
			refdev,total-vfs=1,context-size=64M,state-bandwidth=150M
		;;
	# 820 copies: that many pages of 16384, but for those that are hit twice
	downtime)
		boot debian13 migrate.sh downtime 820 -- \
			refdev,total-vfs=2,context-size=64M,state-bandwidth=200M
		;;
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
done
