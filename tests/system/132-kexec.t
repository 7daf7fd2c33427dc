# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: kexec
# timeout: 150
#
# The host boots its kernel anew by kexec, which resets no hardware, while an mdev is in use. This file runs twice: the
# second time in the new kernel, which prints the first one's results.

NEXT=$PAYLOAD/kexec
if [ ! -e "$NEXT/kexec" ]; then
	skip "kexec" "kexec's source can't be had"
	return 0
fi
next_is_loaded()
{
	within 60 "$NEXT/kexec" -l "$NEXT/vmlinux" --args-linux --initrd="$NEXT/initrd" --command-line="$(cat /proc/cmdline)" ||
		fail "kexec -l" || return 1
	read -r k_loaded </sys/kernel/kexec_loaded && [ "$k_loaded" = 1 ]
}
no_faults() { ! dmesg | grep 'DMAR: \['; }

must "a directory outlives the kernel" mount /share
read -r boot </proc/sys/kernel/random/boot_id
if [ ! -e /share/kexec.boot ]; then
	must "the modules load" load_all
	vfs_and_mdevs 2 a b
	mig "a function has a state of its own" "$a" dma:20 set:STOP_COPY "read:$WORK/state" set:RUNNING
	must "the next kernel is loaded" next_is_loaded
	mig_bg "$a" dma:1000 "touch:$WORK/open" "await:$WORK/never"
	must "a user has the mdev open" wait_for 20 is_there "$WORK/open"
	pass "the next kernel begins"
	echo "$boot" >/share/kexec.boot
	cp /tmp/test.out /share/kexec.out
	sync
	umount /share
	"$NEXT/kexec" -e
	sleep 60
	return 0
fi

cat /share/kexec.out
read -r before </share/kexec.boot
umount /share
t "the kernel has booted again" not test "$boot" = "$before"
t "the modules load" load_all
t "no device was stopped by the IOMMU" no_faults
is "the device has no VFs" "$(cat "$PFDIR/sriov_numvfs")" 0
vfs_and_mdevs 2 c d
for uuid in "$c" "$d"; do
	mig "the function knows nothing of before" "$uuid" copies=0 state=RUNNING dma:20
done
mig "its state is saved" "$c" dma:20 set:STOP_COPY "read:$WORK/state" "digest:$WORK/digest" set:RUNNING
mig "the other function takes it" "$d" set:RESUMING "write:$WORK/state" set:RUNNING "digest-is:$WORK/digest" dma:5
t "no device was stopped by the IOMMU since" no_faults
no_mdevs_no_vfs
