# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 150
#
# The PF is reset under its mdevs.

vfs_and_mdevs 3 u v
t "reset of the PF, nobody uses its mdevs" write_to "$PFDIR/reset" 1
is "the VFs are there" "$(cat "$PFDIR/sriov_numvfs")" 3
mig "the mdevs work" "$u" state=RUNNING dma:20
mig "the second mdev does DMA" "$v" state=RUNNING dma:20
new_uuid
w=$UUID
t "a third mdev is created" create "$w"
mig "the mdev does DMA" "$w" dma:20
t "the mdev is removed" remove "$w"

W=$WORK
mig_bg "$u" dma:20 "touch:$W/open" "await:$W/go" state=ERROR set:STOP=EINVAL reset state=RUNNING \
	dma:20 copies=20 set:STOP_COPY "read:$W/s" set:RUNNING dma:5
must "a user opens the device" wait_for 20 is_there "$W/open"
mark
t "the PF is reset under a user" write_to "$PFDIR/reset" 1
touch "$W/go"
mig_end "the user finds it in the ERROR state, resets it and goes on"
logged "the log says so" 'the device is in the ERROR state until it is reset'

rm -f "$W/open" "$W/go"
mig_bg "$u" set:STOP_COPY "read:$W/s:4096" "touch:$W/open" "await:$W/go" state=ERROR read1=ENODEV \
	reset state=RUNNING read1=ENODEV dma:20
must "a user that saves" wait_for 20 is_there "$W/open"
t "the PF is reset under the user" write_to "$PFDIR/reset" 1
touch "$W/go"
mig_end "its migration file is stale"

# Its user is too early with the reset that it owes, or is in the middle of it as the PF is back
over="sh:until [ -s $W/done ]; do sleep 0.02; done; rm $W/done"
mig_session "$u"
for ms in 0 20 50 80 110; do
	mig_do "$ms ms after the PF's reset has begun its user resets the VF" reset dma:2 \
		"sh:(tool write $PFDIR/reset 1 >$W/done &)" sleep:$ms reset "$over" state
	mig_value state
	case $VALUE in
	RUNNING) mig_do "$ms ms: it is said to run, and does" renew dma:5 ;;
	ERROR) mig_do "$ms ms: it is said to need another one, and works then" reset dma:5 ;;
	*) flunk "$ms ms: RUNNING or ERROR" "$VALUE" ;;
	esac
done
mig_quit

# Newer kernels reset no function that is absent
for ms in 20 50 80; do
	tool write "$PFDIR/reset" 1 >"$W/done" &
	resetter=$!
	sleep 0.0$ms
	mig "$ms ms after the PF's reset has begun a user can open the VF and reset it" "$u" reset dma:5
	wait $resetter
done

three()
{
	for _ in 1 2 3; do
		write_to "$PFDIR/reset" 1 || return 1
	done
}
t "the PF is reset three times in a row" three
mig "the mdevs work" "$u" dma:20
mig "the second mdev does DMA" "$v" dma:20
no_mdevs_no_vfs
