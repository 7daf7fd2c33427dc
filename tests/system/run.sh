#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [-b BOOT] [PATTERN...]
#
# Runs system tests in L1 and prints TAP. A test is a file NNN-name.t in this directory. It runs if
# its name has one of the patterns (default: all), and if it belongs to this boot (its line "# boot:
# NAME", default main). Other lines of a test file:
#
# "# timeout: SECONDS"       the limit of the file; EXTRA_TIME in the environment is added to it
# "# timeout-full: SECONDS"  the limit with FULL in the environment (host-run.sh --all)
# "# needs: WORD..."         what the device under test must have (device/refdev.sh); otherwise the
#                            file is skipped
# "# dma-faults: expected"   the IOMMU blocks DMA of the device
# "# wrecks: WHY"            the file leaves a state that cannot be cleaned up; no file runs
#                            after it
# "# complains: REGEX"       the test provokes this complaint of the kernel
# "# loses: REGEX"           a driver of the kernel leaks memory; REGEX is in the trace of the leak
#
# After each file the kernel's log is searched. A warning, oops, lockdep report, hung task, wrong
# use of DMA's interface or DMA fault fails the file, unless the file expects it. Leaked memory and
# a lockdep that has turned itself off fail the file, too, where the kernel can detect them
# (sanitizers.sh). So does anything that the file leaves behind.
#
# With "-b pair" this is hostA (tests/vm/boot-pair.sh), and hostB is checked as well. TESTS in the
# environment: the directory with the files. COVERAGE: gcov's counters are kept in /share. The
# status is 1 if anything failed; the last line is "N passed, N failed".

here=$(cd "$(dirname "$0")" && pwd)
: "${PAYLOAD:=/payload}"
: "${TOOLS:=$PAYLOAD/bin}"
: "${TESTS:=$here}"
export PAYLOAD TOOLS PATH=$TOOLS:$PATH
SPLAT='BUG: |Oops|cut here|WARNING: |INFO: task .* blocked|INFO: rcu|general protection|refcount_t:|list_(add|del) corruption|UBSAN:|KASAN:|Call Trace|DMA-API: |ODEBUG: |kmemleak: .*(disabled|error)|INFO: (possible|trying)|BUG [a-z]|sysfs: cannot create duplicate|scheduling while atomic'
DMA_FAULT='|DMAR: \['

# The test bed keeps user space out of the log; tests only read it
echo ratelimit >/proc/sys/kernel/printk_devkmsg

boot=main
if [ "$1" = -b ]; then
	boot=$2
	shift 2
fi
n=0 failed=0 other= ran=
if [[ $boot = *pair ]]; then
	. "$here/../vm/lib/peer.sh"
	other=$PEER
	peer sh -c 'echo ratelimit >/proc/sys/kernel/printk_devkmsg'
fi

header() # FILE KEY DEFAULT
{
	local v

	v=$(sed -n "s/^# $2: *//p;10q" "$1")
	printf '%s\n' "${v:-$3}"
}

# Numbers the lines of one file and counts them
number()
{
	local line

	while IFS= read -r line; do
		case $line in
		'ok -'* | 'not ok -'*)
			n=$((n + 1))
			if [ "${line#not}" != "$line" ]; then
				failed=$((failed + 1))
				printf 'not ok %d - %s: %s\n' $n "$1" "${line#not ok - }"
			else
				printf 'ok %d - %s: %s\n' $n "$1" "${line#ok - }"
			fi
			;;
		'##done') ;;
		'#'*) printf '%s\n' "$line" ;;
		*) printf '# %s\n' "$line" ;;
		esac
	done
}

# say HOST WORDS: write to a host's log, which the test bed checks for complaints at the end (tests/vm/init).
# What is between "NAME begins" and "NAME is judged" was judged here, and is not its affair
say()
{
	if [ -z "$1" ]; then
		echo "run.sh: $2" >/dev/kmsg
	else
		peer sh -c "echo 'run.sh: $2' >/dev/kmsg"
	fi
}

point() # OK? NAME DESCRIPTION [TEXT]
{
	local word=ok

	[ "$1" = 1 ] || word='not ok'
	{
		printf '%s - %s\n' "$word" "$3"
		[ -z "$4" ] || sed 's/^/# /' <<<"$4"
	} >/tmp/point
	number "$2" </tmp/point
}

