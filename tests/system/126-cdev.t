# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
#
# The mdev's function by its character device, with DMA by IOMMUFD: all that its group has.

able iommufd "an mdev by its character device" || return 0
vfs_and_mdevs 2 a b
W=$WORK

MIG_OPTIONS=-c
mig "the mdev does DMA" "$a" dma:150 copies=150 errors=0
mig "the state is saved" "$a" dma:60 "digest:$W/d" set:STOP_COPY "read:$W/s" "digest-is:$W/d" set:RUNNING dma:5
mig "the state is loaded" "$b" "digest-not:$W/d" set:RESUMING "write:$W/s" set:STOP "digest-is:$W/d" \
	set:RUNNING copies=60 dma:20 copies=80
mig "the device does nothing in STOP" "$a" dma:30 set:STOP frozen:100 set:RUNNING dma:2
mig "a reset leads to RUNNING" "$a" dma:30 reset copies=0 dma:3
MIG_OPTIONS=
mig "by the group: loaded what was saved by the character device" "$a" set:RESUMING \
	"write:$W/s" set:RUNNING "digest-is:$W/d" copies=60 dma:5
mig "by the group: saved" "$b" dma:9 "digest:$W/d2" set:STOP_COPY "read:$W/s2"
MIG_OPTIONS=-c
mig "loaded by the character device" "$b" set:RESUMING "write:$W/s2" set:RUNNING \
	"digest-is:$W/d2" copies=9 dma:5

MIG_OPTIONS=
mig_bg "$a" dma:10 "touch:$W/open" "await:$W/go" dma:10
must "a user has the device by its group" wait_for 20 is_there "$W/open"
MIG_OPTIONS=-c
mig "not by the character device at the same time" "$a" open=EBUSY
echo >"$W/go"
mig_end "the user was not disturbed"

# Its function is taken away while it is used
mdev_vf "$b"
rm -f "$W/open" "$W/asked" "$W/go"
mig_bg "$b" irq dma:10 "touch:$W/open" irq-wait:20000 "touch:$W/asked" "await:$W/go" dma:10
must "a user has the device by its character device" wait_for 20 is_there "$W/open"
mig "not twice" "$b" open=EINVAL
MIG_OPTIONS=
mig "not by the group at the same time" "$b" open=EBUSY
(write_to "$MDEVS/$b/remove" 1 && : >"$W/removed") &
t "removal of the mdev asks it to let go" wait_for 20 is_there "$W/asked"
t "and waits" is_gone "$W/removed"
echo >"$W/go"
mig_end "it could use the device until then"
t "then the mdev is removed" wait_for 20 is_there "$W/removed"
wait

# Logging of dirty pages
LOW=0x20000000
if able log "dirty pages by the character device"; then
	if l_out=$(within 60 vfio-log -c "$MDEVS/$a" probe start:4096:$LOW+0x1000000 \
		copy:$LOW:100 copy:0x20007000:8192 report:$LOW:0x1000000:4096:0,7-8 \
		report:$LOW:0x1000000:4096:none stop 2>&1); then
		pass "dirty pages: exactly what was written"
	else
		flunk "dirty pages: exactly what was written" "$l_out"
	fi
fi
no_mdevs_no_vfs
