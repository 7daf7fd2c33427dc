# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# timeout: 120
#
# What the types say of themselves: libvirt and mdevctl read it.

TYPES=$PFDIR/mdev_supported_types
find_pf
TYPES=$PFDIR/mdev_supported_types
is "the parent offers exactly its types" "$(ls "$TYPES" | sort | tr '\n' ' ')" "$DEV_TYPE $DEV_TYPE_LITE ${DEV_TYPE_PF:+$DEV_TYPE_PF }"

vfs_and_mdevs 3
for type in $DEV_TYPE $DEV_TYPE_LITE; do
	d=$TYPES/$type
	is "$type: device_api" "$(cat $d/device_api)" vfio-pci
	is "$type: available_instances" "$(cat $d/available_instances)" 3
	like "$type: name" "$(cat $d/name)" "^($DEV_LABEL)"
	description=$(cat $d/description)
	like "$type: description names the model" "$description" "^model: $DEV_DESCRIBED\$"
	like "$type: description says whether it migrates" "$description" '^migratable: yes'
	like "$type: description bounds the state" "$description" '^state: version 1, at most [0-9]+ bytes$'
	p_words=yes
	if ! dev_has precopy; then
		p_words=no
	elif ! kernel_has_precopy; then
		p_words='by the migration region only, the kernel is older than 6[.]2'
	fi
	like "$type: description says whether it can be saved while it runs" "$description" \
		"^pre-copy by the device: $p_words\$"
	is "$type: description is plain ASCII" "$(LC_ALL=C tr -d '\n\40-\176' <$d/description)" ""
	is "$type: create is for writing by root" "$(stat -c %A $d/create)" --w-------
	is "$type: no devices yet" "$(ls $d/devices)" ""
done

new_uuid
a=$UUID
t "an mdev of one type is created" create "$a" $DEV_TYPE
is "the type has one available instance less" "$(cat $TYPES/$DEV_TYPE/available_instances)" 2
is "the other type has one less, too: types share the VFs" \
	"$(cat $TYPES/$DEV_TYPE_LITE/available_instances)" 2
is "the type lists it" "$(ls $TYPES/$DEV_TYPE/devices)" "$a"
is "the other type does not list it" "$(ls $TYPES/$DEV_TYPE_LITE/devices)" ""
t "the mdev is removed" remove "$a"
is "the instance is available again" "$(cat $TYPES/$DEV_TYPE/available_instances)" 3
no_mdevs_no_vfs
