# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: generic
# timeout: 300
#
# A network card whose driver knows nothing of mdev-pci: igb stays the PF's, and its VFs are
# mdevs beside it.

. "$PAYLOAD/tests/system/guide.sh"
. "$PAYLOAD/tests/system/libvirt.sh"

PARENTS=/sys/bus/platform/drivers/mdev-pci-generic/parents

offers() { is_there "$PFDIR/mdev_supported_types/igb-vf/create"; }
offers_no_more() { is_gone "$PFDIR/mdev_supported_types"; }
available() { cat "$PFDIR/mdev_supported_types/igb-vf/available_instances"; }
override() { cat "/sys/bus/pci/devices/$1/driver_override"; }
driver_of() { bound_driver "$1"; echo "$DRIVER"; }
vf_unbound() { is_gone "/sys/bus/pci/devices/$zero/driver"; }
told() { grep -q "^change@.*$igb .*MDEV_STATE=registered" "$WORK/uevents"; }
no_mdevs() { [ -z "$(ls "$MDEVS")" ] || fail "there are: $(ls "$MDEVS")"; }

pf_up()
{
	net=$(ls "$PFDIR/net") && ip link set "$net" up && ip addr replace 192.0.2.1/24 dev "$net"
}

must "igb is loaded" load igb
must "there is a card" find_other_pf 8086:10c9
igb=$PF
vendors=${PFS%% *}
is "igb has it" "$(driver_of "$igb")" igb
must "its network is up" pf_up
# Another that would want the VFs
t "igbvf is loaded" load igbvf

mark
must "the module loads with the card's ID" load mdev-pci-generic ids=8086:10c9
must "the card is a parent" offers
logged_once "the log says so" "$igb: is an mdev parent beside its driver igb: mdev-pci-generic offers its VFs"
is "igb keeps it" "$(driver_of "$igb")" igb
is "the PF is listed in parents" "$(cat $PARENTS)" "$igb"
description=$(cat "$PFDIR/mdev_supported_types/igb-vf/description")
like "the type says what it is" "$description" '^model: any SR-IOV device$'
like "the description names the PF and its driver" "$description" '^pf: PCI device 8086:10c9, driver igb$'
like "and that it can't migrate, and why" "$description" '^migratable: no, the PF.s driver has no way'
new_uuid
refused "no VF exists" "$PFDIR/mdev_supported_types/igb-vf/create" "$UUID" ENODEV \
	"mdev $UUID refused: there are no VFs"

tool uevents "$WORK/uevents" &
listener=$!
wait_for 5 is_there "$WORK/uevents"
must "igb makes 2 VFs" bound_vfs 2
t "user space is told of VFs that come after the parent, as mdevctl's autostart needs it" wait_for 10 told
kill $listener
wait $listener 2>/dev/null
vf_bdf 0; zero=$BDF
vf_bdf 1; one=$BDF
is "both VFs are bound to mdev-pci" "$(driver_of "$zero") $(driver_of "$one")" "mdev-pci mdev-pci"
is "2 are available" "$(available)" 2
t "igb gives the first an address" ip link set "$net" vf 0 mac 52:54:00:12:34:10
new_uuid; u=$UUID
must "an mdev is created" create "$u" igb-vf
t "the mdev has the first VF" attr_is "$u" function "$zero"
t "the mdev is not migratable" attr_is "$u" migratable 0
t "migration_state is none" attr_is "$u" migration_state none
errno_of "$PFDIR/sriov_numvfs" 0
is "igb removes no VFs under it" "$ERRNO" EPERM
is "they are there" "$(available)" 1

must "a guest boots with it" guest_plain g "$u"
t "igbvf has it there" guest_sh g 60 'readlink /sys/class/net/eth0/device/driver | grep igbvf'
t "the guest sees the address that igb was given" \
	guest_sh g 10 'grep 52:54:00:12:34:10 /sys/class/net/eth0/address'
t "its network is up" guest_sh g 30 \
	'ip addr add 192.0.2.2/24 dev eth0; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up'
t "the guest reaches the network of the PF" guest_sh g 60 'ping -c 5 -s 1000 -w 40 192.0.2.1'
t "the host reaches the guest" busybox ping -c 5 -s 1000 -w 40 192.0.2.2
t "the guest reaches the network on the wire" guest_sh g 60 'ping -c 5 -s 1000 -w 40 10.0.2.2'
t "the module is held meanwhile" not unload mdev-pci-generic
errno_of "$PFDIR/sriov_numvfs" 0
is "igb removes no VFs meanwhile" "$ERRNO" EPERM

