# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
#
# The reference device with another vendor's driver: the second skeleton, docs/examples/acme-refdev, built out of
# the tree. It has the least with which a VF migrates.

DEV_MODEL=refdev
DEV_ID=8086:f0d0
DEV_MODULE=acme-refdev
DEV_EXAMPLE=acme-refdev			# host-run.sh builds it (docs/examples)
DEV_DRIVER=acme-refdev
DEV_TYPE=acme-refdev-dma
DEV_TYPE_LITE=acme-refdev-dma-lite
DEV_TYPE_PF=				# has none
DEV_COMMAND=acme_refdev:acme_run	# each command goes through it
DEV_TIMEOUT_MS=5000
DEV_PLUGIN=ioat
DEV_REFUSED_LOAD="command 20 of VF [0-9]+: firmware's status is 10"
DEV_LABEL="copies up to 1 MiB|up to 64 KiB"
DEV_DESCRIBED="ACME accelerator"
DEV_CAN=

dev_load()
{
	loaded $DEV_MODULE && return 0
	LOAD_ERR=$(insmod "$(echo "$PAYLOAD"/*/acme-refdev.ko)" "$@" 2>&1) || fail "insmod acme-refdev: $LOAD_ERR"
}

dev_debugfs() { FW=/nonexistent; }
dev_set_timeout() { :; }
