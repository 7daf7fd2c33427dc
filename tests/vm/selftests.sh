#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: selftests.sh
#
# Fetches and builds upstream's tools/testing/selftests/vfio, once. Prints the directory of the
# programs, which is for boot.sh --add.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/selftests.sh"

[ $# = 0 ] || usage "$([ "$1" = --help ] || echo 2)"
need_root
selftests_root
printf '%s\n' "$(selftests_dir)/selftests"
