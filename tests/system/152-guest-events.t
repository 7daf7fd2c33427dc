# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: guests
# timeout: 300
# dma-faults: expected
#
# What 122 does to a function that a program holds, to some of those that a running guest has.

if ! full; then
	skip "resets, link errors and removal under a running guest" "takes a minute: host-run.sh --all"
	return 0
fi
. "$(dirname "$0")/slot.sh"

has_asked() { [ -s "$WORK/write" ]; }

vfs_and_mdevs 3 u v w
must "a guest boots with the mdev" guest_boot g "$u"
errno_of "$PFDIR/sriov_numvfs" 0
is "VFs can't be switched off" "$ERRNO" EBUSY
t "the vendor module stays" not unload $DEV_MODULE
t "the copies go on" guest_goes_on g 100 60
is "each byte was right" "$ERRORS" 0

# QEMU hears the request and unplugs the device; the guest goes on without it
tool write "$MDEVS/$u/remove" 1 >"$WORK/write" &
writer=$!
t "the mdev is removed: the guest lets go" wait_for 60 has_asked
wait $writer
is "the write succeeds" "$(cat "$WORK/write")" 0
t "the mdev is gone" is_gone "$MDEVS/$u"
t "the guest runs on" guest_running g
t "QEMU ends" guest_quit g
new_uuid
u=$UUID
t "a new mdev is created" create "$u"
mig "the mdev does DMA" "$u" state=RUNNING copies=0 dma:20

must "a guest boots with another mdev" guest_boot h "$v"
mdev_vf "$v"
vf=/sys/bus/pci/devices/$BDF
t "its VF is reset" write_to "$vf/reset" 1
t "QEMU is there" guest_running h
t "the state is RUNNING" attr_is "$v" migration_state RUNNING
mig "the others do not notice" "$u" dma:20
t "the PF is reset" write_to "$PFDIR/reset" 1
t "QEMU is there" guest_running h
t "the state is ERROR" attr_is "$v" migration_state ERROR
t "migration fails" not guest_migrate h x "$w"
guest_quit x 2>/dev/null || guests_kill_one x
t "QEMU is there" qmp_up h
mig "the others work when they have been reset" "$u" state=RUNNING dma:20
mig "all of them do DMA" "$w" state=RUNNING dma:20

# A fatal error stops the guest: it can't let go by itself any more
l0 pcie_aer_inject_error rp1 DLP >"$WORK/aer"
like "the link has a fatal error" "$(cat "$WORK/aer")" '^OK'
stopped() { qmp h query-status && case $ANSWER in *internal-error*) ;; *) false ;; esac; }
t "QEMU gets the error interrupt and stops the guest" wait_for 20 stopped
: >"$WORK/write"
tool write "$MDEVS/$v/remove" 1 >"$WORK/write" &
writer=$!
sleep 2
is "removal of the mdev waits" "$(cat "$WORK/write")" ""
t "QEMU ends" guest_quit h
t "the mdev is removed after QEMU has closed it" wait_for 30 has_asked
wait $writer
is "the write succeeds" "$(cat "$WORK/write")" 0
new_uuid
t "a new mdev is created" create "$UUID"
mig "the mdev does DMA" "$UUID" state=RUNNING copies=0 dma:20
t "no task is stuck in the kernel" wait_for 10 nobody_stuck
no_mdevs_no_vfs
