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
. "$1"
rm -rf "$WORK"
echo "##done"
