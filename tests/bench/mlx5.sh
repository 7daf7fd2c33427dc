#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: mlx5.sh [--stack NAME] [--log FILE]
#
# Runs tests/system/237-mlx5-beside.t, which measures upstream's mlx5-vfio-pci and our module on the
# same VFs in one boot, and writes docs/mlx5-side-by-side.rst. --log: use the log of an earlier
# host-run.sh. The time of a dirty page report is measured on debian12, unless the log has it:
# Debian's later kernels have no dirty page logging.
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
		``tests/bench/mlx5.sh`` makes this page; do not edit it. Upstream's ``mlx5-vfio-pci``, built from the kernel's own source, and
		``mdev-pci-mlx5`` take turns on the same VFs of the ConnectX model, in one boot. The times are medians, with the least and the
		most in parentheses. The machine is emulated in software: compare within a row only. "-" means that this kernel does not have the
		feature. The rows of faults have the error that the user got, or the state of the device; after each fault a reset and a
		migration had to succeed.

	END
	beside_table mdev-pci-mlx5 "upstream's mlx5-vfio-pci"
	beside_row "report of dirty pages, 64 pages, ms, kernel 6.1" "${report% | *}" "${report#* | }"
	beside_row "lines of code" \
		"$(lines "$ours"/{main,migrate,track}.c "$ours/mlx5.h"), of which $(lines "$ours/track.c") are the page tracker" \
		"$(lines "${upstream[0]}"/*.[ch])"
	beside_kernel
} >"$REPO_DIR/docs/mlx5-side-by-side.rst"
