# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: guests
# timeout: 400
#
# A device that logs dirty pages of 64 KiB only: QEMU, which asks for memory by its own ranges and pages,
# migrates with it.

able qemu-log "QEMU uses the device's log of dirty pages" || return 0

tracker_page() # SIZE
{
	bash -c '. /payload/tests/vm/lib/l0.sh; l0_qmp "$@"' l0 qom-set \
		"{\"path\":\"/machine/peripheral/pf\",\"property\":\"tracker-page\",\"value\":\"$1\"}" >/dev/null
}

must "the tracker has pages of 64 KiB" tracker_page 64K
must "the driver is bound again and reads the limits of firmware" bound_with_fw_timeout 5000
vfs_and_mdevs 2 u v
t "it logs by these, and reports parts of them" within 60 vfio-log "$MDEVS/$u" \
	start:4096:0x20000000+0x100000 page:65536 copy:0x20011000:1 \
	report:0x20012000:0x2000:4096:0-1 report:0x20000000:0x100000:4096:16-17,20-31 \
	report:0x20000000:0x100000:4096:none
must "a guest boots" guest_boot a "$u"
t "its copies go on" guest_goes_on a 100 60
copies=$COPIES
mark
must "the guest migrates while it copies" guest_migrate a b "$v"
t "the source's QEMU ends" guest_quit a
t "the copies go on" guest_goes_on b 100 60
is "each byte was right" "$ERRORS" 0
at_least "from where they were" "$COPIES" "$copies"
refused() { tool log "$SEQ" | grep -q 'dirty page logging is refused'; }
t "no request of the log was refused" not refused
t "QEMU ends" guest_quit b
no_mdevs_no_vfs
t "the tracker has its usual pages" tracker_page 4K
t "the driver is bound again and reads the limits of firmware" bound_with_fw_timeout 5000
