# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 200
#
# The log of dirty pages by firmware's page tracker, by upstream's driver and by mdev-pci-mlx5.

. "$PAYLOAD/tests/system/mlx5.sh"

must "stock mlx5_core takes the PF" mlx5_load
must "mlx5_core makes 1 VF" mlx5_vfs 1
if able log "the log of dirty pages"; then
	t "upstream's driver is there" load mlx5-vfio-pci
	must "the driver is bound to the VF" vf_to mlx5_vfio_pci 0
	vf_dir 0
	log_of upstream "$DIR"
	t "the VF is given back" vf_free 0
	t "upstream's driver unloads" unload mlx5-vfio-pci
	must "the module loads" load mdev-pci-mlx5
	t "the driver is bound to the VF" write_to /sys/bus/pci/drivers_probe "$BDF"
	must "the VF is bound to mdev-pci" wait_for 20 all_bound 1
	new_uuid; u=$UUID
	must "an mdev is created" create "$u" mlx5_core-vf
	log_of ours "$MDEVS/$u"
	# A reset ends a log without a word to firmware
	walk "a reset ends the log" "$MDEVS/$u" cx:1 cx-log reset cx-dirty=EINVAL,ENODEV cx-log cx-dirty=0 \
		cx-log-stop
	t "no tracker is left" cx_is 0 tracker 0
	# Faults
	t "firmware refuses to report" cx_inject pf modify_object fail 4
	walk "a report that fails is an error, the log can begin anew" "$MDEVS/$u" cx:1 cx-log cx-dirty=EIO \
		cx-log-stop cx-log cx-dirty=0 cx-log-stop
	t "firmware sends messages without a page" cx_inject pf modify_object value 1
	walk "such a report is an error, the log can begin anew" "$MDEVS/$u" cx:1 cx-log cx-dirty=EPROTO \
		cx-log-stop cx-log cx-dirty=0 cx-log-stop
	t "firmware sends no report" cx_inject pf modify_object value 0xffffffff
	vfio-mig "$MDEVS/$u" cx:1 cx-log "touch:$WORK/logs" cx-dirty=0 >"$WORK/out" 2>&1 &
	user=$!
	t "a user waits for it" wait_for 20 is_there "$WORK/logs"
	sleep 1
	t "the user is there" kill -9 $user
	wait $user
	t "killed, the user has let go" wait_for 10 within 20 vfio-mig "$MDEVS/$u" state=RUNNING
	cx_inject clear
	t "firmware does not destroy a queue pair" cx_inject pf destroy_qp fail 5
	mark
	walk "the log ends all the same" "$MDEVS/$u" cx:1 cx-log cx-log-stop cx-log cx-dirty=0 cx-log-stop
	logged_once "the log says what is lost" "firmware did not destroy the page tracker .*KiB of memory are lost"
	t "firmware has no tracker more" cx_inject pf create_object fail 0xf
	walk "a start that fails is an error" "$MDEVS/$u" cx-log=EAGAIN,EIO,EBUSY,ENOSPC cx-log cx-log-stop
	t "the mdev is removed" remove "$u"
	t "no tracker is left" cx_is 0 tracker 0
	cx_of pf mkeys
	echo "# memory keys of the PF: $VALUE"
	t "the module unloads" unload mdev-pci-mlx5
fi
t "the VF is removed" set_vfs 0
t "mlx5_core unloads" unload mlx5_core
