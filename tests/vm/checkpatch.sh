#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: checkpatch.sh [ARGUMENTS OF checkpatch.pl]
#
# Runs the kernel's checkpatch.pl, which it fetches once, such as
#   checkpatch.sh --no-tree --strict --terse -f drivers/vfio/pci/engine.c
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/checkpatch.sh"

case ${1:-} in
'' | --wrapper-help) usage ;;
esac
checkpatch_root
exec perl "$(checkpatch_dir)/scripts/checkpatch.pl" "$@"
