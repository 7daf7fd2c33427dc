# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# timeout: 200
# timeout-full: 600
# needs: precopy
#
# Migration data as an enemy would send it, of a function that was stopped and of one that was saved
# while it ran (DELTA records), to both front ends: cut off at and beside every boundary, flipped
# bits in every field and anywhere in the state, records out of order, twice, missing, oversized, of
# another kind of function or firmware, and something behind the end. Always refused, with the
# documented errno and line in the log; the function is as it was before, and a good stream loads. (110 has
# each refusal by name, for v2. By default every 17th case here is tried, by one of the front ends.)

vfs_and_mdevs 2 a b
W=$WORK
REFUSED=EINVAL,EOPNOTSUPP,EPROTO,EMEDIUMTYPE,EPROTONOSUPPORT,EFBIG,EBADMSG
must "a good stream is saved" vfio-mig -q "$MDEVS/$a" dma:100 "digest:$W/plain.d" set:STOP_COPY "read:$W/plain"
# By the region, which all kernels have; the pages that are saved twice come in records of their own
must "one of a function that runs" vfio-mig -q "$MDEVS/$a" dma:100 v1-state:3 "v1-read:$W/delta" \
	dma:40 "v1-more:$W/delta" dma:20 "v1-more:$W/delta" dma:9 v1-state:2 "digest:$W/delta.d" \
	"v1-more:$W/delta" v1-pending=0
like "it has several records" "$(mig-stream info "$W/delta" | grep -c tag=3)" '^([4-9]|[1-9][0-9])$'

# The front ends: how loading begins, writes, and ends
front() # v2|v1
{
	case $1 in
	v2) BEGIN=set:RESUMING WRITE=write LEAVE=set:STOP DEAD="state=ERROR set:RUNNING=EINVAL" ;;
	v1) BEGIN=v1-state:4 WRITE=v1-write LEAVE=v1-state:1 DEAD="v1-is=6 v1-state:1=EINVAL" ;;
	esac
}

turn=0
# bad DESCRIPTION ERRNOS LOG-REGEX MUTATION...: of $kind's stream. ERRNOS may begin with "0,": then
# the refusal may also come when the state is left
bad()
{
	b_name=$1 b_errno=$2 b_log=$3
	shift 3
	turn=$((turn + 1))
	full || [ $((turn % 17)) = 0 ] || return 0
	b_out=$(mig-stream mutate "$W/$kind" "$W/bad" "$@" 2>&1) || flunk "$b_name: mutate" "$b_out"
	for b_front in v2 v1; do
		full || [ $b_front = v$((turn / 17 % 2 + 1)) ] || continue
		front $b_front
		b_desc="$kind, $b_front: $b_name"
		mark
		mig_do "$b_desc: $b_errno" reset dma:7 "digest:$W/own" $BEGIN "$WRITE:$W/bad=$b_errno" \
			$UNTOUCHED $LEAVE=ENODATA $DEAD $UNTOUCHED reset state=RUNNING copies=0
		[ -z "$b_log" ] || logged_once "$b_desc: the log says why" "$b_log"
	done
}

good() # DESCRIPTION: the stream as it was saved
{
	for g_front in v2 v1; do
		front $g_front
		mig_do "$kind, $g_front: a good stream loads $1" reset $BEGIN "$WRITE:$W/$kind" $LEAVE reset \
			$BEGIN "$WRITE:$W/$kind" $LEAVE set:RUNNING "digest-is:$W/$kind.d"
	done
}

# All the same in every run
next_random()
{
	random=$(((random * 1103515245 + 12345) % 2147483648))
}

