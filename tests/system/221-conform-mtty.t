# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: conform
# timeout: 600
#
# mdev-pci-conform on upstream's sample driver mtty, which has nothing of ours: the tool judges what anybody
# wrote. What mtty does otherwise than the uapi says is named here, with the reason.

MTTY=$(echo "$PAYLOAD"/*/mtty.ko)
if ! [ -f "$MTTY" ]; then
	skip "upstream's mtty" "it could not be built: Debian's linux-source is not to be had"
	return 0
fi

# fails WAY WANTED OPTIONS... DEVICE: just those points fail
fails()
{
	f_way=$1 f_wanted=$2
	shift 2
	within 600 mdev-pci-conform --plugin mtty --rounds 1000 --patience "${PATIENCE:-1}" "$@" \
		>"$WORK/out" 2>&1
	sed 's/^/# /' "$WORK/out" | grep -vE '^# (ok|#   uapi)'
	is "$f_way: what mtty does otherwise" \
		"$(sed -n 's/^not ok [0-9]* - \([^:]*\):.*/\1/p' "$WORK/out" | tr '\n' ' ')" "$f_wanted"
	is "$f_way: points" "$(grep -cE '^(not )?ok ' "$WORK/out")" "$(mdev-pci-conform --list | grep -c '^ *uapi:')"
}

must "the mdev core loads" load mdev
must "VFIO loads" load vfio_iommu_type1
must "upstream's mtty loads" insmod "$MTTY"
TYPE_DIR=/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-2
new_uuid
must "an mdev of mtty is created" write_to "$TYPE_DIR/create" "$UUID"
a=$UUID
new_uuid
must "a second mdev is created" write_to "$TYPE_DIR/create" "$UUID"
b=$UUID
# Its PRE_COPY ends with 0 and not with ENOMSG. Closed, it keeps its state and loses its file: in RESUMING the
# next user's SET_STATE is then a NULL pointer dereference in mtty_load_state(), which the tool avoids by a
# reset. Its logging is none: it can be started twice
KNOWN="features.reset precopy.enomsg precopy.whole precopy.p2p precopy.given-up close.STOP close.STOP_COPY \
close.RESUMING close.RUNNING_P2P close.PRE_COPY close.PRE_COPY_P2P close.file-left-saving \
close.file-left-loading log.twice "
# Where the kernel can report, it does so without a start; where it can't, PROBE says that it can
if can log; then
	KNOWN="${KNOWN}log.off "
else
	KNOWN="${KNOWN}log.only-sets log.states "
fi
KNOWN="${KNOWN}roundtrips.precopy-state "
fails "by its group" "$KNOWN" "$a"
echo "# from one to the other"
CONFORM_OPTIONS="--plugin mtty --rounds 100 --quiet --except roundtrips.precopy-state"
conform --destination "$b" --only "roundtrips.*" "$a"
if able iommufd "by its character device"; then
	fails "by its character device" "$KNOWN" --cdev "$a"
fi
t "the mdevs are removed" remove_all
t "mtty is unloaded" unload mtty
