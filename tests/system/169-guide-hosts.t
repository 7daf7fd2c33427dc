# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2016
# boot: pair
# timeout: 600
# needs: firmware
#
# The user guide's commands with guests, as it has them: QEMU by hand, libvirt, and migration
# between two hosts by either. What is refused: 166, 168. hostA's mdev is the one whose UUID the
# guide uses throughout, and so is hostB's.
. "$PAYLOAD/tests/system/libvirt.sh"
. "$PAYLOAD/tests/system/libvirt-hosts.sh"
. "$PAYLOAD/tests/system/pair.sh"
. "$PAYLOAD/tests/system/guide.sh"
a=6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01
plugged=6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f02
b=5d0c8f5e-60a5-4f43-8f2d-6a7b1f0c2d11

must "the tools are installed" cp -a "$TOOLS/install-tools/." /
must "2 VFs exist" bound_vfs 2
must "1 VF exists on hostB" on_b bound_vfs 1
qemu_words
logs=
! able qemu-log "without the downtime limit; QEMU uses the device's log of dirty pages" || logs=1

# ---- by QEMU
guide define
if [ "$QEMU" -ge 8 ]; then
	guide qemu
	words=
else
	guide qemu-v1
	# As the guide says of this QEMU
	words='s/,enable-migration=on/,x-enable-migration=on/'
fi
must "the guest copies" guest_wait guide 240 '^COPYLOAD copies=[1-9].*state=running'
on_b guide host-b "$words"
t "QEMU waits on hostB" on_b wait_for 90 qmp_up guide
# The network is emulated, and slower than the page's
[ -n "$logs" ] || guide downtime 's/10000/60000/'
guide host-a
must "migration is completed" guest_left guide
t "the guest has arrived" on_b guest_arrived guide
t "the source's mdev is stopped" attr_is $a migration_state STOP
t "QEMU ends" guest_quit guide
t "the source's mdev is free" attr_is $a migration_state RUNNING
t "the copies go on" on_b guest_goes_on guide 100 60
is "each byte was right" "$ERRORS" 0
t "QEMU ends on hostB" on_b guest_quit guide
on_b guide remove "s/$a/$b/"

if able qemu-iommufd "QEMU with iommufd"; then
	guide qemu-iommufd
	t "the guest copies" guest_wait guide 240 '^COPYLOAD copies=[1-9].*state=running'
	t "QEMU ends" guest_quit guide
fi
guide remove
t "the definition is removed" mdevctl undefine --uuid $a

# ---- by libvirt. The sample's guest does not exist here; the tests use their own
if has_libvirt; then
	must "libvirtd starts on hostB" on_b libvirt_listen
	must "libvirt listens on hostA" libvirt_listen
	cp -r "$PAYLOAD/docs" "$WORK/"
	cd "$WORK" || return
	guide nodedev
	t "the mdev has its attribute" attr_is $a max_copy 65536
	like "it is to start by itself" "$(mdevctl list --defined --uuid $a)" auto
	if virsh_ help nodedev-update >/dev/null 2>&1 && mdevctl modify --help | grep -q -- --live; then
		sed -i 's/65536/8192/' docs/libvirt/mdev.xml
		guide nodedev-update
		t "now another one" attr_is $a max_copy 8192
		like "and after it has started again" "$(mdevctl list --defined --uuid $a --dumpjson)" 8192
	else
		skip "nodedev-update" "libvirt is older than 10.1, or mdevctl than 1.3"
	fi
	guide nodedev-end
	must "the XML of a domain is made" domain_xml guest $a
	mv guest.xml docs/libvirt/domain.xml
	on_b mkdir -p "$GUESTS/guest"

	guide virsh-1
	must "the guest copies" domain_said guest 240 '^COPYLOAD copies=[1-9].*state=running'
	guide plug
	copied() { mdev_fw $plugged copies && [ "$VALUE" -gt 0 ]; }
	t "the guest's driver takes it" wait_for 60 copied
	guide unplug
	free() { [ "$(tool write "$MDEVS/$plugged/bandwidth" 1)" = 0 ]; }
	t "no domain uses the mdev" wait_for 60 free
	VIRSH_TIMEOUT=240
	guide managedsave
	t "the guest goes on" domain_goes_on guest 100

	on_b guide virsh-2
	guide virsh-3
	[ -n "$logs" ] || guide virsh-4
	guide virsh-5 's/qemu+ssh/qemu+tcp/'
	is "hostA has no domain" "$(virsh_ list --all --name)" ""
	t "the copies go on" on_b domain_goes_on guest 100
	is "each byte was right" "$ERRORS" 0
	t "the source's mdev is free" attr_is $a migration_state RUNNING
	t "the domain ends" virt_b destroy guest
	t "and is undefined" virt_b undefine guest
	guide remove
	guide remove "s/$a/$plugged/"
	on_b guide remove "s/$a/$b/"
	t "hostA's is undefined" mdevctl undefine --uuid $a
	cd "$PAYLOAD" || return
	t "libvirtd ends" libvirt_stop
	t "libvirt stops on hostB" on_b libvirt_stop
else
	skip "libvirt" "$REASON"
fi
(cd "$TOOLS/install-tools" && find . -type f) | (cd / && xargs rm -f)
no_mdevs_no_vfs
t "all VFs of hostB removed" on_b set_vfs 0
