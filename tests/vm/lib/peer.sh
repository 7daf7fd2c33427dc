# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# For scripts on hostA of a pair: commands for hostB, whose agent runs them. Sourced
# by sh or bash.
#
# An order is one TCP connection: a line with the seconds it may take, the command until
# the end of the data; back comes its output, and as the last line its status.

PEER=hostB
PEER_PORT=4000

# The words as a shell reads them
peer_quote()
{
	for p_word; do
		printf "'"
		printf '%s' "$p_word" | sed "s/'/'\\\\''/g"
		printf "' "
	done
}

# peer COMMAND...: runs it in hostB's /payload; its output, its status. Ended after
# $PEER_TIMEOUT seconds (120) with status 124. 125: the host does not answer.
peer()
{
	p_limit=${PEER_TIMEOUT:-120}
	p_reply=$({ echo "$p_limit"; peer_quote "$@"; } |
		socat -t $((p_limit + 10)) - "TCP:$PEER:$PEER_PORT,connect-timeout=10" 2>&1)
	case $p_reply in
	*'##status '[0-9]*) ;;
	*)
		echo "peer: no answer from $PEER to '$*': $p_reply"
		return 125
		;;
	esac
	p_status=${p_reply##*'##status '}
	p_reply=${p_reply%?'##status '*}
	[ -z "$p_reply" ] || printf '%s\n' "${p_reply%
}"
	return "$p_status"
}

# Until the agent answers
peer_up() # SECONDS
{
	p_left=$1
	until PEER_TIMEOUT=5 peer true >/dev/null; do
		p_left=$((p_left - 1))
		[ "$p_left" -gt 0 ] || return 1
		sleep 1
	done
}
