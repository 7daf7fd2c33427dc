#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: one.sh FILE
#
# Runs one test file (for run.sh). "##done" is its last line if it came to its end.
here=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d /tmp/work.XXXXXX)
export WORK
. "$here/host.sh"
. "$here/guest.sh"
. "$here/tap.sh"
find_pf
for need in $(sed -n 's/^# needs: *//p;10q' "$1"); do
	dev_has "$need" && continue
	skip "all of this file" "$REASON"
	echo "##done"
	exit 0
done
. "$1"
rm -rf "$WORK"
echo "##done"
