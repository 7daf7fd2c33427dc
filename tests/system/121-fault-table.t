# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086,SC2059
# timeout: 200
# timeout-full: 600
# needs: firmware
#
# Each firmware command in each state of migration, with each kind of fault: user space gets the
# errno that says what to do, the state is what the documents say, and after a reset all works.
# By default each command in each state has one of the faults; with --all all of them.

must "firmware is given little time" bound_with_fw_timeout $((150 * ${PATIENCE:-1}))
vfs_and_mdevs 2 a b
mdev_vf "$b"
n=$VF
fw_dir
W=$WORK
must "a good stream is saved" vfio-mig -q "$MDEVS/$a" dma:100 "digest:$W/d" set:STOP_COPY "read:$W/s"
head -c 500000 "$W/s" >"$W/half"
tail -c +500001 "$W/s" >"$W/rest"
arm() { echo "sh:echo $n $* >$FW/inject"; }

# In the middle of what is done there -> $ENTER
enter() # STATE
{
	case $1 in
	STOP_COPY | PRE_COPY*) ENTER="set:$1 read:$W/x:64" ;;
	RESUMING) ENTER="set:RESUMING write:$W/half" ;;
	ERROR) ENTER="set:RESUMING write:$W/half set:STOP=ENODATA" ;;
	*) ENTER="set:$1" ;;
	esac
}

# one STATE COMMAND FAULT GOOD ACTION STATE-IF-GOOD STATE-IF-NOT: "@" in ACTION is the outcome,
# GOOD ("" or "=ENAME") that without a fault
one()
{
	o_state=$7
	case $3 in
	fail*) o_errno==EIO ;;
	late*) o_errno=$4 o_state=$6 ;;
	silent)
		o_errno==ETIMEDOUT
		case $2 in
		# Nobody knows whether the function runs, or has the new state
		suspend | resume) o_state=ERROR ;;
		load) o_state=$7,ERROR ;;
		esac
		;;
	fatal)
		o_errno==ETIMEDOUT,EIO,ENODEV,ECANCELED,ESHUTDOWN o_state=ERROR
		;;
	short*)
		# Only what moves data can be cut
		case $2 in
		# While it runs there may be nothing to save for now, and the same again later
		save) [ -n "$4" ] && o_errno=$4 o_state=$6 || o_errno==EIO ;;
		load) o_errno==EIO,EINVAL,EBADMSG ;;
		*) o_errno=$4 o_state=$6 ;;
		esac
		;;
	esac
	[ "$1" != ERROR ] || o_state=ERROR
	enter $1
	mark
	set -- "$@" "$(printf '%s' "$5" | sed "s|@|$o_errno|")"
	mig_do "$1: $2, $3: ${o_errno:-=0} and $o_state" reset dma:3 $ENTER "$(arm $2 $3)" $8 state=$o_state
	case $3 in
	late* | short*) ;;
	*) logged "$1: $2, $3: the log says so" \
		'firmware (refused|did not answer|has failed)|device is in the ERROR state' ;;
	esac
	if [ "$3" = fatal ]; then
		t "$1: $2, $3: the PF is reset" write_to "$PFDIR/reset" 1
	else
		t "$1: $2, $3: no fault is left" inject any any off
	fi
}

faults="fail~11 silent late~20000000 short~0 fatal"
turn=0
row() # STATE COMMAND GOOD ACTION STATE-IF-GOOD STATE-IF-NOT
{
	r_nr=0
	for r_fault in $faults; do
		r_nr=$((r_nr + 1))
		full || [ $r_nr = $((turn % 5 + 1)) ] || continue
		one "$1" "$2" "$(echo "$r_fault" | tr '~' ' ')" "$3" "$4" "$5" "$6"
	done
	turn=$((turn + 1))
}

works()
{
	mig_do "$1: after all that its state comes and goes" reset state=RUNNING dma:7 "digest:$W/own" \
		set:STOP_COPY "read:$W/own.s" reset set:RESUMING "write:$W/own.s" set:RUNNING \
		"digest-is:$W/own" dma:3
}

