# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: nvlink2
# timeout: 150
#
# A device as a whole, which several want: as soon as one mdev lets go of it another may claim it,
# and each is told of its own creation and removal.

DRIVER_DIR=/sys/bus/pci/drivers/nvlink2
ROUNDS=150
W=$WORK

find_gpu() # -> $BDF
{
	for f_dir in /sys/bus/pci/devices/*; do
		BDF=${f_dir##*/}
		[ "$(cat "$f_dir/vendor"):$(cat "$f_dir/device")" != 0x10de:0xf0d2 ] || return 0
	done
	fail "no GPU"
}

# Creates and removes mdevs until $ROUNDS have been there; each is what it should be
want() # N
{
	n=0
	while [ $n -lt $ROUNDS ]; do
		read -r w_uuid </proc/sys/kernel/random/uuid
		echo "$w_uuid" >"$TYPEDIR/create" || continue
		n=$((n + 1))
		w_link=$(readlink "$MDEVS/$w_uuid/vfio-dev") || w_link=none
		read -r w_function <"$MDEVS/$w_uuid/function"
		echo 1 >"$MDEVS/$w_uuid/remove"
		case $w_function:$w_link in "$BDF":*/vfio-dev) ;; *) echo "$n: $w_function $w_link"; break ;; esac
	done 2>/dev/null
	echo "$n" >"$W/want$1"
}

both_end() { [ -e "$W/want1" ] && [ -e "$W/want2" ]; }

must "the vendor module loads" load mdev-pci-nvlink2
must "the GPU is there" find_gpu
must "nvlink2 is bound to the device" write_to "/sys/bus/pci/devices/$BDF/driver_override" nvlink2
must "the function is bound to its driver" write_to /sys/bus/pci/drivers_probe "$BDF"
TYPEDIR=/sys/bus/pci/devices/$BDF/mdev_supported_types/nvlink2-gpu
must "the device is a parent" is_there "$TYPEDIR/create"

want 1 >"$W/out1" &
one=$!
want 2 >"$W/out2" &
two=$!
must "two want it: nobody waits for ever" wait_for 60 both_end
wait $one $two
is "what one had was a device" "$(cat "$W/out1" "$W/want1")" $ROUNDS
is "what the other had, too" "$(cat "$W/out2" "$W/want2")" $ROUNDS
is "the device is available again" "$(cat "$TYPEDIR/available_instances")" 1

# The driver goes while they are at it
rm -f "$W/want1" "$W/want2"
ROUNDS=100000
want 1 >"$W/out1" &
one=$!
want 2 >"$W/out2" &
two=$!
sleep 2
must "it is unbound meanwhile" write_to $DRIVER_DIR/unbind "$BDF"
t "no type is left" is_gone "$TYPEDIR"
kill $one $two 2>/dev/null
wait $one $two
is "no mdev is left" "$(ls "$MDEVS")" ""
t "the device is bound again" write_to /sys/bus/pci/drivers_probe "$BDF"
new_uuid
t "an mdev can be created" write_to "$TYPEDIR/create" "$UUID"
is "the mdev has the whole device" "$(cat "$MDEVS/$UUID/function")" "$BDF"
t "the mdev is removed" write_to "$MDEVS/$UUID/remove" 1
t "the device is unbound" write_to $DRIVER_DIR/unbind "$BDF"
t "the module unloads" unload mdev-pci-nvlink2
