#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: driverctl.sh
#
# Fetches Debian's driverctl, once. Prints its directory, which is for boot.sh --add.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/driverctl.sh"

[ $# = 0 ] || usage "$([ "$1" = --help ] || echo 2)"
need_root
driverctl_root
printf '%s\n' "$(driverctl_dir)/driverctl"
