# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 300
#
# The PF comes, is reloaded and goes while its VFs are mdevs in use.

. "$PAYLOAD/tests/system/mlx5.sh"

TYPES() { is_there "$PFDIR/mdev_supported_types/mlx5_core-vf/create"; }
reload() { within 60 devlink dev reload "pci/$PF"; }

must "stock modules are there" mlx5_modules
must "the module loads, and with it stock mlx5_core" load mdev-pci-mlx5
must "stock mlx5_core has the PF" mlx5_load
must "the PF is a parent" wait_for 10 TYPES
must "mlx5_core makes 2 VFs" mlx5_vfs 2
must "both VFs are bound to mdev-pci" wait_for 20 all_bound 2
new_uuid; u=$UUID
must "an mdev is created" create "$u" mlx5_core-vf
new_uuid; v=$UUID
must "a second mdev is created" create "$v" mlx5_core-vf

# A reload removes firmware's objects: users of VFs get an error, and nothing waits
mkfifo "$WORK/in"
vfio-mig "$MDEVS/$u" - <"$WORK/in" >"$WORK/out" 2>&1 &
user=$!
exec 8>"$WORK/in"
said() { [ "$(grep -c '^##done' "$WORK/out")" = "$1" ]; }
printf 'cx:2\tset:STOP_COPY\tread:%s/x:4096\n' "$WORK" >&8
must "a user is in the middle of a SAVE" wait_for 20 said 1
mark
t "the PF is reloaded" reload
logged "the log says what it means for the VF" "the PF driver has detached the function"
printf 'state=ERROR\tread:%s/x=ENODEV,EIO,EBADF\treset\tstate=RUNNING\n' "$WORK" >&8
t "the migration has failed, a reset mends the VF" wait_for 20 said 2
diag <"$WORK/out"
exec 8>&-
wait $user
states_of "after a reload" "$MDEVS/$u" "$MDEVS/$v"

# mlx5_core disables SR-IOV without asking whether VFs are in use
mig_bg "$u" "touch:$WORK/open" "await:$WORK/go"
must "a user has the VF open" wait_for 20 is_there "$WORK/open"
mark
(tool write "$PFDIR/sriov_numvfs" 0 >"$WORK/disable") &
disabler=$!
waits() { tool log "$SEQ" | grep -q "mdev $u is open: waiting until its user has closed it; stop the guest"; }
t "SR-IOV is disabled under it: the log names the mdev whose user mlx5_core waits for" wait_for 20 waits
t "mlx5_core waits" kill -0 $disabler
touch "$WORK/go"
mig_end "the user closes the device"
wait $disabler
is "then SR-IOV is disabled" "$(cat "$WORK/disable")" 0
t "the mdev has no VF" attr_is "$u" function none
t "the mdevs are removed" remove_all
must "2 VFs exist again" mlx5_vfs 2
must "they are mdev-pci's again" wait_for 20 all_bound 2
must "an mdev is created again" create "$u" mlx5_core-vf

# Unbinding the PF asks the user to close the device, and waits
vfio-mig "$MDEVS/$u" irq cx:1 irq-wait:20000 sleep:300 >"$WORK/user" 2>&1 &
user=$!
wait_for 20 attr_is "$u" migration_state RUNNING
sleep 1
t "the PF is unbound under a user" within 60 tool write /sys/bus/pci/drivers/mlx5_core/unbind "$PF"
wait $user
is "the user was asked first" "$?" 0
is "no mdev is left" "$(ls "$MDEVS")" ""
t "the PF is bound again" write_to /sys/bus/pci/drivers/mlx5_core/bind "$PF"
t "the PF is a parent again after it was bound" wait_for 20 TYPES

# mlx5_core removes the VFs, which can't be refused: the removal waits for the user, and the log names the mdev
says() { tool log "$SEQ" | grep -q "$1"; }
must "mlx5_core makes 1 VF again" mlx5_vfs 1
must "the VF is bound to mdev-pci" wait_for 20 all_bound 1
new_uuid; u=$UUID
must "an mdev of the VF is created" create "$u" mlx5_core-vf
vfio-mig "$MDEVS/$u" cx:1 "touch:$WORK/open" sleep:600000 >"$WORK/user" 2>&1 &
user=$!
t "a user that ignores the request has it" wait_for 20 is_there "$WORK/open"
mark
tool write "$PFDIR/sriov_numvfs" 0 >"$WORK/numvfs" &
taker=$!
t "the log names the mdev that the end of the VFs waits for, and says what to do" \
	wait_for 20 says "mdev $u is open: waiting until its user has closed it; stop the guest"
t "the end of the VFs waits" kill -0 $taker
kill -9 $user
wait $user
t "without the user the VFs go" wait_for 30 is_gone "$PFDIR/virtfn0"
wait $taker
is "the writer of sriov_numvfs gets success" "$(cat "$WORK/numvfs")" 0
t "no VF has pages any more" no_vf_pages
remove_all
t "the module unloads" unload mdev-pci-mlx5
t "mlx5_core unloads" unload mlx5_core
