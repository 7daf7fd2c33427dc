# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: guests
# timeout: 420
# needs: modprobe
#
# The commands of docs/getting-started.rst, from the modules to the guest that has migrated. Packages,
# GRUB and the build: tests/docs/start.sh.
. "$PAYLOAD/tests/system/guide.sh"
a=6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01
b=5d0c8f5e-60a5-4f43-8f2d-6a7b1f0c2d11

is "the PF is where the page has it" "$PF" 0000:01:00.0
qemu_words
if [ "$QEMU" -ge 8 ]; then
	must "no VFs and no module are there" eval 'set_vfs 0 && unload_all'
	guide start-vfs
	t "the VFs are bound" wait_for 20 all_bound 2
	guide start-mdevs
	guide start-guest
	must "the guest copies" guest_wait guide 240 '^COPYLOAD copies=[1-9].*state=running'
	guide start-there 's/guest_qemu guide/guest_qemu there/'
	t "the destination waits" wait_for 90 qmp_up there
	guide start-migrate
	must "migration is completed" guest_left guide
	t "the guest has arrived" guest_arrived there
	t "the first QEMU ends" guest_quit guide
	t "the copies go on" guest_goes_on there 100 60
	is "each byte was right" "$ERRORS" 0
	guide start-after
	t "the mdev is gone" is_gone "$MDEVS/$a"
	t "the second QEMU ends" guest_quit there
	t "its mdev is removed" remove $b
	t "all VFs are removed" set_vfs 0
	t "the modules are loaded as before" eval 'unload_all && load_all'
else
	skip "the page's commands" "they are for QEMU 8.0 and later; this one is $QEMU"
fi