# The PF's driver is unbound under the guest: the guest loses the VF first, then igb goes
tool write "/sys/bus/pci/drivers/igb/unbind" "$igb" >"$WORK/unbind" &
unbinder=$!
t "igb is unbound: the guest has to let go" wait_for 60 is_gone "$MDEVS/$u"
wait $unbinder
is "unbind ends after the user has closed the device" "$(cat "$WORK/unbind")" 0
t "no type is left" offers_no_more
t "no VF is left" is_gone "$PFDIR/virtfn0"
is "no mdev is left" "$(ls "$MDEVS")" ""
t "the guest goes on without" guest_sh g 30 '! [ -e /sys/class/net/eth0 ]'
guest_quit g

t "igb is bound again" write_to /sys/bus/pci/drivers/igb/bind "$igb"
t "the card is a parent again, by itself" wait_for 20 offers
must "its network is up" pf_up
must "1 VF exists" bound_vfs 1
vf_bdf 0; zero=$BDF
new_uuid; u=$UUID
t "an mdev is created" create "$u" igb-vf

# Taken off the list while a user has a VF open
waits() { tool log "$SEQ" | grep -q "mdev $u is open: waiting until its user has closed it; stop the guest"; }
mig_bg "$u" "touch:$WORK/open" "await:$WORK/go"
must "a user has the VF open" wait_for 20 is_there "$WORK/open"
mark
is "the card is taken off the list: that waits for nobody" "$(within 20 tool write $PARENTS "-$igb")" 0
t "the user has it open still" kill -0 "$MIG"
t "the log names the mdev whose user its VF waits for" wait_for 20 waits
t "the module's parameters can be read meanwhile" within 10 cat /sys/module/mdev_pci_generic/parameters/*
is "the list, too: it is empty" "$(within 10 cat $PARENTS)" ""
refused "on it again before the user has closed the VF" $PARENTS "+$igb" EBUSY \
	"$igb: is still a parent of mdev-pci-generic until its users have closed their devices"
touch "$WORK/go"
mig_end "the user closes the VF"
t "no type is left then" wait_for 20 offers_no_more
t "the card is on the list again" wait_for 20 write_to $PARENTS "+$igb"
t "the card is a parent" wait_for 20 offers
must "the VF is mdev-pci's" wait_for 20 all_bound 1
new_uuid; u=$UUID
must "an mdev is created" create "$u" igb-vf

# One by one
refused "it is one already" $PARENTS "+$igb" EEXIST "$igb: is a parent of mdev-pci-generic already"
refused "that of a vendor's driver is one already" $PARENTS "+$vendors" EEXIST \
	"$vendors: is an mdev parent already, of driver $DEV_DRIVER"
is "the second PF is not listed in parents" "$(cat $PARENTS)" "$igb"
refused "a VF is no PF" $PARENTS "+$zero" EOPNOTSUPP "$zero: has no SR-IOV"
refused "there is no such device" $PARENTS "+0000:ff:1f.7" ENODEV "there is no such PCI device"
refused "not on the list" $PARENTS "-$vendors" ENOENT "$vendors: is no parent of mdev-pci-generic"
refused "refused: an address without a sign" $PARENTS "$igb" EINVAL 'write \+DDDD:BB:DD.F'
refused "refused: a word that is no address" $PARENTS "+eth0" EINVAL 'write \+DDDD:BB:DD.F'

t "the card is taken off the list" write_to $PARENTS "-$igb"
is "the list is empty" "$(cat $PARENTS)" ""
t "no type is left" wait_for 20 offers_no_more
t "it can be put on it again when its VFs are unbound" wait_for 20 vf_unbound
is "no mdev is left" "$(ls "$MDEVS")" ""
is "igb keeps it" "$(driver_of "$igb")" igb
is "its VF is free" "$(driver_of "$zero")" ""
is "its driver_override is empty" "$(override "$zero")" "(null)"
t "its network is still up" ip link show "$net" up

t "its native driver can have it" write_to /sys/bus/pci/drivers_probe "$zero"
is "igbvf is bound to the VF" "$(driver_of "$zero")" igbvf
mark
t "the card is on the list again" write_to $PARENTS "+$igb"
t "the card is a parent" offers
logged "a VF with a driver stays where it is" "$zero: belongs to driver igbvf; unbind it"
is "the VF is bound to igbvf" "$(driver_of "$zero")" igbvf
is "nothing is available" "$(available)" 0
t "igb removes it" set_vfs 0
must "the PF creates 2 VFs" bound_vfs 2
vf_bdf 1; one=$BDF
t "a VF is unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$one"
t "driver_override names vfio-pci" write_to "/sys/bus/pci/devices/$one/driver_override" vfio-pci
t "the VF is probed" write_to /sys/bus/pci/drivers_probe "$one"
t "the card is taken off the list" write_to $PARENTS "-$igb"
t "no type is left" wait_for 20 offers_no_more
is "that VF is left alone" "$(driver_of "$one") $(override "$one")" "vfio-pci vfio-pci"
t "igb removes the VFs" set_vfs 0
t "the card is on the list" write_to $PARENTS "+$igb"

# The card goes in good order, and comes back
must "1 VF exists" bound_vfs 1
new_uuid
t "an mdev is created" create "$UUID" igb-vf
t "the card is removed" write_to "$PFDIR/remove" 1
t "the mdev is gone" no_mdevs
is "parents is empty" "$(cat $PARENTS)" ""
t "the bus is searched again" write_to /sys/bus/pci/rescan 1
t "it is a parent again, by its ID" wait_for 20 offers
must "its network is up" pf_up

# Modules, in both orders
must "1 VF exists" bound_vfs 1
new_uuid
t "an mdev is created" create "$UUID" igb-vf
t "igb's module unloads" unload igb
t "the mdev is removed" no_mdevs
t "no type is left" offers_no_more
t "igb's module comes" load igb
t "the card is a parent again" wait_for 20 offers
must "its network is up" pf_up
must "1 VF exists" bound_vfs 1
vf_bdf 0; zero=$BDF
new_uuid
t "an mdev is created" create "$UUID" igb-vf
t "mdev-pci-generic unloads" unload mdev-pci-generic
t "the mdev is removed" no_mdevs
t "no type is left" offers_no_more
is "igb keeps the card" "$(driver_of "$igb")" igb
is "its VF is free" "$(driver_of "$zero") $(override "$zero")" " (null)"
t "igb removes it" set_vfs 0

# The user guide's commands
is "the card is where the guide has it" "$igb" 0000:02:00.0
mkdir -p /etc/modprobe.d /etc/modules-load.d
guide other-devices
t "the card is a parent" offers
t "mdev-pci-generic unloads" unload mdev-pci-generic
rm -f /etc/modprobe.d/mdev-pci-generic.conf /etc/modules-load.d/mdev-pci-generic.conf
t "without IDs it comes" load mdev-pci-generic
guide one-parent
t "no type is left" wait_for 20 offers_no_more
# A PF that is in the hands of user space
to_driver() { echo "$1" >"$PFDIR/driver_override" && echo "$igb" >"$PFDIR/driver/unbind" && echo "$igb" >/sys/bus/pci/drivers_probe; }
t "vfio-pci is loaded" load vfio-pci
must "the card is vfio-pci's" to_driver vfio-pci
is "the PF's driver is vfio-pci" "$(driver_of "$igb")" vfio-pci
refused "a PF that vfio-pci has can be no parent" $PARENTS "+$igb" EOPNOTSUPP \
	"$igb: could not become an mdev parent of mdev-pci-generic: driver vfio-pci assigns it to user space"
t "no type is offered" offers_no_more
must "igb has the card again" to_driver igb
is "its driver is igb" "$(driver_of "$igb")" igb
echo >"$PFDIR/driver_override"

# By the udev rule, as at boot
cp "$TOOLS/install-tools/usr/lib/udev/rules.d/62-mdev-pci-generic.rules" /usr/lib/udev/rules.d/
must "udevd starts" udev_start
guide one-parent-for-good
t "the card is a parent by its file" wait_for 20 offers
t "udevd ends" udev_stop
rm -rf /usr/lib/udev/rules.d/62-mdev-pci-generic.rules /etc/mdev-pci
t "mdev-pci-generic unloads" unload mdev-pci-generic

mark
t "an ID that is none" not load mdev-pci-generic ids=8086
logged_once "the log says so" '"8086" in ids is not VENDOR:DEVICE'
t "igbvf is unloaded" unload igbvf
