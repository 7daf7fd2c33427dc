# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: generic
# timeout: 200
#
# What the driver of a network card can set for a VF is set on the mdev, and ends with it.

. "$PAYLOAD/tests/system/guide.sh"

vf_line() { ip link show dev "$net" | sed -n "s/^ *vf $1 *//p"; }
host_has() # VF REGEX
{
	vf_line "$1" | grep -qE "$2" || fail "ip says: $(vf_line "$1")"
}
pf_up() { net=$(ls "$PFDIR/net") && ip link set "$net" up; }
# igb gives a VF none before it knows the speed of its own link
has_rate() { ip link set "$net" vf 0 max_tx_rate 300 2>/dev/null; }
names() { (cd "$1" && ls -d mac vlan max_tx_rate spoof_check 2>/dev/null) | tr '\n' ' '; }

must "igb is loaded" load igb
must "there is a card" find_other_pf 8086:10c9
must "its network is up" pf_up
must "the PF is a parent" load mdev-pci-generic ids=8086:10c9
must "igb makes 2 VFs" bound_vfs 2
type=$PFDIR/mdev_supported_types/igb-vf
like "the type says that there is an address" "$(cat "$type/description")" \
	'^attribute mac: a MAC address, at first as the host has it$'
like "the description has the attribute vlan" "$(cat "$type/description")" '^attribute vlan: 0 to 4094, at first as the host has it$'
like "description has max_tx_rate" "$(cat "$type/description")" '^attribute max_tx_rate: 0 to [0-9]* Mbit/s, at first as'
like "description has spoof_check" "$(cat "$type/description")" '^attribute spoof_check: 0 to 1, at first as'

own=52:54:00:12:34:10
t "the host has given the first VF an address" ip link set "$net" vf 0 mac $own
t "the PF can set a rate" wait_for 20 has_rate
new_uuid; u=$UUID
must "an mdev of the VF is created" create "$u" igb-vf
A=$MDEVS/$u
is "the mdev has all four attributes" "$(names "$A")" "mac max_tx_rate spoof_check vlan "
is "as the host has them" "$(cd "$A" && cat mac vlan max_tx_rate spoof_check | tr '\n' ' ')" "$own 0 300 1 "

mac=52:54:00:aa:bb:cc
t "another address is accepted" write_to "$A/mac" "$mac
"
t "the mdev has its MAC address" attr_is "$u" mac $mac
t "igb has it" host_has 0 "link/ether $mac"
t "a MAC address in capitals is taken" write_to "$A/mac" 52:54:00:AA:BB:CD
t "it is the same" host_has 0 "link/ether 52:54:00:aa:bb:cd"
t "the same address is accepted" write_to "$A/mac" $mac
t "a VLAN is accepted" write_to "$A/vlan" 100
t "igb has it" host_has 0 'vlan 100'
t "max_tx_rate is set" write_to "$A/max_tx_rate" 200
t "igb has it" host_has 0 'tx rate 200 '
t "spoof_check is turned off" write_to "$A/spoof_check" 0
t "igb makes none" host_has 0 'spoof checking off'
t "the other VF is not concerned" host_has 1 'spoof checking on'
t "the other VF has no VLAN" not host_has 1 'vlan 100'

for bad in 52:54:00:12:34 52:54:00:12:34:56:78 52-54-00 52:54:00:12:34:5g none; do
	refused "an address of '$bad'" "$A/mac" "$bad" EINVAL "mac of mdev $u: not a MAC"
done
refused "that of a group" "$A/mac" 01:00:5e:00:00:01 EADDRNOTAVAIL "mac of mdev $u: this is a multicast address"
refused "a VLAN that is none" "$A/vlan" 4095 ERANGE "vlan of mdev $u: 4095 is out of range: must be 0 to 4094"
refused "half a check" "$A/spoof_check" 2 ERANGE "spoof_check of mdev $u: 2 is out of range: must be 0 to 1"
refused "more than the link has" "$A/max_tx_rate" 1000000 EINVAL \
	"driver igb of $net does not set max_tx_rate of VF 0 .*; is $net up"
