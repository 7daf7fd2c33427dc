# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 300
#
# Every kind of wrong stream is refused with its own errno and a sentence in the log,
# and leaves the function as it was until it is reset; then a good one loads.

vfs_and_mdevs 3 a b
TYPE=$DEV_TYPE_LITE
new_uuid
lite=$UUID
must "an mdev of the other type is created" create "$lite" $TYPE
W=$WORK
must "a good stream is saved" vfio-mig -q "$MDEVS/$a" dma:100 "digest:$W/d" set:STOP_COPY "read:$W/good"
must "a good stream of the other type is saved" vfio-mig -q "$MDEVS/$lite" dma:100 set:STOP_COPY "read:$W/lite"
state=$(mig-stream info "$W/good" | sed -n 's/.*state=\([0-9]*\).*/\1/p')

mig_session "$b"

# bad DESCRIPTION ERRNO LOG-REGEX MUTATION...
bad()
{
	b_desc=$1 b_errno=$2 b_log=$3
	shift 3
	b_out=$(mig-stream mutate "$W/good" "$W/bad" "$@" 2>&1) || flunk "$b_desc: mutate" "$b_out"
	bad_file "$b_desc" "$b_errno" "$b_log"
}

bad_file()
{
	# shellcheck disable=SC2086  # words
	b_desc=$1 b_errno=$2 b_log=$3
	mark
	mig_do "$b_desc: $b_errno" reset dma:7 "digest:$W/own" set:RESUMING "write:$W/bad=$b_errno" \
		"write:$W/good=$b_errno" $UNTOUCHED set:STOP=ENODATA state=ERROR \
		set:RUNNING=EINVAL set:STOP=EINVAL $UNTOUCHED reset state=RUNNING copies=0
	logged_once "$b_desc: the log says why" "data refused: .*$b_log"
}

UNTOUCHED="digest-is:$W/own"
bad "wrong magic number" EINVAL 'not a migration stream' head:magic:1
bad "a later version" EOPNOTSUPP 'version' head:version:3
bad "a state in whole images" EOPNOTSUPP 'saved in whole images' head:version:2
bad "version 0" EOPNOTSUPP 'version' head:version:0
bad "a larger header" EINVAL 'header has a wrong size' head:size:136
bad "a smaller header" EINVAL 'header has a wrong size' head:size:0
bad "a damaged header" EPROTO 'header is damaged' flip:200
bad "a wrong checksum of the header" EPROTO 'header is damaged' headcrc:0
bad "another vendor" EMEDIUMTYPE 'another kind of PCI device' head:vendor:0x15b3
bad "another device" EMEDIUMTYPE 'another kind of PCI device' head:device:0x2022
bad "another subsystem vendor" EMEDIUMTYPE 'another kind of PCI device' head:subvendor:1
bad "another subsystem" EMEDIUMTYPE 'another kind of PCI device' head:subdevice:1
bad "another type's name" EMEDIUMTYPE 'another .*type' head:type:$DEV_TYPE_LITE
bad "a shorter type name" EMEDIUMTYPE 'another .*type' head:type:${DEV_TYPE%?}
bad "a type name without end" EMEDIUMTYPE 'another .*type' \
	head:type:${DEV_TYPE}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
cp "$W/lite" "$W/bad"
bad_file "a real stream of the other type" EMEDIUMTYPE 'another .*type'
bad "other firmware" EPROTONOSUPPORT 'firmware with state version 7' head:compat:7

