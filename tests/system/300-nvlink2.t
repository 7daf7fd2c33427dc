# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# boot: nvlink2
# timeout: 240
#
# GPUs and bridges with memory behind NVLink2 as mdevs, each as a whole: the regions, when they may
# be accessed, and each description that is refused.

W=$WORK
DRIVER_DIR=/sys/bus/pci/drivers/nvlink2

# set_at ID WORDS...: of the device model, see tests/qemu/nvlink2.c
set_at()
{
	s_id=$1
	shift
	for s_word; do
		bash -c '. /payload/tests/vm/lib/l0.sh; l0_qmp "$@"' l0 qom-set \
			"{\"path\":\"/machine/peripheral/$s_id\",\"property\":\"set\",\"value\":\"$s_word\"}" >/dev/null ||
			return 1
	done
}

find_device() # VENDOR:DEVICE BUS N -> $BDF: the Nth one, on the root bus or not
{
	f_n=0
	for f_dir in /sys/bus/pci/devices/*; do
		read -r f_vendor <"$f_dir/vendor" && read -r f_device <"$f_dir/device" || continue
		[ "$f_vendor:$f_device" = "$1" ] || continue
		case ${f_dir##*/} in 0000:00:*) [ "$2" = root ] || continue ;; *) [ "$2" = port ] || continue ;; esac
		f_n=$((f_n + 1))
		BDF=${f_dir##*/}
		[ $f_n != "$3" ] || return 0
	done
	fail "no device $1"
}

take() # BDF: the driver gets it
{
	write_to "/sys/bus/pci/devices/$1/driver_override" nvlink2 &&
		write_to /sys/bus/pci/drivers_probe "$1" && bound_driver "$1" || return 1
	[ "$DRIVER" = nvlink2 ] || fail "its driver is '$DRIVER'"
}

type_of() { TYPEDIR=/sys/bus/pci/devices/$1/mdev_supported_types/nvlink2-$2; }

make() # VARIABLE BDF TYPE: an mdev
{
	new_uuid
	eval "$1=\$UUID"
	type_of "$2" "$3"
	t "an mdev of $3 is created" write_to "$TYPEDIR/create" "$UUID"
}

nv() # DESCRIPTION UUID COMMANDS...
{
	n_desc=$1 n_dir=$MDEVS/$2
	shift 2
	if n_out=$(within 60 vfio-nvlink2 $CDEV "$n_dir" "$@" 2>&1); then
		pass "$n_desc"
		return 0
	fi
	flunk "$n_desc" "$n_out"
	return 1
}

nv_bg() # UUID COMMANDS...: in the background; nv_end asserts it
{
	n_dir=$MDEVS/$1
	shift
	timeout -k 5 $((90 * ${PATIENCE:-1})) vfio-nvlink2 $CDEV "$n_dir" "$@" >"$W/nv.out" 2>&1 &
	NV=$!
}

nv_end()
{
	if wait $NV; then
		pass "$1"
	else
		flunk "$1" "$(cat "$W/nv.out")"
	fi
}

# malformed ID UUID ERRNO REGEX WORDS...: such a DVSEC fails the open, and the log says why
malformed()
{
	m_id=$1 m_uuid=$2 m_errno=$3 m_regex=$4
	shift 4
	t "a DVSEC with $*" set_at "$m_id" "$@"
	mark
	nv "is refused: $m_errno" "$m_uuid" "open=$m_errno"
	logged_once "the log says why" "NVLink2 refused, as described by a DVSEC: $m_regex.*-$m_errno"
	set_at "$m_id" restore || flunk "the DVSEC is restored" "$REASON"
}

# ---- parents ---------------------------------------------------------------------------

must "the vendor module loads" load mdev-pci-nvlink2
must "the GPU is there" find_device 0x10de:0xf0d2 port 1; GPU=$BDF
must "there is a bridge" find_device 0x1014:0xf0d3 port 1; LINK=$BDF
must "a bridge without ATSD is there" find_device 0x1014:0xf0d3 port 2; BARE=$BDF
must "a GPU on the root bus is there" find_device 0x10de:0xf0d2 root 1; ACPI=$BDF
bound_driver "$GPU"
is "no one is bound without being asked" "$DRIVER" ""
for bdf in $GPU $LINK $BARE $ACPI; do
	must "$bdf is bound" take "$bdf"
