# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 300
# needs: firmware
#
# Firmware that fails, is silent, late, cuts data short or dies: bounded waits, an error of the
# migration file, the ERROR state where the function's state is unknown, a line in the log, and a reset that recovers.

must "firmware is given a second" bound_with_fw_timeout 1000
vfs_and_mdevs 2 a b
mdev_vf "$b"
n=$VF
fw_dir
W=$WORK
must "a good stream is saved" vfio-mig -q "$MDEVS/$a" dma:100 "digest:$W/d" set:STOP_COPY "read:$W/s"
arm() { printf "sh:echo $n %s >$FW/inject" "$*"; }
AGAIN="reset state=RUNNING dma:7 set:STOP_COPY read:$W/again set:STOP set:RESUMING write:$W/s
	set:RUNNING digest-is:$W/d dma:1"

# shellcheck disable=SC2086  # words on purpose
for status in 11 0x99; do
	mark
	mig "suspend to P2P fails ($status)" "$b" "$(arm suspend fail $status)" set:RUNNING_P2P=EIO \
		state=RUNNING dma:5 set:RUNNING_P2P set:RUNNING $AGAIN
	logged "the log says so" 'firmware refused to suspend the function'
	mig "suspend to STOP fails ($status)" "$b" set:RUNNING_P2P "$(arm suspend fail $status)" \
		set:STOP=EIO state=RUNNING_P2P set:RUNNING $AGAIN
	mark
	mig "resume fails ($status)" "$b" set:STOP "$(arm resume fail $status)" set:RUNNING=EIO \
		state=STOP set:RUNNING $AGAIN
	logged "the log says so" 'firmware refused to resume the function'
	mig "resume from P2P fails ($status)" "$b" set:RUNNING_P2P "$(arm resume fail $status)" \
		set:RUNNING=EIO state=RUNNING_P2P set:RUNNING $AGAIN
	mig "size fails ($status)" "$b" "$(arm state_size fail $status)" size=EIO state=RUNNING size $AGAIN
	mig "save fails ($status)" "$b" "$(arm save fail $status)" set:STOP_COPY "read:$W/x=EIO" \
		read1=EIO state=STOP_COPY set:STOP set:STOP_COPY "read:$W/x" set:RUNNING $AGAIN
	mig "load fails ($status)" "$b" dma:3 "digest:$W/own" set:RESUMING "$(arm load fail $status)" \
		"write:$W/s=EIO" "digest-is:$W/own" set:STOP=ENODATA state=ERROR "digest-is:$W/own" $AGAIN
done

# shellcheck disable=SC2086
for fault in "silent" "late 3000000000"; do
	mark
	mig "suspend handles the fault $fault" "$b" "$(arm suspend $fault)" set:RUNNING_P2P=ETIMEDOUT state=ERROR \
		set:RUNNING=EINVAL $AGAIN
	logged "suspend, $fault: the log says so" 'migration: firmware did not answer suspend_p2p in [0-9]+ ms; the device is in the ERROR state until it is reset'
	mig "resume handles the fault $fault" "$b" set:STOP "$(arm resume $fault)" set:RUNNING=ETIMEDOUT state=ERROR $AGAIN
	mig "the size of the state handles the fault $fault" "$b" "$(arm state_size $fault)" size=ETIMEDOUT state=RUNNING dma:3 size \
		$AGAIN
	mark
	mig "save handles the fault $fault" "$b" dma:4 "$(arm save $fault)" set:STOP_COPY "read:$W/x=ETIMEDOUT" \
		state=STOP_COPY read1=ETIMEDOUT set:RUNNING copies=4 dma:3 $AGAIN
	logged "save, $fault: the log says so" 'migration: firmware did not answer save in [0-9]+ ms; this migration has failed'
	mig "load: $fault" "$b" set:RESUMING "$(arm load $fault)" "write:$W/s=ETIMEDOUT" state=RESUMING \
		write1=ETIMEDOUT set:STOP=ENODATA state=ERROR $AGAIN
	mig "a reset ends the wait for save with the fault $fault" "$b" "$(arm save $fault)" set:STOP_COPY reset \
		read1=ENODEV state=RUNNING $AGAIN
	mig "a change of state ends the wait for save with the fault $fault" "$b" "$(arm save $fault)" set:STOP_COPY \
		set:STOP state=STOP set:RUNNING dma:2 $AGAIN
	mig "save: $fault, closed instead of waiting" "$b" "$(arm save $fault)" set:STOP_COPY close \
		state=STOP_COPY set:RUNNING dma:2 $AGAIN
	mig "ERROR is not left by a new user's open alone, but by its reset" "$b" \
		"$(arm suspend $fault)" set:RUNNING_P2P=ETIMEDOUT state=ERROR
	mig "the next user finds it RUNNING" "$b" state=RUNNING dma:5
