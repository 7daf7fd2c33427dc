# SPDX-License-Identifier: GPL-2.0-only
# Where a run's files are, and what they say when it has failed. Sourced.

# Runs pile up: keep the last ten, and those that still go on.
new_run_dir()
{
	local top=$CACHE/runs d

	mkdir -p "$top"
	for d in $(ls -1dt "$top"/*/ 2>/dev/null | tail -n +10); do
		flock -n "$d/.lock" rm -rf "$d" || true
	done
	mktemp -d "$top/$(date +%H%M%S)-XXXXXX"
}

panicked() # CONSOLE
{
	grep -q -a -E 'Kernel panic|Oops|BUG: ' "$1" 2>/dev/null
}

# flaky RUN-DIR STATUS: may a run with this status be tried again? What panicked did so for a
# reason, but for the panic by which a silent kernel is made to speak
flaky()
{
	case $2 in
	0 | 98 | 124) [ -e "$1/silent" ] || ! panicked "$1/console.log" ;;
	*) false ;;
	esac
}

show_failure() # RUN-DIR
{
	local lines=${CONSOLE_LINES:-60}

	if [ -e "$1/silent" ]; then
		sed 's/^/test bed: /' "$1/silent" >&2
		lines=60
	fi
	note "---- end of L1's console ($1/console.log)"
	tail -n $lines "$1/console.log" 2>/dev/null |
		tr -d '\r' | sed 's/^/| /' >&2
	[ ! -s "$1/qemu.log" ] || sed 's/^/qemu: /' "$1/qemu.log" >&2
	note "----"
}
