#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: virtio.sh [--stack NAME]
#
# Runs tests/system/460-virtio-side-by-side.t and 470-virtio-conform.t, and makes docs/virtio-side-by-side.rst of what it
# has measured: upstream's virtio_vfio_pci and our module on one device, in one boot.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"

stack=trixie-backports
case ${1:-} in
--stack) stack=$2 ;;
--help | -h) usage ;;
'') ;;
*) usage 2 >&2 ;;
esac
log=$CACHE/log/bench-virtio.log
mkdir -p "${log%/*}"
"$REPO_DIR/tests/system/host-run.sh" --stack "$stack" 460 470 | tee "$log"
{
	cat <<-'END'
		.. SPDX-License-Identifier: GPL-2.0-only

		=======================================================
		virtio: our module and upstream's driver, side by side
		=======================================================

		Made by ``tests/bench/virtio.sh``; do not edit. One VF each of the SNAP model with 1.5 MiB of state, one boot, by turns:
		medians, with least and most in parentheses, of seven rounds of ten. The machine is emulated in software: compare within a row
		only.

		.. list-table::
		   :header-rows: 1
		   :widths: 26 37 37

		   * -
		     - mdev-pci-virtio
		     - upstream's virtio_vfio_pci
	END
	sed -n 's/^# row: //p' "$log" | awk -F ' [|] ' '{ printf "   * - %s\n     - %s\n     - %s\n", $1, $2, $3 }'
	ours=$(cat "$REPO_DIR"/drivers/vfio/mdev-pci/virtio/{main,migrate,none}.c "$REPO_DIR"/drivers/vfio/mdev-pci/virtio/virtio.h | wc -l)
	check=$(cat "$REPO_DIR"/drivers/vfio/mdev-pci/virtio/parts.[ch] | wc -l)
	printf '   * - lines of code\n     - %s, and %s that check parts\n     - %s, with legacy I/O\n' \
		"$ours" "$check" "$(cat "$CACHE"/upstream-virtio-*/*/lines | head -n 1)"
	printf '\nKernel %s.\n' "$(sed -n 's/^# bed: L1 \(.*\) is up.*/\1/p' "$log" | head -n 1)"
} >"$REPO_DIR/docs/virtio-side-by-side.rst"
