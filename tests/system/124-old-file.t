# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# A migration file that its user keeps when the device is closed, and the mdev and the VF are gone: it
# answers ENODEV, and the engine does not access the freed device.

for s in STOP_COPY RESUMING PRE_COPY; do
	[ $s != PRE_COPY ] || able precopy "the commands of pre-copy" || continue
	vfs_and_mdevs 1 u
	gone="sh:echo 1 >$MDEVS/$u/remove && echo 0 >$PFDIR/sriov_numvfs"
	if [ $s = RESUMING ]; then
		mig "$s: a file without its VF is no way to anything" "$u" dma:3 set:$s drop "$gone" \
			write1=ENODEV
	else
		mig "$s: a file without its VF has nothing to read" "$u" dma:3 set:$s \
			"read:$WORK/x:100" drop "$gone" read1=ENODEV info=ENODEV
	fi
	no_mdevs_no_vfs
done
