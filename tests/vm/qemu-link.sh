#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: qemu-link.sh
#
# Links L0's QEMU with the device models in tests/qemu/*.c and prints the path of the resulting
# qemu-system-x86_64. A compiler warning fails the link. If the base build is missing, it is made
# first (about 5 minutes). --share prints the directory of the firmware files that QEMU needs.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/qemu.sh"

case ${1:-} in
--help | -h) usage ;;
--share) qemu_base; echo "$(qemu_dir)/share"; exit ;;
'') ;;
*) usage 2 >&2 ;;
esac
qemu_dev
echo "$(qemu_dev_dir)/qemu-system-x86_64"
