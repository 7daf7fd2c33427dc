# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
#
# Domains that libvirt migrates between two hosts: one virsh, on hostA, talks to both libvirtds.
# Needs libvirt.sh.

virsh_b() { timeout "${VIRSH_TIMEOUT:-90}" virsh -q -c qemu+tcp://hostB/system "$@"; }

virt_b() # COMMAND...: as virt
{
	VIRT=$(virsh_b "$@" 2>&1) || fail "virsh $1 at hostB: $VIRT"
}

# A libvirtd that answers the other host, too; and the guest's files, which the two must have
libvirt_listen()
{
	printf '%s\n' 'listen_tls = 0' 'listen_tcp = 1' 'auth_tcp = "none"' \
		>/etc/libvirt/libvirtd.conf && libvirt_start --listen && libvirt_guest_files
}

# $WORK/there.xml: what the domain, here, is to be on the other host, where its mdev has
# another UUID
domain_there() # NAME ITS-UUID-HERE ITS-UUID-THERE
{
	virt dumpxml --migratable "$1" &&
		printf '%s\n' "$VIRT" | sed "s,uuid='$2',uuid='$3'," >"$WORK/there.xml"
}

# The same of a domain that is on hostB
domain_here() # NAME ITS-UUID-THERE ITS-UUID-HERE
{
	virt_b dumpxml --migratable "$1" &&
		printf '%s\n' "$VIRT" | sed "s,uuid='$2',uuid='$3'," >"$WORK/here.xml"
}
