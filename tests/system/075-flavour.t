# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2015
# timeout: 240
# needs: modprobe firmware
#
# driver_flavour shows the driver of a function and switches it by one write, also with no module loaded.

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
like "functions of no parent have driver_flavour, too" "$(flavour "$other")" '^\[native\] vfio$'
state "the PF" "$PF" "[native] vfio" $DEV_DRIVER "(null)"
must "2 VFs exist" bound_vfs 2
vf_bdf 0; zero=$BDF
vf_bdf 1; one=$BDF
state "a VF" "$zero" "native vfio [mdev]" mdev-pci mdev-pci

# Refusals
no_switch "not a flavour" "$zero" vanilla EINVAL "$zero: not a flavour; write native, vfio or mdev"
no_switch "a PF with VFs" "$PF" vfio EBUSY "$PF: flavour vfio refused: the function has 2 VFs; write 0 to sriov_numvfs first"
no_switch "a PF as an mdev" "$PF" mdev EBUSY "$PF: flavour mdev refused: the function has 2 VFs"
new_uuid; u=$UUID
must "an mdev is created" create "$u"
no_switch "a VF with an mdev" "$zero" vfio EBUSY "$zero: flavour vfio refused: mdev $u uses the function; remove the mdev first"
no_switch "a VF with an mdev, to its native driver" "$zero" native EBUSY "$zero: flavour native refused: mdev $u uses the function"
t "a write of the present flavour succeeds" switch "$zero" mdev
mig "the mdev does DMA" "$u" dma:20
t "the mdev is removed" remove "$u"

# vfio: vfio-pci is not there until then
t "vfio-pci is not loaded" not loaded vfio_pci
mark
must "the function switches with one write" switch "$zero" vfio
logged_once "the log has the switch" "$zero: flavour vfio: driver vfio-pci instead of mdev-pci"
state "a VF of VFIO's" "$zero" "native [vfio] mdev" vfio-pci "(null)"
t "the function has a VFIO device" has_vfio "$zero"
is "the VF is not available for mdevs" "$(available)" 1
new_uuid; u=$UUID
must "an mdev gets the other" create "$u"
t "the mdev has the other VF" attr_is "$u" function "$one"
timeout 60 vfio-mig "$PCI/$zero" "touch:$WORK/open" "await:$WORK/go" >"$WORK/user" 2>&1 &
user=$!
must "a user opens the mdev" wait_for 20 is_there "$WORK/open"
no_switch "a VF that is open" "$zero" mdev EBUSY "$zero: flavour mdev refused: vfio[0-9]+ is open; stop the guest"
t "a write of the present flavour succeeds" switch "$zero" vfio
touch "$WORK/go"
wait $user
is "its user has had no error" "$? $(cat "$WORK/user")" "0 "
t "the function goes back to the framework" switch "$zero" mdev
state "a VF of the framework's" "$zero" "native vfio [mdev]" mdev-pci mdev-pci
is "the VF is available for mdevs" "$(available)" 1
t "the mdev is removed" remove "$u"

