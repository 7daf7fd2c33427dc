# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# timeout: 120
#
# What a vendor driver says of its parent, types and attributes is looked at first, and what is wrong
# with it is told in words of its own.

# made PARAMETERS...: a parent made of them is registered
made()
{
	insmod "$TOOLS/faulty-parent.ko" device="$PF" "$@" 2>"$WORK/insmod" && rmmod faulty-parent
	cat "$WORK/insmod"
}

# wrong WORDS PARAMETERS...: that is refused by one line with the words, and nothing is left of it
wrong()
{
	w_words=$1
	shift
	mark
	like "$*: EINVAL" "$(made "$@")" 'Invalid (parameters|argument)'
	logged_once "the log says why: $w_words" "$DEV_DRIVER $PF: can't be an mdev parent: $w_words$"
}

# EEXIST of a module's init means to insmod that the module is loaded, so newer kernels make it EBUSY
there='File exists|Device or resource busy'
long=123456789012345678901234567890123456789012345678901
mark
like "a description without a fault passes, so the device is said to be a parent already" "$(made attrs=one)" "$there"
logged_once "the log says why" "$PF: is an mdev parent already, of driver $DEV_DRIVER"

if able unload "an owner that is missing"; then
	wrong "owner is missing, set it to THIS_MODULE" owner=N
fi
wrong "model is missing" model=
wrong "types or nr_types is missing" no_types=Y
wrong "nr_types is too large" types=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17
for how in external=Y function=Y; do
	wrong "num_vfs is set, but this driver does not create VFs" num_vfs=2 $how
done

wrong "type 0 \(\) has no name" types=
wrong "type 1 \([0-9]{40}\) has too long a name" types=one,$long
wrong "type 1 \(a/b\) has a character in its name that is blank, / or not ASCII" types=one,a/b
wrong "type 1 \(one\) has the same name as another one" types=one,one
wrong "type 0 \(one\) has too many attributes" attrs=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q
wrong "type 0 \(one\) has nr_attrs but no attrs" attrs=a no_attrs=Y

# All that the engine objects to: tests/kunit
wrong "type 0 \(one\) has mig_ops without suspend or resume" migrates=Y
wrong "type 0 \(one\) has log_ops without mig_ops" logs=Y

wrong "type 0 \(one\) has pf_ops, but is registered by mdev_pci_register_function\(\)" pf=Y function=Y
wrong "type 0 \(one\) has pf_ops without quiesce or resume" pf=Y quiesce=N
for how in attrs=a migrates=Y logs=Y; do
	wrong "type 0 \(one\) has pf_ops with mig_ops, log_ops, hidden_range or attributes" \
		pf=Y $how
done
wrong "type 0 \(one\) has pf_ops with external_pf_driver" pf=Y external=Y

of="of type one"
wrong "attribute 0 \(\) $of has no name" attrs=
wrong "attribute 0 \([0-9]{32}\) $of has too long a name" attrs=$long
for how in A a-b; do
	wrong "attribute 0 \($how\) $of has a character in its name that is not a to z, a digit or _" attrs=$how
done
wrong "attribute 0 \(migratable\) $of has a name that the directory of an mdev already has" attrs=migratable
wrong "attribute 1 \(a\) $of has the same name as another one" attrs=a,a
wrong "attribute 0 \(a\) $of lacks the operation set" attrs=a set=N
for how in highest=0x1000000000000 power_of_2=Y; do
	wrong "attribute 0 \(a\) $of is a MAC address with a range that is not one of MAC addresses" \
		attrs=a mac=Y $how
done
wrong "attribute 0 \(a\) $of sets from_hw without the operation get" attrs=a from_hw=Y
wrong "attribute 0 \(a\) $of sets both from_hw and guest_visible" \
	attrs=a from_hw=Y get=Y guest_visible=Y
for how in default_value=0 default_value=9 "default_value=3 power_of_2=Y"; do
	wrong "attribute 0 \(a\) $of has a default_value out of its range" attrs=a $how
done

mark
like "of a MAC address the largest is no mistake" \
	"$(made attrs=a mac=Y highest=0xffffffffffff)" "$there"
like "nor that an attribute of from_hw has no default_value" \
	"$(made attrs=a from_hw=Y get=Y default_value=0)" "$there"

# other_interface WHAT PARAMETERS...: such a module is refused before anything of it is looked at
other_interface()
{
	oi_what=$1
	shift
	mark
	like "$*, built against another interface: ENOEXEC" "$(made interface=9999 types= "$@")" \
		'Exec format error|Invalid module format'
	logged_once "the log says so" \
		"$oi_what: module faulty_parent is built against interface 9999, this .* has [0-9]+; build it again"
}

other_interface mdev-pci model=
for how in function=Y others=Y; do
	other_interface mdev-pci $how
done
like "others=Y, built against this one: accepted" "$(made others=Y)" canceled

# The engine looks itself, for drivers that use it without the framework
must "1 VF exists" bound_vfs 1
vf_bdf 0
# made's, for a while
pf=$PF PF=$BDF
other_interface vfio-pci-engine engine=Y
like "the engine takes what has no mistake" "$(made engine=Y)" canceled
for how in migrates logs; do
	mark
	like "$how=Y: EINVAL" "$(made engine=Y $how=Y)" 'Invalid (parameters|argument)'
	logged_once "the log says why" "mdev-pci $PF: can't be a VFIO device: its description (has mig_ops without|has log_ops without mig_ops)"
done
use_pf "$pf"
new_uuid
must "the PF offers mdevs as before" create "$UUID"
mig "the mdev does DMA" "$UUID" dma:5
no_mdevs_no_vfs

# Of a driver that has other handlers of errors
PF=$(basename "$(find /sys/bus/pci/drivers/pcieport/ -name '*:*' | head -n 1)")
mark
like "another driver's device as a whole: EINVAL" "$(made pf=Y)" 'Invalid (parameters|argument)'
logged_once "the log says why" "pcieport $PF: .* err_handler is not mdev_pci_err_handlers$"
