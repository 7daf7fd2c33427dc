#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: virtio.sh [--stack NAME] [--log FILE]
#
# Runs the tests of tests/system that have upstream's virtio_vfio_pci and our module on one device (450, 458,
# 460, 465, 470, and 462 for each command in a boot of its own), and makes docs/virtio-side-by-side.rst of what
# they have measured. --log: of what was run before, by host-run.sh.
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
		Made by ``tests/bench/virtio.sh``; do not edit. One VF each of the SNAP model with 1.5 MiB of state, one boot, by turns:
		medians, with least and most in parentheses, of seven rounds of ten. A command that is not answered has a boot of its own,
		since upstream's driver leaves a task in the kernel. The machine is emulated in software: compare within a row only.
		Downtimes are not by turns: all VFs have one volume, so one guest runs at a time, that of our module first. The first guest
		has the longer ones: with upstream's first, they were 3.3 to 4.9 s with its driver, then 2.4 to 2.9 s with ours.

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

		``mdev-pci-virtio`` keeps hostile parts from the device. When the PF does not answer, the user gets an error and
		unbinding the PF helps; with upstream's driver the task stays in state D. It notices that a VF has lost its state, and
		its own streams have an identity and a checksum. ``virtio_vfio_pci`` has pre-copy, and the I/O BAR of transitional
		devices. Its saves and loads are faster here by the time of the checksum, see below.

		Step by step
		============

		Medians of 15 saves and 15 loads each, by turns in the same boot; calls of functions and their time are of one
		run with ftrace's ``function_graph``. "Without a checksum" is our module with upstream's streams.

		The checksum (CRC-32C) is the difference: QEMU without KVM computes the instruction ``crc32`` bit by bit. A program
		that checks 1.5 MiB with it took 0.16 ms on the CPU of such a machine and 30 ms in ``qemu-x86_64``.

	END
	beside_table mdev-pci-virtio "upstream's virtio_vfio_pci" cost
	beside_kernel
} >"$REPO_DIR/docs/virtio-side-by-side.rst"
