#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: run.sh [--device PROPERTIES] [TEST...]
#
# Builds the exerciser of the reference device and runs it (or the tests that
# are named) in L1; TAP output. PROPERTIES are of the device, such as
# context-size=16M,copy-ns=100000. Without, there are a second device that knows
# neither pre-copy nor CONFIGURE, and one whose VFs have control blocks, for the tests
# of that.
set -e
here=$(cd "$(dirname "$0")" && pwd)
devices=(--device refdev --device "refdev,pre-copy=off,configure=off"
	--device "refdev,vf-ctrl=part")
case $1 in
--device) devices=(--device "refdev,$2"); shift 2 ;;
--help | -h) sed -n '/^# usage/,/^set/s/^# \?//p' "$0"; exit ;;
esac
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
(cd "$here" && "${CC:-cc}" -std=gnu11 -O2 -g -Wall -Wextra -Wno-parentheses \
	-static -o "$tmp/exercise" ./*.c)
"$here/../../vm/boot.sh" --no-modules --timeout 600 "${devices[@]}" \
	--add "$tmp/exercise" -- tests/qemu/exercise/l1.sh "$@"
