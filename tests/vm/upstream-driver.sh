#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: upstream-driver.sh DRIVER KERNEL
#
# Builds an upstream variant driver for KERNEL from Debian's linux-source of that kernel, unchanged
# and out of tree, once. DRIVER is virtio, mlx5 or qat, the name of its directory in drivers/vfio/pci,
# or mtty, the sample in samples/vfio-mdev. Prints the directory with the module, which is for boot.sh
# --add.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/upstream.sh"

case ${1:-} in
--help | -h) usage ;;
esac
if [ $# != 2 ] || [ -z "${UPSTREAM_MODULE[$1]}" ]; then
	usage 2 >&2
fi
build_check "$2"
need_root
upstream_driver "$1" "$2"
upstream_dir "$1" "$2"
