# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: tools
# timeout: 240
# needs: modprobe
#
# tools/mdevctl-profiles, as "make install-tools" puts it there (prepare.sh): attributes by mdevctl,
# and a host that comes up with its VFs and mdevs by udev alone.

. "$PAYLOAD/tests/system/libvirt.sh"
TREE=$TOOLS/install-tools
CONF=/etc/modprobe.d/mdev-pci.conf

ctl() { within 60 mdevctl "$@" || fail "mdevctl $*"; }

# why DESCRIPTION REGEX MDEVCTL-ARGUMENTS...: fails, and says that
why()
{
	y_desc=$1 y_re=$2
	shift 2
	y_out=$(within 60 mdevctl "$@" 2>&1) && flunk "$y_desc: fails" "$y_out"
	like "$y_desc: mdevctl says why" "$y_out" "$y_re"
}

must "the tools are installed" cp -a "$TREE/." /
must "3 VFs exist" set_vfs 3
must "all VFs are bound to mdev-pci" wait_for 20 all_bound 3
new_uuid
a=$UUID
new_uuid
b=$UUID
new_uuid
c=$UUID
new_uuid
d=$UUID

t "a profile is defined" ctl define --uuid "$a" --parent "$PF" \
	--jsonfile /usr/share/mdev-pci/profiles/$DEV_TYPE-limited.json
t "the definition starts" ctl start --uuid "$a"
t "its max_copy is set" attr_is "$a" max_copy 65536
t "its bandwidth is set" attr_is "$a" bandwidth 100
mig "the mdev does DMA" "$a" dma:20
out=$(mdevctl list --uuid "$a" --dumpjson | tr -d ' \n')
like "list shows attributes" "$out" '"max_copy":"65536".*"bandwidth":"100"'
like "the notifier has told" "$(tool log 0)" "mdevctl: start of mdev $a \($DEV_TYPE of $PF\): success"
why "a value out of range" "max_copy of type $DEV_TYPE: 3 is out of range: must be 4096 to 1048576 bytes, a power of 2" \
	modify --uuid "$a" --addattr max_copy --value 3
t "define from what runs" ctl define --uuid "$b" --parent "$PF" --type $DEV_TYPE_LITE
why "beyond what that type has" 'must be 4096 to 65536 bytes' modify --uuid "$b" --addattr max_copy --value 131072

if within 20 mdevctl modify --help | grep -q -- --live; then
	echo '{"mdev_type":"'"$DEV_TYPE"'","start":"manual","attrs":[{"max_copy":"8192"}]}' >"$WORK/live.json"
	t "mdevctl modify --live succeeds" ctl modify --uuid "$a" --live --jsonfile "$WORK/live.json"
	t "max_copy is set" attr_is "$a" max_copy 8192
	t "what is not named is as at first" attr_is "$a" bandwidth 0
	mig_bg "$a" "touch:$WORK/open" "await:$WORK/go"
	must "a user has it open" wait_for 20 is_there "$WORK/open"
	echo '{"mdev_type":"'"$DEV_TYPE"'","start":"manual","attrs":[{"max_copy":"4096"}]}' >"$WORK/live.json"
	why "modify --live of one in use" "it is in use; stop the guest.*" \
		modify --uuid "$a" --live --jsonfile "$WORK/live.json"
	t "nothing has changed" attr_is "$a" max_copy 8192
	touch "$WORK/go"
	mig_end "the user's device works throughout"
else
	skip "modify --live" "mdevctl $(mdevctl --version | grep -o '[0-9].*') has no modify --live (1.3)"
fi
t "mdevctl stop succeeds" ctl stop --uuid "$a"
t "firmware will refuse each VF" inject any enable fail 11 3
why "firmware refuses" "the kernel says: .*mdev $a refused: firmware could not enable the VF as dma" start --uuid "$a"
t "the definition starts after the correction" ctl start --uuid "$a"
t "all mdevs are removed" remove_all

# ---- a reboot: all modules go, then what systemd does at boot: udevd, and events for what there is

t "one with attributes starts automatically" ctl modify --uuid "$a" --auto
t "the definition of the other type is changed as well" ctl modify --uuid "$b" --auto
t 'a third mdev without "auto" is defined' ctl define --uuid "$c" --parent "$PF" --type $DEV_TYPE
t "the number of VFs in its place" sed -i "s/^# options $DEV_MODULE num_vfs=.*/options $DEV_MODULE num_vfs=3/" $CONF

down()
{
	for u in "$MDEVS"/*; do
		[ ! -e "$u" ] || remove "${u##*/}" || return 1
	done
	set_vfs 0 && unload_all
}

up()
{
	udevadm trigger --action=add --subsystem-match=pci &&
		udevadm settle --timeout=$((60 * ${PATIENCE:-1}))
}

active() { [ -d "$MDEVS/$1" ]; }

t "the host goes down" down
must "udevd starts" udev_start
t "the host comes up" up
t "the PF's driver is loaded" loaded $DEV_MODULE
t "the mdev is there" wait_for 30 active "$a"
is "the VFs are there" "$(cat "$PFDIR/sriov_numvfs")" 3
t "the mdev has its max_copy" attr_is "$a" max_copy 65536
t "the mdev has its bandwidth" attr_is "$a" bandwidth 100
t "the mdev of the other type is there, too" wait_for 10 active "$b"
t "the one that is not automatic is not there" is_gone "$MDEVS/$c"
mig "the mdev does DMA" "$a" dma:20

# A definition that can't start keeps no other one from starting, and the log names it
sed "s/65536/66/" "/etc/mdevctl.d/$PF/$a" >"/etc/mdevctl.d/$PF/$d"
t "the host goes down, with a bad definition" down
mark
t "the host comes up again" up
t "the mdev of the good definition is there" wait_for 30 active "$a"
t "the mdev of the other good definition is there" wait_for 10 active "$b"
t "the mdev of the bad definition is not there" is_gone "$MDEVS/$d"
t "the log tells of it" wait_for 10 sh -c "tool log $SEQ | grep -q 'mdevctl: start of mdev $d .*: refused'"

# What our rule is good for
if [ ! -e /usr/sbin/mdevctl ]; then
	t "the host goes down, without the rule" down
	mv /usr/lib/udev/rules.d/61-mdev-pci.rules "$WORK/"
	udevadm control --reload
	t "the host comes up again" up
	t "the VFs are there" wait_for 20 all_bound 3
	t "the mdev is not there: mdevctl's own rule names another path" not active "$a"
	t "what the rule runs starts it" ctl start-parent-mdevs "$PF"
	t "the mdev is active" active "$a"
else
	skip "without the rule" "mdevctl's own rule finds its program here"
fi
t "udevd ends" udev_stop

t "all mdevs are removed" remove_all
for u in "$a" "$b" "$c" "$d"; do
	rm -f "/etc/mdevctl.d/$PF/$u"
done
(cd "$TREE" && find . -type f) | (cd / && xargs rm -f)
t "the modules are loaded as before" eval 'set_vfs 0 && unload_all && load_all'
