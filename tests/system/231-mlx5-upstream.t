# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 200
#
# The ConnectX model, judged by upstream's mlx5-vfio-pci, built from this kernel's own source.

. "$PAYLOAD/tests/system/mlx5.sh"

must "stock mlx5_core takes the PF" mlx5_load
must "the PF creates 2 VFs" mlx5_vfs 2
must "upstream's driver is there" load mlx5-vfio-pci
must "mlx5_vfio_pci is bound to the VFs" vf_to mlx5_vfio_pci 0 1
vf_dir 0; zero=$DIR
vf_dir 1; one=$DIR

states_of upstream "$zero" "$one"
if able precopy "upstream: pre-copy"; then
	precopy_of upstream "$zero" "$one"
fi

# Nothing but firmware looks at the image there: a wrong byte anywhere is seen before any takes effect
walk "upstream: a state to spoil" "$zero" cx:3 set:STOP_COPY "read:$WORK/good" close
size=$(stat -c %s "$WORK/good")
for off in 72 90 130 400 1000 5000 $((size / 2)) $((size - 9)); do
	cp "$WORK/good" "$WORK/bad"
	printf '\377\377\377\377\377\377\377\376' |
		dd of="$WORK/bad" bs=1 seek=$off conv=notrunc 2>/dev/null
	if kernel_has_precopy; then
		set -- "write:$WORK/bad=EINVAL"
	else
		set -- "write:$WORK/bad" set:STOP=EINVAL
	fi
	walk "firmware refuses a state that is wrong at $off" "$one" cx:1 set:RESUMING "$@" reset state=RUNNING
done
walk "and takes the right one" "$one" set:RESUMING "write:$WORK/good" set:STOP close set:RUNNING cx-adopt:3 cx:1

t "no DMA of a VF that is stopped" cx_no_bad_dma
t "the VFs are given back" vf_free 0 1
t "upstream's driver unloads" unload mlx5-vfio-pci
t "all VFs are removed" set_vfs 0
t "no VF has pages any more" no_vf_pages
t "mlx5_core unloads" unload mlx5_core
