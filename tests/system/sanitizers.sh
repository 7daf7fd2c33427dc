#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: sanitizers.sh begin FILE | end | leaks
#
# Asks a debug kernel (stack "debug") for its findings, for run.sh: "begin" and "end" around each test
# file, "leaks" after the last one. "end" prints the findings of the file. "leaks" prints its findings
# as "FILE: LINE". Status 2: this kernel has no such checks.
#
# kmemleak reports objects without a pointer to them, at the second scan at the earliest, and none
# younger than 5 s. It can be wrong while a pointer moves: an object counts as leaked if it is still
# reported 6 s later. A scan takes a minute on an emulated machine, so there is none after each file:
# the file that ran when the object was allocated is named. lockdep stops after most of its reports.
LEAKS=/sys/kernel/debug/kmemleak
DMA=/sys/kernel/debug/dma-api/all_errors
LOCKS=/proc/lockdep_stats
FILES=/run/sanitizers.files
LOCKDEP=/run/sanitizers.lockdep

lockdep()
{
	[ ! -r $LOCKS ] || sed -n 's/^ *debug_locks: *//p' $LOCKS
}

begin()
{
	lockdep >$LOCKDEP
	# Else DMA_API_DEBUG tells the first mistake and no other
	[ ! -e $DMA ] || echo 1 >$DMA
	[ ! -e $LEAKS ] || echo "$(sed -n 's/^jiffies: //p' /proc/timer_list | head -n 1) $1" >>$FILES
}

end()
{
	[ -r $LOCKS ] || exit 2
	[ "$(lockdep)" != 0 ] || [ "$(cat $LOCKDEP)" = 0 ] ||
		echo "lockdep has turned itself off; from here on it finds nothing"
}

scan()
{
	echo scan >$LEAKS
}

leaks()
{
	[ -e $LEAKS ] || exit 2
	# Objects are given a checksum, which must not change any more
	scan || { echo "all: kmemleak has turned itself off"; exit 1; }
	sleep 5.5
	scan
	[ -n "$(head -c 1 $LEAKS)" ] || exit 0
	sleep 6
	scan
	# An object: a line, who made it and when, its bytes, a trace
	awk '
	FNR == NR { start[++n] = $1; file[n] = $2; next }
	/^unreferenced object/ { head = $0; next }
	head != "" {
		for (i = 1; i <= n && start[i] <= $NF; i++)
			;
		name = i > 1 ? file[i - 1] : "boot"
		print name ": " head
		head = ""
	}
	{ print name ": " $0 }' $FILES $LEAKS
}

case $1 in
begin) begin "$2" ;;
end) end ;;
leaks) leaks ;;
*) exit 64 ;;
esac
exit 0