# native: the driver is not there until then, and takes only VFs that are enabled
t "ioatdma is not loaded" not loaded ioatdma
no_switch "a driver that fails" "$zero" native ENODEV "$zero: flavour native refused: driver ioatdma refuses the function \(-ENODEV\)"
t "ioatdma was loaded for the attempt" loaded ioatdma
state "flavour, driver and driver_override are as before" "$zero" "native vfio [mdev]" mdev-pci mdev-pci
new_uuid
t "an mdev of the function is created" create "$UUID"
mig "the mdev does DMA" "$UUID" dma:20
t "the mdev is removed" remove "$UUID"
must "firmware leaves it enabled" enabled_vf "$zero"
REASON=
t "ioatdma is unloaded" unload ioatdma
must "the function switches with one write" switch "$zero" native
state "a VF of its native driver's" "$zero" "[native] vfio mdev" ioatdma "(null)"
t "its DMA channels are there" eval 'ls "$PCI/$zero/dma" | grep -q chan'
t "the flavour changes from native to vfio" switch "$zero" vfio
state "a VF of VFIO's" "$zero" "native [vfio] mdev" vfio-pci "(null)"
t "no VF is probed by itself" write_to "$PFDIR/sriov_drivers_autoprobe" 0
t "a write of native binds the VF" switch "$zero" native
is "the VF is bound to ioatdma" "$(driver_of "$zero")" ioatdma
write_to "$PFDIR/sriov_drivers_autoprobe" 1
mkdir -p /etc/modprobe.d
echo blacklist ioatdma >/etc/modprobe.d/flavour.conf
t "the flavour changes from native to mdev" switch "$zero" mdev
t "ioatdma is unloaded" unload ioatdma
no_switch "there is no driver" "$zero" native ENODEV "$zero: flavour native refused: no driver for the function is loaded, and modprobe finds none"
state "flavour, driver and driver_override are as before" "$zero" "native vfio [mdev]" mdev-pci mdev-pci
rm /etc/modprobe.d/flavour.conf

# A driver_override that a user has set stays
t "driver_override of the other is set" write_to "$PCI/$one/driver_override" vfio-pci
for to in native vfio; do
	no_switch "driver_override forbids $to" "$one" $to EEXIST "$one: flavour $to refused: driver_override is already set"
done
state "the VF and its driver_override are unchanged" "$one" "native vfio [mdev]" mdev-pci vfio-pci
t "the VF is unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$one"
is "a VF without a driver has no flavour" "$(flavour "$one")" "native vfio mdev"
t "the VF is probed" write_to /sys/bus/pci/drivers_probe "$one"
state "the VF is bound as driver_override says" "$one" "native [vfio] mdev" vfio-pci vfio-pci
t "the flavour of driver_override is accepted" switch "$one" vfio
no_switch "another flavour is refused" "$one" mdev EEXIST "driver_override is already set"
t "driver_override of the VF is cleared" write_to "$PCI/$one/driver_override" "
"
t "mdev is accepted without driver_override" switch "$one" mdev
state "the other VF is bound to mdev-pci" "$one" "native vfio [mdev]" mdev-pci mdev-pci
t "the VF is unbound" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$one"
t "a VF without a driver switches to vfio" switch "$one" vfio
state "the other VF is bound to vfio-pci" "$one" "native [vfio] mdev" vfio-pci "(null)"
t "the VF is switched back to mdev" switch "$one" mdev

# VFIO's best driver
cp "$TOOLS/$DEV_VARIANT.ko" "$UPDATES/" && depmod
t "the best VFIO driver is chosen" switch "$zero" vfio
state "a VF of a variant's" "$zero" "native [vfio] mdev" $DEV_VARIANT "(null)"
t "the function has a VFIO device" has_vfio "$zero"
t "the VF is switched back to mdev" switch "$zero" mdev
t "the variant driver refuses all functions" write_to /sys/module/$(echo "$DEV_VARIANT" | tr - _)/parameters/refuse 1
mark
t "vfio-pci is bound instead" switch "$zero" vfio
logged_once "the log says why" "$zero: driver $DEV_VARIANT refuses the function \(-ENODEV\), trying vfio-pci"
is "the VF is bound to vfio-pci" "$(driver_of "$zero")" vfio-pci
t "the VF is switched back to mdev" switch "$zero" mdev
unload "$DEV_VARIANT"
rm "$UPDATES/$DEV_VARIANT.ko" && depmod

# Several at a time, and VFs that go meanwhile. New ones, which ioatdma gives up at once: its
# probe of one that is enabled takes a minute on a debug kernel
t "all VFs are removed" set_vfs 0
must "2 new VFs exist" bound_vfs 2
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
	t "VFs are created again" set_vfs 2
	sleep 1
