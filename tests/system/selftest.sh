#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: selftest.sh [--stack NAME]
#
# Selfcheck of the system tests: in L1 of a stack with a debug kernel (default debug), each test
# file plants one bug by a kernel module (selftest/plant.c). run.sh must fail exactly these files, for
# the right reason. TAP. Two boots: lockdep, once off, stays off.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
here=$REPO_DIR/tests/system

stack=debug
case ${1:-} in
--stack) stack=$2 ;;
--help | -h) usage ;;
'') ;;
*) usage 2 >&2 ;;
esac
need_root
# shellcheck source=../vm/stacks/debug
. "$VM_DIR/stacks/$stack"
bin=$("$here/prepare.sh" --stack "$stack")
log=$CACHE/log/selftest-$KERNEL.log
tree=$("$VM_DIR/build-modules.sh" "$KERNEL" -C tests/system/selftest modules 2>"$log") || {
	tail -n 30 "$log" >&2
	die "the module with bugs does not build"
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp -a "$bin" "$tmp/"
cp "$tree/tests/system/selftest/plant.ko" "$tmp/bin/"

rc=0 out=$tmp/out
for files in '010 020 030 040 050 055 060 070' 900; do
	# shellcheck disable=SC2086  # words on purpose
	"$VM_DIR/boot.sh" --stack "$stack" --timeout 900 --add "$tmp/bin" \
		--append log_buf_len=4M --device refdev,id=pf \
		-- tests/system/selftest/inside.sh $files | tee -a "$out"
	[ "${PIPESTATUS[0]}" = 0 ] || rc=1
done
awk '/^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3 } END { print p + 0 " passed, " f + 0 " failed" }' "$out"
exit $rc
