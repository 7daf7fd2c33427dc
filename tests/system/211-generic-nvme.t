# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: generic
# timeout: 240
# complains: ODEBUG: free active .*kobject_delayed_cleanup
# loses: nvme_alloc_ns
#
# An NVMe controller: the PF keeps the kernel's nvme driver, VFs are prepared by standard admin
# commands, and a guest writes and reads through one. The complaint and the leak are about the
# kernel's nvme, which frees a namespace with its character device (DEBUG_KOBJECT_RELEASE).

PARENTS=/sys/bus/platform/drivers/mdev-pci-generic/parents
SIZE=4

driver_of() { bound_driver "$1"; echo "$DRIVER"; }
sum() { dd if="$disk" bs=1M count=$SIZE iflag=direct 2>/dev/null | md5sum; }

# What the PF's driver wants of a VF: queues, interrupts, online
prepare_vf() # CONTROLLER
{
	nvme virt-mgmt "$nvme" -c "$1" -r 0 -a 8 -n 2 &&
		nvme virt-mgmt "$nvme" -c "$1" -r 1 -a 8 -n 1 &&
		nvme virt-mgmt "$nvme" -c "$1" -a 9
}

must "nvme is loaded" load nvme
must "there is a controller" find_other_pf 1b36:0010
is "nvme has it" "$(driver_of "$PF")" nvme
nvme=/dev/$(ls "$PFDIR/nvme")
must "the controller answers" wait_for 20 nvme id-ctrl "$nvme"
disk=${nvme}n1
must "the controller has a namespace" wait_for 20 is_there "$disk"

must "the module loads" load mdev-pci-generic
is "nothing is a parent" "$(cat $PARENTS)" ""
must "the controller is one" write_to $PARENTS "+$PF"
must "the parent offers a type" type_dir nvme-vf
must "1 VF exists" bound_vfs 1
vf_bdf 0
is "the VF is bound to mdev-pci" "$(driver_of "$BDF")" mdev-pci
must "the VF is given queues and interrupts" prepare_vf 1
new_uuid; u=$UUID
must "an mdev is created" create "$u" nvme-vf
errno_of "$PFDIR/sriov_numvfs" 0
is "nvme removes no VFs under it" "$ERRNO" EPERM

must "a guest boots with it" guest_plain g "$u"
must "nvme has it there, with the namespace" \
	guest_sh g 60 'i=0; while ! [ -b /dev/nvme0n1 ] && [ $i -lt 50 ]; do sleep 1; i=$((i + 1)); done; [ -b /dev/nvme0n1 ]'
t "the guest writes" guest_sh g 120 \
	"dd if=/dev/urandom of=/tmp/data bs=1M count=$SIZE && dd if=/tmp/data of=/dev/nvme0n1 bs=1M conv=fsync"
t "it reads the same, from the device" guest_sh g 120 \
	"echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/nvme0n1 bs=1M count=$SIZE 2>/dev/null | cmp - /tmp/data"
t "the guest computes the checksum" guest_sh g 60 'md5sum </tmp/data'
is "the PF reads the same" "$(sum)" "$(echo "$OUT" | head -n 1)"
t "the PF's driver works on" nvme id-ctrl "$nvme"
guest_quit g

t "the mdev is removed" remove "$u"
t "mdev-pci-generic unloads" unload mdev-pci-generic
is "nvme keeps the controller" "$(driver_of "$PF")" nvme
is "its VF is free" "$(driver_of "$BDF")" ""
t "nvme removes it" set_vfs 0
t "the guest reads on" test -n "$(sum)"
