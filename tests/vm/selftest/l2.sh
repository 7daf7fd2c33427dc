#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The test bed's own check, second part: an L2 guest with KVM, commands in it, its
# QMP, and L0's monitors.
. "$BED/lib/l0.sh"
. "$BED/lib/l2.sh"
n=0 bad=0
ok() # WORDS -- COMMAND
{
	local words= start=$(cut -d. -f1 /proc/uptime) rc
	while [ "$1" != -- ]; do words="$words $1"; shift; done
	shift
	n=$((n + 1))
	"$@"
	rc=$?
	[ $rc = 0 ] && printf 'ok' || { printf 'not ok'; bad=1; }
	printf ' %d -%s # %d s\n' $n "$words" $(($(cut -d. -f1 /proc/uptime) - start))
}
matches() { local want=$1; shift; "$@" | tee /tmp/out | grep -q -e "$want" || { sed 's/^/# /' /tmp/out; false; }; }

ok l0 hmp -- matches 'q35' l0_hmp info qom-tree
ok l0 qmp -- matches '"running": true' l0_qmp query-status
ok l0 hmp again -- matches 'rp1' l0_hmp info qtree
l2_start a -device edu -netdev user,id=n -device virtio-net-pci,netdev=n,romfile=
ok boot -- l2_ready a 60
ok exec -- matches 'Linux' l2_exec a uname -a
ok exec status -- eval 'l2_exec a exit 3; [ $? = 3 ]'
ok qmp -- matches running l2_qmp a query-status
ok hmp -- matches edu l2_hmp a info qtree
ok net -- matches eth0 l2_exec a ls /sys/class/net
ok unplug from L0 -- l0_hmp device_del dut
ok gone -- eval 'for i in $(seq 100); do [ -z "$(lspci -d 1234:11e8)" ] && break; sleep 0.1; done; [ $i != 100 ]'
sed 's/^/# L2: /' /tmp/l2/a/console | head -20
ok poweroff -- eval 'l2_exec a "poweroff -f" >/dev/null & l2_end a 20'
echo 1..$n
exit $bad
