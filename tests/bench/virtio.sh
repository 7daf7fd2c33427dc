#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: virtio.sh [--stack NAME] [--log FILE]
#
# Runs the system tests that use upstream's virtio_vfio_pci and our module on one device (450, 458,
# 460, 465, 470, and 462 for each command in its own boot), and writes docs/virtio-side-by-side.rst.
# --log: use the log of an earlier host-run.sh.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
# shellcheck source=beside.sh
. "$(dirname "$0")/beside.sh"

beside_options trixie-backports "$@"
beside_run virtio 450 458 460 465 470
for cmd in mode-set obj-create parts-metadata-get parts-get parts-set; do
	SILENT=$cmd beside_also 462
done
ours=$REPO_DIR/drivers/vfio/mdev-pci/virtio
{
	beside_title "virtio: our module and upstream's driver, side by side"
	cat <<-'END'
		``tests/bench/virtio.sh`` makes this page; do not edit it. Each driver has one VF of the SNAP model with 1.5 MiB of state. Both
		run in one boot and take turns. The times are medians of seven rounds of ten, with the least and the most in parentheses. The
		machine is emulated in software: compare within a row only. Each command that is not answered has its own boot, since upstream's
		driver leaves a task in the kernel.

		For the downtimes the drivers do not take turns: all VFs have one volume, so only one guest runs at a time. The guest that runs
		first has the longer downtimes. In this table our module's guest ran first. When upstream's ran first, the downtimes were 3.3 to
		4.9 s with upstream's driver, then 2.4 to 2.9 s with our module.

	END
	beside_table mdev-pci-virtio "upstream's virtio_vfio_pci"
	beside_row "blocks verified after 2 migrations between two hosts" "$(beside_said "two hosts, ours")" \
		"$(beside_said "two hosts, upstream")"
	beside_row "lines of code" \
		"$(lines "$ours"/{main,migrate}.c "$ours/virtio.h"), and $(lines "$ours"/parts.[ch]) that check parts" \
		"$(cat "$CACHE"/upstream-virtio-*/*/lines | head -n 1), with legacy I/O"
	cat <<-'END'

		What each driver does better
		============================

		``mdev-pci-virtio`` refuses hostile parts before the device gets them. When the PF does not answer, the user gets an error,
		and unbinding the PF ends the command; with upstream's driver the task stays in state D. ``mdev-pci-virtio`` notices that a VF
		has lost its state, and its native streams have an identity and a checksum.

		``virtio_vfio_pci`` has pre-copy, and the I/O BAR of transitional devices. Its saves and loads are faster by the time of the
		checksum, see below.

		Step by step
		============

		The times are medians of 15 saves and 15 loads of each driver, in turns, in one boot. The calls of functions and their times are
		from one run with ftrace's ``function_graph``. "Without a checksum" is our module with upstream's streams.

		The checksum (CRC-32C) makes the difference: QEMU without KVM computes the instruction ``crc32`` bit by bit. A program
		that checks 1.5 MiB took 0.16 ms on the CPU of such a machine and 30 ms in ``qemu-x86_64``.

	END
	beside_table mdev-pci-virtio "upstream's virtio_vfio_pci" cost
	beside_kernel
} >"$REPO_DIR/docs/virtio-side-by-side.rst"