is "nothing has changed" "$(cd "$A" && cat mac vlan max_tx_rate spoof_check | tr '\n' ' ')" "$mac 100 200 0 "
t "igb has these values, too" host_has 0 "link/ether $mac.*vlan 100, .*tx rate 200 .*spoof checking off"

t "the VLAN is removed" write_to "$A/vlan" 0
must "a guest boots with it" guest_plain g "$u"
t "the guest sees the address" guest_sh g 60 "grep $mac /sys/class/net/eth0/address"
for name in mac:$own vlan:1 max_tx_rate:0 spoof_check:1; do
	refused "${name%%:*} of an mdev in use" "$A/${name%%:*}" "${name#*:}" EBUSY "${name%%:*} of mdev $u: it is in use"
done
guest_quit g
t "after the guest it can be set" write_to "$A/vlan" 7

t "the host sets what the mdev has not" ip link set "$net" vf 1 vlan 5
new_uuid; v=$UUID
must "an mdev of that VF is created" create "$v" igb-vf
t "the mdev starts with the VLAN of the host" attr_is "$v" vlan 5
t "the host changes its mind meanwhile" ip link set "$net" vf 1 vlan 6
t "the mdev is removed" remove "$v"
t "what was not written is left as it is" host_has 1 'vlan 6'
t "the first is removed" remove "$u"
t "the VF is as the host had it" host_has 0 "link/ether $own.*tx rate 300 .*spoof checking on"
t "the VF is in no VLAN" not host_has 0 'vlan 7'

t "the host has set a VLAN with a priority" ip link set "$net" vf 0 vlan 5 qos 3
new_uuid; u=$UUID
must "an mdev of the VF is created" create "$u" igb-vf
t "shows the VLAN only" attr_is "$u" vlan 5
t "another VLAN is accepted" write_to "$MDEVS/$u/vlan" 100
t "has the priority" host_has 0 'vlan 100, qos 3'
t "the VLAN is removed" write_to "$MDEVS/$u/vlan" 0
t "has none" not host_has 0 'vlan|qos'
t "the mdev is removed" remove "$u"
t "VLAN and priority are as the host had them" host_has 0 'vlan 5, qos 3'
t "the host sets none" ip link set "$net" vf 0 vlan 0

# By mdevctl, which writes the attributes of a definition when it starts it
new_uuid; u=$UUID
t "a definition is made" mdevctl define --uuid "$u" --parent "$PF" --type igb-vf
t "the definition has an address" mdevctl modify --uuid "$u" --addattr mac --value $mac
t "the definition has a VLAN" mdevctl modify --uuid "$u" --addattr vlan --value 12
t "is started" mdevctl start --uuid "$u"
t "igb has both" host_has 0 "link/ether $mac.*vlan 12"
t "is stopped" mdevctl stop --uuid "$u"
t "the VF is as the host had it" host_has 0 "link/ether $own"
mdevctl undefine --uuid "$u"

# The user guide's commands
is "the card is where the guide has it" "$PF" 0000:02:00.0
guide network-card
mdevctl stop --uuid 6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01
mdevctl undefine --uuid 6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01

# The PF goes under an mdev that has changed its VF
new_uuid; u=$UUID
must "an mdev is created" create "$u" igb-vf
t "has an address" write_to "$MDEVS/$u/mac" $mac
t "igb is unbound" write_to /sys/bus/pci/drivers/igb/unbind "$PF"
t "the mdev is gone" is_gone "$MDEVS/$u"
t "igb is bound again" write_to /sys/bus/pci/drivers/igb/bind "$PF"
t "mdev-pci-generic unloads" unload mdev-pci-generic

must "nvme loads, whose device has no network" load nvme
must "the controller is there" find_other_pf 1b36:0010
must "the PF is a parent" load mdev-pci-generic ids=1b36:0010
t "its type has none of them" not grep -E 'attribute (mac|vlan)' "$PFDIR/mdev_supported_types/nvme-vf/description"
t "mdev-pci-generic unloads" unload mdev-pci-generic
