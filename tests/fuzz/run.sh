#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [--seconds N] [--keep] [stream|upstream|v1|parts|cx|cxcmd]...
#
# Fuzzes the code that reads hostile input. It builds the modules' own sources in user space with
# libFuzzer, AddressSanitizer and UBSan, and runs each target on the stored corpus
# (tests/fuzz/corpus) and then on new inputs, for a fixed number of runs or N seconds. TAP; an input
# that crashes a target is stored and named. --keep adds inputs to the corpus that reached new code.
# cx: images that the ConnectX model gets from another host; cxcmd: its command queue.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
# shellcheck source=../vm/lib/debian.sh
. "$VM_DIR/lib/debian.sh"
here=$REPO_DIR/tests/fuzz
engine=$REPO_DIR/drivers/vfio/pci
virtio=$REPO_DIR/drivers/vfio/mdev-pci/virtio
model=$REPO_DIR/tests/qemu
build=$CACHE/fuzz
RUNS=200000

limit='' keep=
while [ $# -gt 0 ]; do
	case $1 in
	--seconds) limit=-max_total_time=$2; shift ;;
	--keep) keep=1 ;;
	--help | -h) usage ;;
	-*) usage 2 >&2 ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || set -- stream upstream v1 parts cx cxcmd
need_host clang libclang-rt-14-dev libc6-dev linux-libc-dev libglib2.0-dev pkg-config
mkdir -p "$build"

compile() # TARGET SOURCE...
{
	clang -O1 -g -std=gnu11 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -I"$here/../unit/shim" -I"$engine" -I"$virtio" \
		-o "$build/fuzz_$1" "$here/fuzz_$1.c" "${@:2}"
}

# The model's sources, without the rest of QEMU
compile_cx() # TARGET SOURCE...
{
	local flags sources=("${@:2}")

	read -ra flags < <(pkg-config --cflags --libs glib-2.0)
	clang -O1 -g -std=gnu11 -Wall -Wextra -Wno-sign-compare -Wno-unused-parameter -Werror -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -I"$here/shim" -I"$model" -I"$here/../unit/shim" \
		-o "$build/fuzz_$1" "$here/fuzz_$1.c" "$here/crc32c.c" "${sources[@]/#/$model/}" "${flags[@]}"
}

# A fixed seed: the same runs on every machine
fuzz() # TARGET
{
	local target=$1 found=$build/new-$1

	rm -rf "$found"
	mkdir -p "$found" "$build/crashes"
	"$build/fuzz_$target" "${limit:--runs=$runs}" -seed=1 -max_len=40000 -timeout=20 -print_final_stats=1 \
		-artifact_prefix="$build/crashes/$target-" "$found" "$here/corpus/$target" \
		>"$build/$target.log" 2>&1
}

n=0 failed=0
for target; do
	n=$((n + 1)) runs=$RUNS
	case $target in
	stream) compile stream "$here/crc32c.c" "$engine/stream.c" ;;
	upstream) compile upstream "$here/crc32c.c" "$engine/stream.c" ;;
	v1) compile v1 "$engine/v1_regs.c" ;;
	parts) compile parts "$virtio/parts.c" ;;
	# Each run is long: less of them
	cx) compile_cx cx cx-{image,object,eq,cq,qp,rc}.c
		runs=$((RUNS / 5)) ;;
	cxcmd) compile_cx cxcmd cx-{command,image,object,eq,cq,qp,rc,hca,port,migrate,tracker}.c
		runs=$((RUNS / 20)) ;;
	*) usage 2 >&2 ;;
	esac
	if fuzz "$target"; then
		echo "ok $n - fuzz $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log") runs"
	else
		failed=$((failed + 1))
		echo "not ok $n - fuzz $target: crashes are in $build/crashes"
		tail -n 40 "$build/$target.log" | sed 's/^/# /'
	fi
	[ -z "$keep" ] || "$build/fuzz_$target" -merge=1 "$here/corpus/$target" "$build/new-$target" 2>&1 | tail -n 1
done
echo "1..$n"
echo "$((n - failed)) passed, $failed failed"
[ $failed = 0 ]
