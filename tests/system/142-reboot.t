# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: reboot
# needs: modprobe
#
# A host is set up, and goes down. What an administrator has written to its disk, which an L1 has
# not, is brought out and put into the next one: 143-rebooted.

ctl() { within 60 mdevctl "$@" || fail "mdevctl $*"; }
FILES='etc/mdevctl.d etc/modprobe.d etc/modules-load.d usr/lib/udev/rules.d/61-mdev-pci.rules usr/share/mdev-pci'

must "the tools are installed" cp -a "$TOOLS/install-tools/." /
t "the number of VFs is written to the configuration" sed -i "s/^# options $DEV_MODULE num_vfs=.*/options $DEV_MODULE num_vfs=3/" \
	/etc/modprobe.d/mdev-pci.conf
must "a VF exists for now" bound_vfs 1
new_uuid
a=$UUID
t "an mdev from a profile, with attributes" ctl define --uuid "$a" --parent "$PF" \
	--jsonfile /usr/share/mdev-pci/profiles/$DEV_TYPE-limited.json
t "the definition starts automatically" ctl modify --uuid "$a" --auto
t "the mdev starts" ctl start --uuid "$a"
new_uuid
t "an mdev of another type is defined as well" ctl define --uuid "$UUID" --parent "$PF" --type $DEV_TYPE_LITE --auto
new_uuid
t "one is not to start" ctl define --uuid "$UUID" --parent "$PF" --type $DEV_TYPE
mkdir -p /etc/modules-load.d
must "the disk is brought out" eval 'mount /share && tar -C / -cf /share/disk.tar $FILES'
t "the archive is written completely" eval 'sync && umount /share'
rm -f /etc/mdevctl.d/"$PF"/*
(cd "$TOOLS/install-tools" && find . -type f) | (cd / && xargs rm -f)
no_mdevs_no_vfs
