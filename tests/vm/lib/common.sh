# SPDX-License-Identifier: GPL-2.0-only
# What every command of the test bed shares: where things are, and how it
# talks to the person at the terminal. Sourced, never run.

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPO_DIR=$(cd "$VM_DIR/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mdev-pci

# Directories for what is built of this checkout, and of no other: two of them on one machine would
# else load each other's modules. checkout_dir NAME
checkout_dir()
{
	local id

	id=$(printf '%s' "$REPO_DIR" | sha256sum | cut -c1-8)
	printf '%s/%s/%s\n' "$CACHE" "$1" "$id"
}

# What is built must not depend on who builds: a Python or compiler that a
# user put first in PATH has spoilt QEMU's configure before.
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C
unset LIBRARY_PATH LD_LIBRARY_PATH C_INCLUDE_PATH CPATH PYTHONPATH PYTHONHOME
unset CFLAGS LDFLAGS MAKEFLAGS KDIR

note() { printf '%s\n' "$*" >&2; }

die()
{
	note "${0##*/}: $*"
	exit 1
}

# Builds copy the checkout, but for build/, into the cache
case $(realpath -m "$CACHE")/ in
"$(realpath "$REPO_DIR")"/build/*) ;;
"$(realpath "$REPO_DIR")"/*)
	die "the cache $CACHE is inside of the checkout and would be copied into itself;" \
		"set XDG_CACHE_HOME to a directory outside of $REPO_DIR, or to one in its build/"
	;;
esac

# The header comment of a command is its manual: printing it keeps the two
# from drifting apart.
usage()
{
	sed -n '3,/^[^#]/{s/^# \{0,1\}//p;}' "$0"
	exit "${1:-0}"
}

need_root()
{
	[ "$(id -u)" = 0 ] || die "must run as root (chroots and mounts)"
}

# step WORDS -- COMMAND: one line with the seconds it took. The details go to
# $LOG, whose end is shown when the command fails. The command runs in a
# subshell under set -e, so its first failing line fails the step.
step()
{
	local words= start=$SECONDS rc=0 from=0

	while [ "$1" != -- ]; do
		words="$words${words:+ }$1"
		shift
	done
	shift
	: "${LOG:=$CACHE/log/${0##*/}.log}"
	mkdir -p "${LOG%/*}"
	[ ! -f "$LOG" ] || from=$(stat -c %s "$LOG")
	printf '  %s ...' "$words" >&2
	printf '=== %s\n' "$words" >>"$LOG"
	# Not "( ... ) || rc=$?": bash ignores set -e inside such a list.
	set +e
	(
		set -e
		"$@"
	) </dev/null >>"$LOG" 2>&1
	rc=$?
	set -e
	if [ $rc = 0 ]; then
		printf ' %d s\n' $((SECONDS - start)) >&2
		return 0
	fi
	printf ' FAILED after %d s (status %d)\n' $((SECONDS - start)) $rc >&2
	tail -c +$((from + 1)) "$LOG" | tail -n 40 | sed 's/^/    /' >&2
	note "  whole log: $LOG"
	return $rc
}
