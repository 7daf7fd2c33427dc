# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2120
# boot: tools
# timeout: 180
# needs: modprobe pf
#
# mdev-pci-check on a real host: what it says is what the other tests see there by
# themselves. Each finding by itself: tests/tools/test_check.py.

CHECK=$PAYLOAD/tools/mdev-pci-check

# check [OPTION]... -> $WORK/json, and as lines $WORK/values and $WORK/found; its status is $STATUS
check()
{
	within 60 "$CHECK" --json "$@" >"$WORK/json" 2>"$WORK/err"
	STATUS=$?
	[ ! -s "$WORK/err" ] || fail "$(cat "$WORK/err")" || return 1
	# Once: jq starts slowly in here
	jq -r 'paths(type != "object" and type != "array") as $p | "\($p | map(tostring) | join(".")) \(getpath($p))"' \
		"$WORK/json" >"$WORK/values" &&
		jq -r '.findings[] | "\(.scope) \(.check) \(.result) \(.text) -> \(.advice)"' \
			"$WORK/json" >"$WORK/found" || fail "this is no JSON"
}

json() # PATH -> $VALUE
{
	VALUE=$(sed -n "s/^$1 //p" "$WORK/values")
}

# says SCOPE CHECK RESULT [REGEX]: there is such a finding, and none of this check with another result
says()
{
	VALUE=$(sed -n "s/^$1 $2 //p" "$WORK/found")
	is "$1: $2 is $3" "$(echo "$VALUE" | cut -d' ' -f1 | sort -u)" "$3"
	[ -z "$4" ] || like "$1: $2 in words" "$VALUE" "$4"
}

able_word() # WHAT -> $WORD: true or false, as JSON has it
{
	WORD=false
	! can "$1" || WORD=true
	REASON=
}

find_pf
vfs_and_mdevs 3 a
t "mdev-pci-check ends" check
is "its status is that of warnings" "$STATUS" 1
json status
is "the status of the tool agrees" "$VALUE" warning
json kernel
is "--json has the kernel's version" "$VALUE" "$(uname -r)"
qemu_words
json qemu
is "--json has QEMU's version" "${VALUE%%.*}" "$QEMU"
json mdevctl
is "--json has mdevctl's version" "mdevctl $VALUE" "$(mdevctl --version | head -n 1)"
for c in kernel kernel-options cdev iommu interrupt-remapping modules vfio-node qemu memlock migration; do
	says system $c ok
done

# ---- another host: this one again, then one with another firmware
must "what it says is kept" cp "$WORK/json" "$WORK/other"
t "it compares this host with itself" check --compare "$WORK/other"
says system compare ok
like "the other host's types can come" "$VALUE" "type $DEV_TYPE of device $PF of the other host can come to $PF"
like "the other host's mdev can come" "$VALUE" "mdev $a of the other host can come to $PF"
must "the other host's file has another state" sed -i 's/ state=[0-9]* / state=77 /' "$WORK/other"
t "it compares this host with that" check --compare "$WORK/other"
says system compare error "type $DEV_TYPE .* can't come here: $PF: state is 77 there and 1 here"
t "the check passes again without the other host" check

# ---- live migration: not the tool's table, but what this machine can
able_word qemu-log
json migration.dirty_log
is "whether devices' logs of dirty pages are used" "$VALUE" "$WORD"
[ "$WORD" = true ] && word=ok || word=info
says system dirty-log $word
able_word qemu-precopy
json migration.pre_copy
is "whether pre-copy is used" "$VALUE" "$WORD"
json migration.property
is "the property is that with which guests migrate in the other tests" "$VALUE" "$MIG_OPTION"
like "QEMU knows the option of the report" "$(qemu-system-x86_64 -device vfio-pci,help 2>&1)" "^ *${MIG_OPTION%=*}=<"
json migration.protocol
case $MIG_OPTION in x-*) word=v1 ;; *) word=v2 ;; esac
is "the protocol is that of QEMU" "$VALUE" $word
able_word iommufd
[ "$WORD" = true ] && word='has IOMMUFD' || word='without CONFIG_IOMMUFD'
like "whether there is IOMMUFD" "$(grep '^system iommufd ' "$WORK/found")" "$word"

# ---- the device
says "$PF" parent ok "driver $DEV_DRIVER"
says "$PF" vfs ok '^ok 3 VFs .of 8.'
says "$PF" groups ok
says "$PF" types ok "$DEV_TYPE: 2 available, 1 in use"
says "$PF" mdevs ok '^ok 1 mdev,'
says "$PF" type-migration ok
json types.0.type
is "--json has the type" "$VALUE" $DEV_TYPE
json types.0.available
is "--json has the number of available mdevs" "$VALUE" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")"

# ---- mdevctl's rule: Debian's names a program that is not there; and a VF is taken away
rules=udev/rules.d/60-mdevctl.rules own_rule=
others=$(grep -ls MDEV_STATE /usr/lib/udev/rules.d/* /etc/udev/rules.d/* | grep -vx "/usr/lib/$rules")
if [ -e /usr/sbin/mdevctl ] || [ -n "$others" ] || ! grep -qs /usr/sbin/mdevctl /usr/lib/$rules; then
	says system mdevctl-autostart ok
else
	says system mdevctl-autostart warning '/usr/sbin/mdevctl run, which does not exist'
	own_rule=/etc/$rules
	mkdir -p "${own_rule%/*}"
	sed 's,/usr/sbin/mdevctl,/usr/bin/mdevctl,' /usr/lib/$rules >$own_rule
fi
mdev_vf "$a"
t "the VF is unbound under its mdev" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$BDF"
t "the same host, changed" check
says system mdevctl-autostart ok "$own_rule"
[ -z "$own_rule" ] || rm $own_rule
says "$PF" mdevs warning "$a has lost its VF"
says "$PF" vfs warning "not: $BDF"

# ---- no VFs, no driver
no_mdevs_no_vfs
check
is "no VFs: a warning" "$STATUS" 1
says "$PF" vfs warning 'has no VFs now, of 8'
found=$(grep "^$PF types " "$WORK/found")
like "types of VFs are a warning without VFs" "$found" "^[^ ]* types warning type $DEV_TYPE: .* there are no VFs"
like "the report names the function as a whole" "$found" "^[^ ]* types ok type $DEV_TYPE_PF: 1 available"
new_uuid
t "the whole device becomes an mdev" create "$UUID" $DEV_TYPE_PF
check
says "$PF" vfs ok "mdev $UUID has the whole device"
says "$PF" types ok "$DEV_TYPE_PF: the device as a whole is in use"
says "$PF" mdevs ok '^ok 1 mdev,'
t "the mdev of the whole function is removed" remove "$UUID"
must "the vendor module unloads" unload $DEV_MODULE
check
is "no driver: an error" "$STATUS" 2
says "$PF" parent error "has no driver.* modprobe $(echo $DEV_MODULE | tr - _)"
says system modules ok "can be loaded: .*$DEV_MODULE"
t "the vendor module loads" load $DEV_MODULE
