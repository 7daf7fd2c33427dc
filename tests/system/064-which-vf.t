# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
# needs: attributes firmware
#
# An mdev can choose its VF: its attribute "function" is written before the device is opened.

ctl() { within 60 mdevctl "$@" || fail "mdevctl $*"; }
group() { basename "$(readlink "$1/iommu_group")"; }
function_of() { cat "$MDEVS/$1/function"; }

vfs_and_mdevs 4 u
vf_bdf 0; zero=$BDF
vf_bdf 1; one=$BDF
vf_bdf 2; two=$BDF
vf_bdf 3; three=$BDF
is "the idle VF with the lowest number is taken" "$(function_of "$u")" "$zero"
t "an attribute is written" write_to "$MDEVS/$u/max_copy" 8192

# ---- it moves
tool uevents "$WORK/uevents" &
listener=$!
wait_for 5 is_there "$WORK/uevents"
t "another VF is written" write_to "$MDEVS/$u/function" "$two"
sleep 0.3
kill $listener
wait $listener 2>/dev/null
is "the mdev has the VF that was written" "$(function_of "$u")" "$two"
like "user space is told" "$(cat "$WORK/uevents")" "^change@.*/$u "
is "its group is that VF's" "$(group "$MDEVS/$u")" "$(group "/sys/bus/pci/devices/$two")"
is "vfio-dev is that of the new VF" "$(readlink -f "$MDEVS/$u/vfio-dev")" \
	"$(readlink -f "/sys/bus/pci/devices/$two/vfio-dev")"
t "the attribute is kept" attr_is "$u" max_copy 8192
fw 2 max_copy && is "firmware of VF 2 has max_copy of 8192" "$VALUE" 8192
fw 0 enabled && is "firmware has disabled the other VF" "$VALUE" 0
is "the other VF is available" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 3
mig "the mdev does DMA" "$u" dma:20
t "its own VF is written" write_to "$MDEVS/$u/function" "$two"
is "the mdev keeps its VF" "$(function_of "$u")" "$two"
new_uuid
v=$UUID
t "another mdev is created" create "$v"
is "another mdev gets the VF that became idle" "$(function_of "$v")" "$zero"
t "attributes of that VF have initial values" attr_is "$v" max_copy 1048576

# ---- refusals: the mdev stays where it is
F=$MDEVS/$u/function
refused "another mdev has that VF" "$F" "$zero" EBUSY "mdev $u not moved: VF $zero is in use by mdev $v"
refused "refused: a word that is no address" "$F" "eth0" ENXIO "mdev $u not moved: write the address of a VF"
refused "the PF" "$F" "$PF" ENXIO "mdev $u not moved: write the address of a VF"
t "VF 3 is unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$three"
refused "a VF that is not bound" "$F" "$three" ENXIO "of this PF that is bound to mdev-pci"
t "VF 3 is bound" write_to /sys/bus/pci/drivers/mdev-pci/bind "$three"
t "firmware will refuse" inject 3 enable fail 11
refused "firmware refuses" "$F" "$three" EIO "mdev $u refused: firmware could not enable the VF"
is "the mdev keeps its VF after the refusal" "$(function_of "$u")" "$two"
t "max_copy is kept after the refusal" attr_is "$u" max_copy 8192
mig "the mdev does DMA" "$u" dma:20
mig_bg "$u" "touch:$WORK/open" "await:$WORK/go" dma:10
must "a user has it open" wait_for 20 is_there "$WORK/open"
refused "it is in use" "$F" "$three" EBUSY "mdev $u not moved: it is in use; stop the guest"
touch "$WORK/go"
mig_end "the user's device works throughout"
t "the mdev moves after its user has closed it" write_to "$F" "$three"
mig "the mdev does DMA" "$u" dma:20
t "VF 3 is unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$three"
refused "it has lost its VF" "$F" "$two" ENODEV "mdev $u has lost its VF; remove the mdev"
t "VF 3 is bound" write_to /sys/bus/pci/drivers/mdev-pci/bind "$three"
t "all mdevs are removed" remove_all

# ---- many moves at a time, with attributes written and read
new_uuid; u=$UUID
t "an mdev is created" create "$u"
new_uuid; v=$UUID
t "a second mdev is created" create "$v"
storm()
{
	for _ in 1 2 3 4 5 6; do
		for s_bdf in $zero $one $two $three; do
			tool write "$MDEVS/$1/function" "$s_bdf"
		done
	done
}
storm "$u" >"$WORK/storm.u" & a=$!
storm "$v" >"$WORK/storm.v" & b=$!
while kill -0 $a 2>/dev/null || kill -0 $b 2>/dev/null; do
	tool write "$MDEVS/$u/max_copy" 16384
	cat "$MDEVS/$u/function" "$MDEVS/$v/max_copy" "$MDEVS/$u/migratable" >/dev/null
done >"$WORK/writes"
wait $a
wait $b
is "each move was carried out or refused" "$(cat "$WORK"/storm.? | grep -v -x -E '0|EBUSY')" ""
is "each write was carried out" "$(grep -v -x 0 "$WORK/writes")" ""
t "the attribute has been kept" attr_is "$u" max_copy 16384
mig "the first mdev does DMA" "$u" dma:20
mig "the second mdev does DMA" "$v" dma:20
t "all mdevs are removed" remove_all

# ---- mdevctl: the order in which mdevs start does not matter
if which mdevctl >/dev/null 2>&1; then
	new_uuid; u=$UUID
	t "one is defined for VF 1" ctl define --uuid "$u" --parent "$PF" --type "$DEV_TYPE"
	t "its definition names the VF" ctl modify --uuid "$u" --addattr function --value "$one"
	new_uuid; v=$UUID
	t "one is defined for VF 0" ctl define --uuid "$v" --parent "$PF" --type "$DEV_TYPE"
	t "its definition names the VF" ctl modify --uuid "$v" --addattr function --value "$zero"
	for order in "$u $v" "$v $u"; do
		for d in $order; do
			t "the definition starts" ctl start --uuid "$d"
		done
		is "each has its VF" "$(function_of "$u") $(function_of "$v")" "$one $zero"
		t "all mdevs are removed" remove_all
	done
	t "the definition is removed" ctl undefine --uuid "$u"
	t "the definition is removed" ctl undefine --uuid "$v"
fi
no_mdevs_no_vfs
