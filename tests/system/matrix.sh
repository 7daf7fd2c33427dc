#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: matrix.sh STACK=LOG...
#
# Compares the system tests on several stacks, from the logs of host-run.sh: a table with a line for
# each test file and a column for each stack, then the skipped tests with their reasons. An empty or
# missing LOG is a stack that could not be made.
#   ok      all passed          FAILED  a test failed
#   part    passed, with skipped tests             cannot  all tests were skipped
#   -       did not run
set -e
. "$(dirname "$0")/../vm/lib/common.sh"

case ${1:-} in
--help | -h) usage ;;
'') usage 2 >&2 ;;
esac

names=$(for arg; do
	sed -nE 's/^# ---- ([0-9]{3}-[^ ]+)$/\1/p' "${arg#*=}" 2>/dev/null || true
done | sort -u)
width=20 line=
for name in $names; do
	[ ${#name} -lt $width ] || width=$((${#name} + 1))
done

# of_test LOG NAME: its lines of TAP, without numbers
of_test() { sed -nE "s/^((not )?ok) [0-9]+ - $2: /\1 /p" "$1"; }

cell() # LOG NAME
{
	local tap

	[ -s "$1" ] || { echo -; return; }
	tap=$(of_test "$1" "$2")
	if [ -z "$tap" ]; then
		# It began, but L1 did not live to its end
		grep -qx "# ---- $2" "$1" && echo FAILED || echo -
	elif grep -q '^not ok' <<<"$tap"; then
		echo FAILED
	elif ! grep -q '# SKIP' <<<"$tap"; then
		echo ok
	elif grep -v '# SKIP' <<<"$tap" |
		grep -qvxE 'ok (the kernel does not complain|no memory is lost)'; then
		echo part
	else
		echo cannot
	fi
}

# As wide as the stack's name, or the longest word
column() # STACK=LOG WORD
{
	local stack=${1%%=*}

	printf '%-*s' $((${#stack} > 6 ? ${#stack} : 6)) "$2"
}

printf -v line '%-*s' $width ''
for arg; do
	line+=" $(column "$arg" "${arg%%=*}")"
done
echo "# $line"
for name in $names; do
	printf -v line '%-*s' $width "$name"
	for arg; do
		line+=" $(column "$arg" "$(cell "${arg#*=}" "$name")")"
	done
	echo "# $line"
done
for arg; do
	[ ! -s "${arg#*=}" ] || sed -nE "s/^ok [0-9]+ - ([^:]+): (.*) # SKIP (.*)$/#   ${arg%%=*}: \1: \2: \3/p" "${arg#*=}"
done | sort -u | sed '1i # left out, and why:'
