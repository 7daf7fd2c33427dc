# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 300
# boot: libvirt
#
# libvirt as it is by default: QEMU has no privileges and a /dev of its own. The test bed's own qemu.conf has neither, as it
# is for what other tests look at.

. "$PAYLOAD/tests/system/guest.sh"
. "$PAYLOAD/tests/system/libvirt.sh"

if ! has_libvirt; then
	skip "libvirt" "$REASON"
	return 0
fi

CONF=/etc/libvirt/qemu.conf
by_default()
{
	cp $CONF "$WORK/qemu.conf" &&
		printf '%s\n' 'security_driver = "none"' 'stdio_handler = "file"' >$CONF &&
		chmod 666 /dev/kvm
}

# Of a domain's QEMU -> $VALUE
qemu_status() # NAME FIELD
{
	pid_in "/run/libvirt/qemu/$1.pid" || fail "no QEMU of domain $1" || return 1
	VALUE=$(awk -v "field=$2:" '$1 == field {print $2}' "/proc/$l_pid/status")
}
qemu_has_node() # NAME GROUP
{
	pid_in "/run/libvirt/qemu/$1.pid" && [ "$(nsenter -t "$l_pid" -m stat -c %U "/dev/vfio/$2")" = libvirt-qemu ]
}
qemu_has_no_node() # NAME GROUP
{
	pid_in "/run/libvirt/qemu/$1.pid" && ! nsenter -t "$l_pid" -m ls "/dev/vfio/$2" >/dev/null 2>&1
}
group_of() { basename "$(readlink "$MDEVS/$1/iommu_group")"; }

vfs_and_mdevs 2 a b
must "libvirt's configuration is the default" by_default
must "libvirtd starts" libvirt_start
must "the files of a guest are made" libvirt_guest_files
must "its domain" domain_xml vm "$a"
t "is defined" virt define "$WORK/vm.xml"
VIRSH_TIMEOUT=120
must "the domain starts" virt start vm
must "the guest copies" domain_said vm 240 '^COPYLOAD copies=[1-9].*state=running'
t "its QEMU has a user" qemu_status vm Uid
is "which is libvirt-qemu" "$VALUE" "$(id -u libvirt-qemu)"
t "its QEMU has capabilities, as all have" qemu_status vm CapEff
is "and they are none" "$VALUE" 0000000000000000
t "the mdev's node in its /dev is its own" qemu_has_node vm "$(group_of "$a")"
t "the /dev of QEMU has no node of the other mdev" qemu_has_no_node vm "$(group_of "$b")"
sed "s,uuid='[0-9a-f-]*',uuid='$b'," "$PAYLOAD/docs/libvirt/hostdev-mdev.xml" >"$WORK/plug.xml"
t "attach-device succeeds" virt attach-device vm "$WORK/plug.xml" --live
copied() { mdev_fw "$b" copies && [ "$VALUE" -gt 0 ]; }
t "the guest's driver takes it" wait_for 60 copied
t "QEMU has got its node" qemu_has_node vm "$(group_of "$b")"
t "detach-device succeeds" virt detach-device vm "$WORK/plug.xml" --live
free() { [ "$(tool write "$MDEVS/$b/bandwidth" 1)" = 0 ]; }
t "no domain uses the mdev" wait_for 60 free
t "the guest goes on" domain_goes_on vm 100
t "the allowed downtime is set to 60 s" virt migrate-setmaxdowntime vm 60000
VIRSH_TIMEOUT=240
t "managedsave succeeds" virt managedsave vm
t "start restores it" virt start vm
t "the guest goes on" domain_goes_on vm 100
is "the guest saw no error" "$ERRORS" 0
VIRSH_TIMEOUT=90
t "the domain is destroyed" virt destroy vm
t "the definition is removed" virt undefine vm
t "libvirtd ends" libvirt_stop
cp "$WORK/qemu.conf" $CONF
no_mdevs_no_vfs
