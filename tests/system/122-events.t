# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086,SC2153
# timeout: 240
# timeout-full: 600
# needs: precopy
#
# What may happen to a function from outside while user space has it open, in each state of its
# migration: resets of the VF and of the PF, errors of the link (AER), the VF or the PF loses its
# driver, the mdev is removed, the device is pulled out; VFs to be switched off and the modules to
# be removed, which is refused. User space gets an errno it can act on, nothing is stuck, and
# a fresh mdev works. (180: pulled out while it runs; here by default in one state, with --all in all.)

. "$(dirname "$0")/slot.sh"

W=$WORK
MIG_TIMEOUT=120
PFUNBIND=/sys/bus/pci/drivers/$DEV_DRIVER/unbind
PFBIND=/sys/bus/pci/drivers/$DEV_DRIVER/bind
VFUNBIND=/sys/bus/pci/drivers/mdev-pci/unbind
VFBIND=/sys/bus/pci/drivers/mdev-pci/bind

states="RUNNING RUNNING_P2P STOP STOP_COPY RESUMING ERROR"
! kernel_has_precopy || states="$states PRE_COPY PRE_COPY_P2P"

# How a state is entered, in the middle of what is done there -> $ENTER; what a user does with a
# session that has ended -> $STALE; how it goes on if nothing has happened -> $ON
saved="set:STOP set:RESUMING write:$W/x set:RUNNING digest-is:$W/dx dma:3"
about() # STATE
{
	ENTER="dma:9 set:$1" STALE='' ON="state=$1 set:RUNNING dma:5"
	case $1 in
	STOP_COPY)
		ENTER="dma:9 digest:$W/dx set:STOP_COPY read:$W/x:100000" STALE=read1=ENODEV
		ON="state=STOP_COPY more:$W/x reread $saved"
		;;
	RESUMING)
		ENTER="set:RESUMING write:$W/half" STALE=write1=ENODEV
		ON="state=RESUMING write:$W/rest set:RUNNING digest-is:$W/d dma:3"
		;;
	PRE_COPY*)
		ENTER="dma:9 set:$1 read:$W/x:100000" STALE=read1=ENODEV
		ON="state=$1 more:$W/x=ENOMSG set:STOP_COPY digest:$W/dx more:$W/x reread $saved"
		;;
	ERROR)
		ENTER="set:RESUMING write:$W/half set:STOP=ENODATA state=ERROR"
		ON="state=ERROR set:STOP=EINVAL reset dma:5"
		;;
	V1_SAVING) ENTER="dma:9 v1-state:2 v1-touch:0x10:8=EINVAL" ON="v1-is=2 v1-state:1 dma:5" ;;
	V1_RESUMING) ENTER="v1-state:4" ON="v1-is=4 v1-state:1 dma:5" ;;
	esac
}

wrote() { echo "sh:[ \"\$(tool write $2 $3)\" = $1 ]"; }	# ERRNO FILE DATA

# ---- the user stays: one session for all that it survives ------------------------------

must "firmware is given a second" bound_with_fw_timeout 1000
vfs_and_mdevs 3 a b
must "a good stream is saved" vfio-mig -q "$MDEVS/$a" dma:100 "digest:$W/d" set:STOP_COPY "read:$W/s"
head -c 500000 "$W/s" >"$W/half"
tail -c +500001 "$W/s" >"$W/rest"
mdev_vf "$b"
vf=/sys/bus/pci/devices/$BDF
port=$(basename "$(dirname "$(readlink -f "$PFDIR")")")
aer() { echo "sh:bash -c '. /payload/tests/vm/lib/l0.sh; l0_hmp pcie_aer_inject_error rp1 $1'"; }

# After a reset of the VF its user finds it running; after one of the PF in ERROR, to be reset
ran="state=RUNNING copies=0"
lost="state=ERROR set:STOP=EINVAL set:RUNNING=EINVAL reset state=RUNNING copies=0"
t "the bridge above reports errors" grep -q . "/sys/bus/pci/devices/$port/aer_rootport_total_err_fatal"
mig_session "$b"
mig_do "a user opens the device" err dma:5
for s in $states; do
	about $s
	mig_do "$s: VFs can't be switched off, and the modules stay" reset $ENTER \
		"$(wrote EBUSY "$PFDIR/sriov_numvfs" 0)" "sh:! rmmod $DEV_MODULE 2>/dev/null" \
		"sh:! rmmod mdev-pci 2>/dev/null" "sh:! rmmod vfio-pci-engine 2>/dev/null" $ON
	mig_do "$s: an error of the link that is not fatal is told, and changes nothing" \
		reset $ENTER "$(aer POISON_TLP)" err-wait:10000 $ON
	mig_do "$s: the VF is reset" reset $ENTER "$(wrote 0 "$vf/reset" 1)" $ran $STALE \
		reset dma:7 set:STOP set:RUNNING dma:2
	mig_do "$s: the PF is reset" reset $ENTER "$(wrote 0 "$PFDIR/reset" 1)" $STALE $lost $STALE dma:7
	mig_do "$s: the link has a fatal error" reset $ENTER "$(aer DLP)" err-wait:10000 \
		"sh:sleep 0.5" $STALE $lost $STALE dma:7
	mig_do "$s: after all these its state goes elsewhere" dma:3 digest:$W/dx set:STOP_COPY \
		read:$W/x $saved
