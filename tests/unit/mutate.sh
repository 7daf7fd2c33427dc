#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: mutate.sh
#
# Checks that the unit tests can fail: breaks a copy of stream.c, then of
# nvlink2/desc.c, one place at a time, and runs them: each mutant must turn a test red. TAP; a mutant that no
# test notices is "not ok".
set -e
cd "$(dirname "$0")"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
src=../../drivers/vfio/pci
file=stream.c
mkdir "$tmp/nvlink2"
cp "$src"/{stream.h,ranges.[ch],v1_regs.[ch]} "$tmp/"
cp "$src"/nvlink2/desc.[ch] "$tmp/nvlink2/"
passed=0 failed=0

# What a mutant no longer uses is no error
run()
{
	timeout 120 make -s check ENGINE="$tmp" BUILD="$tmp/build" \
		CFLAGS='-O1 -g -Wno-unused-parameter -Wno-unused-function' >"$tmp/out" 2>&1
}

report() # STATUS WORDS
{
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $((passed + failed)) - $2"
	else
		failed=$((failed + 1))
		echo "not ok $((passed + failed)) - $2"
	fi
}

# mutant NAME SED-EXPRESSION: red or dead is what it should be.
mutant()
{
	local red

	sed -E "$2" "$src/$file" >"$tmp/$file"
	if cmp -s "$src/$file" "$tmp/$file"; then
		echo "# the expression fits nothing: $2"
		report 1 "$1"
		return
	fi
	if run; then
		report 1 "$1: no test has noticed"
		return
	fi
	red=$(grep '^not ok' "$tmp/out" | head -n 1 | sed 's/^not ok [0-9]* - //')
	if [ -n "$red" ]; then
		report 0 "$1 (first red: $red)"
	elif grep -qE 'AddressSanitizer|runtime error|Aborted|Error 124' "$tmp/out"; then
		report 0 "$1 (stopped by: $(grep -oE 'AddressSanitizer: [a-z-]*|runtime error|Aborted|Error 124' \
			"$tmp/out" | head -n 1))"
	else
		sed 's/^/# /' "$tmp/out" | tail -n 20
		report 1 "$1: does not build"
	fi
}

# without NAME TEXT: the condition in the line with TEXT is never true.
without() { mutant "$1" "/$2/s/if \(.*/if (0)/"; }

cp "$src/stream.c" "$tmp/"
if run; then
	report 0 "the original is green"
else
	report 1 "the original is green"
fi

without "magic not checked" 'magic\) !='
mutant "version not checked" 's/!version_is_known\(r, le16_to_cpu\(h->version\)\)/!version_is_known(r, 1)/'
without "header size not checked" 'size\) != sizeof'
mutant "header checksum not checked" 's/le32_to_cpu\(h->crc\) !=$/le32_to_cpu(h->crc) == 1 \&\& 1 !=/'
mutant "vendor not checked" 's/le16_to_cpu\(h->vendor\) != id->vendor \|\|/0 ||/'
mutant "device not checked" 's/le16_to_cpu\(h->device\) != id->device \|\|/0 ||/'
mutant "subsystem vendor not checked" 's/le16_to_cpu\(h->subvendor\) != id->subvendor \|\|/0 ||/'
mutant "subsystem not checked" 's/le16_to_cpu\(h->subdevice\) != id->subdevice\)/0)/'
mutant "type not compared" 's/strncmp\(h->type, id->type, sizeof\(h->type\)\)/0/'
mutant "type compared as a prefix" 's/strncmp\(h->type, id->type, sizeof\(h->type\)\)/strncmp(h->type, id->type, strlen(id->type))/'
without "set-up not checked" 'setup\) != id->setup'
mutant "set-up not written" 's/cpu_to_le32\(ident->setup\)/0/'
mutant "type may lack its NUL" 's/strnlen\(h->type, sizeof\(h->type\)\) == sizeof\(h->type\)/0/'
without "empty record allowed" 'if \(!length\)$'
without "size of a record not checked" 'length > max\)'
mutant "size of a record off by one" 's/length > max\)/length > max + 1)/'
mutant "largest record refused" 's/length > max\)/length >= max)/'
without "amount of state not checked" 'length > r->limits.max_state - r->state'
mutant "amount of changes checked too" 's/if \(!delta && length/if (length/'
without "changes taken that firmware can't load" 'delta && !max'
without "both kinds taken" 'r->state && delta != r->delta'
mutant "kind forgotten" 's/r->delta = delta;//'
mutant "changes written as state" 's/w->delta \? STREAM_DELTA : STREAM_STATE/STREAM_STATE/'
mutant "amount of state added, wraps" 's/length > r->limits.max_state - r->state/r->state + length > r->limits.max_state/'
without "size of a chunk not checked" 'length > r->limits.max_chunk - r->chunk'
mutant "largest chunk refused" 's/length > r->limits.max_chunk - r->chunk/length >= r->limits.max_chunk - r->chunk/'
mutant "bytes of a chunk not counted" 's/r->continued \? r->chunk \+ r->length : 0/0/'
mutant "chunks have no end" 's/r->continued \? r->chunk \+ r->length : 0/r->chunk + r->length/'
without "parts of any size" 'continued \&\& length != r->limits.max_record'
without "a chunk that does not go on" '\(r->continued\)'
mutant "whole images given to firmware without" 's/r->framed \&\& !r->limits.max_chunk/0/'
mutant "the flag in version 1" 's/return r->framed \&\& \(/return (/'
mutant "the flag on other records" 's/r->framed \&\& \(tag == STREAM_STATE .*/r->framed ?/'
mutant "the flag not written" 's/rec.flags \|= .*/(void)0;/'
mutant "version 2 not written" 's/framed \? STREAM_VERSION_FRAMED :/framed ? STREAM_VERSION :/'
without "length of the end not checked" 'length != sizeof\(struct stream_end\)'
without "end without state allowed" 'if \(!r->state\)'
mutant "mandatory records skipped" 's/\(flags & STREAM_MANDATORY\)/(flags \& 0)/'
without "optional records of any size" 'length > STREAM_OPTIONAL_MAX'
mutant "optional records off by one" 's/length > STREAM_OPTIONAL_MAX/length >= STREAM_OPTIONAL_MAX/'
without "order not checked" 'rec->seq\) != r->seq'
mutant "order checked as no less than" 's/le32_to_cpu\(rec->seq\) != r->seq\+\+/le32_to_cpu(rec->seq) < r->seq++/'
without "unknown flags allowed" 'flags \& ~known_flags'
without "record checksum not checked" 'r->crc != r->wanted_crc'
mutant "state not in the checksum" 's/r->crc = crc32c\(r->crc, r->payload, r->length\)/(void)0/'
mutant "skipped bytes not in the checksum" 's/r->crc = crc32c\(r->crc, r->u.skipped, n\)/(void)0/'
without "end may disagree with the state" 'r->u.end.state\) != r->state'
mutant "state not counted" 's/r->state \+= r->length;//'
mutant "goes on behind the end" 's/r->phase = READ_NOTHING;/r->phase = READ_RECORD;/'
mutant "empty optional record forgotten" 's/if \(!ret \&\& !length\)/if (0)/'
mutant "skipped bytes overflow their buffer" 's/min_t\(u64, r->length - r->have, sizeof\(r->u.skipped\)\)/r->length - r->have/'
mutant "record begun without its buffer" 's/if \(!r->payload\)/if (0)/'
mutant "writer repeats its numbers" 's/w->seq\+\+/w->seq/'
mutant "writer counts no state" 's/w->state \+= len;//'
mutant "writer in big endian" 's/cpu_to_le32\(compat\)/htobe32(compat)/'

