# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# timeout: 300
# dma-faults: expected
# needs: firmware pf
#
# The PF as one mdev while its own driver stays bound: the driver lets go of it and takes it back,
# VFs and the whole PF exclude each other, and neither's user gets the other's device.

# Its command queue, and what of it a reset clears
MAGIC=reg:0=0x56454452
BASE=0x10
CLEAR="reg:$BASE=0 reg:0xc=0"
BIND=/sys/bus/pci/drivers/$DEV_DRIVER/bind
UNBIND=/sys/bus/pci/drivers/$DEV_DRIVER/unbind
W=$WORK
find_pf
TYPES=$PFDIR/mdev_supported_types
WHOLE=$TYPES/$DEV_TYPE_PF

make() # -> $u: the PF as an mdev
{
	new_uuid
	u=$UUID
	must "${1:-an mdev that is the PF}" create "$u" $DEV_TYPE_PF
}

available() { VALUE=$(cat "$TYPES/$DEV_DRIVER-$1/available_instances"); }

irqs() { grep -c "$DEV_DRIVER-[a-z]* $PF" /proc/interrupts; }

# The driver has its device, with its queue
drivers() # DESCRIPTION
{
	fw_dir
	like "$1: its driver speaks to the firmware" "$(cat "$FW/firmware" 2>&1)" '^total_vfs: 8$'
	is "$1: by its interrupts" "$(irqs)" 2
	available whole
	is "$1: it can be had" "$VALUE" 1
}

# The mdev has, and the driver keeps off
given() # DESCRIPTION
{
	bound_driver "$PF"
	is "$1: its driver is bound" "$DRIVER" $DEV_DRIVER
	is "$1: and has no interrupts" "$(irqs)" 0
	fw_dir
	like "$1: nor does it speak to the firmware" "$(cat "$FW/firmware" 2>&1)" 'transport endpoint shutdown'
	for given_type in whole dma dma-lite; do
		available $given_type
		is "$1: nothing is available ($given_type)" "$VALUE" 0
	done
}

user() # COMMANDS...: opens it and waits for "go"; in the background
{
	rm -f "$W/open" "$W/asked" "$W/go"
	mig_bg "$u" "$@"
	t "a user opens the device" wait_for 20 is_there "$W/open"
}

# ---- a type -----------------------------------------------------------------------------

drivers "at first"
like "description says that it is the whole device" "$(cat "$WHOLE/description")" '^function: the device as a whole$'
like "description says that it does not migrate" "$(cat "$WHOLE/description")" '^migratable: no, firmware moves the state of VFs only$'
is "types of VFs say nothing of the kind" "$(cat $TYPES/$DEV_TYPE*/description | grep -c '^function')" 0
available dma
is "there are no VFs" "$VALUE" 0

# ---- given away, and back ---------------------------------------------------------------

make
d=$MDEVS/$u
given "given away"
is "the mdev is the PF" "$(cat "$d/function")" "$PF"
is "the mdev has no migration state" "$(cat "$d/migratable" "$d/migration_state" | tr '\n' ' ')" "0 none "
is "its group is the PF's" "$(basename "$(readlink "$d/iommu_group")")" \
	"$(basename "$(readlink -f "$PFDIR/iommu_group")")"
is "the type lists it" "$(ls "$WHOLE/devices")" "$u"
new_uuid
refused "a second mdev of the PF" "$WHOLE/create" "$UUID" EUSERS "mdev $UUID refused: the whole device is in use"
new_uuid # the former one goes late on a debug kernel (DEBUG_KOBJECT_RELEASE)
refused "an mdev of a VF beside that of the PF" "$TYPES/$DEV_TYPE/create" "$UUID" EBUSY "mdev $UUID refused: an mdev has the whole device"
refused "creation of VFs" "$PFDIR/sriov_numvfs" 2 EBUSY "VFs can't be created .*remove mdev $u first"
refused "another driver" "$PFDIR/driver_flavour" vfio EBUSY "flavour vfio refused: mdev $u uses the function; remove the mdev first"
is "sriov_numvfs is still 0" "$(cat "$PFDIR/sriov_numvfs")" 0
mig "its user has the command queue" "$u" $MAGIC $CLEAR poke:$BASE:0x12345000 reg:$BASE=0x12345000 \
	reset $MAGIC $CLEAR
