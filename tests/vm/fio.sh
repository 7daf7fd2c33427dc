#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: fio.sh
#
# Fetches and builds fio for guests, once. Prints its directory, which is for boot.sh --add.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/fio.sh"

[ $# = 0 ] || usage "$([ "$1" = --help ] || echo 2)"
need_root
fio_root
printf '%s\n' "$(fio_dir)/fio"