done
type_of "$GPU" gpu
is "a GPU can be had once" "$(cat "$TYPEDIR/available_instances")" 1
description=$(cat "$TYPEDIR/description")
like "description has the size of the RAM" "$description" '^nvlink2: GPU with 64 MiB of RAM$'
like "its bridges are its peers" "$description" "^peers: $LINK $BARE\$"
like "description says that it does not migrate" "$description" "^migratable: no, a GPU's state can't be saved\$"
type_of "$LINK" link
like "the bridge has the GPU" "$(cat "$TYPEDIR/description")" "^peers: $GPU $BARE\$"
type_of "$BARE" link
like "the other has no ATSD" "$(cat "$TYPEDIR/description")" '^nvlink2: bridge without ATSD registers, link speed 8$'
type_of "$ACPI" gpu
like "the GPU without a target address has no peers" "$(cat "$TYPEDIR/description")" '^peers:$'

make gpu "$GPU" gpu
make link "$LINK" link
make bare "$BARE" link
make acpi "$ACPI" gpu
type_of "$GPU" gpu
is "available_instances is 0 while an mdev has the GPU" "$(cat "$TYPEDIR/available_instances")" 0
new_uuid
refused "a second one" "$TYPEDIR/create" "$UUID" EUSERS "mdev $UUID refused: the whole device is in use"
is "the mdev's function is the GPU" "$(cat "$MDEVS/$gpu/function")" "$GPU"

# ---- regions ---------------------------------------------------------------------------

G="region:0x800010de:1" L="region:0x80001014:1" ALL=0x4000000
nv "the GPU's region has its size, flags and address" "$gpu" $G "is:size=0x4000000 flags=rwm tgt=0x77770000"
nv "the bridge's region has its size, flags, address and speed" "$link" $L "is:size=0x1000 flags=rwm tgt=0x77770000 speed=9"
nv "the region of a bridge without ATSD registers is empty" "$bare" $L "is:size=0x0 flags= tgt=0x77770000 speed=8"
nv "of the GPU that the firmware describes" "$acpi" $G "is:size=0x1000000 flags=rwm"
nv "a GPU has no region of ATSD registers" "$gpu" $L is:none

nv "what is written is mapped" "$gpu" $G write:0:0x30005:1 map:0:$ALL get:0:0x30005:1
nv "what is put into the mapping is read" "$gpu" $G map:0:$ALL put:0x1ffff3:0x20100:2 \
	read:0x1ffff3:0x20100:2 unmap read:0x1ffff3:0x20100:2
nv "the last page of the region can be mapped and read" "$gpu" $G map:0x3fff000:0x1000 put:0x3fff000:0x1000:3 read:0x3fff000:0x1000:3
nv "not aligned as huge pages are" "$gpu" $G map:0x1000:0x5ff000 put:0x1000:0x5ff000:4 \
	read:0x1000:0x5ff000:4
nv "by the firmware's properties" "$acpi" $G map:0:0x1000000 put:0xfffff0:0x10:5 read:0xfffff0:0x10:5
nv "no read reaches beyond the region" "$gpu" $G short:0x3fffff0:0x100:0x10 rw=EINVAL:$ALL:1 rw=EINVAL:0xfffffffff8:8
nv "no mapping reaches beyond the region" "$gpu" $G map=EINVAL:0:0x4001000 map=EINVAL:$ALL:0x1000 \
	map=EINVAL:0x3fff000:0x2000 map=EINVAL:0xfffffff000:0x1000
