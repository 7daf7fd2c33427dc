# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 200
#
# The ConnectX model, used by drivers that the project did not write: stock mlx5_core on PF and VFs.

. "$PAYLOAD/tests/system/mlx5.sh"

mark
must "stock mlx5_core takes the PF" mlx5_load
must "stock mlx5_core has the PF" mlx5_bound
logged "mlx5_core logs the firmware version" "$PF: firmware version: 28.39"
must "the PF creates 2 VFs" mlx5_vfs 2
t "2 VFs exist" test -e "$PFDIR/virtfn1"
t "the VFs have their pages" cx_is 0 pages 6
fw_pages vfs
is "so says the driver" "$VALUE" 12

mark
t "stock mlx5_core takes a VF" vf_to mlx5_core 0
vf_dir 0
logged "mlx5_core logs the firmware version" "$BDF: firmware version: 28.39"
cx_of 0 commands
at_least "the VF has carried out commands" "$VALUE" 15
sleep 5
t "it lives on, polled for its health" test -e "$DIR/driver"
is "no complaint about health" "$(tool log "$SEQ" | grep -i -E 'health|timeout|leak|stuck')" ""
t "the VF is given back" vf_free 0
t "all VFs are removed" set_vfs 0
t "no VF has pages any more" no_vf_pages
t "the driver unloads" unload mlx5_core
fw_dir_left=$(ls /sys/kernel/debug/mlx5 2>/dev/null)
is "nothing is left of it" "$fw_dir_left" ""
t "and comes again" mlx5_load
t "1 VF exists" mlx5_vfs 1
t "the VFs are removed" set_vfs 0
is "no complaint of the driver" "$(tool log "$SEQ" | grep -E 'mlx5.*(rr|fail|leak|imeout)')" ""
t "the driver unloads" unload mlx5_core
