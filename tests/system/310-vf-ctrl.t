# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2153
# boot: vfctrl
# timeout: 500
# dma-faults: expected
#
# VFs that have their migration control in a BAR of their own: the state moves by it, and their
# users can't reach it.

W=$WORK
find_pfs

isolated() { [ "$(ls "$PFDIR/iommu_group/devices" | wc -l)" = 1 ]; }

# Which PF's VFs have it where, by what the types say -> $PLAIN, $BAR, $PART, $ODD, and $SHARED, whose
# IOMMU group has others in it
for pf in $PFS; do
	use_pf "$pf"
	must "$pf offers its types" wait_for 20 type_dir $DEV_TYPE
	text=$(cat "$TYPEDIR/description")
	case $text in
	*"migration control: in the function, BAR 4 from 0x0 on"*) BAR=$pf ;;
	*"migration control: in the function, BAR 0 from 0x3000 on"*) PART=$pf ;;
	*"migration control: in the function"*) ODD=$pf ;;
	*) if isolated; then PLAIN=$pf; else SHARED=$pf; fi ;;
	esac
done
t "there is one of each kind" [ "${PLAIN:+1}${BAR:+1}${PART:+1}${ODD:+1}${SHARED:+1}" = 11111 ]

use_pf "$PLAIN"
vfs_and_mdevs 1 p
use_pf "$BAR"
vfs_and_mdevs 2 a b
use_pf "$PART"
vfs_and_mdevs 2 c d
pf_of() { case $1 in "$p") use_pf "$PLAIN" ;; "$a" | "$b") use_pf "$BAR" ;; *) use_pf "$PART" ;; esac; }

accesses() # UUID -> $VALUE: to the control, as the device has counted them
{
	pf_of "$1"
	mdev_fw "$1" control_accesses
}

# untouched DESCRIPTION UUID COMMANDS...: none of them reaches the control
untouched()
{
	accesses "$2"
	n=$VALUE
	mig "$@"
	accesses "$2"
	is "$1: the control is untouched" "$VALUE" "$n"
}

# ---- users that try to access the hidden range --------------------------------------------

mark
untouched "a whole BAR can't be reached" "$a" hidden-bar:4:65536 dma:5
logged "VFIO_DEVICE_IOEVENTFD: the log says why" \
	'VFIO_DEVICE_IOEVENTFD refused: it could reach the migration control in BAR 4'
mark
untouched "nor can a part of one" "$c" hidden-part:0:0x3000 dma:5
logged "mmap: the log says why" 'mmap of BAR 0 refused: 0x3000 to 0x3fff of it is the migration control'
# Each kernel that can make dma-bufs of BARs
if grep -q ' vfio_pci_core_get_dmabuf_phys' /proc/kallsyms; then
	mark
	mig "a dma-buf of what is not hidden is made" "$c" dma-buf:0:0x3000
	mig "none that has the control, too" "$c" dma-buf:0:0x4000=EACCES
	logged "dma-buf: the log says why" 'dma-buf of BAR 0 refused: 0x3000 to 0x3fff of it is the migration control'
	mig "of a function without control all is in one" "$p" dma-buf:0:0x4000
fi
untouched "nor by random accesses" "$a" hostile:1 sleep:2000 hostile-end reset dma:5
untouched "nor by those of a part" "$c" hostile:2 sleep:2000 hostile-end reset dma:5
mig "where nothing is hidden all can be mapped" "$p" dma:5
pf_of "$p"
mdev_fw "$p" control_accesses
is "and there is no control" "$VALUE" 0

# ---- the state moves by it -----------------------------------------------------------------

# moves DESCRIPTION FROM TO: by v2 and by v1, with the digest
moves()
{
	mig "$1: saved" "$2" dma:150 "digest:$W/d" set:STOP_COPY "read:$W/s" reread \
		"digest-is:$W/d" set:RUNNING dma:3
	mig "$1: loaded" "$3" "digest-not:$W/d" set:RESUMING "write:$W/s:4097" set:STOP \
		"digest-is:$W/d" set:RUNNING copies=150 dma:20 copies=170
	mig "$1: saved by v1" "$2" dma:70 "digest:$W/d" v1-state:2 "v1-read:$W/v" v1-state:0 \
		v1-state:1 dma:3
	mig "$1: loaded by v1" "$3" v1-state:4 "v1-write:$W/v" v1-state:1 "digest-is:$W/d" \
		copies=70 dma:5
}

accesses "$a"
n=$VALUE
moves "from BAR to BAR" "$a" "$b"
accesses "$a"
at_least "the state moves by way of the control in the VF" "$VALUE" $((n + 1000))
moves "from part to part" "$c" "$d"
moves "from BAR to part" "$a" "$d"
moves "from part to the PF's queue" "$c" "$p"
moves "from the PF's queue to BAR" "$p" "$b"

mig "it can't be saved while it runs" "$a" "sh:! grep -q 'pre-copy by the device: yes' $MDEVS/$a/mdev_type/description"
pf_of "$a"
mdev_fw "$a" illegal_dma
is "no DMA at the wrong time" "$VALUE" 0

# ---- whatever its user does meanwhile -------------------------------------------------------

