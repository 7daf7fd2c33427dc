#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: fuzz.sh [--stack NAME] [SECONDS [SEED]]
#
# The hostile user of 128-fuzz.t for SECONDS in all (default 600), with SEED (default: by the
# clock; it is printed, and the same seeds do the same again). Prints TAP; status 1 if anything
# went wrong.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
here=$REPO_DIR/tests/system

stack=debian13
case ${1:-} in
--stack) stack=$2; shift 2 ;;
--help | -h) usage ;;
-*) usage 2 >&2 ;;
esac
seconds=${1:-600} seed=${2:-$(date +%s)}
case $seconds$seed in *[!0-9]*) usage 2 >&2 ;; esac
need_root
# shellcheck source=../vm/stacks/debian13
. "$VM_DIR/stacks/$stack"
bin=$("$here/prepare.sh" "$KERNEL")
echo "# seed $seed"
exec "$VM_DIR/boot.sh" --stack "$stack" --timeout $((seconds * 2 + 600)) --add "$bin" --once \
	--append log_buf_len=4M --device refdev,id=pf --env FUZZ_SECONDS="$seconds" \
	--env FUZZ_SEED="$seed" --env EXTRA_TIME=$((seconds * 2)) -- tests/system/run.sh 128
