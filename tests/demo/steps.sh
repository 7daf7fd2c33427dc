# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
#
# What the demos share: steps, each with a line of a table and the time that it took. Needs host.sh
# and guest.sh; sourced at the beginning.

table=/tmp/demo.table
: >"$table"
now
demo_start=$NOW

say()
{
	now
	seconds $((NOW - demo_start))
	printf '[%7s s]  %s\n' "$SECS" "$*" >&2
}

row() # WHAT RESULT [CENTISECONDS]
{
	SECS=
	[ -z "$3" ] || seconds "$3"
	printf '%s\t%s\t%s\n' "$1" "$2" "$SECS" >>"$table"
}

show_table()
{
	awk -F '\t' '
	function line(  i) { for (i = 0; i < 106; i++) printf "-"; print "" }
	BEGIN { line(); printf "  %-42s %-52s %8s\n", "step", "result", "seconds"; line() }
	$1 == "=" { printf "\n  %s\n", $2; next }
	{ printf "  %-42s %-52s %8s\n", $1, $2, $3 }
	END { line() }' "$table"
}

# step WHAT COMMAND...: the command leaves what it found in $RESULT
step()
{
	what=$1
	shift
	say "$what ..."
	now
	step_start=$NOW
	RESULT="done"
	if "$@"; then
		now
		row "$what" "$RESULT" $((NOW - step_start))
		return 0
	fi
	now
	row "$what" "FAILED" $((NOW - step_start))
	give_up "$what: $REASON"
}

give_up()
{
	{
		for guest in "$GUESTS"/*; do
			[ ! -d "$guest" ] || guest_story "${guest##*/}"
		done
		echo "-- last lines of the kernel's log"
		dmesg | tail -n 15
	} >&2
	guests_kill
	show_table
	printf '\nThe demo FAILED at: %s\n' "$1"
	exit 1
}

note() { row "$1" "$2"; }

same() { [ "$1" = "$2" ] || fail "$3: $1, expected $2"; }

demo_end()
{
	show_table
	now
	seconds $((NOW - demo_start))
	printf '\nThe demo ended without an error after %s s.\n' "$SECS"
}