nv "nothing of the empty region" "$bare" $L map=EINVAL:0:0x1000 rw=EINVAL:0:4
nv "a child has it, too" "$gpu" $G map:0:0x10000 put:0:0x10000:6 fork get:0:0x10000:6
most=16500
[ "$(printf '6.12\n%s\n' "$(uname -r)" | sort -V | head -n 1)" != 6.12 ] || most=64
nv "all pages are touched in at most $most faults" "$gpu" $G map:0:$ALL touch:0:$ALL:$most
nv "DMA to the GPU's RAM and from it" "$gpu" $G map:0:$ALL dma:0x200000:0x10000
nv "the RAM was not touched while it does not answer" "$gpu" bar:0x20=0

nv "ATSD registers, by write()" "$link" $L reg:8:8:0x123456789abcdef0 reg:0:8:0xabc bar:0x40=1 \
	bar:0x48=0xabc bar:0x50=8 bar:0x58=0x123456789abcdef0 reg:0:4:0x5a bar:0x40=2 bar:0x50=4
nv "ATSD registers are written by a mapping" "$link" $L map:0:0x1000 put64:8:0x1000 put64:0:0x77 bar:0x40=3 bar:0x48=0x77 \
	bar:0x58=0x1000
nv "parts of ATSD registers can't be accessed" "$link" $L rw=EINVAL:0:2 rw=EINVAL:4:8 rw=EINVAL:0:16 rw=EINVAL:0x1000:4 \
	map=EINVAL:0x1000:0x1000 map=EINVAL:0:0x2000 bar:0x40=3

# ---- resets ----------------------------------------------------------------------------

nv "a reset takes the mapping away" "$gpu" $G map:0:$ALL put:0:64:7 fault:0=0 reset fault:0=1 \
	put:0:64:8 read:0:64:8
t "the RAM will answer later" set_at gpu delay=300
nv "an access to the RAM waits" "$gpu" $G map:0:$ALL put:0:64:7 reset put:0x200000:64:8 read:0x200000:64:8 \
	reset write:0:64:9 get:0:64:9 bar:0x20=0
t "the RAM will not answer" set_at gpu delay=never
mark
rm -f "$W/refused" "$W/go"
nv_bg "$gpu" $G map:0:$ALL sigbus:0 sigbus:0x200000 rw=EIO:0:8 bar:0x20=0 "mark:$W/refused" \
	"await:$W/go" put:0:64:9 read:0:64:9
t "accesses are refused" wait_for 40 is_there "$W/refused"
logged_once "the log says so, once" "RAM does not answer 1000 ms after a reset"
t "the RAM answers again" set_at gpu delay=0
: >"$W/go"
nv_end "accesses succeed once the RAM answers"
rm -f "$W/open" "$W/go"
nv_bg "$gpu" $G map:0:$ALL put:0:64:7 "mark:$W/open" "await:$W/go" fault:0=1 put:0:64:8 read:0:64:8
t "a user opens the device" wait_for 20 is_there "$W/open"
t "the function is reset under it" write_to "/sys/bus/pci/devices/$GPU/reset" 1
: >"$W/go"
nv_end "its mapping was taken away"
nv "the same for ATSD registers" "$link" $L map:0:0x1000 put64:8:1 fault:0=0 reset fault:0=1 \
	put64:8:2 bar:0x58=2
nv "low power takes it away, too" "$gpu" $G map:0:$ALL put:0:64:7 sleep sigbus:0 rw=EIO:0:8 \
	wake put:0:64:8 read:0:64:8

# ---- errors in the RAM -----------------------------------------------------------------

# The kernel has no struct page of this RAM: it knows its users only if the engine has registered them
# whose it is; up to 6.12 not even then. Only hard_offline_page gets so far: madvise() and
# hwpoison-inject want a page.
OFFLINE=/sys/devices/system/memory/hard_offline_page
BAD=0x6000200000
early() # DESCRIPTION MAP WORD: told of an error while it does something else
{
	rm -f "$W/open" "$W/go"
	nv_bg "$gpu" $G "$2" early "mark:$W/open" "await:$W/go" "$3"
	t "a user opens the device" wait_for 20 is_there "$W/open"
	t "a page of the RAM is taken offline" write_to $OFFLINE $BAD
	: >"$W/go"
	nv_end "$1"
}
nv "RAM that is tried" "$gpu" $G map:0:$ALL put:0x200000:64:7 get:0x200000:64:7
if [ ! -e $OFFLINE ]; then
	skip "errors in the RAM" "this kernel is built without CONFIG_MEMORY_FAILURE"