mig_session "$b"
for kind in plain delta; do
	UNTOUCHED="digest-is:$W/own" random=7
	size=$(stat -c %s "$W/$kind")
	records=$(mig-stream info "$W/$kind" | grep -c '^record ')
	state=$(mig-stream info "$W/$kind" | sed -n 's/.*state=\([0-9]*\).*/\1/p')

	for cut in $(mig-stream bounds "$W/$kind"); do
		bad "a stream that is cut off at $cut of $size is refused" 0 'refused or is not complete' "cut:$cut"
	done

	# The header: magic, version, size, IDs, compat, type, reserved, crc. What comes later in it is
	# looked at only if its checksum is right
	for bit in 0 30 63; do bad "magic, bit $bit" EINVAL 'not a migration stream' flip:$bit; done
	for bit in 64 79; do bad "version, bit $bit" EOPNOTSUPP "version is not known" flip:$bit; done
	for bit in 80 95; do bad "size, bit $bit" EINVAL 'header has a wrong size' flip:$bit; done
	for bit in 96 111 112 128 144 160 191 192 703 704 735 736 991 992 1023; do
		bad "header, bit $bit" EPROTO 'header is damaged' flip:$bit
	done
	bad "another vendor" EMEDIUMTYPE 'another kind of PCI device' head:vendor:0x15b3
	bad "another device" EMEDIUMTYPE 'another kind of PCI device' head:device:0x2022
	bad "another type" EMEDIUMTYPE 'another type of function' head:type:$DEV_TYPE_LITE
	bad "other firmware" EPROTONOSUPPORT 'firmware with state version 7' head:compat:7
	bad "reserved bytes, their checksum wrong" EPROTO 'header is damaged' head:reserved:1 headcrc:1

	# The headers of records: a length may swallow what follows, which is missed in the end
	at=1024 nr=0
	for len in $(mig-stream info "$W/$kind" | sed -n 's/^record .*length=//p'); do
		for bit in 0 17 31; do
			bad "record $nr: tag, bit $bit" $REFUSED 'data refused: ' flip:$((at + bit))
		done
		for bit in 33 63; do
			bad "record $nr: flags, bit $bit" EOPNOTSUPP 'unknown flags' flip:$((at + bit))
		done
		for bit in 64 84 127; do
			bad "record $nr: length, bit $bit" 0,$REFUSED "" flip:$((at + bit))
		done
		for bit in 128 159; do
			bad "record $nr: number, bit $bit" EPROTO 'not in order' flip:$((at + bit))
		done
		for bit in 160 191; do
			bad "record $nr: checksum, bit $bit" EPROTO 'damaged record' flip:$((at + bit))
		done
		next_random
		bad "record $nr: anywhere in it" EPROTO 'damaged record' flip:$((at + 192 + random % (len * 8)))
		at=$((at + 192 + len * 8)) nr=$((nr + 1))
	done
	for _ in 1 2 3 4 5 6 7 8; do
		next_random
		bad "a bit of the state" EPROTO 'damaged record' flip:$((1024 + 192 + random % 8000000))
	done
	good "after all these"

	i=0
	while [ $i -lt $((records - 1)) ]; do
		bad "record $i is missing" EPROTO 'not in order' drop:$i
		bad "record $i is there twice" EPROTO 'not in order' dup:$i
		bad "records $i and $((i + 1)) are exchanged" EPROTO 'not in order' swap:$i:$((i + 1))
		bad "record $i is longer than any" EFBIG 'too large' rec:$i:length:0x100001
		bad "record $i is empty" EINVAL 'empty record of state' insert:$i:$([ $kind = plain ] && echo 1 || echo 3):1:0
		bad "an unknown one before record $i" EOPNOTSUPP 'must know' insert:$i:99:1:8
		bad "a large optional one before record $i" EFBIG 'optional record that is too large' insert:$i:99:0:5000
		i=$((i + 1))
	done
	bad "the last chunk is missing, and the numbers are right" EPROTO 'end does not agree' drop:-2 renumber
	bad "the end counts less" EPROTO 'end does not agree' end:$((state - 4096))
	bad "the end counts more" EPROTO 'end does not agree' end:$((state + 1))
	bad "nothing but an end" EINVAL 'without any state' $(i=1; while [ $i -lt $records ]; do echo drop:0; i=$((i + 1)); done) renumber
	bad "the other kind of record in the middle" $REFUSED 'mixes state|can.t load' \
		rec:1:tag:$([ $kind = plain ] && echo 3 || echo 1)

	# Checksums and numbers are right: it is for firmware to refuse
	bad "an image of another kind" $REFUSED "" $([ $kind = plain ] && echo state:0:0 || echo state:0:1)
	bad "a byte of the image" $REFUSED "" state:9000:255 state:9001:1 state:9002:77
	if [ $kind = delta ]; then
		# Extents: offset, bytes, reserved
		bad "an extent behind the image" $REFUSED "" state:6:1
		bad "an extent that is not aligned" $REFUSED "" state:0:1
		bad "an extent without bytes" $REFUSED "" state:8:0 state:9:0 state:10:0 state:11:0
		bad "an extent longer than its record" $REFUSED "" state:11:127
		bad "an extent with reserved bits" $REFUSED "" state:12:1
		bad "an old page behind a new one" $REFUSED "" swap:0:-2 renumber
	else
		bad "more state than there is" EFBIG 'more state' dup:0 dup:0 renumber
	fi
	# Firmware has all that it needs when these are seen
	UNTOUCHED=
	bad "the end is there twice" EINVAL 'behind the end' dup:-1
	bad "a byte behind the end" EINVAL 'behind the end' junk:1
	bad "much behind the end" EINVAL 'behind the end' junk:70000
	good "after these"
done
mig_quit
mig "the one that was saved works" "$a" dma:20
no_mdevs_no_vfs
