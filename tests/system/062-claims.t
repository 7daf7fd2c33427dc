# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 150
#
# A claim of a VF counts until it ends: while a VF is being unbound, and waits for its user, SR-IOV is
# not disabled. That would wait for the same user with the PF's lock held.

UNBIND=/sys/bus/pci/drivers/mdev-pci/unbind

vfs_and_mdevs 2 u
mdev_vf "$u"
bdf=$BDF
mig_bg "$u" "touch:$WORK/open" "await:$WORK/go" dma:10
must "a user has it open" wait_for 20 is_there "$WORK/open"
mark
tool write $UNBIND "$bdf" >"$WORK/unbind" &
unbinder=$!
waits() { tool log "$SEQ" | grep -q "mdev $u is open: waiting until its user has closed it"; }
t "unbinding waits for the user, and the log names the mdev" wait_for 20 waits
(tool write "$PFDIR/sriov_numvfs" 0 >"$WORK/disable") &
disabler=$!
ended() { ! kill -0 $disabler 2>/dev/null; }
t "disabling SR-IOV does not wait" wait_for 10 ended
is "disabling SR-IOV is refused" "$(cat "$WORK/disable")" EBUSY
logged_once "the log names the mdev whose user the VF waits for" \
	"a VF is being unbound and waits for the user of mdev $u; stop the guest"
is "the VFs are there" "$(cat "$PFDIR/sriov_numvfs")" 2
t "the PF can be looked at" timeout 20 cat "$PFDIR/config"
is "the other VF is available" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 1
touch "$WORK/go"
mig_end "the device works until the user closes it"
wait $unbinder
is "unbind ends after the user has closed the device" "$(cat "$WORK/unbind")" 0
t "SR-IOV can be disabled, though the mdev was not removed" set_vfs 0
t "the mdev has no VF" attr_is "$u" function none
no_mdevs_no_vfs
