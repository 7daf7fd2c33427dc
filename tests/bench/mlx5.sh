#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: mlx5.sh [--stack NAME]
#
# Runs all of tests/system/237-mlx5-beside.t, and makes docs/mlx5-side-by-side.rst of what it has measured:
# upstream's mlx5-vfio-pci and our module on the same VFs, in one boot.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"

stack=debian13
case ${1:-} in
--stack) stack=$2 ;;
--help | -h) usage ;;
'') ;;
*) usage 2 >&2 ;;
esac
log=$CACHE/log/bench-mlx5.log
mkdir -p "${log%/*}"
"$REPO_DIR/tests/system/host-run.sh" --stack "$stack" --all 237 | tee "$log"
lines() { cat "$@" | wc -l; }
kernel=$(. "$VM_DIR/stacks/$stack"; echo "$KERNEL")
upstream=("$CACHE/vfio-source-$kernel"/*/vfio/pci/mlx5)
ours=$REPO_DIR/drivers/vfio/mdev-pci/mlx5
{
	cat <<-'END'
		.. SPDX-License-Identifier: GPL-2.0-only

		=========================================================
		ConnectX: our module and upstream's driver, side by side
		=========================================================

		Made by ``tests/bench/mlx5.sh``; do not edit. Upstream's ``mlx5-vfio-pci``, built from the kernel's own source, and
		``mdev-pci-mlx5`` on the same VFs of the ConnectX model, in one boot, by turns: medians, with least and most in parentheses. The
		machine is emulated in software: compare within a row only. "-": not on this kernel. Of faults the cell has what the user was told,
		or the state in which the device was left; each was followed by a reset and a migration that had to work.

		.. list-table::
		   :header-rows: 1
		   :widths: 28 36 36

		   * -
		     - mdev-pci-mlx5
		     - upstream's mlx5-vfio-pci
	END
	sed -n 's/^# row: //p' "$log" | awk -F ' [|] ' '{ printf "   * - %s\n     - %s\n     - %s\n", $1, $2, $3 }'
	printf '   * - lines of code\n     - %s, of which %s are the page tracker\n     - %s\n' \
		"$(lines "$ours"/{main,migrate,track}.c "$ours/mlx5.h")" "$(lines "$ours/track.c")" \
		"$(lines "${upstream[0]}"/*.[ch])"
	printf '\nKernel %s.\n' "$(sed -n 's/^# bed: L1 \(.*\) is up.*/\1/p' "$log" | head -n 1)"
} >"$REPO_DIR/docs/mlx5-side-by-side.rst"
