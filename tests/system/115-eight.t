# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
# needs: firmware
#
# Eight functions of one PF migrate at the same time; one whose firmware is stuck holds up none
# of the others.

# Far longer than the test: what waits for firmware waits till its end
must "firmware is given two minutes" bound_with_fw_timeout 120000
vfs_and_mdevs 8 m0 m1 m2 m3 m4 m5 m6 m7
W=$WORK
fw_dir

# at_once COMMAND...: "COMMAND N UUID" for N from 0 to 7, all at the same time
at_once()
{
	o_pids=
	for o_n in 0 1 2 3 4 5 6 7; do
		eval "o_uuid=\$m$o_n"
		"$@" $o_n "$o_uuid" >"$W/out$o_n" 2>&1 &
		o_pids="$o_pids $!"
	done
	o_bad=0
	for o_n in $o_pids; do
		wait "$o_n" || o_bad=$((o_bad + 1))
	done
	[ $o_bad = 0 ] || fail "$o_bad of 8 failed: $(cat "$W"/out?)"
}

# Each waits for the others in the middle, so that they are really at it together
here()
{
	printf '#!/bin/sh\n%s\n' "until [ \$(ls $W/$1.? | wc -l) = 8 ]; do sleep 0.1; done" >"$W/$1-$2.sh"
	chmod +x "$W/$1-$2.sh"
	echo "touch:$W/$1.$2" "sh:$W/$1-$2.sh"
}

# shellcheck disable=SC2046  # words on purpose
save_it()
{
	timeout 100 vfio-mig "$MDEVS/$2" "dma:$((20 + $1))" set:STOP_COPY "read:$W/s$1:300000" \
		$(here saving "$1") "more:$W/s$1" reread "digest:$W/d$1" set:RUNNING
}

# shellcheck disable=SC2046
precopy_it()
{
	timeout 100 vfio-mig "$MDEVS/$2" "dma:$((20 + $1))" set:PRE_COPY "read:$W/s$1:300000" \
		$(here copying "$1") dma:30 "more:$W/s$1=ENOMSG" dma:9 set:STOP_COPY "more:$W/s$1" reread \
		"digest:$W/d$1" set:RUNNING
}

# Each gets the state of its neighbour
# shellcheck disable=SC2046
load_it()
{
	l_from=$((($1 + 1) % 8))
	timeout 100 vfio-mig "$MDEVS/$2" set:RESUMING $(here loading "$1") "write:$W/s$l_from:100000" \
		set:RUNNING "digest-is:$W/d$l_from" dma:3
}

t "eight are saved at once" at_once save_it
is "each has a state of its own" "$(cat "$W"/d? | sort -u | wc -l)" 8
t "eight are loaded at once" at_once load_it
if kernel_has_precopy; then
	rm -f "$W"/*
	t "eight are saved while they run" at_once precopy_it
	t "all states are loaded at once" at_once load_it
else
	skip "eight are saved while they run" "kernel $(uname -r) has no PRE_COPY states"
fi

# Firmware never ends the save of one: the others do not wait for that
mdev_vf "$m7"
rm -f "$W"/*
t "the firmware of one is stuck" inject "$VF" save silent
mig_bg "$m7" dma:4 set:STOP_COPY "touch:$W/stuck" "read:$W/x=ETIMEDOUT" "touch:$W/over"
t "the operation is stuck" wait_for 20 is_there "$W/stuck"
for i in 0 1 2 3 4 5 6; do
	eval "uuid=\$m$i"
	mig "number $i goes past it" "$uuid" dma:9 set:STOP_COPY "read:$W/s$i" reread set:RESUMING \
		"write:$W/s$i" set:RUNNING dma:5
done
t "the operation is still stuck" not is_there "$W/over"
t "its user is killed" kill "$MIG"
wait "$MIG" 2>/dev/null
mig "the next user can save the state" "$m7" dma:4 set:STOP_COPY "read:$W/x" set:RUNNING
t "firmware is given as long as before" bound_with_fw_timeout 5000
no_mdevs_no_vfs
