# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
t "the bug is planted" insmod "$TOOLS/plant.ko" bug=sleep
t "it is unloaded" rmmod plant
