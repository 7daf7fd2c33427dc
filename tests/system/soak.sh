#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: soak.sh [--stack NAME] [N]
#
# N (default 50) live migrations of one guest, back and forth between two mdevs, while
# its copies go on. One line for each, then a summary. Status 1 at the first context that
# differs, copy that is wrong, or anything else that goes wrong.
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
n=${1:-50}
case $n in *[!0-9]* | 0) usage 2 >&2 ;; esac
need_root
# shellcheck source=../vm/stacks/debian13
. "$VM_DIR/stacks/$stack"
bin=$("$here/prepare.sh" "$KERNEL")
exec "$VM_DIR/boot.sh" --stack "$stack" --timeout $((300 + n * 40)) --add "$bin" \
	--append log_buf_len=4M --device refdev -- tests/system/soak-inside.sh "$n"
