#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: demo.sh [--stack NAME] [--device virtio|mlx5]
#
# Demonstrates the project on a bare Debian machine. It makes the test bed and the modules if they
# are missing, and boots an emulated server (L1) with the reference device. There it starts mdevs
# with mdevctl, runs a guest whose DMA copies are verified byte for byte, and migrates the guest
# live to a second mdev on another VF. At the end it prints one table and writes a timeline of the
# migration to build/demo/. The status is 0 only if every step succeeded.
#
# --device virtio: the SNAP model, a virtio-blk disk, on the stack trixie-backports.
# --device mlx5: the ConnectX model, with RDMA in the guest.
set -e
tests=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../vm/lib/common.sh
. "$tests/vm/lib/common.sh"

stack= inside=inside.sh device=refdev
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h) usage ;;
	--stack) stack=$2; shift ;;
	--device)
		case $2 in
		virtio) inside=virtio.sh device=snap,id=snap,latency-ns=20000000 stack=${stack:-trixie-backports} ;;
		mlx5) inside=mlx5.sh device=connectx,id=cx ;;
		*) usage 2 >&2 ;;
		esac
		shift
		;;
	*) usage 2 >&2 ;;
	esac
	shift
done
stack=${stack:-debian13}
need_root
# shellcheck source=../vm/stacks/debian13
. "$tests/vm/stacks/$stack"

took() # WORDS: with the seconds since the last one
{
	printf '[demo] %-44s %4d s\n' "$*" $((SECONDS - since)) >&2
	since=$SECONDS
}

since=$SECONDS
"$tests/vm/setup.sh" "$stack"
took "test bed"
bin=$("$tests/system/prepare.sh" "$KERNEL")
took "test programs and the guest's module"
log=$CACHE/log/demo-build.log
"$tests/vm/build-modules.sh" "$KERNEL" >"$log" 2>&1 || {
	tail -n 40 "$log" >&2
	die "the modules do not build"
}
took "modules for kernel $KERNEL"
add=(--add "$bin")
if [ "$inside" = mlx5.sh ]; then
	for dir in $("$tests/vm/mlx5.sh" "$KERNEL"); do
		add+=(--add "$dir")
	done
	took "stock drivers and rdma-core"
fi
note "[demo] an emulated server boots (QEMU without KVM: 15 to 25 s)"
out=$(mktemp)
mkdir -p "$CACHE/runs"
run=$(mktemp -d "$CACHE/runs/demo-XXXXXX")
set +e
"$tests/vm/boot.sh" --run-dir "$run" --stack "$stack" --no-build --timeout 1200 --device "$device" \
	"${add[@]}" -- tests/demo/$inside |
	tee "$out" | grep --line-buffered -v '^# test bed: \(L1\|status\)'
rc=${PIPESTATUS[0]}
set -e
took "emulated server, demo and shutdown"
if [ "$rc" != 0 ]; then
	note "demo.sh: FAILED with status $rc"
	grep -h -e '^The demo FAILED' -e '^# test bed: the kernel' "$out" >&2 || true
fi
rm -f "$out"
trace=$run/share/migration.trace
if [ "$rc" = 0 ] && [ -e "$trace" ]; then
	timeline=$REPO_DIR/build/demo/timeline
	mkdir -p "${timeline%/*}"
	"$REPO_DIR/tools/vfio-mig-timeline.py" "$trace" --quiet --svg "$timeline.svg" \
		--json "$timeline.json" --title "The demo's last live migration" ||
		die "the trace of the migration is of no use"
	note "[demo] timeline of the last migration: $timeline.svg, for ui.perfetto.dev $timeline.json"
fi
exit "$rc"