done
mig_quit
mig "the other one works" "$a" state=RUNNING dma:20
t "no task is stuck in the kernel" wait_for 10 nobody_stuck

# ---- the user is asked to let go, and is waited for -------------------------------------

# held NAME STATE FILE DATA: the write waits for the user. Until then the user can do everything but a
# reset, since the write holds the function's lock
held()
{
	h_desc="$2: $1"
	rm -f "$W/open" "$W/asked" "$W/go"
	about $2
	[ $2 != ERROR ] || ON="state=ERROR set:STOP=EINVAL reset=EAGAIN"
	mig_bg "$b" irq $ENTER "touch:$W/open" irq-wait:20000 "touch:$W/asked" "await:$W/go" $ON
	wait_for 20 is_there "$W/open" || { mig_end "$h_desc: a user"; return; }
	tool write "$3" "$4" >"$W/write" &
	h_writer=$!
	t "$h_desc: the user is asked to let go" wait_for 20 is_there "$W/asked"
	is "$h_desc: and is waited for" "$(cat "$W/write")" ""
	touch "$W/go"
	mig_end "$h_desc: all works as before until the user closes it"
	wait $h_writer
	is "$h_desc: then it ends" "$(cat "$W/write")" 0
}

fresh() # DESCRIPTION -> $b
{
	new_uuid
	b=$UUID
	t "$1: a fresh mdev is created" create "$b" || return
	mig "$1: works" "$b" state=RUNNING copies=0 dma:20
}

# By default each state has one of the two, and the PF is unbound in some
turn=0
for s in $states; do
	turn=$((turn + 1))
	if full || [ $((turn % 2)) = 0 ]; then
		mdev_vf "$b"
		held "the VF is unbound" $s $VFUNBIND "$BDF"
		t "$s: the detached mdev is removed" remove "$b"
		t "$s: the VF is bound" write_to $VFBIND "$BDF"
		fresh "$s: the VF was unbound"
	fi
	if full || [ $((turn % 2)) = 1 ]; then
		held "the mdev is removed" $s "$MDEVS/$b/remove" 1
		t "$s: the mdev is gone" is_gone "$MDEVS/$b"
		fresh "$s: the mdev was removed"
	fi
done
t "no task is stuck in the kernel" wait_for 10 nobody_stuck

for s in $(full && echo $states || echo STOP_COPY RESUMING); do
	held "the PF is unbound" $s $PFUNBIND "$PF"
	t "$s: no mdev is left" is_gone "$MDEVS/$b"
	t "$s: the PF is bound" write_to $PFBIND "$PF"
	must "$s: the VFs are there again" bound_vfs 2
	fresh "$s: the PF was unbound"
done
t "no task is stuck in the kernel" wait_for 10 nobody_stuck

# ---- the device is pulled out ------------------------------------------------------------

pulled() # STATE
{
	about $1
	# EINVAL: it is in ERROR by then
	p_gone=ENODEV,EIO,ETIMEDOUT,ECANCELED,ESHUTDOWN,EINVAL
	case $1 in
	RUNNING) p_after=set:RUNNING_P2P=$p_gone ;;
	RUNNING_P2P) p_after=set:STOP=$p_gone ;;
	STOP | STOP_COPY) p_after=set:RUNNING=$p_gone ;;
	RESUMING) p_after=write:$W/rest=$p_gone ;;
	PRE_COPY*) p_after=set:STOP_COPY=$p_gone ;;
	ERROR) p_after=set:STOP=EINVAL ;;
	esac
	rm -f "$W/open"
	mig_bg "$b" irq $ENTER "touch:$W/open" irq-wait:40000 $p_after state \
		reset=ENODEV,ENOTTY,EINVAL,EAGAIN state
	wait_for 20 is_there "$W/open" || { mig_end "$1: a user"; return; }
	t "$1: the PF is pulled out" pull_out
	mig_end "$1: the user is asked to let go, and is told that there is no device"
	t "$1: the device is gone" wait_for 40 is_gone "$PFDIR"
	t "$1: the mdev is gone, too" wait_for 30 is_gone "$MDEVS/$b"
	must "$1: plugged in again" plug_in
	must "$1: the VFs are there again" bound_vfs 2
	fresh "$1: the device was pulled out"
}

! full || for s in $states; do
	pulled $s
done
full || pulled STOP_COPY
t "no task is stuck in the kernel" wait_for 10 nobody_stuck
no_mdevs_no_vfs
if able unload "nothing refers to the modules any more"; then
	t "nothing refers to the modules any more" unload_all
	t "all modules load" load_all
fi
