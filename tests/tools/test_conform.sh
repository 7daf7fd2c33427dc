#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: test_conform.sh [PATTERN]
#
# mdev-pci-conform on a device without a kernel (conform/fake.c): a correct one passes, and each mistake
# of conform/mistakes turns its points red, by name. PATTERN: only mistakes whose name has it.
# TAP; the last line is "N passed, N failed".
set -e
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"

case ${1:-} in
--help | -h) usage ;;
esac
pattern=${1:-.}
here=$REPO_DIR/tests/tools/conform
need_host gcc libc6-dev linux-libc-dev make
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tell() { [ -z "${1:-}" ] || grep -A4 '^not ok' "$1" | head -n 20; } # [FILE]

conform() # OUT ARGUMENTS...
{
	local out=$1

	shift
	rc=0
	timeout 120 "$work/conform" --plugin fake --rounds 3 --max-state 1000000 "$@" \
		/dev/vfio/devices/vfio77 >"$out" 2>&1 || rc=$?
}

build()
{
	local tool=$REPO_DIR/tools/conform name wrap=

	make -s -C "$tool" O="$work/o" PLUGINS= CFLAGS="-O1 -g -Werror -fsanitize=address,undefined" >&2
	for name in access close ioctl mmap munmap open poll pread pwrite read write; do
		wrap+=",--wrap=$name"
	done
	rm "$work/o/linked.o" "$work/o/mdev-pci-conform"
	gcc -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE -I "$tool" -fsanitize=address,undefined "-Wl$wrap" \
		"$here/fake.c" "$work"/o/*.o -ldl -o "$work/conform"
}

# As the tool has the device, in all its forms
correct() # NAME ENVIRONMENT...
{
	local name=$1

	shift
	export "${@?}"
	conform "$work/out" --json "$work/json" --foreign /bin/true
	verdict "$name: status 0" "$rc" "$work/out"
	verdict "$name: nothing fails" "$(grep -c '^not ok' "$work/out")" "$work/out"
	python3 - "$work/json" "$work/out" <<-'END' || rc=1
		import json, sys
		doc = json.load(open(sys.argv[1]))
		lines = [l for l in open(sys.argv[2]) if l.startswith(("ok ", "not ok "))]
		assert len(doc["points"]) == len(lines), "points of JSON and TAP differ"
		assert all(p["uapi"] and p["name"] for p in doc["points"])
		assert doc["failed"] == 0 and doc["latencies"] is not None
	END
	verdict "$name: JSON says the same" $rc
	echo "# $(tail -n 1 "$work/out")"
	unset "${@%%=*}"
}

mistake() # v1? NAME POINT...
{
	local v1=$1 name=$2 point only=() red=0

	shift 2
	grep -qE -- "$pattern" <<<"$name" || return 0
	for point; do
		only+=(--only "$point")
	done
	if [ -n "$v1" ]; then
		export FAKE_V1=1 FAKE_FLAGS=0
	fi
	export FAKE_MISTAKE=$name
	conform "$work/out" --foreign /bin/true "${only[@]}"
	unset FAKE_V1 FAKE_FLAGS FAKE_MISTAKE
	[ "$rc" = 1 ] || red=1
	for point; do
		grep -q "^not ok [0-9]* - $point: " "$work/out" || { red=1; echo "# $point is not red"; }
	done
	verdict "${v1:+v1: }$name: $* red" $red
	[ $red = 0 ] || grep -E '^(not )?ok|why' "$work/out" | head -n 8 | sed 's/^/# /' || true
}

build
correct "P2P and PRE_COPY" FAKE_FLAGS=7
correct "STOP_COPY only" FAKE_FLAGS=1
correct "P2P" FAKE_FLAGS=3
correct "PRE_COPY" FAKE_FLAGS=5
correct "by the region" FAKE_FLAGS=0 FAKE_V1=1
FAKE_FLAGS=0 conform "$work/out"
verdict "no migration: status 4 but for the one point that needs none" "$((rc != 0))" "$work/out"
FAKE_FLAGS=0 conform "$work/out" --only 'states.*'
verdict "nothing to judge: status 4" "$((rc != 4))"
FAKE_MISTAKE=optional FAKE_FLAGS=1 conform "$work/out" --only 'states.*'
verdict "states that the flags do not have: red" "$(grep -q '^not ok.*states.RUNNING-PRE_COPY:' "$work/out"; echo $?)" "$work/out"
FAKE_MISTAKE=open-hangs conform "$work/out" --only features.flags
verdict "an open that hangs: status 3" "$((rc != 3))"
rc=0
"$work/conform" no-such-device >"$work/out" 2>&1 || rc=$?
verdict "no such device: status 3" "$((rc != 3))"
rc=0
"$work/conform" --rounds none x >"$work/out" 2>&1 || rc=$?
verdict "a wrong argument: status 2" "$((rc != 2))"
gcc -shared -fPIC -I "$REPO_DIR/tools/conform" "$REPO_DIR/tools/conform/plugins/mtty.c" -o "$work/mtty.so"
rc=0
"$work/conform" --plugin "$work/mtty.so" no-such-device >"$work/out" 2>&1 || rc=$?
verdict "a plug-in that is a shared object is taken" "$((rc != 3))"
rc=0
"$work/conform" --plugin /bin/true no-such-device >"$work/out" 2>&1 || rc=$?
verdict "and no other file" "$((rc != 2))"
while read -r line; do
	case $line in
	'#'* | '') continue ;;
	'v1 '*)
		# shellcheck disable=SC2086  # words
		mistake 1 ${line#v1 }
		;;
	*)
		# shellcheck disable=SC2086  # words
		mistake '' $line
		;;
	esac
done <"$here/mistakes"
# Pairs of states are of one kind; --save is the user's file
if [ "$pattern" = . ]; then
	rc=0
	"$work/conform" --list | sed -nE 's/^([a-z]+\.[^:]*): .*/\1/p' |
		grep -vE '^(states\.[A-Z_0-9]+-[A-Z_0-9]+|files\.keep)$' | while read -r point; do
		grep -qE "[[:space:]]$point( |\$)" "$here/mistakes" || echo "$point"
	done >"$work/never" || rc=$?
	[ ! -s "$work/never" ] || rc=1
	verdict "some mistake turns each point red" $rc
	sed 's/^/# no mistake for /' "$work/never"
fi
verdicts
