#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: cleanup.sh
#
# Back to where every test file begins: our modules loaded, no guest, no mdev, no VF,
# no fault armed. Prints what was left behind, one line each; status 1 if this could not
# be done.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/host.sh"
. "$here/guest.sh"
. "$here/libvirt.sh"

guests_kill
libvirt_clean
for file in /etc/mdevctl.d/0*/*; do
	[ -f "$file" ] || continue
	echo "definition ${file##*/}"
	rm -f "$file"
done
load_all || { echo "modules: $REASON"; exit 1; }
for bdf in $PFS; do
	use_pf "$bdf"
	[ -d "$PFDIR/driver" ] || write_to /sys/bus/pci/drivers/$DEV_DRIVER/bind "$PF" ||
		{ echo "the PF $PF cannot be bound: $REASON"; exit 1; }
	fw_dir && tool write "$FW/inject" "any any off" >/dev/null
done
dev_set_timeout $DEV_TIMEOUT_MS >/dev/null
for dir in "$MDEVS"/*; do
	[ -e "$dir" ] || continue
	echo "mdev ${dir##*/}"
	remove "${dir##*/}" || { echo "$REASON"; exit 1; }
done
for module in mdev-pci-generic mdev-pci-virtio mdev-pci-nvme mdev-pci-mlx5 mdev-pci-qat; do
	loaded $module || continue
	echo "module $module"
	unload $module || { echo "$REASON"; exit 1; }
done
for file in /sys/bus/pci/devices/*/sriov_numvfs; do
	use_pf "$(basename "${file%/*}")"
	read -r n <"$file"
	[ "$n" != 0 ] || continue
	echo "$n VFs of $PF"
	set_vfs 0 || { echo "$REASON"; exit 1; }
done
exit 0
