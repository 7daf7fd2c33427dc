# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: tools
# timeout: 240
# needs: modprobe
#
# VFs that are made after their parent was announced, and a device that is plugged in at run time: udev
# and mdevctl start the mdevs that are defined for them.

. "$PAYLOAD/tests/system/libvirt.sh"
. "$(dirname "$0")/slot.sh"
TREE=$TOOLS/install-tools
CONF=/etc/modprobe.d/mdev-pci.conf

ctl() { within 60 mdevctl "$@" || fail "mdevctl $*"; }
active() { [ -d "$MDEVS/$1" ]; }
starts_of() { tool log "$SEQ" | grep -c "mdevctl: start of mdev $1 "; }
settled() { udevadm settle --timeout=$((60 * ${PATIENCE:-1})); }

must "the tools are installed" cp -a "$TREE/." /
t "the device has no VFs" is_gone "$PFDIR/virtfn0"
new_uuid; a=$UUID
# As people type it; mdevctl and the kernel have it in small letters
t "an mdev is defined by a UUID in capitals" ctl define --uuid "$(echo "$a" | tr a-f A-F)" --parent "$PF" \
	--jsonfile "/usr/share/mdev-pci/profiles/$DEV_TYPE-limited.json"
t "mdevctl makes the start of the first mdev automatic" ctl modify --uuid "$a" --auto
new_uuid; b=$UUID
t "a second mdev is defined" ctl define --uuid "$b" --parent "$PF" --type $DEV_TYPE --auto
must "udevd starts" udev_start

# ---- a boot script that writes sriov_numvfs, long after the driver was bound
mark
t "VFs are made" bound_vfs 3
t "the first mdev is started" wait_for 30 active "$a"
t "the second one as well" wait_for 30 active "$b"
t "the mdev has its max_copy" wait_for 10 attr_is "$a" max_copy 65536
mig "the mdev does DMA" "$a" dma:20
t "udev has no more to do" settled

# ---- a VF comes back to mdev-pci: the event is sent again, and what is active stays as it is
t "the mdev is stopped" ctl stop --uuid "$b"
mdev_vf "$a"
for n in 0 1 2; do
	vf_bdf $n
	[ "$BDF" = "$function" ] || idle=$BDF
done
mark
mig_bg "$a" "touch:$WORK/open" dma:20 "await:$WORK/go" dma:20
must "a user has the first mdev open" wait_for 20 is_there "$WORK/open"
t "an idle VF is given to VFIO" write_to "/sys/bus/pci/devices/$idle/driver_flavour" vfio
t "the idle VF goes back to mdevs" write_to "/sys/bus/pci/devices/$idle/driver_flavour" mdev
t "the mdev that was stopped is started" wait_for 30 active "$b"
t "udev has no more to do" settled
touch "$WORK/go"
mig_end "the user of the first mdev has not noticed"
t "all mdevs are removed" remove_all

# ---- a device that is plugged in at run time
t "the number of VFs in its place" sed -i "s/^# options $DEV_MODULE num_vfs=.*/options $DEV_MODULE num_vfs=3/" $CONF
t "the VFs are removed" set_vfs 0
t "the module is loaded with that number" eval 'unload $DEV_MODULE && load $DEV_MODULE'
t "mdevctl starts the mdevs" wait_for 30 active "$a"
t "the second mdev starts" wait_for 30 active "$b"
t "udev has no more to do" settled
t "the PF's attention button is pressed" l0 device_del pf
t "the device goes in good order" wait_for 30 is_gone "$PFDIR"
t "the mdevs are gone" is_gone "$MDEVS/$a"
mark
must "the device is plugged in again" plug_in
is "the VFs are there" "$(cat "$PFDIR/sriov_numvfs")" 3
t "the first mdev is started" wait_for 30 active "$a"
t "the second one as well" wait_for 30 active "$b"
t "the mdev has its max_copy" wait_for 10 attr_is "$a" max_copy 65536
mig "the mdev does DMA" "$a" dma:20
t "udevd ends" udev_stop

t "all mdevs are removed" remove_all
rm -f "/etc/mdevctl.d/$PF"/*
(cd "$TREE" && find . -type f) | (cd / && xargs rm -f)
t "the modules are loaded as before" eval 'set_vfs 0 && unload_all && load_all'
