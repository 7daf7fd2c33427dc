#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: gcov.sh
#
# Brings the counters of modules built for gcov out of L1, to /share/gcov (tests/coverage.sh). The
# kernel keeps those of modules that were unloaded. A copy does not do, for the files have no size.
counters=/sys/kernel/debug/gcov
mountpoint -q /share || mount /share || exit 1
cd $counters || exit 1
find . -name '*.gcda' | while read -r file; do
	mkdir -p "/share/gcov/${file%/*}"
	cat "$file" >"/share/gcov/$file"
done
