#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo of virtio, inside of the hypervisor host: a guest with its stock virtio_blk writes to and verifies
# its disk, a VF of the SNAP model, and moves with it to another VF by commands of the PF, which stays
# bound to virtio_pci.
#
# Progress goes to standard error, the summary to standard output. Exit status 0 if
# every step was done; else the reason is on the last lines.

here=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d /tmp/demo.XXXXXX)
# shellcheck source=../system/host.sh
. "$here/../system/host.sh"
# shellcheck source=../system/guest.sh
. "$here/../system/guest.sh"
# shellcheck source=../system/snap.sh
. "$here/../system/snap.sh"
# shellcheck source=steps.sh
. "$here/steps.sh"

TYPE=virtio-pci-vf

load_modules()
{
	load vfio_iommu_type1 && load vfio-pci-engine && load mdev-pci && load mdev-pci-virtio && find_snap &&
		wait_for 20 type_dir $TYPE || return 1
	REASON=
	RESULT="vfio-pci-engine, mdev-pci, mdev-pci-virtio"
}

make_vfs()
{
	bound_vfs 2 || return 1
	bound_driver "$PF"
	RESULT="2 VFs of $PF, which stays $DRIVER's"
}

make() # UUID
{
	out=$(timeout 60 mdevctl define --uuid "$1" --parent "$PF" --type $TYPE 2>&1) &&
		out=$(timeout 60 mdevctl start --uuid "$1" 2>&1) || fail "mdevctl: $out" || return 1
	mdev_vf "$1" && attr "$1" migratable || return 1
	RESULT="VF $VF ($BDF), migratable: $VALUE"
}

boot()
{
	blk_boot a "$one" && guest_sh a 30 'readlink /sys/block/vda/device/driver' || return 1
	RESULT="/dev/vda by $(basename "$OUT")"
}

writes() # GUEST
{
	blk_goes_on "$1" 500 120 || return 1
	RESULT="$OPS requests, $ERRORS errors"
}

move()
{
	snap_hold 0 && blk_migrate a b "$two" || return 1
	snap_vf 0 in-flight-at-stop
	RESULT="$((RAM / 1048576)) MiB memory, $VFIO bytes of the VF, $VALUE requests in flight"
}

oracle()
{
	blk_oracle b || return 1
	RESULT=$OUT
}

verified()
{
	blk_verify b || return 1
	RESULT="$VERIFIED blocks, each right"
}

unmake()
{
	guest_quit a && guest_quit b || return 1
	for uuid in "$one" "$two"; do
		out=$(mdevctl stop --uuid "$uuid" 2>&1 && mdevctl undefine --uuid "$uuid" 2>&1) ||
			fail "mdevctl: $out" || return 1
	done
	set_vfs 0 && unload_all || return 1
	RESULT="mdevs, VFs, modules"
}

new_uuid; one=$UUID
new_uuid; two=$UUID
step "modules loaded" load_modules
step "VFs created" make_vfs
step "first mdev" make "$one"
step "second mdev" make "$two"
step "guest boots with the first as its disk" boot
step "blocks written and read" writes a
step "live migration to the second" move
step "the load continues" writes b
step "the VF's state is that of the volume" oracle
step "every block that was ever written" verified
row "downtime, as QEMU measured it" "$DOWNTIME ms (of $TOTAL ms in all)"
step "mdevs, VFs and modules removed" unmake
demo_end
