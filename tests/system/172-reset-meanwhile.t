# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# timeout: 120
#
# The VF is reset by the administrator just as its user changes the migration state. Which of the two is
# first is not known, but what the state says of the function afterwards is true.

vfs_and_mdevs 1 a
mdev_vf "$a"
vf=/sys/bus/pci/devices/$BDF
W=$WORK
MAY=0,EAGAIN,ECANCELED,EBADFD
over="sh:until [ -s $W/done ]; do sleep 0.02; done; rm $W/done"

# beside STATE... : while a reset is under way, for one after another; what is there afterwards
beside()
{
	n_desc="$ms ms after a reset has begun, to $*"
	n_set=
	for n_state; do
		n_set="$n_set set:$n_state=$MAY"
	done
	mig_do "$n_desc" reset dma:2 "sh:(tool write $vf/reset 1 >$W/done &)" sleep:$ms $n_set "$over" state
	mig_value state
	case $VALUE in
	RUNNING) mig_do "$n_desc: it is said to run, and does" renew dma:5 set:STOP frozen:20 set:RUNNING ;;
	ERROR) mig_do "$n_desc: the state is ERROR, and a reset ends it" reset dma:5 ;;
	# The reset was over before
	"$n_state") mig_do "$n_desc: that was later, and is so" set:STOP frozen:20 set:RUNNING renew dma:5 ;;
	*) flunk "$n_desc: RUNNING, ERROR or what was set" "$VALUE" ;;
	esac
}

mig_session "$a"
for ms in 1 30 60 90; do
	beside RUNNING_P2P
	beside STOP
done
for ms in 20 70; do
	beside STOP RUNNING STOP
	! can precopy || beside PRE_COPY PRE_COPY_P2P STOP_COPY
done
for ms in 10 40 70; do
	mig_do "$ms ms after a reset has begun its user resets it, too: that waits" reset \
		"sh:(tool write $vf/reset 1 >$W/done &)" sleep:$ms reset "$over" state=RUNNING renew dma:5
done
mig_quit
mig "the next user finds it well" "$a" state=RUNNING copies=0 dma:20
no_mdevs_no_vfs
