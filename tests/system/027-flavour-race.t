# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 240
#
# driver_flavour of functions that come and go, while it is read and written and while its module
# and mdev-pci, which brings one of the flavours, are loaded and unloaded. What goes wrong is in the
# kernel's log, which is searched after each test.

ROUNDS=5

able unload "driver_flavour of functions that come and go" || return 0

# Until a round is over
come_and_go()
{
	while [ -e "$WORK/round" ]; do
		tool write "$PFDIR/sriov_numvfs" 2
		sleep 0.3
		tool write "$PFDIR/sriov_numvfs" 0
	done
}

use() # FLAVOUR
{
	while [ -e "$WORK/round" ]; do
		for file in "$PFDIR"/virtfn*/driver_flavour; do
			[ -e "$file" ] || continue
			cat "$file" >>"$WORK/read"
			tool write "$file" "$1" >>"$WORK/written-$1"
		done
	done
}

# The last writers are still at work when the module is to go, and VFs still come and go
round()
{
	touch "$WORK/round"
	come_and_go >/dev/null 2>&1 & r_pids=$!
	use vfio 2>/dev/null & r_pids="$r_pids $!"
	use native 2>/dev/null & r_pids="$r_pids $!"
	load mdev-pci
	r_loaded=$?
	sleep 2
	rm "$WORK/round"
	[ $r_loaded = 0 ] && wait_for 30 unload mdev-pci && wait_for 30 unload driver-flavour
	r_unloaded=$?
	# shellcheck disable=SC2086 # words
	wait $r_pids
	return $r_unloaded
}

must "the modules are unloaded" unload_all
must "pci-pf-stub is loaded" load pci-pf-stub
must "pci-pf-stub is bound to the PF" pf_driver pci-pf-stub
n=0
while [ $n -lt $ROUNDS ]; do
	n=$((n + 1))
	t "round $n: mdev-pci and driver_flavour are loaded and unloaded" round || break
done
at_least "the attribute was read" "$(grep -c native "$WORK/read")" 1
at_least "it was written" "$(cat "$WORK"/written-* | wc -l)" 1
t "no VFs are left" set_vfs 0
t "the PF is unbound" write_to "$PFDIR/driver/unbind" "$PF"
t "no override is left" write_to "$PFDIR/driver_override" "
"
t "pci-pf-stub is unloaded" unload pci-pf-stub
must "the modules are loaded" load_all
bound_driver "$PF"
is "the PF is bound to its driver" "$DRIVER" "$DEV_DRIVER"