cp "$src/$file" "$tmp/"
file=nvlink2/desc.c
mutant "DVSEC of any signature" 's/== NVLINK2_DVSEC_SIGNATURE/!= 0/'
without "revision not checked" '!= NVLINK2_DVSEC_REVISION'
without "length not checked" '!= NVLINK2_DVSEC_BYTES'
without "reserved flags allowed" '~NVLINK2_DVSEC_FLAGS'
mutant "reserved cacheability allowed" 's/^(\t    )VFIO_PCI_NVLINK2_UC\)/\1255)/'
without "no target address" '!desc->has_tgt'
without "no link speed" '!desc->link_speed'
mutant "a GPU needs a link speed" 's/desc->role == VFIO_PCI_NVLINK2_LINK && !/!/'
mutant "32 bits of an address" 's/\(u64\)dword\(dvsec, at \+ 4\) << 32/0/'
without "time until ready not checked" 'VFIO_PCI_NVLINK2_READY_MS_MAX'
mutant "time off by one" 's/> VFIO_PCI_NVLINK2_READY_MS_MAX/>= VFIO_PCI_NVLINK2_READY_MS_MAX/'
without "empty RAM allowed" '!desc->size\)'
mutant "size not aligned" 's/desc->base \| desc->size/desc->base/'
mutant "base not aligned" 's/desc->base \| desc->size/desc->size/'
without "any amount of RAM" '> VFIO_PCI_NVLINK2_SIZE_MAX'
mutant "largest RAM refused" 's/> VFIO_PCI_NVLINK2_SIZE_MAX/>= VFIO_PCI_NVLINK2_SIZE_MAX/'
without "RAM wraps" '< desc->base\)'
mutant "last page refused" 's/desc->size - 1 < desc->base/desc->size <= desc->base/'
without "a GPU with ATSD" '\(desc->has_atsd\)'
without "a bridge with RAM" '\(desc->size\)'
mutant "ATSD not aligned" 's/desc->atsd \& \(page - 1\)/desc->atsd \& page/'
without "ATSD without an address" '!desc->atsd'
without "properties: no base" '\(!base\)'
without "properties: no size" '\(!size\)'
without "reading behind the end" 'pos >= size'
mutant "reading at the end" 's/pos >= size/pos > size/'
mutant "reading across the end" 's/min_t\(u64, count, size - pos\)/count/'
mutant "ATSD registers not aligned" 's/pos \& \(count - 1\)/pos \& count/'
mutant "ATSD registers of 2 bytes" 's/count == 4 \|\|/count == 2 || count == 4 ||/'
mutant "mapping behind the end" 's/pgoff < all \&\& //'
mutant "mapping across the end" 's/ \&\& pages <= all - pgoff//'
mutant "mapping wraps" 's/pages <= all - pgoff/pgoff + pages <= all/'

echo "1..$((passed + failed))"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
