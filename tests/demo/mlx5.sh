#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo of ConnectX, inside of the hypervisor host: a guest with stock mlx5_core and mlx5_ib has RDMA
# connections, each byte of which is checked, and moves with them to another VF by commands of the PF,
# which stays bound to stock mlx5_core.
#
# Progress goes to standard error, the summary to standard output. Exit status 0 if
# every step was done; else the reason is on the last lines.

here=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d /tmp/demo.XXXXXX)
# shellcheck source=../system/host.sh
. "$here/../system/host.sh"
# shellcheck source=../system/guest.sh
. "$here/../system/guest.sh"
# shellcheck source=../system/mlx5.sh
. "$here/../system/mlx5.sh"
# shellcheck source=steps.sh
. "$here/steps.sh"

TYPE=mlx5_core-vf

load_modules()
{
	load vfio_iommu_type1 && mlx5_load && load mdev-pci-mlx5 && wait_for 20 type_dir $TYPE || return 1
	REASON=
	RESULT="mlx5_core (stock), mdev-pci-mlx5"
}

make_vfs()
{
	mlx5_vfs 2 && wait_for 20 all_bound 2 || return 1
	RESULT="2 VFs of $PF, which stays mlx5_core's"
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
	mlx5_guest_boot a "$MDEVS/$one" || return 1
	RESULT="mlx5_core and mlx5_ib (stock)"
}

connects() # GUEST
{
	rdma_goes_on "$1" 2 120 || return 1
	RESULT="$RUNS connections of ibv_rc_pingpong, each byte right"
}

move()
{
	mlx5_migrate a b "$MDEVS/$two" || return 1
	RESULT="$((RAM / 1048576)) MiB memory, $VFIO bytes of the VF"
}

waited()
{
	guest_never_waited b || return 1
	RESULT="none that was lost"
}

unmake()
{
	guest_quit a && guest_quit b || return 1
	for uuid in "$one" "$two"; do
		out=$(mdevctl stop --uuid "$uuid" 2>&1 && mdevctl undefine --uuid "$uuid" 2>&1) ||
			fail "mdevctl: $out" || return 1
	done
	set_vfs 0 && unload_all && unload mlx5_core || return 1
	RESULT="mdevs, VFs, modules"
}

# shellcheck disable=SC2153 # host.sh sets it
new_uuid; one=$UUID
new_uuid; two=$UUID
step "modules loaded" load_modules
step "VFs created" make_vfs
step "first mdev" make "$one"
step "second mdev" make "$two"
step "guest boots with the first" boot
step "RDMA connections" connects a
step "live migration to the second" move
step "the connections continue" connects b
step "interrupts that the guest waits for" waited
row "downtime, as QEMU measured it" "$DOWNTIME ms (of $TOTAL ms in all)"
step "mdevs, VFs and modules removed" unmake
demo_end
