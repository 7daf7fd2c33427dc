#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# On hostA of a pair: do the two hosts reach each other, and do orders work?
. "$BED/lib/peer.sh"

n=0
is() # DESCRIPTION GOT EXPECTED
{
	n=$((n + 1))
	[ "$2" = "$3" ] || {
		echo "not ok $n - $1"
		echo "# got '$2', expected '$3'"
		exit 1
	}
	echo "ok $n - $1"
}

echo "1..7"
is "orders run on the other host" "$(peer cat /proc/sys/kernel/hostname)" hostB
is "words are kept" "$(peer printf '%s|' "it's" 'a  b' '$x')" "it's|a  b|\$x|"
is "two lines are two lines" "$(peer printf '1\n2\n')" "$(printf '1\n2')"
peer sh -c 'exit 7'
is "the status comes back" $? 7
PEER_TIMEOUT=2 peer sleep 60
is "an order has an end" $? 124
timeout 20 socat -u TCP-LISTEN:4001 CREATE:/tmp/word &
peer sh -c 'echo word | socat -u - TCP:hostA:4001,retry=20,interval=0.3'
wait
is "hostB reaches hostA" "$(cat /tmp/word)" word
PEER_PORT=4444 peer true >/dev/null
is "no answer is told from a status" $? 125
