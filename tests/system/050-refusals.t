# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 150
# needs: firmware
#
# Each refusal of "create": its own errno, and one sentence in the log. (No IOMMU: see
# 055-no-iommu.t.)

find_pf
CREATE=$PFDIR/mdev_supported_types/$DEV_TYPE/create

# With a UUID for each: the mdev core forgets that of a refused mdev late on a debug kernel
# (DEBUG_KOBJECT_RELEASE)
refused_create() # TITLE ERRNO WORDS
{
	new_uuid
	refused "$1" "$CREATE" "$UUID" "$2" "mdev $UUID refused: $3"
}

refused_create "no VF exists" ENODEV "there are no VFs"

must "2 VFs exist" set_vfs 2
must "all VFs are bound to mdev-pci" wait_for 20 all_bound 2
errno_of "$CREATE" "not-a-uuid"
is "something that is no UUID: EINVAL" "$ERRNO" EINVAL

for status in 11 0x80; do
	t "firmware will refuse with status $status" inject any enable fail $status 2
	refused_create "firmware refuses ($status)" EIO "firmware could not enable the VF"
	t "no mdev is left" is_gone "$MDEVS/$UUID"
done
t "firmware is given half a second" fw_timeout 500
t "firmware will not answer" inject any enable silent
refused_create "firmware is silent" ETIMEDOUT "firmware could not enable the VF"
t "no mdev is left" is_gone "$MDEVS/$UUID"
t "firmware will answer too late" inject any enable late 2000000000
refused_create "firmware is late" ETIMEDOUT "firmware could not enable the VF"
t "firmware is given its usual time" fw_timeout 5000
t "firmware will answer late, but in time" inject any enable late 300000000
new_uuid
u=$UUID
t "create waits for it" create "$u"
errno_of "$CREATE" "$u"
is "a UUID that exists: EEXIST" "$ERRNO" EEXIST
mig "the one that exists works" "$u" dma:20

new_uuid
v=$UUID
t "the VF that firmware did not answer for can be used" create "$v"
mig "the mdev does DMA" "$v" dma:20
new_uuid
w=$UUID
refused "all VFs are in use" "$CREATE" "$w" ENOSPC "mdev $w refused: all VFs are in use"
t "one is removed" remove "$v"
t "create succeeds after the refusals" wait_for 20 create "$w"
t "that mdev is removed" remove "$w"

bound_driver "$(vf_bdf 0; echo "$BDF")"
t "all mdevs are removed" remove_all
vf_bdf 0
zero=$BDF
vf_bdf 1
one=$BDF
t "VF 0 is unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$zero"
t "VF 1 is unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$one"
refused_create "no VF is bound" ENXIO "no VF is bound to mdev-pci"
t "VF 0 is bound" write_to /sys/bus/pci/drivers/mdev-pci/bind "$zero"
t "VF 1 is bound" write_to /sys/bus/pci/drivers/mdev-pci/bind "$one"

# Nothing works after this one until the PF is reset
t "firmware will have a fatal error" inject any enable fatal
mark
new_uuid
errno_of "$CREATE" "$UUID"
t "create fails while firmware has failed" test "$ERRNO" != 0
logged "the log says so" 'fatal'
refused_create "firmware has failed" EREMOTEIO "the PF's firmware has failed"
is "available_instances is 0 while firmware has failed" "$(cat "${CREATE%create}available_instances")" 0
t "the PF is reset" write_to "$PFDIR/reset" 1
new_uuid
v=$UUID
t "create succeeds after the reset" create "$v"
mig "the mdev does DMA" "$v" dma:20
no_mdevs_no_vfs

# While SR-IOV is changed: any of the right errnos, nothing else
toggle()
{
	for _ in 1 2 3 4 5 6; do
		tool write "$PFDIR/sriov_numvfs" 2
		tool write "$PFDIR/sriov_numvfs" 0
	done >"$WORK/toggled"
}
toggle &
toggler=$!
while kill -0 $toggler 2>/dev/null; do
	new_uuid
	tool write "$CREATE" "$UUID"
	[ -e "$MDEVS/$UUID" ] && tool write "$MDEVS/$UUID/remove" 1 >>"$WORK/removed"
done >"$WORK/created" 2>/dev/null
wait $toggler
is "creates while VFs come and go" "$(grep -v -x -E '0|EBUSY|ENODEV|ENXIO|ENOSPC|EAGAIN' "$WORK/created")" ""
is "VFs come and go meanwhile" "$(grep -v -x -E '0|EBUSY' "$WORK/toggled")" ""
diag <<-END
	creates: $(sort "$WORK/created" | uniq -c | tr -s ' \n' ' ')
	changes of sriov_numvfs: $(sort "$WORK/toggled" | uniq -c | tr -s ' \n' ' ')
END
no_mdevs_no_vfs
