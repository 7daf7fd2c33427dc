#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: mlx5.sh KERNEL
#
# Makes what the tests of ConnectX need in addition to a stack, for KERNEL (6.1, 6.12...): the stock
# drivers mlx5_core and mlx5_ib, rdma-core for a guest, and upstream's mlx5-vfio-pci
# (recipes/mlx5.sh). Prints their directories, one a line, each for boot.sh --add. The first run
# downloads some 280 MB.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/mlx5.sh"

case ${1:-} in
--help | -h) usage ;;
-* | '') usage 2 >&2 ;;
esac
need_root
build_check "$1"
rdma_root
mlx5_root "$1"
upstream_driver mlx5 "$1"
echo "$(mlx5_dir "$1")/mlx5"
echo "$(rdma_dir)/rdma"
upstream_dir mlx5 "$1"
