# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2016
# boot: mlx5
# timeout: 500
#
# A guest with stock mlx5_core and mlx5_ib migrates while its RDMA connections go on, by mdev-pci-mlx5.

. "$PAYLOAD/tests/system/mlx5.sh"

must "stock mlx5_core takes the PF" mlx5_load
must "the module loads" load mdev-pci-mlx5
must "mlx5_core makes 2 VFs" mlx5_vfs 2
must "both VFs are bound to mdev-pci" wait_for 20 all_bound 2
new_uuid; u=$UUID
must "an mdev is created" create "$u" mlx5_core-vf
new_uuid; v=$UUID
must "a second mdev is created" create "$v" mlx5_core-vf

must "a guest boots, and its stock drivers connect to each other" mlx5_guest_boot a "$MDEVS/$u"
must "the guest migrates" mlx5_migrate a b "$MDEVS/$v"
echo "# downtime $DOWNTIME ms of $TOTAL ms, device state $VFIO bytes"
[ "$VFIO" = unknown ] || at_least "the device's state is larger than 1 MiB" "$VFIO" 1048577
t "its connections go on, each byte was right" rdma_goes_on b 2 120
t "no command of it has waited for an interrupt that was lost" guest_never_waited b
t "the source's VF is stopped" cx_is 0 level stopped
t "no DMA of a VF that is stopped" cx_no_bad_dma
guest_quit a
t "the guest migrates back" mlx5_migrate b a "$MDEVS/$u"
t "its connections go on" rdma_goes_on a 2 120
guest_quit b
t "the workload ends" guest_sh a 60 'touch /tmp/stop; while pidof ibv_rc_pingpong; do sleep 1; done'
t "its driver can let go of all that it had" guest_sh a 60 \
	'B=$(ls /sys/bus/pci/drivers/mlx5_core | grep :); echo $B >/sys/bus/pci/drivers/mlx5_core/unbind'
t "and take the VF again" guest_sh a 60 \
	'B=$(ls /sys/bus/pci/devices -1 | grep -v "^0000:00"); echo $B >/sys/bus/pci/drivers/mlx5_core/bind'
t "no command of its driver timed out" guest_never_waited a
guest_quit a
t "the mdevs are removed" remove_all
t "all VFs are removed" set_vfs 0
t "no VF has pages any more" no_vf_pages
t "the module unloads" unload mdev-pci-mlx5
t "mlx5_core unloads" unload mlx5_core