elif [ "$(uname -r | cut -d. -f1)" -lt 7 ]; then
	nv "the kernel can't tell whose an error in the RAM is" "$gpu" $G map:0:$ALL poison=ENXIO:$BAD untold
else
	errno_of $OFFLINE $BAD
	is "an error in RAM that nobody has is nobody's" "$ERRNO" EBUSY
	nv "a process that accesses the page with the error is told the address" "$gpu" $G map:0:$ALL put:0x200000:64:7 poison:$BAD told:0x200000
	nv "and before the page was touched" "$gpu" $G map:0:$ALL poison:$BAD told:0x200000
	nv "and so is one that maps only that page" "$gpu" $G map:0x200000:0x1000 poison:$BAD told:0x200000
	nv "and by an offset in a page" "$gpu" $G map:0x100000:0x200000 poison:0x6000200123 told:0x200000
	nv "and again" "$gpu" $G map:0:$ALL poison:$BAD told:0x200000 unmap map:0:$ALL poison:$BAD told:0x200000
	nv "a process whose mapping ends before the page is not told" "$gpu" $G map:0x100000:0x100000 poison:$BAD untold
	nv "a process whose mapping begins behind the page is not told" "$gpu" $G map:0x201000:0x100000 poison:$BAD untold
	nv "a process that maps none of the RAM is not told" "$gpu" $G bars poison:$BAD untold
	nv "BARs are not taken for it" "$gpu" $G bars map:0:$ALL poison:$BAD told:0x200000
	nv "not by another GPU" "$acpi" $G map:0:0x1000000 early poison=EBUSY:$BAD untold
	early "with PR_MCE_KILL_EARLY a process is told when another one accesses the page" map:0:$ALL told:0x200000
	early "not if it has other pages" map:0x201000:0x100000 untold
	errno_of $OFFLINE $BAD
	is "nobody's when it has been closed" "$ERRNO" EBUSY
fi

# ---- descriptions that are refused -----------------------------------------------------

malformed gpu "$gpu" EOPNOTSUPP "the DVSEC has an unknown revision" 0x04=0x040210de
malformed gpu "$gpu" EMSGSIZE "the DVSEC's length" 0x04=0x03c110de
malformed gpu "$gpu" EINVAL "the DVSEC has flags that are reserved" 0x08=0x10514e32
malformed gpu "$gpu" EINVAL "the DVSEC's cacheability is reserved" 0x08=0x005d4e32
malformed gpu "$gpu" EINVAL "it is described as neither GPU nor bridge" 0x08=0x00504e32
malformed gpu "$gpu" EFAULT "the DVSEC has no target address" 0x08=0x00414e32
malformed gpu "$gpu" ERANGE "its RAM needs more than a minute" 0x14=60001
malformed gpu "$gpu" EINVAL "its RAM has no size" 0x20=0
malformed gpu "$gpu" EINVAL "its RAM does not consist of whole pages" 0x20=0x4000800
malformed gpu "$gpu" E2BIG "its RAM is larger than a region" 0x24=0x101
malformed gpu "$gpu" EOVERFLOW "its RAM goes beyond the end" 0x18=0xff000000 0x1c=0xffffffff
malformed gpu "$gpu" EINVAL "a GPU cannot have ATSD registers" 0x08=0x00714e32
malformed gpu "$gpu" EBUSY "its RAM is the host's own memory" 0x18=0x01000000 0x1c=0
malformed link "$link" EFAULT "the DVSEC has no link speed" 0x38=0
malformed link "$link" EINVAL "its ATSD registers do not begin on a page" 0x30=0x800
malformed link "$link" EINVAL "a bridge cannot have RAM" 0x20=0x1000
rm -f "$W/open" "$W/go"
nv_bg "$acpi" $G map:0:0x1000 put:0:64:7 "mark:$W/open" "await:$W/go" get:0:64:7
t "a user has the other GPU" wait_for 20 is_there "$W/open"
malformed gpu "$gpu" EADDRINUSE "its RAM is in use by another driver or device" 0x18=0xa0000000 0x1c=0
: >"$W/go"
nv_end "that user's mapping works throughout"
RAM=/sys/module/mdev_pci_nvlink2/parameters/ram
t "the administrator describes other RAM" write_to $RAM "0000:77:00.0=x,$GPU=0x6000000000/0x800000/0x1234"
nv "and is believed before the DVSEC" "$gpu" $G "is:size=0x800000 flags=rwm tgt=0x1234" \
	map:0:0x800000 put:0:64:7 read:0:64:7