bad "a record with a wrong checksum" EPROTO 'damaged record' reccrc:0:0
bad "a flipped bit of state" EPROTO 'damaged record' flip:80000
bad "a flipped bit near the end of the state" EPROTO 'damaged record' flip:-300
bad "a flipped bit in the end record" EPROTO 'damaged record' flip:-10
bad "the first record is missing" EPROTO 'not in order' drop:0
bad "a record twice" EPROTO 'not in order' dup:0
bad "two records exchanged" EPROTO 'not in order' swap:0:1
bad "a wrong sequence number" EPROTO 'not in order' rec:0:seq:5
bad "unknown flags" EOPNOTSUPP 'unknown flags' rec:0:flags:3
bad "an unknown mandatory record" EOPNOTSUPP 'must know' insert:1:77:1:16
bad "an optional record that is too large" EFBIG 'optional record that is too large' insert:1:77:0:4097
bad "an empty record of state" EINVAL 'empty record of state' insert:0:1:1:0
bad "a record of state larger than any" EFBIG 'too large' rec:0:length:0x7fffffffffffffff
bad "a record of state larger than there is" EFBIG 'too large' rec:0:length:0xffffffffffffffff
bad "more state than such a function has" EFBIG 'more state' dup:0 dup:0 renumber
bad "an end record of another length" EINVAL 'end record has a wrong length' rec:-1:length:16
bad "an end record that counts less" EPROTO 'end does not agree' "end:$((state - 1))"
bad "an end without any state" EINVAL 'without any state' drop:0 drop:0 renumber
# When these are seen, firmware has already got all that it needs
UNTOUCHED=
bad "one byte behind the end" EINVAL 'behind the end' junk:1
bad "much behind the end" EINVAL 'behind the end' junk:100000

mig_do "a good stream loads after all these" set:RESUMING "write:$W/good" set:RUNNING \
	"digest-is:$W/d" copies=100 dma:1

# What firmware refuses
firmware_refuses()
{
	f_desc=$1
	shift
	mig-stream mutate "$W/good" "$W/bad" "$@" || flunk "$f_desc: mutate"
	mark
	mig_do "$f_desc: refused by firmware" reset dma:7 "digest:$W/own" set:RESUMING \
		"write:$W/bad=EBADMSG,EINVAL,EIO" "digest-is:$W/own" set:STOP=ENODATA state=ERROR \
		"digest-is:$W/own" reset
	logged "$f_desc: the log says why" "$DEV_REFUSED_LOAD"
}
firmware_refuses "an image with another magic number" state:0:0
firmware_refuses "an image with a damaged header" state:100:255
firmware_refuses "an image with a damaged context" state:500000:255 state:500001:1

mig_do "a good stream loads after these" set:RESUMING "write:$W/good" set:RUNNING "digest-is:$W/d"

# What ends too early is refused when the state is left
for cut in 1 64 127 128 140 152 1000 100000 -1 -8 -9 -32; do
	mig-stream mutate "$W/good" "$W/bad" "cut:$cut" || flunk "cut:$cut"
	mark
	mig_do "a stream that is cut off at $cut is refused" reset dma:7 "digest:$W/own" set:RESUMING "write:$W/bad" \
		"digest-is:$W/own" set:STOP=ENODATA state=ERROR "digest-is:$W/own" reset state=RUNNING
	logged_once "cut off at $cut: the log says why" 'migration data was refused or is not complete'
done
mig_do "an empty stream is not refused" reset dma:7 "digest:$W/own" set:RESUMING set:STOP state=STOP \
	"digest-is:$W/own" set:RUNNING dma:1

# What is allowed
good()
{
	g_desc=$1
	shift
	mig-stream mutate "$W/good" "$W/other" "$@" || flunk "$g_desc: mutate"
	mig_do "$g_desc: it is accepted" reset set:RESUMING "write:$W/other" set:RUNNING "digest-is:$W/d" copies=100
}
good "unchanged" renumber
good "an unknown optional record" insert:0:77:0:16
good "an empty optional record" insert:1:77:0:0
good "a large optional record" insert:1:77:0:4096
good "many optional records" insert:0:77:0:1 insert:2:78:0:3 insert:3:79:0:4000 insert:0:80:0:0
good "the state in other chunks" split:0:1 split:1:4096 split:2:100000
mig_quit
mig "a bad stream is refused" "$b" set:RESUMING "write:$W/bad" set:STOP=ENODATA
mig "a good stream loads in the next session" "$b" set:RESUMING "write:$W/good" set:RUNNING "digest-is:$W/d" copies=100 dma:1
no_mdevs_no_vfs
