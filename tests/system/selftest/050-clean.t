# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Nothing wrong here, after others that were: no one may be blamed for their bugs.
vfs_and_mdevs 1 u
# shellcheck disable=SC2154  # by vfs_and_mdevs
mig "it works" "$u" dma:5
no_mdevs_no_vfs
