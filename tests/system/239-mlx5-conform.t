# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 500
#
# mdev-pci-conform, which judges by the uapi alone, on a VF with mdev-pci-mlx5 and on one with upstream's
# driver. What it finds in upstream's is told, and fails nothing.

. "$PAYLOAD/tests/system/mlx5.sh"

CONFORM_OPTIONS="--rounds 5"
must "stock mlx5_core takes the PF" mlx5_load
must "upstream's driver is there" load mlx5-vfio-pci
must "the PF creates 2 VFs" mlx5_vfs 2
must "upstream's driver takes VF 1" vf_to mlx5_vfio_pci 1
must "the module loads" load mdev-pci-mlx5
must "VF 0 is bound to mdev-pci" wait_for 20 all_bound 1
new_uuid; u=$UUID
must "an mdev is created" create "$u" mlx5_core-vf

counted() # FILE -> $COUNTED
{
	skipped=$(grep -c '^ok .*# SKIP' "$1")
	COUNTED="$(($(grep -c '^ok ' "$1") - skipped)) passed, $(grep -c '^not ok ' "$1") failed, $skipped skipped"
}

conform "$u"
counted "$WORK/conform.out"
ours=$COUNTED
vf_bdf 1
# shellcheck disable=SC2086 # words
within 300 mdev-pci-conform --patience "${PATIENCE:-1}" $CONFORM_OPTIONS --only "states.*" --only "roundtrips.*" \
	"$BDF" >"$WORK/upstream.out" 2>&1
counted "$WORK/upstream.out"
echo "# row: points of mdev-pci-conform | $ours | $COUNTED, of states and round trips"
sed -n 's/^not ok [0-9]* - /# upstream fails: /p' "$WORK/upstream.out"
t "no DMA of a VF that is stopped" cx_no_bad_dma
t "upstream's driver gives its VF back" vf_free 1
t "upstream's driver unloads" unload mlx5-vfio-pci
t "the mdev is removed" remove "$u"
t "all VFs are removed" set_vfs 0
t "the module unloads" unload mdev-pci-mlx5
t "mlx5_core unloads" unload mlx5_core
