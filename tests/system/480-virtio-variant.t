# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 500
#
# The engine without mdevs: a driver of VFIO's of upstream's shape, bound to the VFs (tests/variant/virtio).
# mdev and mdev-pci are not loaded.
. "$PAYLOAD/tests/system/snap.sh"

DRIVER_NAME=virtio-engine-vfio-pci

not_loaded() # MODULE...
{
	for n_module; do
		! loaded "$n_module" || fail "$n_module is loaded" || return 1
	done
}

must "the model is there" find_snap
able dev-parts "a VF migrates" || { echo "##done"; exit 0; }
must "all our modules are unloaded" unload_all
if loaded mdev; then
	must "mdev is unloaded" rmmod mdev
fi
must "the engine is loaded" load vfio-pci-engine
must "the driver is loaded" insmod "$(echo "$PAYLOAD"/*/$DRIVER_NAME.ko)"
t "mdev and mdev-pci are not" not_loaded mdev mdev-pci mdev-pci-virtio
like "user space finds it by an alias" "$(modinfo -F alias "$(echo "$PAYLOAD"/*/$DRIVER_NAME.ko)")" \
	'vfio_pci:v00001AF4d00001042'
must "2 VFs exist" set_vfs 2
vf_bdf 0
a=$BDF
vf_bdf 1
b=$BDF
must "the variant driver is bound to the first VF" bind_to "$a" $DRIVER_NAME
must "the variant driver is bound to the second VF" bind_to "$b" $DRIVER_NAME

mig_pci "a VF is saved" "$a" set:STOP_COPY "read:$WORK/s" set:STOP set:RUNNING
mig_pci "another one loads it" "$b" set:STOP set:RESUMING "write:$WORK/s" set:STOP set:RUNNING
CONFORM_OPTIONS="--rounds 20"
conform "$a"
t "a guest boots with it" blk_boot v0 "$a"
t "the guest migrates to the other VF" blk_migrate v0 v1 "$b"
t "its load goes on" blk_goes_on v1 100 60
t "the disk has come along" blk_oracle v1
t "all blocks of the guest are right" blk_verify v1
guest_quit v0
guest_quit v1
t "no stopped VF has done DMA or sent an interrupt, no object is left" snap_is_tame 2
t "mdev and mdev-pci are not loaded still" not_loaded mdev mdev-pci mdev-pci-virtio
unbind_from "$a"
unbind_from "$b"
t "all VFs are removed" set_vfs 0
t "the driver unloads" rmmod virtio_engine_vfio_pci
t "our modules are loaded again" load_all
