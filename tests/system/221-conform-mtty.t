# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: conform
# timeout: 600
#
# mdev-pci-conform on upstream's sample driver mtty, which has nothing of ours: the tool judges what anybody
# wrote. What mtty does otherwise than the uapi says is named here, and only that fails.

DIR=$(echo "$PAYLOAD"/*/mtty.ko)
if ! [ -f "$DIR" ]; then
	skip "upstream's mtty" "it could not be built: Debian's linux-source is not to be had"
	return 0
fi
must "the mdev core" load mdev
load vfio_iommu_type1
load vfio-pci-core
must "upstream's mtty" insmod "$DIR"
PARENT=/sys/devices/virtual/mtty/mtty
new_uuid
must "an mdev of it" write_to "$PARENT/mdev_supported_types/mtty-2/create" "$UUID"
a=$UUID
new_uuid
must "another" write_to "$PARENT/mdev_supported_types/mtty-2/create" "$UUID"
b=$UUID
CONFORM_OPTIONS="--plugin mtty --rounds 1000"
conform "$a"
conform --quiet --destination "$b" --only "roundtrips.*" "$a"
if able iommufd "by the character device"; then
	conform --quiet --cdev "$a"
fi
t "mdevs removed" remove_all
t "mtty unloaded" unload mtty
