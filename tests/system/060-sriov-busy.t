# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 120
#
# The number of VFs does not change while mdevs exist.

vfs_and_mdevs 4 u v
refused "removing VFs" "$PFDIR/sriov_numvfs" 0 EBUSY "number of VFs can't change while mdevs exist; remove mdev ($u|$v)"
is "the VFs are there" "$(cat "$PFDIR/sriov_numvfs")" 4
mig "the mdev works" "$u" dma:20
t "one is removed" remove "$u"
refused "refused because of the other mdev" "$PFDIR/sriov_numvfs" 0 EBUSY "remove mdev $v"
mig_bg "$v" "touch:$WORK/open" "await:$WORK/go" dma:20
wait_for 20 is_there "$WORK/open"
refused "while it is open" "$PFDIR/sriov_numvfs" 0 EBUSY "remove mdev $v"
touch "$WORK/go"
mig_end "its user has not noticed"
t "the other is removed" remove "$v"
t "all VFs are removed after the last mdev" set_vfs 0
t "8 VFs are created again" set_vfs 8
t "the 8 VFs are removed" set_vfs 0