mig "the next one finds it clean" "$u" $MAGIC $CLEAR poke:$BASE:0x12345000
m_out=$(within 30 vfio-mig "$PFDIR" $MAGIC 2>&1) && pass "by its PCI address" ||
	flunk "by its PCI address" "$m_out"
if can iommufd 2>/dev/null; then
	MIG_OPTIONS=-c
	mig "by the character device" "$u" $MAGIC $CLEAR
	MIG_OPTIONS=
fi
REASON=
t "the mdev is removed" remove "$u"
drivers "back"
vfs_and_mdevs 2 v
mig "a VF works" "$v" dma:20

# ---- VFs are there ----------------------------------------------------------------------

available whole
is "available_instances is 0 while the PF has VFs" "$VALUE" 0
new_uuid
refused "an mdev of the PF with a VF in use" "$WHOLE/create" "$UUID" EBUSY "mdev $UUID refused: VFs of the device are in use"
t "the VF's mdev is removed" remove "$v"
new_uuid
refused "an mdev of the PF with VFs" "$WHOLE/create" "$UUID" EBUSY "mdev $UUID refused: the device has VFs"
t "all VFs are removed" set_vfs 0
available whole
is "available_instances is 1 without VFs" "$VALUE" 1

# Whoever is first: never both
contest()
{
	for _ in 1 2 3 4 5 6; do
		new_uuid
		tool write "$PFDIR/sriov_numvfs" 2 >"$W/vfs" &
		tool write "$WHOLE/create" "$UUID" >"$W/create"
		wait $!
		echo "$(cat "$W/vfs") $(cat "$W/create")" >>"$W/contest"
		[ "$(cat "$PFDIR/sriov_numvfs")" = 0 ] || ! [ -e "$MDEVS/$UUID" ] || return 1
		remove_all && write_to "$PFDIR/sriov_numvfs" 0 || return 1
	done
}
t "VFs and the whole function exclude each other" contest
is "one of them is refused" "$(grep -vxE '0 EBUSY|EBUSY 0' "$W/contest")" ""

# ---- the driver refuses -----------------------------------------------------------------

t "firmware will refuse to identify itself" inject any identify fail 11
new_uuid
refused "its driver does not let go" "$WHOLE/create" "$UUID" EIO \
	"mdev $UUID refused: its driver could not release the device .-EIO"
t "no mdev is left" is_gone "$MDEVS/$UUID"
drivers "refused"

# ---- resets and errors of what is given away ----------------------------------------------

aer() { echo "sh:bash -c '. /payload/tests/vm/lib/l0.sh; l0_hmp pcie_aer_inject_error rp1 $1'"; }
make
t "a reset of the PF that nobody uses" write_to "$PFDIR/reset" 1
given "reset"
user err poke:$BASE:0x1000 "touch:$W/open" "await:$W/go" renew $MAGIC $CLEAR poke:$BASE:0x1000 \
	"$(aer POISON_TLP)" err-wait:10000 reg:$BASE=0x1000 "$(aer DLP)" err-wait:10000 sleep:500 reset $MAGIC $CLEAR
t "a reset under its user" write_to "$PFDIR/reset" 1
touch "$W/go"
mig_end "the user has seen it, and hears of errors of the link"
given "after all that"

meanwhile()
{
	for _ in 1 2 3 4 5; do
		tool write "$PFDIR/reset" 1 >>"$W/resets" &
		within 30 vfio-mig "$MDEVS/$u" open=0,EAGAIN >>"$W/opens" 2>&1 || return 1
		wait $!
	done
}
t "opened while it is reset" meanwhile
is "all resets succeed" "$(sort -u "$W/resets" | tr '\n' ' ')" "0 "
mig "the mdev works after the race" "$u" $MAGIC
t "the mdev is removed" remove "$u"
drivers "after resets"

# ---- coming and going under its user ------------------------------------------------------

# What it leaves: a queue on memory that is not there. Firmware has a fatal error then
NASTY="poke:$BASE:0x7000000 poke:0x18:7 poke:0x20:0x7001000 poke:0x28:7 poke:0x30:0x7002000 poke:0x38:7"
NASTY="$NASTY poke:0xc:1 poke:0x1c:1"
removed_under_user()
{
	user irq $NASTY "touch:$W/open" irq-wait:20000 "touch:$W/asked" "await:$W/go" $MAGIC
	tool write "$MDEVS/$u/remove" 1 >"$W/remove" &
	remover=$!
	t "removed under it: it is asked to let go" wait_for 20 is_there "$W/asked"
	sleep 0.5
	t "the writer waits for the user" kill -0 $remover
	touch "$W/go"
	mig_end "the user had the device until it closed it"
	wait $remover
	is "remove ends after the user has closed the device" "$(cat "$W/remove")" 0
}
make
removed_under_user
drivers "whatever the user has left"

