# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
# complains: sysfs: cannot create duplicate filename|kobject_add_internal failed for mdev_supported_types
#
# A registration that fails leaves SR-IOV as it was. Firmware may fail before, while and after a PF
# is registered: vendor drivers need not keep the two apart.

# made PARAMETERS...: what insmod says of a parent that is made of them
made() { insmod "$TOOLS/faulty-parent.ko" device="$PF" "$@" 2>&1; }
vfs() { cat "$PFDIR/sriov_numvfs"; }

must "pci-pf-stub is loaded" load pci-pf-stub
must "it gets the PF" pf_driver pci-pf-stub
must "3 VFs exist" set_vfs 3
vf_bdf 1
for how in "" external=Y; do
	# shellcheck disable=SC2086 # a word or none
	like "the mdev core refuses the PF${how:+, $how}" "$(made taken=Y $how)" "Cannot allocate memory"
	is "its VFs are there" "$(vfs)" 3
	bound_driver "$BDF"
	is "the VF has no driver" "$DRIVER" ""
	is "its driver_override is empty" "$(cat "/sys/bus/pci/devices/$BDF/driver_override")" "(null)"
done
mark
like "it is a parent when nothing is in the way" "$(made)" canceled
logged "the log has the number of VFs" "$PF: is an mdev parent with 1 types and 3 VFs"

t "all VFs are removed" set_vfs 0
like "a registration that creates VFs is refused" "$(made taken=Y num_vfs=2)" "Cannot allocate memory"
is "the failed module leaves no VFs" "$(vfs)" 0
like "it works with the next one" "$(made num_vfs=2)" canceled
is "which takes its VFs back" "$(vfs)" 0

must "3 VFs exist" set_vfs 3
is "firmware fails in the middle of a registration" "$(made failing=Y keep=Y)" ""
type=$PFDIR/mdev_supported_types/pci-pf-stub-one
is "no mdev is available" "$(cat "$type/available_instances")" 0
new_uuid
refused "an mdev" "$type/create" "$UUID" EREMOTEIO "mdev $UUID refused: the PF's firmware has failed; reset the PF"
like "the parent is there" "$(cat "$type/description")" "^made: to fail$"
t "faulty-parent unregisters the PF when it is removed" rmmod faulty-parent
like "it is registered, and firmware fails after it is not any more" "$(made failing=Y)" canceled

t "all VFs are removed" set_vfs 0
t "the PF's driver gets it" pf_driver "$DEV_DRIVER"
t "no override is left" write_to "$PFDIR/driver_override" "
"
no_mdevs_no_vfs
t "pci-pf-stub is unloaded" unload pci-pf-stub
