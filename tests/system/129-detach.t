# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# The PF driver detaches a VF for a while, as mlx5_core does when it reloads: sessions end before it
# goes on, also that of an mdev that is being removed under its user.

able detach "a PF driver that detaches VFs" || return 0
DETACHED='migration: the PF driver has detached the function'
said() { tool log "$SEQ" | grep -q -e "$1"; }
not_enabled() { fw "$VF" enabled && [ "$VALUE" = 0 ]; }
W=$WORK
vfs_and_mdevs 1 u

mdev_vf "$u"
mig_session "$u"
mig_do "a user saves" dma:3 set:STOP_COPY "read:$W/x:100"
mark
t "the PF driver detaches the VF" dev_detach "$VF"
logged "the log says so" "$DETACHED"
mig_do "the session has ended, and nothing is asked of firmware" state=ERROR read1=ENODEV set:STOP=EINVAL \
	reset state=RUNNING set:STOP=ENODEV state=RUNNING
t "the PF driver attaches it again" dev_attach "$VF"
mig_do "it saves again" set:STOP_COPY "read:$W/x:100" set:RUNNING dma:3
mig_quit

# While the mdev's removal waits for its user
for s in STOP_COPY RESUMING PRE_COPY; do
	[ $s != PRE_COPY ] || able precopy "the commands of pre-copy" || continue
	mig_session "$u"
	mig_do "$s: a user has a session" dma:3 set:$s
	mark
	# Not with the end of the pipe by which mig_quit ends the user
	tool write "$MDEVS/$u/remove" 1 8>&- &
	removal=$!
	t "$s: removal of the mdev waits for the user" wait_for 20 said 'is open: waiting until its user has closed it'
	t "$s: the PF driver detaches the VF meanwhile" dev_detach "$VF"
	logged "$s: the log says so" "$DETACHED"
	mig_do "$s: the session has ended" state=ERROR
	mig_quit
	t "$s: the mdev is removed" wait $removal
	t "$s: firmware has disabled the VF" not_enabled
	t "$s: a VF that is not enabled is not detached" not dev_detach "$VF"
	new_uuid
	u=$UUID
	t "$s: another mdev is created" create "$u"
	mdev_vf "$u"
	t "$s: the PF driver attaches it again" dev_attach "$VF"
	mig "$s: its state is saved, and it copies again" "$u" set:STOP_COPY "read:$W/x:100" set:RUNNING dma:3
done
no_mdevs_no_vfs
