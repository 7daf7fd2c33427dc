# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 200
#
# driver_flavour does not take a VF away from programs of the host that use its RDMA device.
. "$PAYLOAD/tests/system/mlx5.sh"

ROOT=/tmp/rdma

# rdma-core with its own C library, as guests have it
rdma_root()
{
	mkdir -p $ROOT/dev $ROOT/sys && cp -a "$PAYLOAD/rdma/." $ROOT/ && mount --bind /dev $ROOT/dev &&
		mount --bind /sys $ROOT/sys || fail "no rdma-core"
}

has_rdma() { is_there "$DIR/infiniband" && is_there /dev/infiniband/uverbs0; }
waits() { cat /proc/net/tcp /proc/net/tcp6 | grep -q ':4853 .* 0A '; }
flavour_is() { is "$1" "$(cat "$DIR/driver_flavour")" "$2"; }

must "stock mlx5_core takes the PF" mlx5_load
must "stock mlx5_ib is loaded" load mlx5_ib
must "driver_flavour is loaded" load driver-flavour
must "mlx5_core makes 1 VF" mlx5_vfs 1
must "the host uses the VF" vf_to mlx5_core 0
vf_free_override() { vf_bdf 0 && printf '\n' >"/sys/bus/pci/devices/$BDF/driver_override"; }
must "no driver is reserved for it" vf_free_override
vf_dir 0
must "the VF on the host has an RDMA device" wait_for 30 has_rdma
ib=$(ls "$DIR/infiniband")
must "there is rdma-core" rdma_root
flavour_is "the VF is the host's" "[native] vfio"

chroot $ROOT /usr/bin/ibv_rc_pingpong -d "$ib" >"$WORK/pingpong" 2>&1 &
program=$!
must "a program has the RDMA device, and waits for a connection" wait_for 20 waits
refused "a VF whose RDMA device is in use" "$DIR/driver_flavour" vfio EBUSY \
	"$BDF: flavour vfio refused: $ib is in use; stop what uses RDMA first"
t "what counts RDMA's users has been loaded" loaded driver-flavour-rdma
t "the program has not noticed" kill -0 $program
flavour_is "the VF is still the host's" "[native] vfio"
kill $program
wait $program
t "without the program the VF is switched" write_to "$DIR/driver_flavour" vfio
flavour_is "the VF is for a guest" "native [vfio]"
t "the VF goes back to the host's driver" write_to "$DIR/driver_flavour" native
must "the VF that is native again has an RDMA device" wait_for 30 has_rdma

# Who can't count takes nothing away
t "the module unloads" unload driver-flavour-rdma
mkdir -p /etc/modprobe.d
echo 'install driver-flavour-rdma /bin/false' >/etc/modprobe.d/no-rdma.conf
mark
refused "a VF whose users can't be counted" "$DIR/driver_flavour" vfio EBUSY "$ib is in use"
logged "the log says which module is missing" "load the module driver-flavour-rdma"
rm /etc/modprobe.d/no-rdma.conf
t "with the module the VF is switched" write_to "$DIR/driver_flavour" vfio

umount $ROOT/dev $ROOT/sys
t "the VF is removed" set_vfs 0
t "our modules unload" unload_all
t "what counts RDMA's users unloads" unload driver-flavour-rdma
t "upstream's driver, which the flavour vfio has loaded, unloads" unload mlx5-vfio-pci
t "mlx5_ib unloads" unload mlx5_ib
t "mlx5_core unloads" unload mlx5_core
