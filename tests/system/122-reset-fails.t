# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout-full: 900
#
# A VF that does not come out of a reset: the kernel waits for it for a minute, each time. It is in ERROR
# until a reset succeeds, and other VFs of its PF do not notice.

full || { skip "VFs that do not come out of a reset" "minutes, each of which the kernel waits; host-run.sh --all"; return 0; }
able reset-fails "VFs that do not come out of a reset" || return 0
W=$WORK
DEAD='does not answer after a reset; the device is in the ERROR state'
MIG_TIMEOUT=300
vfs_and_mdevs 2 u v

till() { echo "sh:touch $W/$1; until [ -e $W/$2 ]; do sleep 0.2; done"; }
# Closed only when VFs come out of resets again: that is a reset, too
mig_bg "$v" dma:3 "$(till in-use go)" state=RUNNING copies=3 dma:5 "$(till gone-on close)"
other=$MIG
t "another VF is in use" wait_for 30 is_there "$W/in-use"
mig_session "$u"
session=$MIG
mig_do "a user stops a VF" dma:3 set:STOP
t "VFs do not come out of resets" dev_vf_reset silent
mark
mig_do "its reset fails, and leaves it in ERROR" reset=ENOTTY state=ERROR set:RUNNING=EINVAL
logged_once "the log says so" "$DEAD"
touch "$W/go"
t "the other VF was not reset with it" wait_for 60 is_there "$W/gone-on"
t "VFs come out of resets again" dev_vf_reset ""
touch "$W/close"
MIG=$other
mig_end "its user found nothing wrong"
MIG=$session
mig_do "after a reset that succeeds it runs" reset state=RUNNING dma:5 set:STOP set:RUNNING
mig_quit

# The reset at open fails
t "VFs do not come out of resets" dev_vf_reset silent
mark
mig "a user who opens it finds it in ERROR" "$u" state=ERROR set:STOP=EINVAL
logged_once "the log says why" "$DEAD"
t "VFs come out of resets again" dev_vf_reset ""
mig "the next user finds it RUNNING" "$u" state=RUNNING dma:5 set:STOP set:RUNNING
no_mdevs_no_vfs
