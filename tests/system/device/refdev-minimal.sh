# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
#
# The reference device with modules that were built without what is optional: its driver has neither debugfs nor the
# PF itself nor migration control in VFs, and the engine knows nothing of NVLink2 (tests/check.sh minimal).

# shellcheck source=refdev.sh
. "${PAYLOAD:-$REPO_DIR}/tests/system/device/refdev.sh"

DEV_TYPE_PF=				# has none
DEV_CAN="attributes log modprobe precopy trace"

dev_debugfs() { FW=/nonexistent; }

# By debugfs
unset -f dev_detach dev_attach
