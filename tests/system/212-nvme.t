# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: generic
# timeout: 300
# complains: ODEBUG: free active .*kobject_delayed_cleanup
# loses: nvme_alloc_ns
#
# An NVMe controller whose PF is driven by its admin queue only: types are numbers of queues and
# interrupts, given and taken by standard commands. The complaint and the leak are about the kernel's
# nvme, which frees a namespace with its character device (DEBUG_KOBJECT_RELEASE).

. "$PAYLOAD/tests/system/reads.sh"

NVME_DRIVER=/sys/bus/pci/drivers/nvme-pf
SIZE=4

driver_of() { bound_driver "$1"; echo "$DRIVER"; }
# An empty one is a line, too
override() { echo "$2" >"/sys/bus/pci/devices/$1/driver_override"; }
description() { cat "$PFDIR/mdev_supported_types/$1/description"; }
available() { cat "$PFDIR/mdev_supported_types/$1/available_instances"; }
left() { description nvme-pf-q1 | sed -n 's/^\(queues\|interrupts\): //p' | tr '\n' ' '; }
online() { description nvme-pf-q1 | sed -n 's/^online: //p'; }
no_mdevs() { [ -z "$(ls "$MDEVS")" ] || fail "there are: $(ls "$MDEVS")"; }
ctl() { within 60 mdevctl "$@" || fail "mdevctl $*"; }

# holds WHAT LEFT ONLINE: what the controller says of its resources
holds()
{
	is "$1: $2 of 10 are left" "$(left)" "$2 of 10 left $2 of 10 left "
	is "$1: $3 online" "$(online)" "$3 of 4 secondary controllers"
}

# The controller belongs to the driver of that name
give_to() # DRIVER
{
	bound_driver "$PF"
	if [ -n "$DRIVER" ]; then
		write_to "/sys/bus/pci/drivers/$DRIVER/unbind" "$PF" || return 1
	fi
	override "$PF" "$1" && write_to /sys/bus/pci/drivers_probe "$PF" || return 1
	bound_driver "$PF"
	[ -n "$DRIVER" ] || fail "no driver has taken it"
}

find_pf
other=$PF
must "there is a controller" find_other_pf 1b36:0010
must "the module loads" load mdev-pci-nvme
not_nvme_pf() { [ "$(driver_of "$PF")" != nvme-pf ]; }
t "the module binds no device by itself" not_nvme_pf
must "the controller is given to it" give_to nvme-pf
is "nvme-pf is bound to the PF" "$(driver_of "$PF")" nvme-pf

# What else it is given it does not take
t "the reference device lets go" write_to /sys/bus/pci/drivers/$DEV_DRIVER/unbind "$other"
t "driver_override of the reference device names nvme-pf" override "$other" nvme-pf
refused "another device" $NVME_DRIVER/bind "$other" ENODEV \
	"$other: is no NVMe controller with SR-IOV; clear its driver_override"
t "that goes back" override "$other" ""
t "the function is bound to its driver" write_to /sys/bus/pci/drivers/$DEV_DRIVER/bind "$other"

is "a type for each number of queues that a VF can have" \
	"$(ls "$PFDIR/mdev_supported_types" | tr '\n' ' ')" "nvme-pf-q1 nvme-pf-q2 nvme-pf-q4 "
d=$(description nvme-pf-q1)
like "the type says what it is" "$d" '^model: NVMe QEMU NVMe Ctrl$'
like "and that it can't migrate, and why" "$d" '^migratable: no, the controller does not know NVMe 2.1.s live migration commands'
holds "at first" 10 0

count_commands mdev_pci_nvme:npf_run
new_uuid
refused "no VF exists" "$PFDIR/mdev_supported_types/nvme-pf-q1/create" "$UUID" ENODEV \
	"mdev $UUID refused: there are no VFs"
errno_of "$PFDIR/sriov_numvfs" 5
is "more VFs than there are" "$ERRNO" ERANGE

must "4 VFs exist" bound_vfs 4
is "q1 is available for each VF" "$(available nvme-pf-q1)" 4
is "q2 as often as there are queues" "$(available nvme-pf-q2)" 3
is "two mdevs of q4 are available" "$(available nvme-pf-q4)" 2

# Profiles, until nothing is left
new_uuid; a=$UUID
costs "an mdev with 4 queues" create "$a" nvme-pf-q4
reads_cost_nothing "a parent, its 4 VFs and an mdev"
t "the mdev is not migratable" attr_is "$a" migratable 0
holds "with one" 5 1
errno_of "$PFDIR/sriov_numvfs" 0
is "VFs don't go while there is an mdev" "$ERRNO" EBUSY
new_uuid; b=$UUID
count_no_more
must "a second mdev is created" create "$b" nvme-pf-q4
holds "with two" 0 2
is "no mdev of q1 is available" "$(available nvme-pf-q1)" 0
is "no mdev of q4 is available" "$(available nvme-pf-q4)" 0
new_uuid; c=$UUID
refused "nothing is left" "$PFDIR/mdev_supported_types/nvme-pf-q1/create" "$c" ENOSPC \
	"$PF: q1 needs 2 queues, the controller has 0 left: remove an mdev, or take a smaller type"