done
t "firmware is given more time" fw_timeout 5000

# shellcheck disable=SC2086
for ms in 50 300; do
	ns=$((ms * 1000000))
	mig "each command may be $ms ms late" "$b" "$(arm suspend late $ns 9)" "$(arm resume late $ns 9)" \
		"$(arm state_size late $ns 9)" "$(arm save late $ns 9)" "$(arm load late $ns 9)" \
		dma:9 size set:RUNNING_P2P set:STOP_COPY "read:$W/x" set:RESUMING "write:$W/s" \
		set:RUNNING "digest-is:$W/d" "$(arm any off)" $AGAIN
done

# shellcheck disable=SC2086
{
mig "save cut short: it is continued" "$b" set:RESUMING "write:$W/s" "$(arm save short 1000)" \
	set:STOP_COPY "read:$W/x" reset set:RESUMING "write:$W/x" set:RUNNING "digest-is:$W/d"
mig "a state arrives although each save is cut short" "$b" set:RESUMING "write:$W/s" "$(arm save short 70001 5)" \
	set:STOP_COPY "read:$W/x" reset set:RESUMING "write:$W/x" set:RUNNING "digest-is:$W/d"
mark
mig "a save that is cut to nothing fails" "$b" "$(arm save short 0)" set:STOP_COPY "read:$W/x=EIO" set:STOP \
	set:STOP_COPY "read:$W/x" $AGAIN
logged "the log says so" 'firmware reports 0 bytes saved'
mig "load cut short" "$b" set:RESUMING "$(arm load short 1000)" "write:$W/s=EIO,EINVAL,EBADMSG" \
	set:STOP=ENODATA state=ERROR $AGAIN
}

# Firmware takes nothing back: mdevs go all the same
t "removal: firmware will refuse" inject "$n" disable fail 11
t "the mdev is removed" remove "$b"
new_uuid
b=$UUID
t "an mdev on the same VF is created" create "$b"
mdev_vf "$b"
n=$VF
t "firmware is given half a second" fw_timeout 500
t "firmware will be silent at removal" inject "$n" disable silent
t "the mdev is removed" remove "$b"
t "firmware is given its usual time" fw_timeout 5000
new_uuid
b=$UUID
t "an mdev on the same VF is created" create "$b"
mig "the mdev does DMA" "$b" dma:20

# The end of all firmware
mdev_vf "$b"
n=$VF
mark
mig "firmware dies in a suspend" "$b" "$(arm suspend fatal)" set:STOP=ETIMEDOUT,EIO,ESHUTDOWN,ENODEV,ECANCELED \
	state=ERROR set:RUNNING=EINVAL
logged "the log says so" 'the device is in the ERROR state until it is reset'
t "the other mdev is in the ERROR state, too" attr_is "$a" migration_state ERROR
t "the PF is reset" write_to "$PFDIR/reset" 1
# shellcheck disable=SC2086
mig "the one works again" "$b" $AGAIN
# shellcheck disable=SC2086
mig "the other mdev goes on" "$a" $AGAIN
no_mdevs_no_vfs
t "firmware is given as long as before" bound_with_fw_timeout 5000
