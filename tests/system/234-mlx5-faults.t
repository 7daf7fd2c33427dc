# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 300
# complains: irq [0-9]+ handler irq_int_handler.* enabled interrupts
# (6.1's mlx5_core itself: cmd_status_err() unlocks by spin_unlock_irq() in the interrupt of a failed command)
#
# Each firmware command that mdev-pci-mlx5 needs fails, is late or is answered with nonsense. The user
# sees an errno, the host goes on, and after a reset the VF works. 238 has those that are not answered.

. "$PAYLOAD/tests/system/mlx5.sh"

one_mdev
FAULTY=$MDEVS/$u dir=$FAULTY
walk "a state to load" "$dir" cx:2 set:STOP_COPY "read:$WORK/good" close

# Refused: the function is as it was
cx_fault 0 suspend fail 4 -- cx:1 set:RUNNING_P2P=EIO state=RUNNING cx:1
cx_fault 0 suspend fail 4 1 1 -- cx:1 set:STOP=EIO state=RUNNING_P2P set:RUNNING cx:1
cx_fault 0 resume fail 4 -- set:STOP set:RUNNING=EIO state=STOP,ERROR
cx_fault 0 query_state fail 4 2 -- set:STOP_COPY=0,EIO "read:$WORK/x=EIO,EBADF"
cx_fault 0 save fail 4 -- set:STOP_COPY=0,EIO "read:$WORK/x=EIO,EBADF"
cx_fault pf alloc_pd fail 8 -- set:STOP_COPY=ENOMEM
cx_fault pf create_mkey fail 8 2 -- set:STOP_COPY=0,ENOMEM "read:$WORK/x=ENOMEM,EBADF"
cx_fault 0 load fail 3 -- set:RESUMING "write:$WORK/good=0,EINVAL" set:STOP=0,EINVAL,EIO
cx_fault pf create_mkey fail 8 2 -- set:RESUMING=0,ENOMEM "write:$WORK/good=ENOMEM,EBADF"
if able precopy "faults of pre-copy"; then
	cx_fault 0 save fail 4 -- cx:1 set:PRE_COPY=0,EIO "read:$WORK/x=EIO,EBADF"
	# Firmware has lost track: all is saved once more, and arrives
	t "firmware loses track of changes" cx_inject 0 save fail 9 1 1
	mark
	walk "it loses track of changes: the state is whole" "$dir" cx:3 set:PRE_COPY \
		"read:$WORK/lost=ENOMSG" cx:1 "more:$WORK/lost=ENOMSG" set:STOP_COPY "more:$WORK/lost" close
	logged_once "the log says so" "firmware lost the changes since the last save"
	walk "the state that was saved again loads" "$dir" set:RESUMING "write:$WORK/lost" set:STOP close set:RUNNING \
		cx-adopt:4 cx:1
	cx_inject clear
fi

# Late: nothing is lost
for command in suspend resume query_state save; do
	t "$command is late" cx_inject 0 $command late 500
	walk "$command is late: the state is saved" "$dir" cx:1 set:STOP_COPY "read:$WORK/x" close set:STOP \
		set:RUNNING cx:1
done
t "load is late" cx_inject 0 load late 500
walk "load is late: the state is loaded" "$dir" set:RESUMING "write:$WORK/good" set:STOP close set:RUNNING \
	cx-adopt:2 cx:1

# Nonsense: what firmware says of sizes is not believed
cx_fault 0 query_state value 0 9 -- set:STOP_COPY=0,EIO,EINVAL "read:$WORK/x=EIO,EINVAL,EBADF"
cx_fault 0 query_state value 0xffffffff 9 -- set:STOP_COPY=0,EIO,EFBIG,ENOMEM "read:$WORK/x=EIO,EFBIG,ENOMEM,EBADF"
cx_fault 0 save value 0xffffff00 -- set:STOP_COPY=0,EIO "read:$WORK/x=EIO,EBADF"
cx_fault 0 suspend delivery 6 -- set:RUNNING_P2P=EIO

t "no DMA of a VF that is stopped" cx_no_bad_dma
t "no task hangs" nobody_stuck
t "the mdev is removed" remove "$u"
t "the VF is removed" set_vfs 0
t "the module unloads" unload mdev-pci-mlx5
t "mlx5_core unloads" unload mlx5_core
