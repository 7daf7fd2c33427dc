# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 300
#
# The v2 state machine as the uapi describes it: every arc, migration files, resets.

vfs_and_mdevs 1 u
mdev_vf "$u"
fw_dir
at() # LEVEL: the function is at it, says its firmware
{
	can firmware && echo "sh:grep -q '^level: $1\$' $FW/vf$VF" || echo sh:true
}
shown="sh:grep -qx %s $MDEVS/$u/migration_state"
attr_says() { printf "$shown" "$1"; }		# what sysfs shows

# Where the kernel or the device has no PRE_COPY states, users see none
pre="PRE_COPY PRE_COPY_P2P"
flags=7
can precopy || pre='' flags=3

mig "it migrates by STOP_COPY and P2P, and PRE_COPY if the kernel can" "$u" "flags=$flags" \
	state=RUNNING size
mig_value size
at_least "the size is that of the context at least" "$VALUE" 1048576

mig "a function goes to P2P and back" "$u" set:RUNNING_P2P nodata state=RUNNING_P2P "$(at p2p)" \
	"$(attr_says RUNNING_P2P)" size set:RUNNING nodata state=RUNNING "$(at running)"
mig "an mdev stops and runs again" "$u" set:STOP nodata state=STOP "$(at full)" "$(attr_says STOP)" size \
	set:RUNNING state=RUNNING "$(at running)" "$(attr_says RUNNING)"
mig "a function goes to STOP_COPY and back" "$u" set:STOP_COPY state=STOP_COPY "$(at full)" \
	"$(attr_says STOP_COPY)" size set:STOP nodata read1=ENODEV state=STOP set:RUNNING dma:5
mig "RESUMING ends if nothing was written" "$u" set:RESUMING state=RESUMING "$(at full)" \
	"$(attr_says RESUMING)" size set:STOP nodata write1=ENODEV state=STOP set:RUNNING dma:5

# From each state to each other: the core finds the way through those between. There is none
# from STOP_COPY to PRE_COPY: what is half read can't become more.
for from in RUNNING RUNNING_P2P STOP STOP_COPY RESUMING $pre; do
	set --
	for to in RUNNING RUNNING_P2P STOP STOP_COPY RESUMING $pre; do
		case $from-$to in
		STOP_COPY-PRE_COPY*) set -- "$@" "set:$from" "set:$to=EINVAL" state=STOP_COPY ;;
		*) set -- "$@" "set:$from" "set:$to" "state=$to" "set:$to" "state=$to" ;;
		esac
		[ "$to" != STOP_COPY ] || set -- "$@" set:STOP
	done
	mig "each arc from $from is taken or refused as the uapi says" "$u" "$@" set:RUNNING dma:5
	mig "from $from to ERROR and nonsense: refused, the state stays" "$u" \
		"set:$from" set:ERROR=EINVAL "state=$from" set:99=EINVAL "state=$from"
	[ -n "$pre" ] || mig "from $from to PRE_COPY: refused, the state stays" "$u" "set:$from" \
		set:6=EINVAL,EOPNOTSUPP "state=$from" set:7=EINVAL,EOPNOTSUPP "state=$from"
	mig "a reset in $from leads to RUNNING" "$u" dma:5 "set:$from" reset state=RUNNING "$(at running)" \
		"$(attr_says RUNNING)" copies=0 dma:5
	mig "the device is closed in $from" "$u" "set:$from"
	t "sysfs shows RUNNING before the next user" attr_is "$u" migration_state RUNNING
	mig "the next user finds it RUNNING" "$u" state=RUNNING "$(at running)" "$(attr_says RUNNING)" copies=0 dma:5
done
t "sysfs shows RUNNING after the last state" attr_is "$u" migration_state RUNNING

mig "a reset ends the migration file of a save" "$u" set:STOP_COPY "read:$WORK/x:4096" reset \
	read1=ENODEV state=RUNNING close dma:5
mig "a reset ends the migration file of a load" "$u" set:RESUMING "write:$WORK/x=0" reset write1=ENODEV \
	state=RUNNING close dma:5
mig "a migration file that is closed early" "$u" dma:10 set:STOP_COPY "read:$WORK/x:4096" close \
	state=STOP_COPY set:STOP set:STOP_COPY "read:$WORK/x" reread set:RUNNING dma:5
mig "I/O in the wrong direction is EBADF" "$u" set:STOP_COPY write1=EBADF set:RESUMING read1=EBADF set:RUNNING
mig "the device runs after twenty resets" "$u" reset reset reset reset reset reset reset reset reset reset \
	reset reset reset reset reset reset reset reset reset reset state=RUNNING dma:5
no_mdevs_no_vfs
