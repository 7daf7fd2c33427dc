#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: soak-inside.sh N SECONDS GUESTS SEED    (in L1, for soak.sh)
here=$(cd "$(dirname "$0")" && pwd)
. "$here/host.sh"
. "$here/guest.sh"

n=$3
WORK=$(mktemp -d /tmp/work.XXXXXX)
export WORK
now
soak_start=$NOW

give_up()
{
	echo "FAILED after $i of $n migrations: $1"
	for guest in "$GUESTS"/*; do
		[ ! -d "$guest" ] || guest_story "${guest##*/}"
	done
	echo "-- last lines of the kernel's log"
	dmesg | tail -n 20
	guests_kill
	echo "FAILED after $i of $n migrations: $1"
	exit 1
}

do_it() # COMMAND...
{
	"$@" || give_up "$*: $REASON"
}

firmware_of() # UUID KEY
{
	mdev_vf "$1" && fw "$VF" "$2"
}

i=0
do_it load_all
do_it set_vfs 8
do_it wait_for 60 all_bound 8
log=
if can log; then
	log=--log
else
	echo "without logging of dirty pages: $REASON"
fi
"$here/soak.py" "$PFDIR" "$DEV_TYPE" --seed "$4" --seconds "$2" --migrations $(($1 - n)) $log || {
	echo "-- last lines of the kernel's log"
	dmesg | tail -n 20
	exit 1
}
do_it set_vfs 0
if [ "$n" = 0 ]; then
	do_it unload_all
	exit 0
fi

do_it set_vfs 2
do_it wait_for 20 all_bound 2
new_uuid; from_mdev=$UUID
new_uuid; to_mdev=$UUID
do_it create "$from_mdev"
do_it create "$to_mdev"
from=a to=b
do_it guest_boot $from "$from_mdev"
do_it guest_goes_on $from 100 60
printf '%4s  %8s  %9s  %9s  %10s  %6s  %-18s  %7s\n' \
	nr way "downtime" "total" copies errors digest seconds
while [ "$i" -lt "$n" ]; do
	now
	one=$NOW
	guest_status $from
	copies=$COPIES
	do_it guest_migrate $from $to "$to_mdev"
	do_it firmware_of "$from_mdev" digest
	digest=$VALUE from_vf=$VF
	do_it firmware_of "$to_mdev" load_digest
	[ "$digest" = "$VALUE" ] || give_up "digest $digest at the source, $VALUE at the destination"
	for mdev in "$from_mdev" "$to_mdev"; do
		do_it firmware_of "$mdev" illegal_dma
		[ "$VALUE" = 0 ] || give_up "VF $VF did DMA while it was suspended"
	done
	do_it firmware_of "$to_mdev" errors
	[ "$VALUE" = 0 ] || give_up "VF $VF counts $VALUE errors"
	do_it guest_goes_on $to 50 60
	[ "$ERRORS" = 0 ] || give_up "$ERRORS copies were wrong"
	[ "$COPIES" -gt "$copies" ] || give_up "the guest's count went from $copies to $COPIES"
	do_it guest_quit $from
	i=$((i + 1))
	now
	seconds $((NOW - one))
	printf '%4d  VF%d->VF%d  %6d ms  %6d ms  %10d  %6d  %-18s  %7s\n' \
		$i "$from_vf" $((1 - from_vf)) "$DOWNTIME" "$TOTAL" "$COPIES" "$ERRORS" "$digest" "$SECS"
	echo "$DOWNTIME" >>"$WORK/downtimes"
	set -- "$from" "$from_mdev"
	from=$to from_mdev=$to_mdev to=$1 to_mdev=$2
done
do_it guest_off $from
do_it remove_all
do_it set_vfs 0
do_it unload_all
now
seconds $((NOW - soak_start))
sort -n "$WORK/downtimes" >"$WORK/sorted"
echo
echo "$n migrations, all digests equal, $COPIES copies, $ERRORS wrong, in $SECS s"
echo "downtime in ms: least $(sed -n 1p "$WORK/sorted"), median $(sed -n "$(((n + 1) / 2))p" "$WORK/sorted"), most $(tail -n 1 "$WORK/sorted")"
rm -rf "$WORK"
