# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 200
#
# State moves through a file from one mdev to another, complete and unchanged.

vfs_and_mdevs 3 a b
TYPE=$DEV_TYPE_LITE
new_uuid
lite=$UUID
must "an mdev of the other type is created" create "$lite" $TYPE
W=$WORK

mig "save after 200 copies" "$a" dma:200 copies=200 "digest:$W/before" set:STOP_COPY \
	"digest-is:$W/before" "read:$W/s" reread "digest-is:$W/before" set:RUNNING "digest-is:$W/before"
size=$(stat -c %s "$W/s")
mig "what was announced as size" "$a" size
mig_value size
is "is what came" "$size" "$VALUE"
t "the stream is as documented" mig-stream info "$W/s"
mig "the state is loaded" "$b" "digest-not:$W/before" set:RESUMING "write:$W/s" set:STOP "digest-is:$W/before" \
	copies=200 set:RUNNING "digest-is:$W/before" copies=200 dma:20 copies=220 "digest-not:$W/before"

mdev_vf "$b"
if able firmware "firmware's digest agrees"; then
	fw_dir
	mig "firmware's digest agrees" "$b" set:RESUMING "write:$W/s" set:RUNNING \
		"sh:grep -q \"^load_digest: 0x\$(cat $W/before)\$\" $FW/vf$VF" dma:1 \
		"sh:! grep -q \"^digest: 0x\$(cat $W/before)\$\" $FW/vf$VF" \
		"sh:grep -q \"^load_digest: 0x\$(cat $W/before)\$\" $FW/vf$VF"
fi

for chunk in 97 4097 65536 1048575; do
	mig "written in pieces of $chunk" "$b" set:RESUMING "write:$W/s:$chunk" set:RUNNING \
		"digest-is:$W/before" copies=200
done
mig "loaded where it came from, after other copies" "$a" dma:77 set:RESUMING "write:$W/s" \
	set:RUNNING "digest-is:$W/before" copies=200
mig "a state loads twice" "$b" set:RESUMING "write:$W/s" set:STOP set:RESUMING "write:$W/s" \
	set:RUNNING "digest-is:$W/before"
mig "two saves of the same state" "$a" dma:50 set:STOP_COPY "read:$W/one" set:STOP \
	set:STOP_COPY "read:$W/two" set:RUNNING
t "two saves of a suspended device are the same" cmp "$W/one" "$W/two"
mig "a function that did nothing is saved" "$a" set:STOP_COPY "read:$W/fresh"
mig "loaded into a used one" "$b" dma:30 set:RESUMING "write:$W/fresh" set:RUNNING copies=0
mig "the state is saved by way of P2P" "$a" dma:9 "digest:$W/p2p" set:RUNNING_P2P set:STOP_COPY "read:$W/s2" set:STOP
mig "the state is loaded by way of P2P" "$b" set:RESUMING "write:$W/s2" set:STOP set:RUNNING_P2P \
	"digest-is:$W/p2p" set:RUNNING dma:9 copies=18
mig "the other type's state loads into its own type" "$lite" dma:60 "digest:$W/lite" set:STOP_COPY "read:$W/sl" \
	reset copies=0 set:RESUMING "write:$W/sl" set:RUNNING "digest-is:$W/lite" copies=60 dma:5
mig "reset after a load forgets it" "$b" set:RESUMING "write:$W/s" reset copies=0 state=RUNNING

# In the middle of a chain: the other function takes it up where the first one left it
moved()
{
	for _ in 1 2 3 4 5 6 7 8; do
		m_out=$(timeout 60 vfio-mig "$MDEVS/$a" start:2000 set:STOP_COPY copies \
			"digest:$W/mid" "read:$W/mid.s" 2>&1) || fail "$m_out" || return 1
		mig_value copies
		[ "$VALUE" = 2000 ] || break
	done
	[ "$VALUE" -lt 2000 ] || fail "the chain was always over before the stop"
}
t "stopped in the middle of 2000 copies" moved
echo "# stopped after $VALUE copies"
mig "the other function does the rest" "$b" "adopt:2000:$VALUE" set:RESUMING "write:$W/mid.s" \
	set:STOP "copies=$VALUE" "digest-is:$W/mid" frozen:100 set:RUNNING wait copies=2000 errors=0
no_mdevs_no_vfs
