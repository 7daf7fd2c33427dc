# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2015
#
# libvirt on the hypervisor host, which has no systemd: udevd, virtlogd and libvirtd are started by
# hand. Needs host.sh and guest.sh.

virsh_() { timeout "${VIRSH_TIMEOUT:-90}" virsh -q -c qemu:///system "$@"; }

# virt COMMAND...: of virsh; on failure its words are the reason
virt()
{
	VIRT=$(virsh_ "$@" 2>&1) || fail "virsh $1: $VIRT"
}

libvirt_version() # -> $LIBVIRT, the major number
{
	[ -n "$LIBVIRT" ] || LIBVIRT=$(libvirtd --version | sed -n 's/.* \([0-9]*\)\..*/\1/p')
	[ -n "$LIBVIRT" ] || fail "no libvirt on this machine"
}

has_libvirt()
{
	command -v libvirtd >/dev/null || fail "no libvirt on this machine"
}

udevd_runs() { udevadm control --ping --timeout=5 2>/dev/null; }
udevd_ended() { ! udevd_runs; }
libvirtd_runs() { virsh_ version >/dev/null 2>&1; }

udev_start()
{
	mkdir -p /run/udev
	/lib/systemd/systemd-udevd --daemon 2>/tmp/udevd.log && wait_for 20 udevd_runs ||
		fail "udevd: $(cat /tmp/udevd.log)"
}

# libvirt takes no device that udev has not seen. libvirt_start [ARGUMENTS of libvirtd]
libvirt_start()
{
	udev_start || return 1
	udevadm trigger --action=add --subsystem-match=pci --subsystem-match=mdev &&
		udevadm settle --timeout=$((60 * ${PATIENCE:-1})) || fail "udevadm" || return 1
	mkdir -p /run/libvirt /var/lib/libvirt/images /var/lib/libvirt/qemu/save /var/log/libvirt
	# L1's root has no room for a guest's memory
	mount -t tmpfs tmpfs /var/lib/libvirt/qemu/save || fail "no room for saved guests" || return 1
	virtlogd -d || fail "virtlogd does not start" || return 1
	libvirtd -d "$@" || fail "libvirtd does not start" || return 1
	wait_for 60 libvirtd_runs || fail "libvirtd does not answer"
}

# libvirt's files have no newline at their end, which read takes for a failure -> $l_pid
pid_in() # FILE
{
	l_pid=
	[ -e "$1" ] && { read -r l_pid <"$1" || [ -n "$l_pid" ]; } && kill -0 "$l_pid" 2>/dev/null
}

stop_daemon() # NAME
{
	pid_in "/run/$1.pid" || return 0
	kill "$l_pid" 2>/dev/null
	wait_for 60 is_gone "/proc/$l_pid" || fail "$1 does not end"
}

udev_stop()
{
	udevadm control --exit --timeout=20 2>/dev/null
	# It may answer for a moment yet
	wait_for 20 udevd_ended
}

libvirt_stop()
{
	stop_daemon libvirtd && stop_daemon virtlogd && udev_stop || return 1
	umount /var/lib/libvirt/qemu/save
}

# What libvirt calls an mdev -> $NODEDEV. Up to 7.8 without the parent
nodedev_of() # UUID
{
	NODEDEV=$(virsh_ nodedev-list --cap mdev --all 2>/dev/null | grep "$(echo "$1" | tr - _)" ||
		virsh_ nodedev-list --cap mdev --inactive | grep "$(echo "$1" | tr - _)")
	[ -n "$NODEDEV" ] || fail "libvirt knows no mdev $1"
}

nodedev_active() # UUID
{
	virsh_ nodedev-list --cap mdev | grep -q "$(echo "$1" | tr - _)"
}

# The guest's kernel and initrd where the sample has them
libvirt_guest_files()
{
	guest_files && mkdir -p /var/lib/libvirt/images &&
		ln -sf "$GUEST_KERNEL" /var/lib/libvirt/images/vmlinux &&
		ln -sf "$GUEST_INITRD" /var/lib/libvirt/images/initrd
}

# The sample domain with the sample override and the mdev, and the guest of the tests instead of its disk: its console
# and its kernel's words are this test's. domain_xml NAME UUID -> $WORK/NAME.xml; $GUESTS/NAME/console as guest.sh has it
domain_xml()
{
	qemu_major || return 1
	mkdir -p "$GUESTS/$1"
	: >"$GUESTS/$1/console"
	d_property="name='enable-migration' type='string' value='on'"
	[ "$QEMU" -ge 8 ] || d_property="name='x-enable-migration' type='bool' value='true'"
	d_boot="<kernel>/var/lib/libvirt/images/vmlinux</kernel>"
	d_boot="$d_boot<initrd>/var/lib/libvirt/images/initrd</initrd><cmdline>rdinit=/guest-init console=ttyS0 quiet panic=-1"
	d_boot="$d_boot mitigations=off nokaslr tsc=reliable no_timer_check</cmdline>"
	sed "s,<qemu:property .*/>,<qemu:property $d_property/>," "$PAYLOAD/docs/libvirt/override.xml" |
		grep -v '^<!--\|-->$' >"$WORK/override.xml"
	sed -e "s,<name>guest<,<name>$1<," -e "s,uuid='[0-9a-f-]*',uuid='$2'," \
		-e "s,/var/log/libvirt/guest.console,$GUESTS/$1/console," \
		-e "s,<boot dev='hd'/>,$d_boot," -e 's,<memory .*<,<memory unit="MiB">192<,' \
		-e '/<disk /,/<\/disk>/d' -e '/<interface /,/<\/interface>/d' \
		-e "/<\/devices>/r $WORK/override.xml" "$PAYLOAD/docs/libvirt/domain.xml" >"$WORK/$1.xml"
}

# A domain with a function as a PCI device of its own, that libvirt takes and gives back
managed_xml() # NAME BDF
{
	new_uuid
	domain_xml "$1" "$UUID" || return 1
	m_address=$(echo "$2" | sed "s/\(.*\):\(.*\):\(.*\)\.\(.*\)/domain='0x\1' bus='0x\2' slot='0x\3' function='0x\4'/")
	sed -e "s,<address .*/>,<address $m_address/>," -e "s/managed='no'/managed='yes'/" \
		"$PAYLOAD/docs/libvirt/hostdev-pci.xml" >"$WORK/hostdev.xml"
	sed -i -e "/<hostdev/,/<\/hostdev>/d" -e '/<qemu:override/,/<\/qemu:override>/d' "$WORK/$1.xml"
	sed -i "/<memballoon/r $WORK/hostdev.xml" "$WORK/$1.xml"
}

domain_is() # NAME STATE
{
	[ "$(virsh_ domstate "$1" 2>/dev/null)" = "$2" ]
}

# As guest.sh's, of a guest whose QEMU is libvirt's
domain_said() # NAME SECONDS PATTERN
{
	wait_for "$2" guest_said "$1" "$3" ||
		fail "domain $1 did not say '$3' within $2 s: $(tail -n 2 "$GUESTS/$1/console") $(tail -n 2 "/var/log/libvirt/qemu/$1.log")"
}

domain_goes_on() # NAME N: more copies from here
{
	# It may have come just now, and have said nothing here yet
	wait_for 20 guest_status "$1" || return 1
	wait_for 60 guest_copies_above "$1" $((COPIES + $2)) ||
		fail "domain $1: no $2 further copies"
}

# What a test has left running
libvirt_clean()
{
	for l_file in /run/libvirt/qemu/*.pid; do
		pid_in "$l_file" || continue
		echo "domain ${l_file##*/}"
		kill -9 "$l_pid"
		wait_for 20 is_gone "/proc/$l_pid"
	done
	for l_name in libvirtd virtlogd; do
		stop_daemon $l_name
	done
	! udevd_runs || udev_stop
	! mountpoint -q /var/lib/libvirt/qemu/save || umount /var/lib/libvirt/qemu/save
	REASON=
}
