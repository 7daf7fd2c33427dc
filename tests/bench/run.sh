#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [--stack NAME]
#
# Measures, asserts nothing: the time from "create" to a usable mdev with 1 to 64 VFs.
# The machine is emulated without KVM: compare the numbers of one run with each other, and
# not with those of any hardware.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"

stack=debian13
case ${1:-} in
--stack) stack=$2; shift 2 ;;
--help | -h) usage ;;
?*) usage 2 >&2 ;;
esac
need_root
# shellcheck source=../vm/stacks/debian13
. "$VM_DIR/stacks/$stack"
bin=$("$REPO_DIR/tests/system/prepare.sh" "$KERNEL")
exec "$VM_DIR/boot.sh" --stack "$stack" --timeout 400 --add "$bin" --append log_buf_len=4M \
	--device refdev,total-vfs=64 -- tests/bench/create.sh
