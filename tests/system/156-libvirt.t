# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 600
# boot: libvirt
#
# libvirt: node devices, a domain with an mdev, hot-plug, managed save, the VF as a PCI device,
# and what it says when something is in the way. With the samples of docs/libvirt.

. "$PAYLOAD/tests/system/guest.sh"
. "$PAYLOAD/tests/system/libvirt.sh"
S=$PAYLOAD/docs/libvirt

if ! has_libvirt; then
	skip "libvirt" "$REASON"
	return 0
fi

fails() # DESCRIPTION REGEX VIRSH-ARGUMENTS...
{
	f_desc=$1 f_re=$2
	shift 2
	f_out=$(virsh_ "$@" 2>&1) && flunk "$f_desc: fails" "$f_out"
	like "$f_desc: libvirt says why" "$f_out" "$f_re"
}

must "4 VFs exist" set_vfs 4
must "all VFs are bound to mdev-pci" wait_for 20 all_bound 4
must "libvirtd starts" libvirt_start
libvirt_version
echo "# libvirt $(libvirtd --version | sed 's/.* //')"

# ---- the samples as they are: an mdev by mdev.xml, and domain.xml with its disk and network
SAMPLE=6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01
in_guest() { grep -q "$1" /var/log/libvirt/guest.console 2>/dev/null; }
valid_override()
{
	sed "/<\/devices>/r $S/override.xml" "$S/domain.xml" >"$WORK/override.xml" &&
		virt-xml-validate "$WORK/override.xml"
}
pci_ids() { sed 's/^0x//' "$1/vendor" "$1/device" | tr '\n' ':' | sed 's/:$//'; }

if [ "$PF" = 0000:01:00.0 ]; then
	cp "$TOOLS/disk.img" /var/lib/libvirt/images/guest.img
	t "mdev.xml is defined unchanged" virt nodedev-define "$S/mdev.xml"
	t "libvirt knows its mdev" nodedev_of $SAMPLE
	t "the mdev is started" virt nodedev-start "$NODEDEV"
	t "domain.xml is defined unchanged" virt define "$S/domain.xml"
	VIRSH_TIMEOUT=120
	t "its domain starts" virt start guest
	t "the guest boots from its disk" wait_for 120 in_guest 'has booted from its disk'
	t "the guest has looked at all buses" wait_for 60 in_guest 'that is all'
	vf_bdf 0
	t "the guest has the VF" in_guest "pci $(pci_ids "/sys/bus/pci/devices/$BDF")"
	t "the guest has a network card of virtio's" in_guest 'pci 1af4:1041'
	t "and a disk of virtio's" in_guest 'pci 1af4:1042'
	t "the domain is destroyed" virt destroy guest
	t "the definition is removed" virt undefine guest
	t "the sample's override is valid in it" valid_override
	t "nodedev-destroy succeeds" virt nodedev-destroy "$NODEDEV"
	t "nodedev-undefine succeeds" virt nodedev-undefine "$NODEDEV"
	VIRSH_TIMEOUT=90
else
	skip "the samples as they are" "the PF is $PF, that of the samples 0000:01:00.0"
fi

# ---- samples
t "domain.xml is valid" virt-xml-validate "$S/domain.xml"
t "mdev.xml is valid" virt-xml-validate "$S/mdev.xml"
for x in mdev pci; do
	sed -e "/<memballoon/r $S/hostdev-$x.xml" "$S/domain.xml" >"$WORK/with.xml"
	t "hostdev-$x.xml is valid in a domain" virt-xml-validate "$WORK/with.xml"
done