mig_session "$b"
row RUNNING suspend "" "set:RUNNING_P2P@" RUNNING_P2P RUNNING
row RUNNING state_size "" "size@" RUNNING RUNNING
works RUNNING
row RUNNING_P2P suspend "" "set:STOP@" STOP RUNNING_P2P
row RUNNING_P2P resume "" "set:RUNNING@" RUNNING RUNNING_P2P
row RUNNING_P2P state_size "" "size@" RUNNING_P2P RUNNING_P2P
works RUNNING_P2P
row STOP resume "" "set:RUNNING_P2P@" RUNNING_P2P STOP
row STOP state_size "" "size@" STOP STOP
row STOP save "" "set:STOP_COPY read:$W/x@" STOP_COPY STOP_COPY
row STOP load "" "set:RESUMING write:$W/s@" RESUMING RESUMING
works STOP
row STOP_COPY save "" "read:$W/x@" STOP_COPY STOP_COPY
row STOP_COPY state_size "" "size@" STOP_COPY STOP_COPY
row STOP_COPY resume "" "set:RUNNING@" RUNNING STOP
works STOP_COPY
row RESUMING load "" "write:$W/rest@" RESUMING RESUMING
row RESUMING state_size "" "size@" RESUMING RESUMING
row RESUMING resume "" "write:$W/rest set:RUNNING@" RUNNING STOP
works RESUMING
row ERROR state_size "" "size@" ERROR ERROR
works ERROR
if able precopy "the commands of pre-copy"; then
	row RUNNING precopy "" "set:PRE_COPY@" PRE_COPY RUNNING
	row RUNNING save =ENOMSG "set:PRE_COPY read:$W/x@" PRE_COPY PRE_COPY
	row RUNNING_P2P precopy "" "set:PRE_COPY_P2P@" PRE_COPY_P2P RUNNING_P2P
	row RUNNING_P2P save =ENOMSG "set:PRE_COPY_P2P read:$W/x@" PRE_COPY_P2P PRE_COPY_P2P
	row PRE_COPY suspend "" "set:PRE_COPY_P2P@" PRE_COPY_P2P PRE_COPY
	row PRE_COPY precopy "" "info@" PRE_COPY PRE_COPY
	row PRE_COPY save =ENOMSG "read:$W/x@" PRE_COPY PRE_COPY
	works PRE_COPY
	row PRE_COPY_P2P suspend "" "set:STOP_COPY@" STOP_COPY PRE_COPY_P2P
	row PRE_COPY_P2P resume "" "set:PRE_COPY@" PRE_COPY PRE_COPY_P2P
	row PRE_COPY_P2P precopy "" "info@" PRE_COPY_P2P PRE_COPY_P2P
	row PRE_COPY_P2P save =ENOMSG "read:$W/x@" PRE_COPY_P2P PRE_COPY_P2P
	works PRE_COPY_P2P
fi

# Firmware that does not answer an abort either may still write to memory: it is the end of it
for s in STOP_COPY RESUMING; do
	enter $s
	act=read:$W/x=ETIMEDOUT
	[ $s = STOP_COPY ] || act=write:$W/rest=ETIMEDOUT
	for how in set:STOP=EINVAL close reset; do
		mig_do "$s: firmware is silent, also about the abort; $how" reset dma:3 $ENTER \
			"$(arm save silent)" "$(arm load silent)" \
			"sh:echo any abort silent 0 9 >$FW/inject" \
			$act state=ERROR "$how"
		t "$s: the PF is reset" write_to "$PFDIR/reset" 1
	done
done
works "abort"
mig_quit
mig "its neighbour works" "$a" dma:20
t "no task is stuck in the kernel" wait_for 10 nobody_stuck
no_mdevs_no_vfs
t "firmware is given as long as before" bound_with_fw_timeout 5000