done
touch "$WORK/enough"
# shellcheck disable=SC2086 # words
wait $writers
t "no task hangs" nobody_stuck
like "many have switched" "$(grep -c '^0$' "$WORK/said")" '^[1-9][0-9]'
like "some were told that another did" "$(grep -c EALREADY "$WORK/said")" '^[1-9]'
echo "# $(sort "$WORK/said" | uniq -c | tr -s ' \n' ' ')"
for vf in "$zero" "$one"; do
	t "a last write succeeds" switch "$vf" mdev
	state "a VF" "$vf" "native vfio [mdev]" mdev-pci mdev-pci
done
new_uuid
t "an mdev is created" create "$UUID"
mig "the mdev does DMA" "$UUID" dma:20
no_mdevs_no_vfs

# The PF itself, which is no parent then
no_switch "the PF as an mdev" "$PF" mdev EOPNOTSUPP "$PF: flavour mdev refused: the function is neither a VF of an mdev-pci parent"
t "the PF's flavour changes to vfio" switch "$PF" vfio
state "the PF" "$PF" "native [vfio]" vfio-pci "(null)"
t "the PF offers no types" is_gone "$PFDIR/mdev_supported_types"
t "the PF comes back" switch "$PF" native
state "the PF" "$PF" "[native] vfio" $DEV_DRIVER "(null)"
t "the PF offers its types again" type_dir $DEV_TYPE

# From nothing: none of VFIO's modules, nor the PF's driver
must "our modules unload" unload_all
for module in vfio-pci vfio-pci-core vfio_iommu_type1 vfio_virqfd vfio; do
	loaded "$module" && unload "$module"
done
is "no module of VFIO's is loaded" "$(modules_of_vfio)" ""
mark
must "driver_flavour loads alone" load driver-flavour
is "it needs no module of VFIO's" "$(modules_of_vfio)" ""
is "none of VFIO's drivers is there" "$(ls /sys/bus/pci/drivers | grep vfio)" ""
is "the PF has no driver" "$(flavour "$PF")" "native vfio"
like "others have the attribute, too" "$(flavour "$other")" '^\[native\] vfio$'
no_switch "not a flavour, and no module brings it" "$PF" vanilla EINVAL "$PF: not a flavour; write native or vfio"
no_switch "a PF as an mdev" "$PF" mdev EOPNOTSUPP "$PF: flavour mdev refused: the function is neither a VF of an mdev-pci parent"
t "writing mdev has loaded mdev-pci" loaded mdev-pci
t "mdev-pci is unloaded" unload mdev-pci
t "the engine is unloaded" unload vfio-pci-engine
is "the PF still has driver_flavour" "$(flavour "$PF")" "native vfio"
t "bridges have not" eval 'for d in "$PCI"/*; do case $(cat "$d/class") in 0x0604*) is_gone "$d/driver_flavour" || return 1 ;; esac; done'
must "the function switches with one write" switch "$PF" vfio
state "the PF" "$PF" "native [vfio]" vfio-pci "(null)"
t "the function has a VFIO device" has_vfio "$PF"
t "the VFIO device can be opened" timeout 60 vfio-mig "$PCI/$PF" sleep:1
t "the function switches with one write" switch "$PF" native
state "the PF" "$PF" "[native] vfio" $DEV_DRIVER "(null)"
must "the PF creates a VF" bound_vfs 1
vf_bdf 0
is "the VF has the attribute driver_flavour" "$(flavour "$BDF")" "native vfio [mdev]"
t "all VFs are removed" set_vfs 0
must "our modules unload" unload_all
t "driver_flavour is gone with the modules" is_gone "$PCI/$PF/driver_flavour"
must "all modules load" load_all

# The user guide's commands
must "2 VFs exist" bound_vfs 2
vf_bdf 0
is "the VF is where the guide has it" "$BDF" 0000:01:00.1
guide flavour
no_mdevs_no_vfs
