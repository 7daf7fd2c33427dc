# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: big
# timeout: 200
#
# A context of 64 MiB: many chunks, saved and loaded while the other one moves.

vfs_and_mdevs 2 a b
W=$WORK
MIG_TIMEOUT=100
mig "the state is saved" "$a" dma:500 "digest:$W/d" set:STOP_COPY "read:$W/s" reread
like "the stream has at least 64 chunks" "$(mig-stream info "$W/s" | tail -n 1)" 'records=(6[5-9]|[7-9][0-9]|[1-9][0-9]{2,})'
mig "the state is loaded" "$b" set:RESUMING "write:$W/s:300000" set:RUNNING "digest-is:$W/d" copies=500 dma:10
mig "one byte of it is wrong" "$b" set:STOP "sh:mig-stream mutate $W/s $W/bad state:50000000:170 flip:400000000" \
	set:RESUMING "write:$W/bad=EPROTO" set:STOP=ENODATA state=ERROR reset copies=0 \
	set:RESUMING "write:$W/s" set:RUNNING "digest-is:$W/d"
mig "a stream that is cut off in the middle is refused" "$b" dma:5 "digest:$W/own" "sh:mig-stream mutate $W/s $W/cut cut:30000000" \
	set:RESUMING "write:$W/cut" "digest-is:$W/own" set:STOP=ENODATA "digest-is:$W/own" state=ERROR \
	reset set:RESUMING "write:$W/s" set:RUNNING "digest-is:$W/d"
mig "a reader that stops in the middle" "$a" set:STOP_COPY "read:$W/x:20000000" set:RUNNING dma:5 \
	set:STOP_COPY "read:$W/x:20000000" reset read1=ENODEV dma:5
rm -f "$W"/*
no_mdevs_no_vfs