# Runs COMMAND with a limit, output to FILE. Never waits for a process that even
# SIGKILL does not end: status 125 then.
limited() # SECONDS FILE COMMAND...
{
	local limit=$1 out=$2 end child

	shift 2
	rm -f /tmp/limited.rc
	(
		timeout -k 5 "$limit" "$@" >"$out" 2>&1 </dev/null
		echo $? >/tmp/limited.rc.new
		mv /tmp/limited.rc.new /tmp/limited.rc
	) &
	child=$!
	end=$((SECONDS + limit + 10))
	while [ ! -e /tmp/limited.rc ]; do
		[ $SECONDS -lt $end ] || return 125
		sleep 0.05
	done
	wait $child
	return "$(cat /tmp/limited.rc)"
}

# A guest that is left has no parent here: kill it by its stored id
story()
{
	local dir

	for dir in /tmp/guests/*; do
		[ -d "$dir" ] || continue
		for f in log console; do
			[ -s "$dir/$f" ] || continue
			echo "-- guest ${dir##*/}, last lines of $f"
			tail -n 15 "$dir/$f" | tr -d '\r' | sed '$a\'
		done
	done
}

# Without the complaints that are wanted, up to the end of their traces
unexpected() # REGEX LOG
{
	[ -n "$1" ] || { printf '%s\n' "$2"; return; }
	awk -v wanted="$1" '
		/-\[ cut here \]-/ { held = $0; next }
		$0 ~ wanted { skip = 1; held = "" }
		held != "" { print held; held = "" }
		!skip
		/<\/TASK>/ { skip = 0 }
		END { if (held != "") print held }' <<<"$2"
}

# judge NAME LOG HOST FAILED-BEFORE: what a host's kernel has said during a file, but for
# faults without $dma_fault
judge()
{
	local name=$1 log=$2 who="the kernel${3:+ of $3}" splat

	log=$(unexpected "$(header "$TESTS/$name.t" complains '')" "$log")
	splat=$(grep -n -m 1 -E "$SPLAT$dma_fault" <<<"$log" | cut -d: -f1)
	if [ -n "$splat" ]; then
		point 0 "$name" "$who does not complain" \
			"$(tail -n "+$splat" <<<"$log" | head -n 40)"
	else
		point 1 "$name" "$who does not complain"
	fi
	if [ $failed != "$4" ] && [ -z "$splat" ]; then
		echo "# the kernel's log during $name${3:+, of $3}, its end:"
		tail -n 25 <<<"$log" | sed 's/^/#   /'
	fi
}

# What it says while it is cleaned up after the file, and searched for what is lost
judge_clean_up() # NAME LOG HOST
{
	local splat

	splat=$(grep -n -m 1 -E "$SPLAT" <<<"$2" | cut -d: -f1)
	[ -z "$splat" ] || point 0 "$1" "the kernel${3:+ of $3} does not complain afterwards" \
		"$(tail -n "+$splat" <<<"$2" | head -n 40)"
}

# clean HOST: "" or the other one. What was left there: /tmp/cleanup.out
clean()
{
	if [ -z "$1" ]; then
		limited 60 /tmp/cleanup.out sh "$here/cleanup.sh"
	else
		PEER_TIMEOUT=60 peer sh "$here/cleanup.sh" >/tmp/cleanup.out
	fi
}

# on HOST COMMAND...: the output goes to /tmp/on.out
on()
{
	local host=$1

	shift
	if [ -z "$host" ]; then
		limited 600 /tmp/on.out "$@"
	else
		PEER_TIMEOUT=600 peer "$@" >/tmp/on.out
	fi
}

# Locks are watched as long as lockdep is on; a complaint turns it off, and is the file's fault
# already
sanitize() # NAME HOST FAILED-BEFORE
{
	local rc

	on "$2" sh "$here/sanitizers.sh" end
	rc=$?
	[ $rc != 2 ] || return
	[ $rc = 0 ] || echo "status $rc" >>/tmp/on.out
	if [ -s /tmp/on.out ] && [ "$failed" = "$3" ]; then
		point 0 "$1" "locks are watched${2:+ on $2}" "$(cat /tmp/on.out)"
	else
		sed 's/^/# /' /tmp/on.out
	fi
}

# Without the objects whose trace has what a file names in its line "# loses: REGEX"
not_known() # REGEX
{
	awk -v known="$1" '
		function flush() { if (object != "" && (known == "" || object !~ known)) printf "%s", object; object = "" }
		/^unreferenced object/ { flush() }
		{ object = object $0 "\n" }
		END { flush() }'
}

# After the last file: memory that is lost, by the file that ran when it was made
leaks() # HOST
{
	local rc name report

	on "$1" sh "$here/sanitizers.sh" leaks
	rc=$?
	[ $rc != 2 ] || return
	[ $rc = 0 ] || echo "all: status $rc" >>/tmp/on.out
	mv /tmp/on.out /tmp/leaks.out
	for name in $ran $(sed -nE 's/^(boot|all): .*/\1/p' /tmp/leaks.out | sort -u); do
		report=$(sed -n "s/^$name: //p" /tmp/leaks.out |
			not_known "$(header "$TESTS/$name.t" loses '' 2>/dev/null)" | head -n 60)
		point "$([ -n "$report" ] || echo 1)" "$name" "no memory is lost${1:+ on $1}" "$report"
	done
}

