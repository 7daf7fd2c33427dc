#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh
#
# All tests of what is in tools/ (each test_* here), none of which needs a machine of its own.
# TAP; the last line is "N passed, N failed".
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

for test in "$here"/test_*; do
	echo "# ---- ${test##*/}"
	p='' f=''
	"$test" >"$out" 2>&1
	rc=$?
	read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$out" | tail -n 1)
	# The sums are those of all
	grep -vE '^([0-9]+ passed, [0-9]+ failed|1\.\.[0-9]+)$' "$out"
	passed=$((passed + ${p:-0}))
	failed=$((failed + ${f:-1}))
	if [ "$rc" != 0 ] && [ "${f:-0}" = 0 ]; then
		echo "not ok - ${test##*/} ended with status $rc"
		[ -z "$f" ] || failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