t "without a target address" write_to $RAM "$GPU=0x6000000000/0x400000"
nv "there is none" "$gpu" $G "is:size=0x400000 flags=rwm"
for text in 0x6000000000 0x6000000000/0x400000/1/2 0x6000000000/0x400000/1x hello ''; do
	write_to $RAM "$GPU=$text" || flunk "the parameter is written" "$REASON"
	mark
	nv "the administrator says '$text': EINVAL" "$gpu" open=EINVAL
	logged_once "the log says so" 'parameter "ram" is not BDF=base/bytes'
	logged_once "and that it is refused" "NVLink2 refused, as described by the vendor driver: its operation describe failed"
done
write_to $RAM "$GPU=0x6000000800/0x1000" || flunk "the parameter is written" "$REASON"
mark
nv "what the administrator says is checked" "$gpu" open=EINVAL
logged_once "the log says why" "described by the vendor driver: its RAM does not consist of whole pages"
t "parameter ram is cleared" write_to $RAM -
t "the DVSEC has another signature" set_at gpu 0x0c=0
nv "is a plain PCI device" "$gpu" $G is:none
t "the signature is restored" set_at gpu restore
nv "all is as before" "$gpu" $G "is:size=0x4000000 flags=rwm tgt=0x77770000" map:0:$ALL put:0:64:1 read:0:64:1

if can iommufd 2>/dev/null; then
	CDEV=-c
	nv "by the character device" "$gpu" $G map:0:$ALL put:0:64:1 read:0:64:1
	CDEV=
fi
REASON=

# ---- coming and going ------------------------------------------------------------------

rm -f "$W/open" "$W/go" "$W/gone"
nv_bg "$gpu" $G map:0:$ALL put:0:64:1 "mark:$W/open" "await:$W/go" get:0:64:1
t "a user opens the device" wait_for 20 is_there "$W/open"
(write_to "$DRIVER_DIR/unbind" "$GPU" && : >"$W/gone") &
t "the GPU is unbound under it: it is given a second" sleep 1
t "the writer waits for the user" is_gone "$W/gone"
: >"$W/go"
nv_end "it could use the device until then"
t "the GPU is gone after the user has closed it" wait_for 20 is_there "$W/gone"
wait
t "the mdev of the GPU is gone" is_gone "$MDEVS/$gpu"
t "the GPU is bound again" take "$GPU"
make gpu "$GPU" gpu
nv "and works" "$gpu" $G map:0:$ALL put:0:64:1 read:0:64:1

# Nobody waits for ever when both want to end it
both_end()
{
	for _ in 1 2 3 4 5 6; do
		(tool write "$MDEVS/$gpu/remove" 1 >/dev/null 2>&1) &
		write_to "$DRIVER_DIR/unbind" "$GPU"
		wait $!
		take "$GPU" || return 1
		new_uuid
		gpu=$UUID
		type_of "$GPU" gpu
		write_to "$TYPEDIR/create" "$gpu" || return 1
	done
}
t "removed and unbound at the same time" both_end
nv "the mapping still works" "$gpu" $G map:0:$ALL put:0:64:1 read:0:64:1
t "all mdevs are removed" remove_all
t "the vendor module is unloaded" unload mdev-pci-nvlink2
