#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The test bed's own check, first part: L1 runs scripts and reports.
echo 1..2
lspci -nn | sed 's/^/# /'
[ -c /dev/kvm ] && echo "ok 1 - /dev/kvm" || echo "not ok 1 - /dev/kvm"
mdevctl types && echo "ok 2 - mdevctl" || echo "not ok 2 - mdevctl"
ls -l /dev/virtio-ports | sed 's/^/# /'
exit "${1:-0}"
