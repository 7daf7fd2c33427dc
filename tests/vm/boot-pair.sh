#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: boot-pair.sh [OPTIONS] -- SCRIPT [ARGUMENTS...]
#
# Boots two L1s with a network between them, hostA and hostB, and runs SCRIPT on hostA. The status
# is that of hostA, or that of hostB if only hostB has failed. SCRIPT uses lib/peer.sh to run
# commands on hostB: "peer COMMAND...". SCRIPT's output appears here. The output of hostB, with a
# line for each command, is kept, and shown on failure.
#
#   --on-a       the options that follow are for hostA only
#   --on-b       the options that follow are for hostB only
#   --both       the options that follow are for both hosts (the default)
#   --run-dir DIR  keep the run's files in DIR/hostA and DIR/hostB
#
# All other options are those of boot.sh. When one host fails, the other one is ended, too. Like
# boot.sh, it repeats a run once, and says so, if a host crashed or timed out.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/rundir.sh"

both=() on_a=() on_b=() rundir=
declare -n options=both
while [ $# -gt 0 ]; do
	case $1 in
	--on-a) declare -n options=on_a ;;
	--on-b) declare -n options=on_b ;;
	--both) declare -n options=both ;;
	--run-dir) rundir=$2; shift ;;
	--help | -h) usage ;;
	--) shift; break ;;
	*) options+=("$1") ;;
	esac
	shift
done
[ $# -gt 0 ] || usage 2 >&2
need_root
rundir=${rundir:-$(new_run_dir)}
mkdir -p "$rundir"
exec {run_lock}>"$rundir/.lock" # goes on to the QEMUs: the run lasts while they do
flock $run_lock

host() # NAME WORDS...
{
	local name=$1

	shift
	exec setpriv --pdeathsig TERM "$VM_DIR/boot.sh" --once --run-dir "$rundir/$name" \
		--link "$name:$rundir/link" "${both[@]}" "$@"
}

# Gives the other host some time to end by itself.
end_of() # PID SECONDS
{
	local end=$((SECONDS + $2))

	while kill -0 "$1" 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			kill "$1" 2>/dev/null || true
			break
		fi
		sleep 0.2
	done
}

# One boot of both; sets rc_a and rc_b. 130: ended because of the other one.
pair_once()
{
	local a b first

	rm -f "$rundir/link"
	rc_a=0 rc_b=0
	host hostA "${on_a[@]}" -- tests/vm/agent.sh --lead "$@" &
	a=$!
	host hostB "${on_b[@]}" -- tests/vm/agent.sh --serve >/dev/null &
	b=$!
	trap 'kill $a $b 2>/dev/null; wait $a $b; exit 130' INT TERM HUP
	wait -n -p first $a $b || true
	if [ "$first" = $a ]; then
		end_of $b 20
	else
		end_of $a 10
	fi
	wait $a || rc_a=$?
	wait $b || rc_b=$?
	trap - INT TERM HUP
}

# boot.sh has shown the console of each host that failed by itself.
show_other()
{
	local name=$1 rc=$2

	[ "$rc" != 130 ] || show_failure "$rundir/$name"
}

pair_failure()
{
	show_other hostA $rc_a
	show_other hostB $rc_b
	note "---- end of hostB's orders ($rundir/hostB/out.log)"
	tail -n "${CONSOLE_LINES:-60}" "$rundir/hostB/out.log" 2>/dev/null | sed 's/^/| /' >&2
	note "----"
}

# Statuses are those of boot.sh here, of which 0 is none to try again for
failed_by_chance() # NAME STATUS
{
	[ "$2" != 0 ] && flaky "$rundir/$1" "$2"
}

start=$SECONDS
pair_once "$@"
if failed_by_chance hostA $rc_a || failed_by_chance hostB $rc_b; then
	pair_failure
	note "boot-pair.sh: hostA ended with $rc_a, hostB with $rc_b; FLAKE? trying once more"
	for h in hostA hostB; do
		mv "$rundir/$h/console.log" "$rundir/$h/console.1.log"
		mv "$rundir/$h/out.log" "$rundir/$h/out.1.log"
	done
	echo "# test bed: FLAKE? hostA ended with $rc_a, hostB with $rc_b; a second try follows"
	pair_once "$@"
fi
[ $rc_a = 0 ] && [ $rc_b = 0 ] && exit 0
pair_failure
note "boot-pair.sh: FAILED: hostA's status $rc_a, hostB's $rc_b (130: ended for the other)," \
	"after $((SECONDS - start)) s; files in $rundir"
[ $rc_a != 0 ] && [ $rc_a != 130 ] && exit $rc_a
[ $rc_b = 0 ] || exit $rc_b
exit $rc_a