make
user $MAGIC drop "touch:$W/open" "await:$W/go"
t "removed while its user has the group, though not the device" remove "$u"
drivers "under a group that is open"
touch "$W/go"
mig_end "that user's device works throughout"
drivers "and closed"

make
t "the PF is unbound" write_to $UNBIND "$PF"
t "the mdev is gone" is_gone "$MDEVS/$u"
t "the PF is bound again" write_to $BIND "$PF"
drivers "unbound"

make
user irq "touch:$W/open" irq-wait:20000 "touch:$W/asked" "await:$W/go" $MAGIC
t "the modules are held by the user" not unload $DEV_MODULE
t "mdev-pci can't be unloaded" not unload mdev-pci
tool write $UNBIND "$PF" >"$W/unbind" &
unbinder=$!
t "the PF is unbound under it: it is asked to let go" wait_for 20 is_there "$W/asked"
sleep 0.5
t "the writer waits for the user" kill -0 $unbinder
touch "$W/go"
mig_end "the user had the device until it closed it"
wait $unbinder
is "unbind ends after the user has closed the device" "$(cat "$W/unbind")" 0
t "the mdev is gone" is_gone "$MDEVS/$u"
t "the PF is bound again" write_to $BIND "$PF"
drivers "unbound under a user"

if able unload "the vendor module unloads with an mdev"; then
	make
	t "the vendor module unloads with an mdev that nobody uses" unload $DEV_MODULE
	t "the mdev is gone" is_gone "$MDEVS/$u"
	t "all modules load" load_all
	drivers "loaded"
fi

# Nobody waits for ever when both want to end it
both_end()
{
	for _ in 1 2 3 4 5; do
		new_uuid
		create "$UUID" $DEV_TYPE_PF || return 1
		(tool write "$MDEVS/$UUID/remove" 1 >/dev/null 2>&1) &
		write_to $UNBIND "$PF" || return 1
		wait $!
		write_to $BIND "$PF" || return 1
	done
}
t "removed and unbound at the same time" both_end
drivers "after that"

# ---- it does not come back ----------------------------------------------------------------

# As of hardware that has no reset of its own. VFIO's by the bus can't have the lock, either
lost()
{
	make
	t "reset_method of the PF is empty" write_to "$PFDIR/reset_method" "
"
	mark
	removed_under_user
	logged_once "it could not be reset: the log says so" 'could not be reset after its user has closed it .-ENOTTY'
	logged_once "its driver could not take it back" \
		"driver $DEV_DRIVER could not take the device back .-EIO.; reset it, or unbind the driver"
	bound_driver "$PF"
	is "its driver is bound" "$DRIVER" $DEV_DRIVER
	available whole
	is "available_instances is 0" "$VALUE" 0
	new_uuid
	refused "create is refused" "$WHOLE/create" "$UUID" EREMOTEIO "the PF's firmware has failed"
	t "resets work again" write_to "$PFDIR/reset_method" default
}
lost
t "the PF is reset" write_to "$PFDIR/reset" 1
drivers "after the reset"
lost
t "the PF is unbound" write_to $UNBIND "$PF"
t "reset" write_to "$PFDIR/reset" 1
t "the PF is bound" write_to $BIND "$PF"
drivers "bound again"

. "$(dirname "$0")/slot.sh"
make
mark
t "pulled out while it is given away" pull_out
t "the PF is gone" wait_for 30 is_gone "$PFDIR"
t "the mdev is gone" is_gone "$MDEVS/$u"
logged_once "its driver could not take it back: the log says so" \
	"driver $DEV_DRIVER could not take the device back .-[A-Z]*.; reset it"
must "the device is plugged in again" plug_in
drivers "another one"
vfs_and_mdevs 2 v
mig "a VF works" "$v" dma:20
no_mdevs_no_vfs
t "no task is stuck in the kernel" wait_for 10 nobody_stuck
