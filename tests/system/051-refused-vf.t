# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 100
# needs: firmware
#
# Firmware refuses one VF: create takes another, and available_instances does not count it. Each
# mdev has its own UUID: the mdev core knows one until the last reference to its mdev is dropped,
# late on a debug kernel (DEBUG_KOBJECT_RELEASE).

available() { cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances"; }

find_pf
must "2 VFs exist" set_vfs 2
must "all VFs are bound to mdev-pci" wait_for 20 all_bound 2
vf_bdf 0; zero=$BDF
vf_bdf 1; one=$BDF

# ---- one VF
t "firmware will refuse VF 0" inject 0 enable fail 11
mark
new_uuid
u=$UUID
t "create succeeds" create "$u"
t "the mdev has VF 1" attr_is "$u" function "$one"
logged_once "the log says that another VF is tried" \
	"$zero: mdev $u tries another VF: firmware could not enable the VF as dma"
mig "the mdev works" "$u" dma:20
is "VF 0 is idle, and not available" "$(available)" 0
new_uuid
v=$UUID
t "create tries VF 0 when there is no other" create "$v"
t "firmware enables it now" attr_is "$v" function "$zero"
t "the mdev is removed" remove "$v"
is "VF 0 is available again" "$(available)" 1
t "the mdev is removed" remove "$u"

# ---- a reset of the PF
t "firmware will refuse VF 0" inject 0 enable fail 11
new_uuid
u=$UUID
t "create succeeds" create "$u"
t "the mdev is removed" remove "$u"
is "VF 0 is not available" "$(available)" 1
t "the PF is reset" write_to "$PFDIR/reset" 1
is "refusals before a reset of the PF do not count" "$(available)" 2

# ---- all VFs
t "firmware will refuse both" inject any enable fail 11 2
new_uuid
u=$UUID
refused "firmware refuses each VF" "$PFDIR/mdev_supported_types/$DEV_TYPE/create" "$u" EIO \
	"mdev $u refused: firmware could not enable the VF"
is "it may enable them next time: they are available" "$(available)" 2
new_uuid
u=$UUID
t "create succeeds" create "$u"
t "the mdev is removed" remove "$u"

# ---- no answer says nothing of one VF
t "firmware is given half a second" fw_timeout 500
t "firmware will not answer" inject any enable silent
new_uuid
u=$UUID
refused "firmware is silent" "$PFDIR/mdev_supported_types/$DEV_TYPE/create" "$u" ETIMEDOUT \
	"mdev $u refused: firmware could not enable the VF"
t "firmware is given its usual time" fw_timeout 5000
is "both VFs are available" "$(available)" 2

# ---- VFs are taken in the order of their numbers
t "VF 0 is unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$zero"
t "VF 0 is bound again, as the last one" write_to /sys/bus/pci/drivers/mdev-pci/bind "$zero"
new_uuid
u=$UUID
t "create succeeds" create "$u"
t "the mdev has the VF with the lowest number" attr_is "$u" function "$zero"
no_mdevs_no_vfs
