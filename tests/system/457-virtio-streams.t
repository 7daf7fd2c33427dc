# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: virtio
# timeout: 400
#
# States and guests move between upstream's virtio_vfio_pci and our module, both ways: the mdev's
# attribute "stream" says whose streams it has.
. "$PAYLOAD/tests/system/snap.sh"

must "the model is there" find_snap
able dev-parts "states move between upstream's driver and ours" || { echo "##done"; exit 0; }
TYPE=virtio-pci-vf
must "our module is loaded" load mdev-pci-virtio
must "the PF is a parent" wait_for 20 is_there "$PFDIR/mdev_supported_types/$TYPE/create"
must "upstream's driver is loaded" upstream_load
must "3 VFs exist" bound_vfs 3
vf_bdf 2
theirs=$BDF
must "upstream's driver binds VF 2" bind_to "$theirs" virtio_vfio_pci
for i in u v; do
	new_uuid
	must "an mdev of ours" create "$UUID" "$TYPE"
	eval "$i=$UUID"
done
like "the type's description names both streams" "$(cat "$PFDIR/mdev_supported_types/$TYPE/description")" \
	'^streams: native, upstream$'

# What goes into the attribute
t "an mdev's streams are ours at first" attr_is "$u" stream native
refused "a stream of a third kind" "$MDEVS/$u/stream" other EINVAL "stream of mdev $u: must be native or upstream"
mig "while it is in use the attribute is not written" "$u" \
	"sh:! echo upstream >$MDEVS/$u/stream" "sh:grep -qx native $MDEVS/$u/stream"
mig_pci "upstream's driver saves a state" "$theirs" set:STOP_COPY "read:$WORK/up" set:RUNNING
mig "ours saves one of its own" "$u" set:STOP_COPY "read:$WORK/native" set:RUNNING
mig "native: upstream's stream is refused" "$u" set:STOP set:RESUMING "write:$WORK/up=EINVAL" \
	state=RESUMING reset

# States there and back
t "u gets upstream's streams" write_to "$MDEVS/$u/stream" upstream
t "u's stream reads upstream" attr_is "$u" stream upstream
t "v gets upstream's streams" write_to "$MDEVS/$v/stream" upstream
mig "upstream: a native stream is refused" "$u" set:STOP set:RESUMING "write:$WORK/native=EOPNOTSUPP" reset
mig "ours loads upstream's state" "$u" set:STOP set:RESUMING "write:$WORK/up" set:STOP set:RUNNING
mig "ours loads it in small writes" "$u" set:STOP set:RESUMING "write:$WORK/up:4093" set:STOP set:RUNNING
mig "ours saves as upstream does" "$u" size set:STOP_COPY "read:$WORK/ours" set:RUNNING
is "ours saves as many bytes as upstream's driver" "$(stat -c %s "$WORK/ours")" "$(stat -c %s "$WORK/up")"
t "ours saves the same record header" cmp -n 16 "$WORK/ours" "$WORK/up"
mig_pci "upstream's driver loads it" "$theirs" set:STOP set:RESUMING "write:$WORK/ours" set:STOP set:RUNNING
mig_pci "upstream's driver saves in pre-copy: several images" "$theirs" set:PRE_COPY "read:$WORK/pre=ENOMSG" \
	set:STOP_COPY "more:$WORK/pre" set:STOP set:RUNNING
at_least "its pre-copy stream has more than one image" "$(stat -c %s "$WORK/pre")" $(($(stat -c %s "$WORK/up") + 17))
mig "ours loads the last of them" "$u" set:STOP set:RESUMING "write:$WORK/pre" set:STOP set:RUNNING

# Hostile ones: of a stream without a checksum only sizes and parts can be checked
damage() # FROM TO PYTHON
{
	python3 -c 'import sys
d = bytearray(open(sys.argv[1], "rb").read())
exec(sys.argv[3])
open(sys.argv[2], "wb").write(d)' "$@"
}
snap_count parts-set
before=$VALUE
damage "$WORK/up" "$WORK/bad" 'd[16 + 2] = 2'
mig "a reserved bit in a part is refused" "$u" set:STOP set:RESUMING "write:$WORK/bad=EINVAL" reset
damage "$WORK/up" "$WORK/bad" 'd[0:8] = (1 << 63).to_bytes(8, "little")'
mig "a record of 2^63 bytes is refused" "$u" set:STOP set:RESUMING "write:$WORK/bad=EFBIG" reset
damage "$WORK/up" "$WORK/bad" 'd[12] = 1'
mig "a record of an unknown kind is refused" "$u" set:STOP set:RESUMING "write:$WORK/bad=EOPNOTSUPP" reset
damage "$WORK/up" "$WORK/bad" 'del d[-1:]'
mig "a stream that is cut off does not become a state" "$u" set:STOP set:RESUMING "write:$WORK/bad" \
	set:STOP=ENODATA state=ERROR reset state=RUNNING
snap_count parts-set
is "the device has seen none of them" "$VALUE" "$before"
damage "$WORK/pre" "$WORK/bad" 'del d[-1:]'
mig "a stream that is cut off in its last image does not become a state" "$u" set:STOP set:RESUMING "write:$WORK/bad" \
	set:STOP=ENODATA state=ERROR reset state=RUNNING
t "no object is left" snap_no_objects

# A guest with its disk under load
must "a guest boots on ours, and writes" blk_boot g0 "$u"
must "it migrates to upstream's driver" blk_migrate g0 g1 "$theirs"
t "the load goes on, without an error" blk_goes_on g1 100 60
t "the VF's state has come along" blk_oracle g1
guest_quit g0
must "it migrates back to ours" blk_migrate g1 g2 "$v"
t "the load goes on, without an error" blk_goes_on g2 100 60
t "the VF's state has come along" blk_oracle g2
t "every block that was ever written is right" blk_verify g2
echo "# $VERIFIED blocks were verified"
guest_quit g1
guest_quit g2
t "no stopped VF has done DMA or sent an interrupt, no object is left" snap_is_tame 3

t "u gets our streams again" write_to "$MDEVS/$u/stream" native
mig "ours loads a native stream again" "$u" set:STOP set:RESUMING "write:$WORK/native" set:STOP set:RUNNING
unbind_from "$theirs"
t "upstream's module unloads" rmmod virtio_vfio_pci
no_mdevs_no_vfs
t "the module unloads" unload mdev-pci-virtio
