# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 900
# timeout-full: 2400
#
# mdev-pci-conform on the device under test: what the uapi says holds for an mdev, with both
# interfaces, by its group and by its character device, and for two of them.

vfs_and_mdevs 3 a b
new_uuid
must "an mdev of another type is created" create "$UUID" $DEV_TYPE_LITE
CONFORM_OPTIONS="--plugin $DEV_PLUGIN --rounds 20"
! full || CONFORM_OPTIONS="--plugin $DEV_PLUGIN --rounds 1000"

conform --json "$WORK/a.json" "$a"
t "its results are JSON" python3 -m json.tool "$WORK/a.json"
CONFORM_OPTIONS="$CONFORM_OPTIONS --quiet"
echo "# from one mdev to the other"
conform --destination "$b" --only "roundtrips.*" --only "region.*trip*" --only "region.*state" \
	--only "precopy.whole" "$a"
echo "# a stream of the other type"
conform --only files.keep --save "$WORK/foreign" "$UUID"
conform --only streams.foreign --foreign "$WORK/foreign" "$a"
if able iommufd "by the character device"; then
	conform --cdev --only "states.R*" --only "roundtrips.*" --only "log.*" --only "close.*" "$a"
fi
no_mdevs_no_vfs