# ---- node devices
pf=pci_$(echo "$PF" | tr ':.' __)
like "the PF has mdev types" "$(virsh_ nodedev-list --cap mdev_types)" "^$pf\$"
t "libvirt describes the PF" virt nodedev-dumpxml "$pf"
like "the PF's description has the type" "$VIRT" "<type id='$DEV_TYPE'>"
like "and how many there can be" "$VIRT" "<availableInstances>4</availableInstances>"
new_uuid
a=$UUID
sed -e "s,<uuid>.*<,<uuid>$a<," -e "s,pci_0000_01_00_0,$pf," "$S/mdev.xml" >"$WORK/mdev.xml"
must "nodedev-define succeeds" virt nodedev-define "$WORK/mdev.xml"
t "libvirt knows the node device" nodedev_of "$a"
dev=$NODEDEV
t "the node device is not active" not nodedev_active "$a"
must "nodedev-start succeeds" virt nodedev-start "$dev"
t "the mdev is there" attr_is "$a" migration_state RUNNING
t "libvirt sets the mdev's attribute" attr_is "$a" max_copy 65536
t "libvirt sees it" wait_for 10 nodedev_active "$a"
virt nodedev-dumpxml "$dev"
like "with its IOMMU group" "$VIRT" "<iommuGroup number='$(basename "$(readlink "$MDEVS/$a/iommu_group")")'/>"
like "libvirt knows the mdev's type" "$VIRT" "<type id='$DEV_TYPE'/>"
# For parsers of other programs: tests/fleet/run.sh
keep_xml() { mountpoint -q /share || mount /share; virsh_ nodedev-dumpxml "$1" >"/share/$2.xml"; }
t "its XML is kept" keep_xml "$dev" mdev
t "that of the PF as well" keep_xml "$pf" pf
umount /share
new_uuid
b=$UUID
t "another one by sysfs" create "$b"
t "libvirt sees it, too" wait_for 10 nodedev_active "$b"
t "nodedev-destroy succeeds" virt nodedev-destroy "$dev"
t "the mdev is gone" is_gone "$MDEVS/$a"
t "the node device is still defined" nodedev_of "$a"
t "nodedev-start succeeds again" virt nodedev-start "$dev"
new_uuid
sed "s,<uuid>.*<,<uuid>$UUID<," "$WORK/mdev.xml" >"$WORK/transient.xml"
t "nodedev-create succeeds without a definition" virt nodedev-create "$WORK/transient.xml"
t "the mdev exists with its attribute" attr_is "$UUID" max_copy 65536
t "libvirt knows the node device" nodedev_of "$UUID"
t "nodedev-destroy succeeds" virt nodedev-destroy "$NODEDEV"
t "nothing is left of it" eval 'is_gone "$MDEVS/$UUID" && wait_for 10 not nodedev_of "$UUID"'

# ---- a domain
must "the files of a guest are made" libvirt_guest_files
must "the XML of a domain with the mdev is written" domain_xml vm "$a"
t "the domain is defined" virt define "$WORK/vm.xml"
new_uuid
domain_xml nodev "$UUID"
fails "an mdev that does not exist" "mediated device.*$UUID.*not found|$UUID.*No such file" create "$WORK/nodev.xml"
mig_bg "$a" "touch:$WORK/open" "await:$WORK/go"
must "someone has the mdev open" wait_for 20 is_there "$WORK/open"
fails "an mdev that is in use" 'busy|in use' start vm
fails "nodedev-destroy of one in use" 'busy|in use' nodedev-destroy "$dev"
t "the mdev still exists" attr_is "$a" migration_state RUNNING
touch "$WORK/go"
mig_end "its user has not noticed"

VIRSH_TIMEOUT=120
must "the domain starts" virt start vm
must "the guest copies" domain_said vm 240 '^COPYLOAD copies=[1-9].*state=running'
t "max_copy is what its driver uses" mdev_fw "$a" max_copy
is "the mdev of the domain has max_copy of 65536" "$VALUE" 65536
refused "an attribute of a running guest's" "$MDEVS/$a/max_copy" 4096 EBUSY "max_copy of mdev $a: it is in use"
domain_xml other "$a"
fails "a second domain with the mdev" 'in use' create "$WORK/other.xml"
fails "nodedev-destroy under the guest" 'busy|in use' nodedev-destroy "$dev"
t "the guest goes on" domain_goes_on vm 100

