#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: create.sh    (in L1, for run.sh)
#
# Measures "create", the time until the write returns, and "open", the time a VFIO user needs then to open the device
# while all mdevs before it exist. It includes the reset at open: 100 ms for an FLR, by the specification.
here=$(cd "$(dirname "$0")/../system" && pwd)
. "$here/host.sh"

do_it() { "$@" || { echo "FAILED: $*: $REASON"; exit 1; }; }

# of FILE N: the Nth smallest in ms
of() { sort -n "$1" | sed -n "$2p" | awk '{ printf "%.1f", $1 / 1000 }'; }

row() # WHAT FILE COUNT
{
	printf '%6s  %-22s %9s %9s %9s\n' "$3" "$1" "$(of "$2" 1)" \
		"$(of "$2" $((($3 + 1) / 2)))" "$(of "$2" "$3")"
}

WORK=$(mktemp -d /tmp/work.XXXXXX)
do_it load_all
type_dir refdev-dma
echo "Milliseconds for each mdev"
printf '%6s  %-22s %9s %9s %9s\n' VFs "" least median most
for n in 1 8 64 255; do
	rm -f "$WORK"/*
	now
	start=$NOW
	do_it set_vfs $n
	do_it wait_for 300 all_bound $n
	now
	vfs=$((NOW - start))
	for _ in $(seq $n); do
		new_uuid
		line=$(vfio-mig create "$TYPEDIR/create" "$UUID") || { echo "FAILED: $line"; exit 1; }
		for word in $line; do
			echo "${word#*=}" >>"$WORK/${word%%=*}"
		done
	done
	row "create" "$WORK/create_us" $n
	row "open" "$WORK/open_us" $n
	now
	start=$NOW
	do_it remove_all
	now
	seconds $(((NOW - start) * 1000 / n))
	removed=$SECS
	now
	start=$NOW
	do_it set_vfs 0
	now
	printf '%6s  %-22s %9s   each, removal of an mdev\n' "" "" "$removed"
	printf '%6s  %-22s %9s   in all, creation of the VFs\n' "" "" "$((vfs * 10))"
	printf '%6s  %-22s %9s   in all, removal of the VFs\n' "" "" "$(((NOW - start) * 10))"
done
rm -rf "$WORK"
do_it unload_all
