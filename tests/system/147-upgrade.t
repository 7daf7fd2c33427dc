# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: tools
# timeout: 600
# needs: modprobe firmware
#
# Modules and tools are replaced while mdevs are in use, by those of a later version and back: what is
# loaded stays, a guest and another user do not notice, the guest can migrate, and the new ones load when the old ones
# are gone.

. "$PAYLOAD/tests/system/guest.sh"

able unload "loading and unloading" || return 0
TREE=$TOOLS/install-tools
LIB=/lib/modules/$(uname -r)
OURS='mdev[-_]pci.*\|vfio[-_]pci[-_]engine\|driver[-_]flavour.*'

ctl() { within 60 mdevctl "$@" || fail "mdevctl $*"; }
our_files() { find "$LIB/" -name '*.ko' | grep "/\($OURS\)\.ko"; }
file_version() { modinfo -F version "$1"; }
loaded_version() { cat "/sys/module/$(echo "$1" | tr - _)/version"; }

none_loaded()
{
	for u_dir in /sys/module/mdev_pci* /sys/module/vfio_pci_engine /sys/module/driver_flavour*; do
		[ ! -e "$u_dir/initstate" ] || fail "${u_dir##*/} is loaded" || return 1
	done
}

# Modules of another version of the same length: it is in their strings
make_version() # FROM TO
{
	for u_file in $(our_files); do
		sed -z "s/^version=$1\$/version=$2/" "$u_file" >"$u_file.new" || return 1
	done
}

# What dpkg and DKMS do: new files in place of the old ones. depmod, which takes a minute here, would write what there is
install_version()
{
	for u_file in $(our_files); do
		mv "$u_file.new" "$u_file" || return 1
	done
	cp -a "$TREE/." /
}

old=$(file_version mdev-pci)
new=${old%?}9
# ---- versions
for file in $(our_files); do
	is "${file##*/} says its version" "$(modinfo -F version "$file")" "$old"
done
is "the loaded module says it, too" "$(loaded_version mdev-pci)" "$old"

t "modprobe -r of the vendor module succeeds" modprobe -r $DEV_MODULE
t "it leaves no module of ours" none_loaded
t "the vendor module loads" load_all

# The guest goes on with each copy right, and migrates to the other mdev
guest_goes_through() # NAME
{
	t "$1: the guest's copies go on" guest_goes_on from 300 60
	u_copies=$COPIES
	t "$1: the guest migrates to another mdev" guest_migrate from to "$d"
	t "$1: its copies go on there" guest_goes_on to 300 60
	at_least "$1: from where they were" "$COPIES" "$u_copies"
	is "$1: each byte was right" "$ERRORS" 0
	t "$1: the source's QEMU ends" guest_quit from
	t "$1: QEMU ends" guest_quit to
}

# change NAME FROM TO: while mdevs are in use
change()
{
	vfs_and_mdevs 5 a c d
	must "$1: a guest boots" guest_boot from "$c"
	mig "$1: a state is saved" "$a" dma:20 set:STOP_COPY "read:$WORK/state" "digest:$WORK/digest" set:RUNNING
	must "$1: modules of the other version" make_version "$2" "$3"
	mig_session "$a"
	mig_do "$1: a user has the mdev open" dma:20
	must "$1: the files are replaced" install_version
	is "$1: the file is of the other version" "$(file_version mdev-pci)" "$3"
	is "$1: the loaded module is not" "$(loaded_version mdev-pci)" "$2"
	guest_goes_through "$1"
	new_uuid; b=$UUID
	t "$1: an mdev can be made by mdevctl" ctl start --uuid "$b" --parent "$PF" --type $DEV_TYPE
	mig "$1: it takes a state" "$b" set:RESUMING "write:$WORK/state" set:RUNNING "digest-is:$WORK/digest"
	like "$1: mdevctl lists both" "$(mdevctl list | tr '\n' ' ')" "$a.*$b|$b.*$a"
	t "$1: modprobe -r is refused while a user has an mdev" not modprobe -r $DEV_MODULE
	is "$1: the old module stays" "$(loaded_version $DEV_MODULE)" "$2"
	mig_do "$1: the user has not noticed" dma:20
	mig_do "$1: its state can be saved" set:STOP_COPY "read:$WORK/x" set:RUNNING
	mig_quit
	t "$1: the mdevs are removed" remove_all
	t "$1: the VFs are removed" set_vfs 0
	t "$1: modprobe -r succeeds" modprobe -r $DEV_MODULE
	t "$1: no module of ours is left" none_loaded
	must "$1: modules load" load_all
	for u_name in $DEV_MODULE mdev-pci vfio-pci-engine driver-flavour; do
		is "$1: $u_name is the other one" "$(loaded_version $u_name)" "$3"
	done
	vfs_and_mdevs 1 a
	mig "$1: the state of before is taken" "$a" set:RESUMING "write:$WORK/state" set:RUNNING "digest-is:$WORK/digest"
	no_mdevs_no_vfs
}

change upgrade "$old" "$new"
change rollback "$new" "$old"
(cd "$TREE" && find . -type f) | (cd / && xargs rm -f)
