# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2015
# timeout: 240
# needs: modprobe
#
# driver_flavour: who has a function, and another one by one write, from no module loaded on.

. "$PAYLOAD/tests/system/guide.sh"

UPDATES=/lib/modules/$(uname -r)/updates
PCI=/sys/bus/pci/devices

flavour() { cat "$PCI/$1/driver_flavour"; }
switch() { write_to "$PCI/$1/driver_flavour" "$2"; }
no_switch() { refused "$1" "$PCI/$2/driver_flavour" "$3" "$4" "$5"; }
driver_of() { bound_driver "$1"; echo "$DRIVER"; }
override() { cat "$PCI/$1/driver_override"; }
available() { cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances"; }
has_vfio() { ls "$PCI/$1/vfio-dev" | grep -q '^vfio[0-9]'; }
modules_of_vfio() { find /sys/module -maxdepth 1 -name 'vfio*' | sed 's,.*/,,' | sort | tr '\n' ' '; }

# state DESCRIPTION BDF FLAVOURS DRIVER OVERRIDE
state()
{
	is "$1: flavour" "$(flavour "$2")" "$3"
	is "$1: driver" "$(driver_of "$2")" "$4"
	is "$1: driver_override" "$(override "$2")" "$5"
}

# A VF that firmware leaves enabled when its mdev goes: ioatdma takes no other. Of the mdevs of all
# VFs one has it
enabled_vf() # BDF
{
	vf_number "$1" && inject "$VF" disable fail 11 || return 1
	while create_one; do :; done
	remove_all && fw "$VF" enabled || return 1
	[ "$VALUE" = 1 ] || fail "firmware has disabled it"
}

create_one() { new_uuid && create "$UUID"; }

must "vfio-pci is unloaded" unload vfio-pci
loaded ioatdma && unload ioatdma
other=$(for d in "$PCI"/*; do [ "$(cat "$d/vendor")" = 0x1af4 ] && echo "${d##*/}"; done | head -n 1)
t "functions of no parent have no driver_flavour" is_gone "$PCI/$other/driver_flavour"
state "the PF" "$PF" "[native] vfio" $DEV_DRIVER "(null)"
must "2 VFs" bound_vfs 2
vf_bdf 0; zero=$BDF
vf_bdf 1; one=$BDF
state "a VF" "$zero" "native vfio [mdev]" mdev-pci mdev-pci

# Refusals
no_switch "not a flavour" "$zero" vanilla EINVAL "$zero: not a flavour; write native, vfio or mdev"
no_switch "a PF with VFs" "$PF" vfio EBUSY "$PF: flavour vfio refused: it has 2 VFs; write 0 to sriov_numvfs first"
no_switch "a PF as an mdev" "$PF" mdev EBUSY "$PF: flavour mdev refused: it has 2 VFs"
new_uuid; u=$UUID
must "an mdev" create "$u"
no_switch "a VF with an mdev" "$zero" vfio EBUSY "$zero: flavour vfio refused: mdev $u uses the function; remove the mdev first"
no_switch "to its native driver as well" "$zero" native EBUSY "$zero: flavour native refused: mdev $u has it"
t "what it is, it can be" switch "$zero" mdev
mig "the mdev has not noticed" "$u" dma:20
t "the mdev is removed" remove "$u"

# vfio: vfio-pci is not there until then
t "vfio-pci is not loaded" not loaded vfio_pci
mark
must "one write" switch "$zero" vfio
logged_once "the log says so" "$zero: flavour vfio: driver vfio-pci instead of mdev-pci"
state "a VF of VFIO's" "$zero" "native [vfio] mdev" vfio-pci "(null)"
t "it has a VFIO device" has_vfio "$zero"
is "no mdev gets it" "$(available)" 1
new_uuid; u=$UUID
must "an mdev gets the other" create "$u"
t "the other" attr_is "$u" function "$one"
timeout 60 vfio-mig "$PCI/$zero" "touch:$WORK/open" "await:$WORK/go" >"$WORK/user" 2>&1 &
user=$!
must "someone opens it" wait_for 20 is_there "$WORK/open"
no_switch "a VF that is open" "$zero" mdev EBUSY "$zero: flavour mdev refused: vfio[0-9]+ is open; stop the guest"
t "what it is, it can be" switch "$zero" vfio
touch "$WORK/go"
wait $user
is "its user has not noticed" "$? $(cat "$WORK/user")" "0 "
t "back to the framework" switch "$zero" mdev
state "a VF of the framework's" "$zero" "native vfio [mdev]" mdev-pci mdev-pci
is "mdevs get it" "$(available)" 1
t "the mdev is removed" remove "$u"

# native: the driver is not there until then, and takes only VFs that are enabled
t "ioatdma is not loaded" not loaded ioatdma
no_switch "a driver that fails" "$zero" native ENODEV "$zero: flavour native refused: driver ioatdma refuses the function \(-ENODEV\)"
t "it was loaded" loaded ioatdma
state "it is as before" "$zero" "native vfio [mdev]" mdev-pci mdev-pci
new_uuid
t "an mdev of it" create "$UUID"
mig "works" "$UUID" dma:20
t "it is removed" remove "$UUID"
must "firmware leaves it enabled" enabled_vf "$zero"
REASON=
t "ioatdma is unloaded" unload ioatdma
must "one write" switch "$zero" native
state "a VF of its native driver's" "$zero" "[native] vfio mdev" ioatdma "(null)"
t "its DMA channels are there" eval 'ls "$PCI/$zero/dma" | grep -q chan'
t "from native to vfio" switch "$zero" vfio
state "a VF of VFIO's" "$zero" "native [vfio] mdev" vfio-pci "(null)"
t "no VF is probed by itself" write_to "$PFDIR/sriov_drivers_autoprobe" 0
t "but by this" switch "$zero" native
is "it has it" "$(driver_of "$zero")" ioatdma
write_to "$PFDIR/sriov_drivers_autoprobe" 1
mkdir -p /etc/modprobe.d
echo blacklist ioatdma >/etc/modprobe.d/flavour.conf
t "from native to mdev" switch "$zero" mdev
t "ioatdma is unloaded" unload ioatdma
no_switch "there is no driver" "$zero" native ENODEV "$zero: flavour native refused: no driver for the function is loaded, and modprobe finds none"
state "it is as before" "$zero" "native vfio [mdev]" mdev-pci mdev-pci
rm /etc/modprobe.d/flavour.conf

# driver_override: who has set it has it
t "driver_override of the other is set" write_to "$PCI/$one/driver_override" vfio-pci
for to in native vfio; do
	no_switch "then not this one, $to" "$one" $to EEXIST "$one: flavour $to refused: driver_override is already set"
done
state "it is as he left it" "$one" "native vfio [mdev]" mdev-pci vfio-pci
t "unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$one"
is "no flavour" "$(flavour "$one")" "native vfio mdev"
t "and bound, as ever" write_to /sys/bus/pci/drivers_probe "$one"
state "it is what he wanted" "$one" "native [vfio] mdev" vfio-pci vfio-pci
t "which it can be" switch "$one" vfio
no_switch "and no other" "$one" mdev EEXIST "driver_override is already set"
t "driver_override of the VF is cleared" write_to "$PCI/$one/driver_override" "
"
t "now it can" switch "$one" mdev
state "the other" "$one" "native vfio [mdev]" mdev-pci mdev-pci
t "without a driver" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$one"
t "as well" switch "$one" vfio
state "the other" "$one" "native [vfio] mdev" vfio-pci "(null)"
t "back" switch "$one" mdev

# VFIO's best driver
cp "$TOOLS/refdev-vfio-pci.ko" "$UPDATES/" && depmod
t "the best driver" switch "$zero" vfio
state "a VF of a variant's" "$zero" "native [vfio] mdev" refdev-vfio-pci "(null)"
t "it has a VFIO device" has_vfio "$zero"
t "back" switch "$zero" mdev
t "it takes none any more" write_to /sys/module/refdev_vfio_pci/parameters/refuse 1
mark
t "vfio-pci is there beside it" switch "$zero" vfio
logged_once "the log says why" "$zero: driver refdev-vfio-pci refuses the function \(-ENODEV\), trying vfio-pci"
is "it has it" "$(driver_of "$zero")" vfio-pci
t "back" switch "$zero" mdev
unload refdev-vfio-pci
rm "$UPDATES/refdev-vfio-pci.ko" && depmod

# Several at a time, and VFs that go meanwhile. New ones, which ioatdma gives up at once: its
# probe of one that is enabled takes a minute on a kernel that finds bugs
t "VFs removed" set_vfs 0
must "2 new ones" bound_vfs 2
writer() # FLAVOUR...: to both, again and again
{
	until [ -e "$WORK/enough" ]; do
		for w_to; do
			for w_vf in "$zero" "$one"; do
				[ ! -e "$PCI/$w_vf/driver_flavour" ] || tool write "$PCI/$w_vf/driver_flavour" "$w_to"
			done
		done
	done >>"$WORK/said"
}
writers=
for to in "vfio mdev" "mdev native vfio" "mdev vfio"; do
	# shellcheck disable=SC2086 # words
	writer $to & writers="$writers $!"
done
sleep 5
for i in 1 2 3; do
	t "VFs go under the writers" wait_for 20 set_vfs 0
	t "and come" set_vfs 2
	sleep 1
done
touch "$WORK/enough"
# shellcheck disable=SC2086 # words
wait $writers
t "nobody hangs" nobody_stuck
like "many have switched" "$(grep -c '^0$' "$WORK/said")" '^[1-9][0-9]'
like "some were told that another did" "$(grep -c EALREADY "$WORK/said")" '^[1-9]'
echo "# $(sort "$WORK/said" | uniq -c | tr -s ' \n' ' ')"
for vf in "$zero" "$one"; do
	t "a last one" switch "$vf" mdev
	state "a VF" "$vf" "native vfio [mdev]" mdev-pci mdev-pci
done
new_uuid
t "an mdev" create "$UUID"
mig "works" "$UUID" dma:20
no_mdevs_no_vfs

# The PF itself, which is no parent then
no_switch "the PF as an mdev" "$PF" mdev EOPNOTSUPP "$PF: flavour mdev refused: it is neither a VF of an mdev-pci parent"
t "the PF to a guest" switch "$PF" vfio
state "the PF" "$PF" "native [vfio]" vfio-pci "(null)"
t "it has no types" is_gone "$PFDIR/mdev_supported_types"
t "the PF comes back" switch "$PF" native
state "the PF" "$PF" "[native] vfio" $DEV_DRIVER "(null)"
t "with its types" type_dir $DEV_TYPE

# From nothing: none of VFIO's modules, nor the PF's driver
must "our modules go" unload_all
for module in vfio-pci vfio-pci-core vfio_iommu_type1 vfio_virqfd vfio; do
	loaded "$module" && unload "$module"
done
is "no module of VFIO's is loaded" "$(modules_of_vfio)" ""
mark
t "a wrong word" not load mdev-pci flavours=some
logged_once "the log has the right ones" 'flavours=some: must be "parents" or "all"'
must "for each function" load mdev-pci flavours=all
is "none of VFIO's drivers is there" "$(ls /sys/bus/pci/drivers | grep vfio)" ""
is "the PF has no driver" "$(flavour "$PF")" "native vfio"
like "others have the attribute, too" "$(flavour "$other")" '^\[native\] vfio$'
t "bridges have not" eval 'for d in "$PCI"/*; do case $(cat "$d/class") in 0x0604*) is_gone "$d/driver_flavour" || return 1 ;; esac; done'
must "one write" switch "$PF" vfio
state "the PF" "$PF" "native [vfio]" vfio-pci "(null)"
t "it has a VFIO device" has_vfio "$PF"
t "which can be opened" timeout 60 vfio-mig "$PCI/$PF" sleep:1
t "one write" switch "$PF" native
state "the PF" "$PF" "[native] vfio" $DEV_DRIVER "(null)"
must "it makes VFs" bound_vfs 1
vf_bdf 0
is "which have the attribute" "$(flavour "$BDF")" "native vfio [mdev]"
t "VFs removed" set_vfs 0
must "our modules go" unload_all
t "so do the attributes" is_gone "$PCI/$PF/driver_flavour"
must "they come" load_all

# The user guide's commands
must "2 VFs" bound_vfs 2
vf_bdf 0
is "the VF is where the guide has it" "$BDF" 0000:01:00.1
guide flavour
no_mdevs_no_vfs
