# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# boot: mlx5
# timeout: 400
# timeout-full: 1500
# complains: irq [0-9]+ handler irq_int_handler.* enabled interrupts
# (6.1's mlx5_core itself: cmd_status_err() unlocks by spin_unlock_irq() in the interrupt of a failed command)
#
# Each firmware command of mdev-pci-mlx5 in each state of migration, refused, late, not delivered, and with
# a number in its answer that is wrong: user space gets an errno, the state is what the documents say, the
# log has one line of the reason, and after a reset all works. By default each command in each state has one
# of the faults; with --all all of them, and each status that firmware can answer. Commands that are not
# answered: 238.

. "$PAYLOAD/tests/system/mlx5.sh"

one_mdev
walk "a state to load" "$MDEVS/$u" cx:2 set:STOP_COPY "read:$WORK/s" close
mig_session "$u"
kinds="fail late delivery value"
fault_rows
mig_quit
t "no DMA of a VF that is stopped" cx_no_bad_dma
t "no task hangs" nobody_stuck
t "the mdev is removed" remove "$u"
t "the VF is removed" set_vfs 0
t "the module unloads" unload mdev-pci-mlx5
t "mlx5_core unloads" unload mlx5_core