run_one() # FILE
{
	local file=$1 name limit seq other_seq rc log left host start=$SECONDS before=$failed
	local dma_fault=$DMA_FAULT

	name=$(basename "$file" .t)
	limit=$(header "$file" timeout 60)
	[ -z "$FULL" ] || limit=$(header "$file" timeout-full "$limit")
	limit=$((limit * ${PATIENCE:-1} + ${EXTRA_TIME:-0}))
	[ "$(header "$file" dma-faults none)" != expected ] || dma_fault=
	for host in '' $other; do
		say "$host" "$name begins"
	done
	seq=$(tool logseq)
	[ -z "$other" ] || other_seq=$(peer "$TOOLS/tool" logseq)
	echo "# ---- $name"
	ran="$ran $name"
	for host in '' $other; do
		on "$host" sh "$here/sanitizers.sh" begin "$name"
	done
	limited "$limit" /tmp/test.out sh "$here/one.sh" "$file"
	rc=$?
	number "$name" </tmp/test.out
	for host in '' $other; do
		say "$host" "$name is judged"
	done
	log=$(tool log "$seq")
	case $rc in
	124 | 137)
		point 0 "$name" "ends within $limit s" "$(story
			[ -z "$other" ] || peer bash -c "$(declare -f story); story")"
		;;
	125)
		echo w >/proc/sysrq-trigger
		point 0 "$name" "ends when it is killed" "$(tool log "$seq" | tail -n 60)"
		bail=1
		;;
	*)
		grep -q '^##done' /tmp/test.out ||
			point 0 "$name" "comes to its end" "status $rc"
		;;
	esac
	judge "$name" "$log" "" $before
	if [ -n "$other" ]; then
		log=$(peer "$TOOLS/tool" log "$other_seq") ||
			point 0 "$name" "$other tells its kernel's log" "$log"
		judge "$name" "$log" "$other" $before
	fi
	wrecked=$(header "$file" wrecks '')
	[ -z "$bail$wrecked" ] || return
	seq=$(tool logseq)
	[ -z "$other" ] || other_seq=$(peer "$TOOLS/tool" logseq)
	for host in '' $other; do
		clean "$host"
		rc=$?
		left=$(cat /tmp/cleanup.out)
		if [ $rc != 0 ]; then
			point 0 "$name" "${host:+$host }can be cleaned up after" "$left"
			bail=1
		elif [ -n "$left" ] && [ $failed = $before ]; then
			point 0 "$name" "leaves nothing behind${host:+ on $host}" "$left"
		fi
	done
	for host in '' $other; do
		[ -n "$bail" ] || sanitize "$name" "$host" $before
	done
	judge_clean_up "$name" "$(tool log "$seq")"
	[ -z "$other" ] || judge_clean_up "$name" "$(peer "$TOOLS/tool" log "$other_seq")" "$other"
	echo "# $name took $((SECONDS - start)) s"
}

matches() # NAME PATTERN...
{
	local name=$1 p

	shift
	[ $# -gt 0 ] || return 0
	for p; do
		[[ $name == *"$p"* ]] && return 0
	done
	return 1
}

bail= wrecked=
for host in '' $other; do
	# Of a host that has just come up that is the test's
	[[ $boot != rebooted && $boot != kexec ]] || break
	clean "$host" || {
		echo "Bail out! the modules do not load${host:+ on $host}"
		sed 's/^/# /' /tmp/cleanup.out
		echo "0 passed, 1 failed"
		exit 1
	}
done
for file in "$TESTS"/[0-9]*.t; do
	matches "$(basename "$file" .t)" "$@" || continue
	[ "$(header "$file" boot main)" = "$boot" ] || continue
	run_one "$file"
	[ -z "$bail$wrecked" ] || break
done
if [ -n "$bail" ]; then
	echo "Bail out! the machine cannot be used any more"
	failed=$((failed + 1))
	n=$((n + 1))
fi
for host in '' $other; do
	[ -n "$bail$wrecked" ] || leaks "$host"
done
if [ -n "$COVERAGE" ]; then
	for host in '' $other; do
		on "$host" sh "$here/gcov.sh" || point 0 coverage "counters can be had" "$(cat /tmp/on.out)"
	done
fi
echo "1..$n"
echo "$((n - failed)) passed, $failed failed"
[ $failed = 0 ]
