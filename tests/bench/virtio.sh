#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: virtio.sh [--stack NAME]
#
# Runs tests/system/460-virtio-side-by-side.t, 465-virtio-cost.t and 470-virtio-conform.t, and makes
# docs/virtio-side-by-side.rst of what they have measured: upstream's virtio_vfio_pci and our module on one
# device, in one boot.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
# shellcheck source=beside.sh
. "$(dirname "$0")/beside.sh"

beside_options trixie-backports "$@"
beside_run virtio 460 465 470
ours=$REPO_DIR/drivers/vfio/mdev-pci/virtio
{
	beside_title "virtio: our module and upstream's driver, side by side"
	cat <<-'END'
		Made by ``tests/bench/virtio.sh``; do not edit. One VF each of the SNAP model with 1.5 MiB of state, one boot, by turns:
		medians, with least and most in parentheses, of seven rounds of ten. The machine is emulated in software: compare within a row
		only.

	END
	beside_table mdev-pci-virtio "upstream's virtio_vfio_pci"
	beside_row "lines of code" \
		"$(lines "$ours"/{main,migrate}.c "$ours/virtio.h"), and $(lines "$ours"/parts.[ch]) that check parts" \
		"$(cat "$CACHE"/upstream-virtio-*/*/lines | head -n 1), with legacy I/O"
	beside_kernel
} >"$REPO_DIR/docs/virtio-side-by-side.rst"
