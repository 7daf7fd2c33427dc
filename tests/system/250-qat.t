# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: conform
# timeout: 900
# needs: firmware
#
# mdev-pci-qat and upstream's qat_vfio_pci, by turns on the same VFs, with the same user: VFs of the reference device,
# whose PF has a driver (tests/qat) that exports the functions qat_vfmig_* in the place of intel_qat.
. "$PAYLOAD/tests/system/snap.sh"

STAND_IN=$(echo "$PAYLOAD"/*/qat-stand-in.ko)
UPSTREAM=$(echo "$PAYLOAD"/*/qat_vfio_pci.ko)
if ! [ -f "$STAND_IN" ]; then
	skip "VFs of QAT devices" "the kernel has no qat_vfmig_*, or Debian's linux-source is not to be had"
	return 0
fi
PARAMETERS=/sys/module/qat_stand_in/parameters
W=$WORK

on() # DESCRIPTION MDEV|BDF COMMANDS...
{
	case $2 in
	*:*) mig_pci "$@" ;;
	*) mig "$@" ;;
	esac
}

# The stand-in's: memory that nobody has written since it was allocated
dirt() # FILE
{
	tr -c '\321' '\n' <"$1" | LC_ALL=C grep -c '.\{64\}'
}

# moves WAY A B END: END is what a read is told at the end of pre-copy's data
moves()
{
	on "$1: a VF copies, is saved and goes on" "$2" dma:20 "digest:$W/d" set:STOP_COPY "read:$W/s" reread \
		set:RUNNING dma:3 copies=23
	on "$1: another VF loads it" "$3" dma:2 set:RESUMING "write:$W/s" set:STOP "digest-is:$W/d" copies=20 \
		set:RUNNING dma:5
	on "$1: its setup is saved while it runs" "$2" dma:30 set:PRE_COPY initial=16 dirty=0 "read:$W/s$4" \
		initial=0 dma:5 "digest:$W/d" set:STOP_COPY "more:$W/s" set:RUNNING dma:1
	on "$1: another VF loads that" "$3" set:RESUMING "write:$W/s:97" set:STOP "digest-is:$W/d" copies=35 \
		set:RUNNING dma:5
	on "$1: stopped before the setup was read" "$2" dma:4 set:PRE_COPY set:STOP_COPY "read:$W/s" \
		set:RESUMING "write:$W/s" set:RUNNING copies=4 dma:1
	# For what follows: the state of a user who has gone, and a part of it
	on "$1: a user saves a VF and leaves" "$2" dma:40 "digest:$W/secret" set:STOP_COPY "read:$W/s"
	head -c 200 "$W/s" >"$W/cut"
}

other_services() { write_to $PARAMETERS/services 0,1; }
same_services() { write_to $PARAMETERS/services 0,0; }

t "the device's own driver is unloaded" unload "$DEV_MODULE"
must "the stand-in is loaded" insmod "$STAND_IN"
bound_driver "$PF"
is "the PF's driver is 4xxx" "$DRIVER" 4xxx
must "2 VFs exist" set_vfs 2
vf_bdf 0
a=$BDF
vf_bdf 1
b=$BDF

load vfio-pci
must "upstream's driver is loaded" insmod "$UPSTREAM"
must "upstream's driver is bound to the first VF" bind_to "$a" qat_vfio_pci
must "upstream's driver is bound to the second VF" bind_to "$b" qat_vfio_pci
# Its PRE_COPY ends with 0 and not with ENOMSG
moves upstream "$a" "$b" ''
at_least "upstream: what was in the memory before is saved, too" "$(dirt "$W/s")" 1
on "upstream: of a state that is cut off the next user gets the rest of the last one's" "$a" copies=0 set:RESUMING \
	"write:$W/cut" set:STOP "digest-is:$W/secret" copies=40
t "the second VF has other services" other_services
on "upstream: a state of other services is refused, and loaded then" "$b" set:RESUMING "write:$W/s=EINVAL" \
	set:STOP "digest-is:$W/secret"
t "both VFs have the same services" same_services
t "suspensions fail" write_to $PARAMETERS/fail_suspend 1
on "upstream: a VF whose suspension has failed does not go on" "$a" dma:1 set:STOP=ETIMEDOUT state=RUNNING start:10 frozen:300
t "suspensions succeed" write_to $PARAMETERS/fail_suspend 0
unbind_from "$a"
unbind_from "$b"
t "upstream's driver is unloaded" rmmod qat_vfio_pci

must "our module is loaded" load mdev-pci-qat
is "the PF is a parent" "$(cat /sys/bus/platform/drivers/mdev-pci-qat/parents)" "$PF"
must "all VFs are bound to mdev-pci" wait_for 20 all_bound 2
TYPE=4xxx-vf
new_uuid
a=$UUID
must "an mdev is created" create "$a" $TYPE
new_uuid
b=$UUID
must "a second mdev is created" create "$b" $TYPE
mdev_vf "$b"
[ "$VF" = 1 ] || { UUID=$a a=$b b=$UUID; }
moves ours "$a" "$b" =ENOMSG
is "ours: nothing of what was in the memory before is saved" "$(dirt "$W/s")" 0
on "ours: a state that is cut off is refused" "$a" copies=0 set:RESUMING "write:$W/cut" set:STOP=ENODATA \
	"digest-not:$W/secret" reset copies=0 dma:1
t "the second VF has other services" other_services
mark
on "ours: a state of other services is refused, each time" "$b" set:RESUMING "write:$W/s=EINVAL" set:STOP=ENODATA \
	"digest-not:$W/secret" reset set:RESUMING "write:$W/s=EINVAL" "digest-not:$W/secret" reset dma:1
logged "the log says why" "intel_qat could not accept the setup of the state"
t "both VFs have the same services" same_services
t "suspensions fail" write_to $PARAMETERS/fail_suspend 1
on "ours: a VF whose suspension has failed goes on" "$a" dma:1 set:STOP=EIO state=RUNNING dma:10
t "suspensions succeed" write_to $PARAMETERS/fail_suspend 0
t "loads fail" write_to $PARAMETERS/fail_load 1
mark
on "ours: a state that may have been loaded in part is one to be reset" "$b" set:RESUMING "write:$W/s=EIO" state=ERROR \
	set:STOP=EIO,ENODEV,EINVAL reset state=RUNNING copies=0 dma:1
logged "the log says so" "a part of the state may have been loaded"
t "loads succeed" write_to $PARAMETERS/fail_load 0

CONFORM_OPTIONS="--plugin $DEV_PLUGIN --rounds 10 --quiet"
conform "$a"
t "all mdevs are removed" remove_all
t "our module is unloaded" unload mdev-pci-qat
t "all VFs are removed" set_vfs 0
t "the stand-in is unloaded" rmmod qat_stand_in
t "the device's own driver is loaded again" load_all
