# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 120
#
# The PF loses its driver, or the modules go, in every order: idle, with mdevs, with
# users. (Surprise removal: 180-surprise.t.)

PFUNBIND=/sys/bus/pci/drivers/$DEV_DRIVER/unbind
PFBIND=/sys/bus/pci/drivers/$DEV_DRIVER/bind

all_gone()
{
	is_gone "$PFDIR/virtfn0" || fail "VFs are left" || return 1
	is_gone "$PFDIR/mdev_supported_types" || fail "types are left" || return 1
	[ -z "$(ls "$MDEVS")" ] || fail "mdevs are left: $(ls "$MDEVS")"
}

vfs_and_mdevs 4 u v
t "the PF is unbound with mdevs" write_to $PFUNBIND "$PF"
t "VFs, types and mdevs are gone" all_gone
t "the PF is bound" write_to $PFBIND "$PF"
vfs_and_mdevs 4 u
mig "an mdev works" "$u" dma:20

mig_bg "$u" irq "touch:$WORK/open" irq-wait:20000 "touch:$WORK/asked" "await:$WORK/go" dma:10
must "a user opens the device" wait_for 20 is_there "$WORK/open"
t "the vendor module is held by the user" not unload $DEV_MODULE
t "the framework is held" not unload mdev-pci
t "the engine is held" not unload vfio-pci-engine
tool write $PFUNBIND "$PF" >"$WORK/unbind" &
unbinder=$!
t "the PF is unbound: the user is asked to let go" wait_for 20 is_there "$WORK/asked"
new_uuid
timeout 10 tool write "$PFDIR/mdev_supported_types/$DEV_TYPE/create" "$UUID" >"$WORK/create"
is "no mdev can be created meanwhile" "$(grep -c -x 0 "$WORK/create")" 0
t "unbind waits" kill -0 $unbinder
touch "$WORK/go"
mig_end "the device works until the user closes it"
wait $unbinder
is "unbind ends after the user has closed the device" "$(cat "$WORK/unbind")" 0
t "VFs, types and mdevs are gone" all_gone
if able unload "the modules unload"; then
	t "the modules unload" unload_all
	t "all modules load" load_all

	vfs_and_mdevs 2 u v
	t "the vendor module unloads with mdevs that nobody uses" unload $DEV_MODULE
	t "VFs, types and mdevs are gone" all_gone
	t "all modules load" load_all

	vfs_and_mdevs 2 u
	mdev_vf "$u"
	t "a VF is unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$BDF"
	t "the vendor module unloads with a detached mdev" unload $DEV_MODULE
	t "VFs, types and mdevs are gone" all_gone
	t "all modules load" load_all
else
	t "the PF is bound" write_to $PFBIND "$PF"
fi

# The PF is removed from the bus in good order
vfs_and_mdevs 2 u
t "the PF is removed" write_to "$PFDIR/remove" 1
t "the PF is gone from the bus" is_gone "/sys/bus/pci/devices/$PF"
is "no mdev is left" "$(ls "$MDEVS")" ""
t "the bus is searched again" write_to /sys/bus/pci/rescan 1
t "the PF is back" wait_for 10 is_there "$PFDIR/driver"
vfs_and_mdevs 2 u
mig "an mdev works" "$u" dma:20
no_mdevs_no_vfs
