#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: mlx5.sh [--stack NAME] [--log FILE]
#
# Runs all of tests/system/237-mlx5-beside.t, and makes docs/mlx5-side-by-side.rst of what it has measured:
# upstream's mlx5-vfio-pci and our module on the same VFs, in one boot. --log: of what was run before, by
# host-run.sh. What a report of dirty pages costs is measured on debian12, unless it was before: Debian's later
# kernels have no log of them.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
# shellcheck source=beside.sh
. "$(dirname "$0")/beside.sh"

beside_options debian13 "$@"
report=$CACHE/log/bench-mlx5-report.log
mkdir -p "${report%/*}"
[ -s "$report" ] || "$REPO_DIR/tests/system/host-run.sh" --stack debian12 237 | tee "$report"
report=$(sed -n 's/^# row: report of dirty pages, 64 pages, ms | //p' "$report")
beside_run mlx5 --all 237
# shellcheck disable=SC2154 # beside_options has set it
kernel=$(. "$VM_DIR/stacks/$stack"; echo "$KERNEL")
upstream=("$CACHE/vfio-source-$kernel"/*/vfio/pci/mlx5)
ours=$REPO_DIR/drivers/vfio/mdev-pci/mlx5
{
	beside_title "ConnectX: our module and upstream's driver, side by side"
	cat <<-'END'
		Made by ``tests/bench/mlx5.sh``; do not edit. Upstream's ``mlx5-vfio-pci``, built from the kernel's own source, and
		``mdev-pci-mlx5`` on the same VFs of the ConnectX model, in one boot, by turns: medians, with least and most in parentheses. The
		machine is emulated in software: compare within a row only. "-": not on this kernel. Of faults the cell has what the user was told,
		or the state in which the device was left; each was followed by a reset and a migration that had to work.

	END
	beside_table mdev-pci-mlx5 "upstream's mlx5-vfio-pci"
	beside_row "report of dirty pages, 64 pages, ms, kernel 6.1" "${report% | *}" "${report#* | }"
	beside_row "lines of code" \
		"$(lines "$ours"/{main,migrate,track}.c "$ours/mlx5.h"), of which $(lines "$ours/track.c") are the page tracker" \
		"$(lines "${upstream[0]}"/*.[ch])"
	beside_kernel
} >"$REPO_DIR/docs/mlx5-side-by-side.rst"
