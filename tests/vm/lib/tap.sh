# SPDX-License-Identifier: GPL-2.0-only
# How scripts on L0 print TAP and count. (System tests: tests/system/tap.sh.) Sourced.

passed=0 failed=0

# verdict NAME STATUS [ARGUMENT...]: one test. If the status is not 0, "tell ARGUMENT..." of the script explains it.
verdict()
{
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $((passed + failed)) - $1"
		return 0
	fi
	failed=$((failed + 1))
	echo "not ok $((passed + failed)) - $1"
	{ tell "${@:3}" || true; } | sed 's/^/# /'
}

# verdicts: the last lines. Fails if a test has, or if there was none
verdicts()
{
	echo "1..$((passed + failed))"
	echo "$passed passed, $failed failed"
	[ $failed = 0 ] && [ $passed != 0 ]
}
