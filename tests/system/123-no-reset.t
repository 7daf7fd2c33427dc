# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# Functions that can't be reset do not migrate; and what a user has left is not taken for RUNNING
# where no reset has happened.

NL="
"
vfs_and_mdevs 1 u
mdev_vf "$u"
vf=/sys/bus/pci/devices/$BDF

# Between two users the way to reset it goes
mig_session "$u"
mig_do "a user stops it" set:STOP
t "reset_method of the VF is empty" write_to "$vf/reset_method" "$NL"
mig_quit
t "migration_state of a VF that was left in STOP is STOP" attr_is "$u" migration_state STOP
mark
mig "the next user finds it in ERROR, and can't reset it" "$u" state=ERROR set:RUNNING=EINVAL reset=EINVAL \
	state=ERROR
logged "the log says so" 'migration: it was left in STOP and could not be reset; the device is in the ERROR state'
t "reset_method of the VF is restored" write_to "$vf/reset_method" default
mig "the next user finds it RUNNING" "$u" state=RUNNING dma:5
t "the mdev is removed" remove "$u"

# Never was one
t "the VF can't be reset" write_to "$vf/reset_method" "$NL"
new_uuid
t "an mdev on it is created" create "$UUID"
is "migration_state says that the mdev does not migrate" "$(cat "$MDEVS/$UUID/migration_state")" none
like "not_migratable has the reason" "$(cat "$MDEVS/$UUID/not_migratable")" 'no way to be reset'
is "nothing is compatible with it" "$(cat "$MDEVS/$UUID/migration_compat")" none
mig "the mdev does DMA" "$UUID" set:STOP=ENOTTY dma:5
t "the mdev is removed" remove "$UUID"
t "reset_method of the VF is the default again" write_to "$vf/reset_method" default
no_mdevs_no_vfs