t "there is no such mdev" is_gone "$MDEVS/$c"
holds "after that" 0 2
t "an mdev is removed" remove "$b"
holds "its resources are there" 5 1
new_uuid; b=$UUID
t "mdevctl starts one with 2 queues" ctl start --uuid "$b" --parent "$PF" --type nvme-pf-q2
like "mdevctl lists it" "$(mdevctl list)" "^$b $PF nvme-pf-q2"
holds "with that" 2 2
like "mdevctl says what is left" "$(mdevctl types)" 'queues: 2 of 10 left'
t "the last mdev is created" create "$c" nvme-pf-q1
holds "with three" 0 3
t "mdevctl stops its one" ctl stop --uuid "$b"
holds "without it" 3 2

# A guest, whose driver is the stock one
must "a guest boots with it" guest_plain g "$c"
must "nvme has it there, with the namespace" \
	guest_sh g 60 'i=0; while ! [ -b /dev/nvme0n1 ] && [ $i -lt 50 ]; do sleep 1; i=$((i + 1)); done; [ -b /dev/nvme0n1 ]'
t "it has the admin queue and one for I/O" \
	guest_sh g 10 '[ "$(cat /sys/class/nvme/nvme0/queue_count)" = 2 ]'
t "the guest writes" guest_sh g 120 \
	"dd if=/dev/urandom of=/tmp/data bs=1M count=$SIZE && dd if=/tmp/data of=/dev/nvme0n1 bs=1M conv=fsync"
t "it reads the same, from the device" guest_sh g 120 \
	"echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/nvme0n1 bs=1M count=$SIZE 2>/dev/null | cmp - /tmp/data"
t "the guest computes the checksum" guest_sh g 60 'md5sum </tmp/data'
sum=$(echo "$OUT" | head -n 1)
t "the module is held meanwhile" not unload mdev-pci-nvme
guest_quit g
holds "after the guest" 3 2

# Another VF, another number of queues, the same namespace
must "a guest boots with the other one" guest_plain g "$a"
must "the controller has the namespace" \
	guest_sh g 60 'i=0; while ! [ -b /dev/nvme0n1 ] && [ $i -lt 50 ]; do sleep 1; i=$((i + 1)); done; [ -b /dev/nvme0n1 ]'
t "the guest reads the namespace" guest_sh g 60 "dd if=/dev/nvme0n1 bs=1M count=$SIZE 2>/dev/null | md5sum"
is "what the first one wrote" "$(echo "$OUT" | head -n 1)" "$sum"
guest_quit g

# The controller forgets its secondary controllers when it is reset
mark
t "the PF is reset" write_to "$PFDIR/reset" 1
logged "the mdevs in use go to ERROR" 'its PF is reset; the device is in the ERROR state'
holds "after the reset" 3 2
must "a guest boots after it" guest_plain g "$c"
t "the guest reads the namespace" guest_sh g 90 \
	"i=0; while ! [ -b /dev/nvme0n1 ] && [ \$i -lt 50 ]; do sleep 1; i=\$((i + 1)); done; dd if=/dev/nvme0n1 bs=1M count=$SIZE 2>/dev/null | md5sum"
is "the disk has what was written" "$(echo "$OUT" | head -n 1)" "$sum"
guest_quit g

# Everything goes
t "an mdev is removed" remove "$c"
holds "with the last one" 5 1
t "the PF is unbound under the last one" write_to $NVME_DRIVER/unbind "$PF"
t "the mdev is gone" no_mdevs
t "no VF is left" is_gone "$PFDIR/virtfn0"
t "no type is left" is_gone "$PFDIR/mdev_supported_types"
t "the PF is bound again" write_to $NVME_DRIVER/bind "$PF"
holds "as at first" 10 0
t "the module unloads" unload mdev-pci-nvme
t "its driver_override is empty" override "$PF" ""
must "nvme is loaded" load nvme
t "the controller is nvme's" give_to ""
is "nvme is bound to the PF" "$(driver_of "$PF")" nvme
nvme=/dev/$(ls "$PFDIR/nvme")
must "the controller has the namespace" wait_for 20 is_there "${nvme}n1"
is "it reads what the guest wrote" \
	"$(dd if="${nvme}n1" bs=1M count=$SIZE iflag=direct 2>/dev/null | md5sum)" "$sum"
