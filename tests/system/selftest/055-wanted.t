# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# complains: UBSAN: shift-out-of-bounds
#
# A complaint that is wanted fails neither the file nor the run (tests/vm/init).
t "the bug is planted" insmod "$TOOLS/plant.ko" bug=shift
t "it is unloaded" rmmod plant