# ---- hot-plug. ioatdma of the guest tests a channel that it finds: firmware has seen a copy
sed "s,uuid='[0-9a-f-]*',uuid='$b'," "$S/hostdev-mdev.xml" >"$WORK/plug.xml"
t "attach-device succeeds" virt attach-device vm "$WORK/plug.xml" --live
copied() { mdev_fw "$b" copies && [ "$VALUE" -gt 0 ]; }
t "the guest's driver takes it" wait_for 60 copied
fails "it can't be attached twice" 'in use|already|exist|Duplicate' attach-device vm "$WORK/plug.xml" --live
t "detach-device succeeds" virt detach-device vm "$WORK/plug.xml" --live
free() { [ "$(tool write "$MDEVS/$b/bandwidth" 1)" = 0 ]; }
t "no domain uses the mdev" wait_for 60 free
t "the guest goes on" domain_goes_on vm 100

# ---- managed save
guest_status vm
before=$COPIES
# Where the device's writes are not known QEMU takes all memory for dirty again and again, also into
# a file, unless it may take the time that is needed
patient() { virt migrate-setmaxdowntime vm 60000; }

VIRSH_TIMEOUT=240
t "the allowed downtime is set to 60 s" patient
t "managedsave succeeds" virt managedsave vm
t "the domain is shut off" domain_is vm "shut off"
t "the mdev is free: its attribute can be set" write_to "$MDEVS/$a/bandwidth" 0
t "start restores it" virt start vm
t "the guest goes on" domain_goes_on vm 100
guest_status vm
at_least "from where it was" "$COPIES" "$before"
is "the guest saw no error" "$ERRORS" 0
t "the domain is saved a second time" patient
t "managedsave succeeds again" virt managedsave vm
t "the mdev is set up otherwise" write_to "$MDEVS/$a/max_copy" 4096
mark
fails "it can't be restored" '.' start vm
logged "the kernel says why" 'migration data refused: the function was set up with other attributes at the source'
t "as it was" write_to "$MDEVS/$a/max_copy" 65536
t "start restores it" virt start vm
t "the guest goes on" domain_goes_on vm 100
VIRSH_TIMEOUT=90

t "the domain is destroyed" virt destroy vm
t "the mdev is there" is_there "$MDEVS/$a/iommu_group"
t "nobody uses it: it is RUNNING" attr_is "$a" migration_state RUNNING
t "the definition is removed" virt undefine vm

# ---- the VF as a PCI device
if [ "$LIBVIRT" -ge 10 ]; then
	attr "$a" function
	address=$(echo "$VALUE" | sed "s/\(.*\):\(.*\):\(.*\)\.\(.*\)/domain='0x\1' bus='0x\2' slot='0x\3' function='0x\4'/")
	domain_xml pci "$a"
	sed -i -e "/<hostdev/,/<\/hostdev>/d" -e '/<qemu:override/,/<\/qemu:override>/d' "$WORK/pci.xml"
	sed "s,<address .*/>,<address $address/>," "$S/hostdev-pci.xml" >"$WORK/hostdev.xml"
	sed -i "/<memballoon/r $WORK/hostdev.xml" "$WORK/pci.xml"
	t "a domain with the VF as a PCI device starts" virt create "$WORK/pci.xml"
	t "its guest copies" domain_said pci 240 '^COPYLOAD copies=[1-9].*state=running'
	t "the domain is destroyed" virt destroy pci
	bound_driver "$VALUE"
else
	skip "the VF as a PCI device" "libvirt $LIBVIRT takes only VFs that are bound to vfio-pci"
fi

t "nodedev-destroy succeeds" virt nodedev-destroy "$dev"
t "nodedev-undefine succeeds" virt nodedev-undefine "$dev"
t "the other one is removed" remove "$b"
t "libvirt no longer lists it as active" wait_for 10 not nodedev_active "$b"
t "libvirtd ends" libvirt_stop
no_mdevs_no_vfs
