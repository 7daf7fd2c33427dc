# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034
#
# For test files with "# boot: pair", which run on hostA: what hostB does. Needs tap.sh.
. "$PAYLOAD/tests/vm/lib/peer.sh"

MIG_PORT=4440

# on_b COMMAND...: on hostB, as it would be here; also sets the variables, e.g. $VALUE of
# attr or $COPIES of guest_status. (Not in a subshell, of course.)
on_b()
{
	o_out=$(PEER_TIMEOUT=${PEER_TIMEOUT:-300} peer sh tests/system/order.sh "$@")
	o_rc=$?
	while IFS= read -r o_line; do
		o_name=${o_line%% *} o_name=${o_name#'##'}
		case $o_line in
		'##REASON '*) REASON="hostB: ${o_line#* }" ;;
		'##'[A-Z]*' '*) eval "$o_name=\${o_line#* }" ;;
		*) [ -z "$o_out" ] || printf '%s\n' "$o_line" ;;
		esac
	done <<END
$o_out
END
	return $o_rc
}

# As mark and logged_once, of hostB's kernel
mark_b()
{
	SEQ_B=$(peer "$TOOLS/tool" logseq)
}

logged_once_b() # DESCRIPTION EXTENDED-REGEX
{
	l_text=$(peer "$TOOLS/tool" log "$SEQ_B")
	once "$1" "$l_text" "$2"
}

# go_to_b FROM TO UUID: the guest FROM, here, becomes TO, on hostB, with that mdev
go_to_b()
{
	on_b guest_incoming "$2" "$3" "tcp:0.0.0.0:$MIG_PORT" &&
		guest_leave "$1" "tcp:hostB:$MIG_PORT" && guest_left "$1" &&
		on_b guest_arrived "$2"
}

# come_from_b FROM TO UUID: the guest FROM, on hostB, becomes TO, here
come_from_b()
{
	guest_incoming "$2" "$3" "tcp:0.0.0.0:$MIG_PORT" &&
		on_b guest_leave "$1" "tcp:hostA:$MIG_PORT" && on_b guest_left "$1" &&
		guest_arrived "$2"
}

# Ends a guest of hostB in whatever state it is
give_up_b() # NAME
{
	on_b guest_quit "$1" >/dev/null 2>&1 || on_b guests_kill_one "$1"
}
