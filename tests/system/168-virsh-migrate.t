# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2046,SC2016
# boot: pair
# timeout: 600
# needs: firmware
#
# libvirt migrates a running guest to another host and back, as the user guide tells operators
# to; and what is refused, after which the guest goes on where it was.
. "$PAYLOAD/tests/system/guest.sh"
. "$PAYLOAD/tests/system/libvirt.sh"
. "$PAYLOAD/tests/system/libvirt-hosts.sh"
. "$PAYLOAD/tests/system/pair.sh"

if ! has_libvirt; then
	skip "libvirt between two hosts" "$REASON"
	return 0
fi
VIRSH_TIMEOUT=240

# hostB: an mdev by mdevctl, one of another type, and one of the device whose firmware has
# another version of the state
vfs_and_mdevs 1 u
must "hostB has two devices" on_b find_pfs
pf_b=${PFS% *} other_b=${PFS#* }
must "2 VFs exist on hostB" on_b bound_vfs 2
new_uuid
v=$UUID
must "mdevctl starts an mdev on hostB" on_b mdevctl start --uuid "$v" --parent "$pf_b" --type $DEV_TYPE
new_uuid
lite=$UUID
must "an mdev of another type is created" on_b create "$lite" $DEV_TYPE_LITE
must "a VF of the other device exists" on_b at_pf "$other_b" bound_vfs 1
new_uuid
compat=$UUID
must "an mdev of the other device is created" on_b at_pf "$other_b" create "$compat"

must "libvirtd starts on hostB" on_b libvirt_listen
must "libvirt listens on hostA" libvirt_listen
must "hostA reaches libvirt of hostB" virt_b version
echo "# libvirt $(libvirtd --version | sed 's/.* //')"

# ---- the domain. Without the property only if the device's writes can be tracked
must "the XML of a domain is made" domain_xml vm "$u"
sed '/<qemu:override/,/<\/qemu:override>/d' "$WORK/vm.xml" >"$WORK/plain.xml"
if able qemu-log "without enable-migration; QEMU uses the device's log of dirty pages"; then
	logs=1
	mv "$WORK/plain.xml" "$WORK/vm.xml"
else
	t "without the property a domain starts" virt create "$WORK/plain.xml" --paused
	t "the domain is on hostB" domain_there vm "$u" "$v"
	mark_b
	t "virsh migrate is refused" not virt migrate --live --xml "$WORK/there.xml" vm qemu+tcp://hostB/system
	echo "# $VIRT"
	like "QEMU says why" "$VIRT" "dirty.*tracking|doesn't support migration"
	t "the domain ends" virt destroy vm
fi
t "the domain is defined" virt define "$WORK/vm.xml"
on_b mkdir -p "$GUESTS/vm"
must "the domain starts" virt start vm
must "the guest copies" domain_said vm 240 '^COPYLOAD copies=[1-9].*state=running'
# Where the device's writes are not tracked all memory that it reaches counts as dirty, and is
# transferred while the guest stands still
[ -n "$logs" ] || t "it may stand still for 60 s" virt migrate-setmaxdowntime vm 60000

# migrate_to_b UUID: by the words of the user guide
migrate_to_b()
{
	domain_there vm "$u" "$1" &&
		virt migrate --live --persistent --undefinesource --xml "$WORK/there.xml" \
			--persistent-xml "$WORK/there.xml" vm qemu+tcp://hostB/system
}

# migration_refused WHY UUID WORDS-OF-LIBVIRT LOG-OF-HOSTB
migration_refused()
{
	mark_b
	t "$1: migration fails" not migrate_to_b "$2"
	echo "# $VIRT"
	like "$1: libvirt says so" "$VIRT" "$3"
	[ -z "$4" ] || logged_once_b "$1: hostB's log says why" "$4"
	is "$1: hostB has no domain" "$(virsh_b list --all --name)" ""
	t "$1: the guest runs on hostA" domain_is vm running
	t "$1: its copies go on" domain_goes_on vm 50
	is "$1: each byte was right" "$ERRORS" 0
	t "$1: its mdev is RUNNING" attr_is "$u" migration_state RUNNING
}
# Of its log of dirty pages, since it was bound -> $VALUE
reports()
{
	attr "$1" function && mount_debugfs 2>/dev/null
	VALUE=$(sed -n 's/^reports: *//p' "/sys/kernel/debug/vfio/$VALUE/vfio-pci-engine/tracker")
}

usable_b()
{
	on_b mig "$1: hostB's mdev can be used" "$2" copies=0 state=RUNNING dma:5
}

# libvirt 9.0 tells which end of the two it has heard of first
migration_refused "another type" "$lite" "Wrong medium type|'migration out' unexpectedly failed" 'data refused: .*another .*type'
usable_b "another type" "$lite"
migration_refused "another state version" "$compat" . 'data refused: .*firmware with state version 1'
usable_b "another state version" "$compat"
new_uuid
t "no free function: mdevctl fails" \
	not on_b mdevctl start --uuid "$UUID" --parent "$pf_b" --type $DEV_TYPE
migration_refused "no free function" "$UUID" "$UUID"
peer sh -c 'timeout 200 "$1/vfio-mig" "$2" touch:/tmp/open await:/tmp/go >/dev/null 2>&1 &' sh \
	"$TOOLS" "$MDEVS/$v"
t "someone has hostB's mdev open" wait_for 20 peer test -e /tmp/open
migration_refused "mdev open" "$v" 'busy|in use'
peer touch /tmp/go

# ---- and now
guest_status vm
copies=$COPIES
must "the guest migrates to hostB" migrate_to_b "$v"
if [ -n "$logs" ]; then
	reports "$u"
	at_least "the device was asked which pages it had written" "$VALUE" 1
fi
is "hostA has no domain" "$(virsh_ list --all --name)" ""
like "hostB has it" "$(virsh_b list --all --name --persistent)" '^vm$'
t "its copies go on" on_b domain_goes_on vm 300
at_least "from where they were" "$COPIES" "$copies"
is "each byte was right" "$ERRORS" 0
t "the source's mdev is free" attr_is "$u" migration_state RUNNING
mig "the VF was reset" "$u" copies=0 state=RUNNING dma:5
t "the destination's is RUNNING" on_b attr_is "$v" migration_state RUNNING

# Back: what was set for the source is not known to the QEMU at hostB
[ -n "$logs" ] || t "at hostB, too" virt_b migrate-setmaxdowntime vm 60000
copies=$COPIES
t "the domain is on hostA again" domain_here vm "$v" "$u"
must "the guest migrates back" virt_b migrate --live --persistent --undefinesource --xml "$WORK/here.xml" \
	--persistent-xml "$WORK/here.xml" vm qemu+tcp://hostA/system
is "hostB has no domain" "$(virsh_b list --all --name)" ""
t "its copies go on" domain_goes_on vm 300
at_least "from where they were" "$COPIES" "$copies"
is "each byte was right" "$ERRORS" 0
mdev_fw "$u" illegal_dma
is "no DMA while suspended, on hostA" "$VALUE" 0
VALUE=
on_b mdev_fw "$v" illegal_dma
is "no DMA while suspended, on hostB" "$VALUE" 0

t "the domain is destroyed" virt destroy vm
t "the definition is removed" virt undefine vm
t "libvirtd ends" libvirt_stop
t "libvirt stops on hostB" on_b libvirt_stop
no_mdevs_no_vfs
t "mdevctl stops hostB's mdev" on_b mdevctl stop --uuid "$v"
t "all mdevs of hostB removed" on_b remove_all
t "all its VFs removed" on_b set_vfs 0
t "and the other device's" on_b at_pf "$other_b" set_vfs 0
