#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: inside.sh FILE...    (in L1, for tests/system/selftest.sh)
#
# Runs run.sh on the files of this directory, in which there are bugs of the kernel's, and
# asserts that it fails just those, by name and for the right reason.
here=$(cd "$(dirname "$0")" && pwd)
export TESTS=$here
out=/tmp/selftest.out
n=0 failed=0

point() # STATUS WORDS
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=$((failed + 1))
	fi
}

QUIET='the kernel does not complain'
LOST='no memory is lost' LOCKS='locks are watched'

# blamed FILE POINT REGEX: that point, and no other of the file; and what the kernel has said
blamed()
{
	local is

	[ "$(grep -c "^# ---- $1\$" $out)" = 1 ] || return 0
	is=$(sed -nE "s/^not ok [0-9]+ - $1: //p" $out)
	[ "$is" = "$2" ]
	point $? "$1: fails, and only by: $2"
	# Until the next point of a file that passes
	sed -nE "/^not ok [0-9]+ - $1: /,/^ok/p" $out | grep -qE "$3"
	point $? "$1: shows $3"
}

bash "$here/../run.sh" "$@" >$out
[ $? = 1 ]
point $? "the run fails"
blamed 010-leak "$LOST" 'unreferenced object .*size (200|256)'
blamed 020-sleep "$QUIET" 'BUG: (sleeping function called from invalid context|scheduling while atomic)'
blamed 030-dma "$QUIET" 'DMA-API: .*device driver tries to sync DMA memory it has not allocated'
blamed 040-shift "$QUIET" 'UBSAN: shift-out-of-bounds'
blamed 060-inversion "$QUIET" 'WARNING: possible circular locking dependency detected'
blamed 070-overflow "$QUIET" 'BUG: KASAN: slab-out-of-bounds'
blamed 900-lockdep-off "$LOCKS" 'lockdep has turned itself off'
for file in 050-clean 055-wanted; do
	grep -q "^# ---- $file\$" $out || continue
	! grep -q "^not ok [0-9]* - $file" $out && grep -q "^ok [0-9]* - $file: $LOST\$" $out
	point $? "$file: passes"
done
sed 's/^/# /' $out
echo "1..$n"
echo "$((n - failed)) passed, $failed failed"
[ $failed = 0 ]
