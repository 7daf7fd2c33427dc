# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: guests
# timeout: 300
# needs: firmware
#
# A guest with stock drivers uses an mdev; and lets go of it while it runs.

vfs_and_mdevs 2 u
mdev_vf "$u"
n=$VF
must "a guest boots with the mdev" guest_boot g "$u"
t "its copies go on" guest_goes_on g 300 60
is "each byte was right" "$ERRORS" 0
fw "$n" copies
at_least "firmware counts them as well" "$VALUE" "$COPIES"
fw "$n" errors
is "firmware counts no error" "$VALUE" 0
errno_of "$PFDIR/sriov_numvfs" 0
is "the VFs stay while a guest runs" "$ERRNO" EBUSY
mig "nobody else can open the mdev" "$u" open=EBUSY

guest_tell g pause
t "the guest pauses its copies" guest_wait g 60 'state=paused'
sleep 1
fw "$n" copies
before=$VALUE
sleep 1
fw "$n" copies
is "no interrupt comes any more" "$VALUE" "$before"
guest_tell g errors
t "no warnings in the guest" guest_wait g 60 'errors-end'
# "Completion timeout with pending descriptors" says only that a slow guest was interrupted
# between the submission of a copy and its start
is "none from its drivers" "$(grep -a -i -E 'ioatdma.*(err|reset|halted)' "$GUESTS/g/console")" ""
guest_tell g go
t "its copies go on" guest_goes_on g 100 60

# unplugged by the monitor: QEMU lets go, the mdev can be used again
qmp g '{"execute":"device_del","arguments":{"id":"dut"}}'
released()
{
	within 20 vfio-mig -q "$MDEVS/$u" state=RUNNING >/dev/null 2>&1
}
t "unplugged from the running guest" wait_for 40 released
guest_quit g
mig "the device is reset after the guest" "$u" copies=0 dma:20

fw "$n" illegal_dma
is "no DMA at the wrong time" "$VALUE" 0
no_mdevs_no_vfs