also=
! full || also=$c
for x in "$a" ${also:+"$also"}; do
	pf_of "$x"
	mdev_vf "$x"
	mig "memory decoding off while it is saved" "$x" dma:30 "digest:$W/d" memory:off \
		set:STOP_COPY "read:$W/s" memory-is:off set:STOP memory:on "digest-is:$W/d" \
		set:RUNNING dma:5
	mig "and while it is loaded" "$x" memory:off set:RESUMING "write:$W/s" set:STOP \
		memory-is:off memory:on "digest-is:$W/d" set:RUNNING copies=30 dma:5
	mig "and while it is suspended and runs on" "$x" dma:3 memory:off set:RUNNING_P2P set:STOP \
		set:RUNNING memory-is:off memory:on copies=3 dma:3
	mig "its user resets it while it is saved" "$x" dma:9 set:STOP_COPY "read:$W/x:4096" reset \
		read1=ENODEV state=RUNNING copies=0 close dma:5
	mig "and while it is loaded" "$x" set:RESUMING "write:$W/s:5000" reset state=RUNNING dma:5
	mig "somebody else resets it while it is saved" "$x" dma:9 set:STOP_COPY "read:$W/x:4096" \
		"sh:echo 1 >/sys/bus/pci/devices/$BDF/reset" read1=ENODEV state=RUNNING close renew \
		dma:5 set:STOP_COPY "read:$W/x" set:RUNNING dma:5
	mark
	fw_timeout $((5000 * ${PATIENCE:-1}))
	t "a command that takes long" inject "$VF" suspend late $((3000000000 * ${PATIENCE:-1}))
	rm -f "$W/go"
	mig_bg "$x" dma:3 "touch:$W/go" set:STOP=ECANCELED,EBUSY state=RUNNING renew dma:5
	t "it is about to be given" wait_for 60 is_there "$W/go"
	sleep 1
	t "a reset in the middle of a command succeeds" write_to "/sys/bus/pci/devices/$BDF/reset" 1
	mig_end "ends it, and the function runs"
	fw_timeout 500
	t "a command that is not answered" inject "$VF" save silent
	mark
	mig "fails the migration, and the device goes on" "$x" dma:3 \
		set:STOP_COPY=ETIMEDOUT state=STOP set:RUNNING dma:3 set:STOP_COPY "read:$W/x" \
		set:RUNNING
	logged "the log says why" 'firmware did not answer SAVE within 500 ms'
	fw_timeout 5000
	t "one that is refused" inject "$VF" suspend fail 11
	mark
	mig "leaves it as it was" "$x" dma:3 set:STOP=EIO state=RUNNING dma:3 set:STOP set:RUNNING
	logged_once "and the log says so" 'firmware refused SUSPEND: firmware fault'
	t "no fault is left" inject any any off
	mig "a byte of the state is wrong" "$x" \
		"sh:mig-stream mutate $W/s $W/bad state:500000:170 flip:400000" dma:2 set:RESUMING \
		"write:$W/bad=EPROTO" set:STOP=ENODATA state=ERROR reset dma:2
done

# ---- what can't be hidden ---------------------------------------------------------------------

use_pf "$ODD"
must "a VF whose control shares a page with other registers" bound_vfs 1
new_uuid
mark
t "no mdev of it can be created" not create "$UUID" $DEV_TYPE
is "create fails with EINVAL" "$ERRNO" EINVAL
logged_once "the log says why" "the migration control at 0x3800 of BAR 0 .* can't be hidden: it shares a page"
t "no mdev is left" is_gone "$MDEVS/$UUID"
t "its VFs can go" set_vfs 0

# ---- an IOMMU group with others in it ----------------------------------------------------------

use_pf "$SHARED"
must "a VF is in the PF's IOMMU group" bound_vfs 1
vf_bdf 0
new_uuid
refused "no guest could open an mdev of it" "$PFDIR/mdev_supported_types/$DEV_TYPE/create" "$UUID" EPERM \
	"$BDF: mdev $UUID refused: the VF shares its IOMMU group with $PF, which has a driver"
is "so it is not available" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/available_instances")" 0
t "no mdev is left" is_gone "$MDEVS/$UUID"
t "its VF can go" set_vfs 0
whole=$PFDIR/mdev_supported_types/$DEV_TYPE_PF
neighbour=$(cd "$PFDIR/iommu_group/devices" && grep -Lx 0x060400 ./*/class | cut -d/ -f2 | grep -vx "$PF")
like "it has a neighbour in its IOMMU group" "$neighbour" '^0000:..:00\.0$'
new_uuid
refused "so an mdev can't have the PF" "$whole/create" "$UUID" EPERM \
	"mdev $UUID refused: the device shares its IOMMU group with $neighbour; bind both to vfio-pci"
t "no mdev is left" is_gone "$MDEVS/$UUID"
bound_driver "$PF"
is "its driver is bound" "$DRIVER" $DEV_DRIVER
t "the neighbour is removed" write_to "/sys/bus/pci/devices/$neighbour/remove" 1
t "bridges without isolation are left" [ "$(ls "$PFDIR/iommu_group/devices" | wc -l)" = 3 ]
new_uuid
must "an mdev of the PF is created: nobody can use those" create "$UUID" $DEV_TYPE_PF
mig "registers outside the hidden range can be read" "$UUID" reg:0=0x56454452
t "the mdev is removed" remove "$UUID"
t "the neighbour comes back" write_to /sys/bus/pci/rescan 1

# ---- a guest --------------------------------------------------------------------------------

guest_uses() # UUID
{
	must "a guest boots" guest_boot g "$1" || return
	t "its copies go on" guest_goes_on g 200 60
	is "each byte was right" "$ERRORS" 0
	guest_quit g
}
guest_uses "$c"
pf_of "$c"
mdev_fw "$c" illegal_dma
is "no DMA at the wrong time in it" "$VALUE" 0

t "all mdevs are removed" remove_all
for pf in "$PLAIN" "$BAR" "$PART"; do
	use_pf "$pf"
	t "all VFs are removed" set_vfs 0
done
