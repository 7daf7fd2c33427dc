# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2046,SC2086,SC2154
# Read by init instead of its own tests, when the machine is booted with power.test=guest. QEMU 7.2, whose
# pseries machine is the one program that there is for these regions, has both functions for a guest. The
# guest is never started: what it would find is looked at by the monitor and in its device tree.

export LD_LIBRARY_PATH=/q/lib
# What TCG can't do, which is told in warnings else
CAPS=cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off

# qemu PROPERTIES COMMAND...: what the monitor answers, without the echo of what was typed -> /tmp/out.
# PROPERTIES: of the machine, each behind a comma
qemu()
{
	q_machine=$1
	shift
	{
		for q_line; do echo "$q_line"; done
		echo quit
	} | LD_PRELOAD=/q/keep.so timeout 120 /q/qemu-system-ppc64 -L /q/share -nodefaults \
		-machine pseries,$CAPS$q_machine -accel tcg -m 256M -display none -S -monitor stdio \
		-device vfio-pci,sysfsdev=$PCI/$GPU,x-pci-vendor-id=0x10de,id=gpu \
		-device vfio-pci,sysfsdev=$PCI/$LINK,x-pci-vendor-id=0x1014,id=link >/tmp/raw 2>&1
	q_rc=$?
	tr -d '\r\000' </tmp/raw >/tmp/out
	return $q_rc
}

has() # DESCRIPTION REGEX
{
	grep -qE "$2" /tmp/out
	result $? "$1" "no /$2/ in: $(head -n 40 /tmp/out)"
}

# What there is for a guest
look()
{
	result $q_rc "QEMU takes both" "$(head -n 20 /tmp/raw)"
	has "the RAM is in the guest's memory" "^ +0000400000000000-0000400000ffffff .* nvlink2-mr$"
	has "with what is in it" "^0000400000fffff8: 0x88 0x77 0x66 0x55 0x44 0x33 0x22 0x11$"
	has "the registers are there, too" \
		"^ +0000800000000000-$(printf '%016x' $((atsd_at + PAGE - 1))) .* nvlink2-atsd-mr$"
	has "with what is in them" "^0000800000000008: 0xf0 0xde 0xbc 0x9a 0x78 0x56 0x34 0x12$"
	has "the target address" "^$((TGT))$"
	has "the link's speed" "^9$"
	qemu ,dumpdtb=/tmp/dtb
	strings /tmp/dtb >/tmp/out
	for word in memory@400000000000 ibm,coherent-device-memory ibm,power9-npu ibm,npu ibm,gpu \
		ibm,nvlink ibm,nvlink-speed ibm,device-tgt-addr; do
		has "the guest's device tree has $word" "^$word$"
	done
}

ram_at=0x400000000000 atsd_at=0x800000000000
nv "something is in the RAM" $GPU $G reg:$(hex SIZE-8):8:0x1122334455667788
nv "something is in the registers" $LINK $L reg:8:8:0x123456789abcdef0
qemu '' "info mtree" "qom-get /machine/peripheral/gpu nvlink2-tgt" \
	"qom-get /machine/peripheral/link nvlink2-link-speed" "xp /8xb $(hex ram_at+SIZE-8)" \
	"xp /8xb $(hex atsd_at+8)"
if [ "$COUNT" = y ]; then
	# It has all of a guest's memory mapped for DMA, or does without the guest
	[ $q_rc != 0 ]
	result $? "QEMU gives up where the RAM can't be mapped for DMA"
	has "and says so" "vfio: Memory registering failed"
	logged_ever "the log says why, once" 1 "the RAM of GPUs can't be mapped for DMA"
else
	look
fi
echo 0 >$LINKS_UP
qemu '' "info mtree"
result $? "without links that are up QEMU takes them for plain devices" "$(head -n 20 /tmp/raw)"
grep -q nvlink2-mr /tmp/out
[ $? = 1 ]
result $? "and the guest has no RAM of a GPU"
echo 1 >$LINKS_UP
nv "all is as before" $GPU $G map:0:$SIZE put:0:64:1 read:0:64:1
