#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: agent.sh --serve
#        agent.sh --lead SCRIPT [ARGUMENTS...]
#
# Runs in the L1s of a pair (boot-pair.sh). --serve, on hostB: runs the commands that hostA sends by
# lib/peer.sh, until hostA tells it to end. --lead, on hostA: waits for hostB, runs SCRIPT, and
# tells hostB to end.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib/peer.sh"
end=/run/agent.end

# One order, by socat: in and out are the connection, errors go to the agent's own
order()
{
	local limit command rc

	read -r limit
	command=$(cat)
	timeout -k 5 "$limit" bash -c "$command" </dev/null 2>&1
	rc=$?
	printf '\n##status %d\n' $rc
	printf '# %s: %s: %d\n' "$(cut -d' ' -f1 /proc/uptime)" "$command" $rc >&2
}

serve()
{
	local listener

	# -t: the end of an order's words is not the end of its connection
	socat -t 3600 "TCP-LISTEN:$PEER_PORT,reuseaddr,fork" "EXEC:$here/agent.sh --order" &
	listener=$!
	until [ -e $end ]; do
		kill -0 $listener 2>/dev/null || {
			echo "# agent: socat has ended"
			exit 1
		}
		sleep 0.2
	done
	kill $listener
}

lead()
{
	local rc

	peer_up 60 || {
		echo "# agent: hostB does not answer"
		exit 96
	}
	"$@"
	rc=$?
	peer touch $end
	exit $rc
}

case $1 in
--order) order ;;
--serve) serve ;;
--lead) shift; lead "$@" ;;
*) sed -n '3,/^[^#]/{s/^# \{0,1\}//p;}' "$0"; exit 2 ;;
esac
