# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 400
#
# mdev-pci-conform, which judges by the uapi alone, on both drivers of a virtio VF. What it finds in
# upstream's is told, and fails nothing. Of upstream's only what does not write to a migration file whose
# state was left: virtiovf_resume_write() of 7.3.4 looks at migf->buf, NULL by then, before its lock and
# its state, and the kernel ends.
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "two drivers are judged" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
CONFORM_OPTIONS="--rounds 5"
must "our module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
must "upstream's is loaded" upstream_load
vfs_and_mdevs 2 u
mdev_vf "$u"
vf_bdf $((1 - VF))
other=$BDF
must "upstream's driver binds the other VF" bind_to "$other" virtio_vfio_pci

counted() # FILE -> $COUNTED
{
	skipped=$(grep -c '^ok .*# SKIP' "$1")
	COUNTED="$(($(grep -c '^ok ' "$1") - skipped)) passed, $(grep -c '^not ok ' "$1") failed, $skipped skipped"
}

conform "$u"
counted "$WORK/conform.out"
ours=$COUNTED
# shellcheck disable=SC2086 # words
within 300 mdev-pci-conform --patience "${PATIENCE:-1}" $CONFORM_OPTIONS --only "states.*" --only "roundtrips.*" "$other" >"$WORK/upstream.out" 2>&1
counted "$WORK/upstream.out"
echo "# row: points of mdev-pci-conform | $ours | $COUNTED; the others end the kernel"
sed -n 's/^not ok [0-9]* - /# upstream fails: /p' "$WORK/upstream.out"
t "both stop what they have begun" snap_is_tame 2
unbind_from "$other"
t "upstream's module unloads" rmmod virtio_vfio_pci
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
