#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [--xml DIR]
#
# What programs of fleets make of our mdevs:
# - Debian's driverctl, and replicas of what Proxmox VE and KubeVirt read and write, on a test host
#   (tests/system/148-fleet.t)
# - OpenStack Nova's own parser, from Debian's python3-nova, on what libvirt says of a PF and an mdev on a test host
#   (tests/system/156-libvirt.t). A download of 100 MB
# --xml DIR: only the parser, on DIR/pf.xml and DIR/mdev.xml. TAP; the last line is "N passed, N failed".
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"
. "$VM_DIR/recipes/nova.sh"
here=$REPO_DIR/tests/fleet

xml=
while [ $# -gt 0 ]; do
	case $1 in
	--xml) xml=$2; shift ;;
	--help | -h) usage ;;
	*) usage 2 >&2 ;;
	esac
	shift
done
need_root
out=$(mktemp)
keep=
trap 'rm -rf "$out" $keep' EXIT

tell() { cat "$out"; }

if [ -z "$xml" ]; then
	keep=$(mktemp -d)
	# --keep also asks for gcov's counters, which there are none of
	"$REPO_DIR/tests/system/host-run.sh" --all --keep "$keep" 148-fleet 156-libvirt >"$out" 2>&1 || true
	while IFS= read -r line; do
		case $line in
		ok*) verdict "${line#*- }" 0 ;;
		*) verdict "${line#*- }" 1 ;;
		esac
	done < <(grep -E '^(not )?ok [0-9]+ - ' "$out" | grep -v 'coverage: counters')
	xml=$keep/libvirt/share
fi

nova_root
parser=$(nova_dir)/root
# In a namespace, so that no mount is left
nova() # FILE
{
	unshare --mount sh -c 'mount -t tmpfs tmpfs "$1/tmp" && cp "$2" "$1/tmp/node_device.py" && cp "$3" "$1/tmp/device.xml" &&
		exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 \
			python3 /tmp/node_device.py /tmp/device.xml' sh "$parser" "$here/node_device.py" "$1" 2>&1
}

# parsed NAME FILE REGEX...: all of them are in what Nova's parser makes of it
parsed()
{
	local name=$1 file=$2 rc=0 re

	shift 2
	nova "$file" >"$out" || rc=1
	for re; do
		grep -qE "$re" "$out" || { echo "no '$re'" >>"$out"; rc=1; }
	done
	verdict "Nova: $name" $rc
}

parsed "the PF offers a type with a number and the API of VFIO" "$xml/pf.xml" '^dev_id pci_0000_01_00_0$' \
	"^type refdev-dma [0-9]+ vfio-pci\$"
parsed "the mdev has its parent, type, UUID and group" "$xml/mdev.xml" '^parent pci_0000_01_00_0$' '^type refdev-dma$' \
	'^uuid [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' '^iommu_group [0-9]+$'
verdicts
