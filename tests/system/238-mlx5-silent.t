# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5silent
# timeout: 300
# timeout-full: 900
#
# Commands that firmware does not answer. mlx5_core waits for each, and then never uses its slot of the
# command queue again; its removal would wait for that slot for ever, so this boot ends with it loaded.

. "$PAYLOAD/tests/system/mlx5.sh"

one_mdev
FAULTY=$MDEVS/$u
walk "a state to load" "$FAULTY" cx:2 set:STOP_COPY "read:$WORK/good" close

# Nobody knows what the function is then
cx_fault 0 suspend silent -- cx:1 set:RUNNING_P2P=ETIMEDOUT state=ERROR
cx_fault 0 save silent -- set:STOP_COPY=0,ETIMEDOUT "read:$WORK/x=ETIMEDOUT,EIO,EBADF,ENODEV"
cx_fault 0 load silent -- set:RESUMING "write:$WORK/good=0,ETIMEDOUT" set:STOP=EINVAL state=ERROR

# The table of 241. Each takes mlx5_core's time-out, and a slot of its queue for ever
if full; then
	cp "$WORK/good" "$WORK/s"
	mig_session "$u"
	kinds=silent
	fault_rows
	mig_quit
fi

t "no DMA of a VF that is stopped" cx_no_bad_dma
t "no task hangs" nobody_stuck
t "the mdev is removed" remove "$u"
t "the VF is removed" set_vfs 0
t "the module unloads" unload mdev-pci-mlx5
