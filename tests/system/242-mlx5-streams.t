# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 500
#
# States and a guest with RDMA move between upstream's mlx5-vfio-pci and our module, both ways: the mdev's
# attribute "stream" says whose streams it has.

. "$PAYLOAD/tests/system/mlx5.sh"

# Upstream's driver of 6.1 has streams without records
able precopy "streams of upstream's driver" || { echo "##done"; exit 0; }
must "stock mlx5_core takes the PF" mlx5_load
must "it makes 2 VFs" mlx5_vfs 2
must "upstream's driver is there" load mlx5-vfio-pci
must "upstream's driver takes VF 1" vf_to mlx5_vfio_pci 1
vf_dir 1
theirs=$DIR
must "our module is there" load mdev-pci-mlx5
must "VF 0 is bound to mdev-pci" wait_for 20 all_bound 2
new_uuid
u=$UUID ours=$MDEVS/$UUID
must "an mdev is created" create "$u" mlx5_core-vf
like "the type's description names both streams" "$(cat "$PFDIR/mdev_supported_types/mlx5_core-vf/description")" \
	'^streams: native, upstream$'

# Without the attribute
walk "ours saves a stream of its own" "$ours" cx:3 set:STOP_COPY "read:$WORK/native" close set:STOP set:RUNNING
walk "upstream's driver saves a state" "$theirs" cx:3 set:STOP_COPY "read:$WORK/up" close set:STOP set:RUNNING cx:1
walk "native: upstream's stream is refused" "$ours" set:STOP set:RESUMING "write:$WORK/up=EINVAL" reset state=RUNNING
t "the mdev gets upstream's streams" write_to "$ours/stream" upstream
walk "upstream: a native stream is refused" "$ours" set:STOP set:RESUMING "write:$WORK/native=EOPNOTSUPP" reset \
	state=RUNNING

# States, with pre-copy and without
walk "ours loads upstream's state" "$ours" set:RESUMING "write:$WORK/up" set:STOP close set:RUNNING cx-adopt:3 cx:2
walk "ours loads it in pieces of any size" "$ours" set:RESUMING "write:$WORK/up:70001" set:STOP close set:RUNNING \
	cx-adopt:3 cx:2
walk "ours saves as upstream does" "$ours" cx:1 set:STOP_COPY "read:$WORK/ours" close set:STOP set:RUNNING cx:1
walk "upstream's driver loads it" "$theirs" set:RESUMING "write:$WORK/ours" set:STOP close set:RUNNING cx-adopt:1 cx:2
walk "upstream's driver saves while its VF runs" "$theirs" reset cx:3 set:PRE_COPY "read:$WORK/up.pre=0,ENOMSG" cx:2 \
	info "more:$WORK/up.pre=0,ENOMSG" cx:2 set:STOP_COPY "more:$WORK/up.pre" close set:STOP set:RUNNING
walk "ours loads all of its images" "$ours" set:RESUMING "write:$WORK/up.pre" set:STOP close set:RUNNING cx-adopt:7 cx:2
walk "ours saves while its VF runs" "$ours" reset cx:3 set:PRE_COPY "read:$WORK/our.pre=ENOMSG" cx:2 info \
	"more:$WORK/our.pre=ENOMSG" cx:2 set:STOP_COPY "more:$WORK/our.pre" close set:STOP set:RUNNING
walk "upstream's driver loads all of its images" "$theirs" set:RESUMING "write:$WORK/our.pre" set:STOP close \
	set:RUNNING cx-adopt:7 cx:2

# Hostile ones. Upstream's streams have no checksum: what is in an image only firmware can check
damage() # FROM TO PYTHON
{
	python3 -c 'import sys
d = bytearray(open(sys.argv[1], "rb").read())
exec(sys.argv[3])
open(sys.argv[2], "wb").write(d)' "$@"
}
damage "$WORK/ours" "$WORK/bad" 'd[0:8] = (1 << 63).to_bytes(8, "little")'
walk "a record of 2^63 bytes is refused" "$ours" cx:1 set:RESUMING "write:$WORK/bad=EFBIG" reset state=RUNNING cx:1
damage "$WORK/ours" "$WORK/bad" 'd[12] = 2'
walk "a record of an unknown kind is refused" "$ours" set:RESUMING "write:$WORK/bad=EOPNOTSUPP" reset state=RUNNING cx:1
damage "$WORK/ours" "$WORK/bad" 'd[len(d) // 2] ^= 1'
walk "an image with a wrong byte is refused by firmware" "$ours" set:RESUMING "write:$WORK/bad=EINVAL" \
	reset state=RUNNING cx:1
damage "$WORK/ours" "$WORK/bad" 'del d[-1:]'
walk "a stream that is cut off does not become a state" "$ours" set:RESUMING "write:$WORK/bad" set:STOP=ENODATA \
	state=ERROR reset state=RUNNING cx:1
damage "$WORK/up.pre" "$WORK/bad" 'del d[-1:]'
walk "nor does one that is cut off in its last image" "$ours" set:RESUMING "write:$WORK/bad" set:STOP=ENODATA \
	state=ERROR reset state=RUNNING cx:1
damage "$WORK/up.pre" "$WORK/bad" 'd[-100] ^= 1'
walk "after one image a wrong one leaves no state" "$ours" set:RESUMING "write:$WORK/bad=EINVAL" state=ERROR reset \
	state=RUNNING cx:1

# A guest whose RDMA goes on
must "a guest boots on ours" mlx5_guest_boot g0 "$ours"
must "it migrates to upstream's driver" mlx5_migrate g0 g1 "$theirs"
t "its connections go on, each byte was right" rdma_goes_on g1 2 120
guest_quit g0
must "it migrates back to ours" mlx5_migrate g1 g2 "$ours"
t "its connections go on, each byte was right" rdma_goes_on g2 2 120
t "no command waited for a lost interrupt" guest_never_waited g2
guest_quit g1
guest_quit g2

t "no DMA of a VF that is stopped" cx_no_bad_dma
t "the mdev gets our streams again" write_to "$ours/stream" native
walk "ours loads a native stream again" "$ours" set:RESUMING "write:$WORK/native" set:STOP close set:RUNNING \
	cx-adopt:3 cx:1
t "the mdev is removed" remove "$u"
t "upstream's driver gives its VF back" vf_free 1
t "all VFs are removed" set_vfs 0
t "no VF has pages any more" no_vf_pages
t "our module unloads" unload mdev-pci-mlx5
t "upstream's driver unloads" unload mlx5-vfio-pci
t "mlx5_core unloads" unload mlx5_core
