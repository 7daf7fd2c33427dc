# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 200
#
# The ConnectX model, judged by upstream's mlx5-vfio-pci, built from this kernel's own source.

. "$PAYLOAD/tests/system/mlx5.sh"

must "stock mlx5_core takes the PF" mlx5_load
must "it makes 2 VFs" mlx5_vfs 2
must "upstream's driver is there" load mlx5-vfio-pci
must "it takes the VFs" vf_to mlx5_vfio_pci 0 1
vf_dir 0; zero=$DIR
vf_dir 1; one=$DIR

states_of upstream "$zero" "$one"
if able precopy "upstream: pre-copy"; then
	precopy_of upstream "$zero" "$one"
fi
t "no DMA of a VF that is stopped" cx_no_bad_dma
t "the VFs are given back" vf_free 0 1
t "upstream's driver goes" unload mlx5-vfio-pci
t "2 VFs less" set_vfs 0
t "no VF has pages any more" no_vf_pages
t "mlx5_core goes" unload mlx5_core
