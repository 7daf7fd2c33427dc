# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: tools
# timeout: 120
# needs: modprobe
#
# The user guide's commands, as it has them: from a host where nothing is loaded to an mdev, and
# back. What needs a guest: 169-guide-hosts; installing: tests/packages; other devices: 210.
. "$PAYLOAD/tests/system/guide.sh"
TREE=$TOOLS/install-tools
u=6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01
max_copy_is() { attr_is $u max_copy "$1"; }

is "the PF is where the guide has it" "$PF" 0000:01:00.0
must "no module is loaded" unload_all
must "the tools are installed" cp -a "$TREE/." /

guide load
guide vfs
t "all VFs are bound" wait_for 20 all_bound 8
if can qemu-log; then
	skip "mdev-pci-check" "on this host it finds less than on the guide's"
else
	# There are warnings, and this status says so
	guide check 's/$/ || [ $? = 1 ]/'
fi
guide types

guide define
t "the mdev is there" attr_is $u migration_state RUNNING
guide compat-source 's/$/ || [ $? = 1 ]/'
guide compat
guide remove
t "the mdev is gone" is_gone "$MDEVS/$u"
guide create
guide function
guide which-vf
t "the mdev has that VF" attr_is $u function 0000:01:00.3
guide attributes
t "the attribute is set" max_copy_is 65536
guide modify
like "mdevctl keeps it" "$(mdevctl list --defined --uuid $u --dumpjson | tr -d ' \n')" '"max_copy":"65536"'
if within 20 mdevctl modify --help | grep -q -- --live; then
	guide modify-live
	t "the other attribute is set, too" attr_is $u bandwidth 100
else
	skip "modify --live" "mdevctl $(mdevctl --version | grep -o '[0-9].*') has no modify --live (1.3)"
fi
guide remove-by-hand
t "the mdev is gone" is_gone "$MDEVS/$u"

guide vfs-at-boot
t "all VFs go, and the modules" eval 'set_vfs 0 && unload_all'
guide load
t "the VFs are there at once" all_bound 8
t "the mdev is to start by itself" mdevctl modify --uuid $u --auto
guide which-vf-always
guide boot
t "the mdev has the VF that mdevctl keeps" attr_is $u function 0000:01:00.3
t "the mdev is there" max_copy_is 65536
guide remove
t "the definition is removed" mdevctl undefine --uuid $u

(cd "$TREE" && find . -type f) | (cd / && xargs rm -f)
t "all VFs are removed" set_vfs 0
t "the modules are loaded as before" eval 'unload_all && load_all'
