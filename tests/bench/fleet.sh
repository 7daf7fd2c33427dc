#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: fleet.sh COUNT...             (in L1, for run.sh)
#        fleet.sh libvirt COUNT...
#
# Measures the commands of a host with many mdevs: for each COUNT so many VFs, spread over all devices, and an mdev on
# each. The last column is the time for one mdev compared with the first COUNT: 1.0 is linear.
# libvirt: how long libvirt needs to see COUNT new mdevs and "mdevctl list" to list them, without our callout for
# mdevctl and with it, and the ratio.
here=$(cd "$(dirname "$0")/../system" && pwd)
. "$here/host.sh"
. "$here/libvirt.sh"
SCRIPTS=/etc/mdevctl.d/scripts.d
CALLOUT=$SCRIPTS/callouts/mdev-pci

do_it() { "$@" || { echo "FAILED: $*: $REASON"; exit 1; }; }

# ms COMMAND... -> $MS
ms()
{
	local start end

	start=${EPOCHREALTIME/./}
	"$@" >"$WORK/out" 2>&1 || { echo "FAILED: $*"; tail -n 5 "$WORK/out"; }
	end=${EPOCHREALTIME/./}
	MS=$(((end - start) / 1000))
}

declare -A first
row() # WHAT COUNT: with $MS
{
	local each=$((MS * 1000 / $2)) base

	[ -n "${first[$1]}" ] || first[$1]=$each
	base=${first[$1]}
	printf '%4d mdevs  %-44s %8d ms  %6d us each  %3d.%02d\n' "$2" "$1" "$MS" "$each" \
		$((each / (base + !base))) $((each * 100 / (base + !base) % 100))
}

# As many on each device, the rest on the first
spread() # COMMAND COUNT
{
	local pfs n pf

	read -ra pfs <<<"$PFS"
	n=$(($2 / ${#pfs[@]}))
	for pf in "${pfs[@]}"; do
		use_pf "$pf"
		"$1" $n || return 1
	done
}
make_vfs() { set_vfs "$1" && wait_for 300 all_bound "$1"; }
make_mdevs()
{
	for _ in $(seq "$1"); do
		new_uuid
		create "$UUID" || return 1
	done
}
define_all()
{
	for _ in $(seq "$1"); do
		new_uuid
		mkdir -p "/etc/mdevctl.d/$PF"
		echo "{\"mdev_type\":\"$DEV_TYPE\",\"start\":\"auto\",\"attrs\":[]}" >"/etc/mdevctl.d/$PF/$UUID"
	done
}
autostart() { mdevctl start-parent-mdevs "$PF"; }
no_vfs() { spread set_vfs 0; }
have() { [ "$(find "$MDEVS" -mindepth 1 | wc -l)" = "$1" ]; }
check_tool() { mdev-pci-check; [ $? -lt 2 ]; }

commands() # COUNT
{
	ms spread make_vfs "$1"; row "VFs, until all are bound" "$1"
	ms spread make_mdevs "$1"; row "create by sysfs" "$1"
	do_it have "$1"
	ms mdevctl list; row "mdevctl list" "$1"
	ms mdev-pci-check; row "mdev-pci-check" "$1"
	ms mdev-pci-metrics; row "mdev-pci-metrics" "$1"
	ms remove_all; row "remove by sysfs" "$1"
	spread define_all "$1"
	ms spread autostart "$1"; row "autostart by mdevctl" "$1"
	do_it have "$1"
	do_it remove_all
	mv $SCRIPTS "$WORK/"
	ms spread autostart "$1"; row "autostart by mdevctl, without our scripts" "$1"
	mv "$WORK/${SCRIPTS##*/}" $SCRIPTS
	do_it have "$1"
	do_it remove_all
	rm -rf /etc/mdevctl.d/0000:*
	ms no_vfs; row "VFs are removed" "$1"
}

# virsh itself takes most of a second here
libvirt_sees() { [ "$(virsh_ nodedev-list --cap mdev | grep -c mdev)" = "$1" ] || { sleep 2; false; }; }

by_libvirt() # COUNT -> $SEES $LISTS, in ms
{
	do_it spread make_vfs "$1"
	do_it libvirt_start
	ms eval "spread make_mdevs $1 && wait_for 900 libvirt_sees $1"
	SEES=$MS
	ms mdevctl list --dumpjson
	LISTS=$MS
	do_it libvirt_stop
	do_it remove_all
	do_it no_vfs
}

# Which host is slower is chance where others use the machine: in turns, and the least of each. 255 take minutes
beside() # COUNT
{
	local rounds=3 how sees=() lists=()

	[ "$1" -lt 100 ] || rounds=1
	for _ in $(seq $rounds); do
		for how in 0 1; do
			[ $how = 1 ] || mv $CALLOUT "$WORK/"
			by_libvirt "$1"
			[ $how = 1 ] || mv "$WORK/mdev-pci" $CALLOUT
			[ "${sees[how]:-$SEES}" -lt "$SEES" ] || sees[how]=$SEES
			[ "${lists[how]:-$LISTS}" -lt "$LISTS" ] || lists[how]=$LISTS
		done
	done
	MS=${sees[0]}; row "libvirt sees them, no callout" "$1"
	MS=${sees[1]}; row "libvirt sees them, our callout" "$1"
	printf '%4d mdevs  %-44s %29s %3d.%02d\n' "$1" "ratio" '' $((sees[1] / sees[0])) $((sees[1] * 100 / sees[0] % 100))
	MS=${lists[0]}; row "mdevctl list, no callout" "$1"
	MS=${lists[1]}; row "mdevctl list, our callout" "$1"
}

WORK=$(mktemp -d /tmp/work.XXXXXX)
what=commands
[ "$1" != libvirt ] || { what=beside; shift; }
cp -a "$TOOLS/install-tools/." /
do_it load_all
do_it find_pfs
echo "$(echo "$PFS" | wc -w) devices"
for n; do
	$what "$n"
done
rm -rf "$WORK"
do_it unload_all
