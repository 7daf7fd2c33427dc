#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: kexec.sh STACK DIR
#
# Puts kexec, and what the stack boots, into DIR/kexec, which is for boot.sh --add.
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/build.sh"
. "$VM_DIR/recipes/stack.sh"
. "$VM_DIR/recipes/kexec.sh"

[ "${1:-}" != --help ] || usage
[ $# = 2 ] || usage 2
need_root
kexec_root
stack_root "$1"
mkdir -p "$2/kexec"
cp "$(kexec_dir)/kexec" "$(stack_dir "$1")/vmlinux" "$(stack_dir "$1")/initrd" "$2/kexec/"
