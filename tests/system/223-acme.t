# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: conform
# timeout: 900
#
# The second skeleton of vendor modules, docs/examples/acme-refdev, built out of the tree against what
# "make install-dev" installs: it drives the reference device in the place of the device's own driver.

acme_is_bound()
{
	bound_driver "$PF"
	[ "$DRIVER" = acme-refdev ] || fail "the PF's driver is '$DRIVER'"
}

t "the device's own driver is unloaded" unload "$DEV_MODULE"
must "the skeleton is loaded" insmod "$(echo "$PAYLOAD"/*/acme-refdev.ko)"
must "the PF is bound to acme-refdev" wait_for 20 acme_is_bound
must "2 VFs exist" set_vfs 2
must "all VFs are bound to mdev-pci" wait_for 20 all_bound 2
new_uuid
a=$UUID
must "an mdev is created" create "$a" acme-refdev-dma
new_uuid
b=$UUID
must "a second mdev is created" create "$b" acme-refdev-dma
mig "it copies for a user" "$a" dma:20
CONFORM_OPTIONS="--plugin $DEV_PLUGIN --rounds 20 --quiet"
conform "$a"
echo "# from one mdev to the other"
conform --destination "$b" --only "roundtrips.*" "$a"

mark
t "the PF is reset" write_to "$PFDIR/reset" 1
logged "the mdevs are told" "its PF is reset"
no_mdevs_no_vfs
t "the skeleton is unloaded" rmmod acme-refdev
t "the device's own driver is loaded again" load_all
