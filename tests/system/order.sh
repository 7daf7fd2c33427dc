#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154
# usage: order.sh COMMAND [ARGUMENTS...]
#
# Runs a command, a function of host.sh, guest.sh or tap.sh, as a test file would. For
# each variable that it has set as a result there is a line "##NAME value" at the end,
# from which pair.sh sets the same variable on the other host.
here=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d /tmp/order.XXXXXX)
export WORK
. "$here/host.sh"
. "$here/guest.sh"
. "$here/libvirt.sh"
. "$here/libvirt-hosts.sh"
. "$here/tap.sh"
. "$here/snap.sh"
. "$here/mlx5.sh"
. "$here/guide.sh"
find_pf
"$@"
rc=$?
rm -rf "$WORK"
for name in VALUE ERRNO BDF VF PF PFDIR PFS COPIES OPS OUT VERIFIED ERRORS STATE DOWNTIME TOTAL RAM VFIO REASON; do
	eval "value=\$$name"
	[ -z "$value" ] || printf '##%s %s\n' $name "$(printf '%s' "$value" | tr '\n' ' ')"
done
exit $rc
