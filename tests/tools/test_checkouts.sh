#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: test_checkouts.sh
#
# Two checkouts on one machine, with one cache: each builds and tests its own sources.
repo=$(cd "$(dirname "$0")/../.." && pwd)
. "$repo/tests/vm/lib/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

tell() { :; }
t() # DESCRIPTION COMMAND...
{
	local name=$1 rc=0

	shift
	"$@" || rc=$?
	verdict "$name" $rc
}

# in_checkout NAME COMMAND...: of the test bed
in_checkout()
{
	local dir=$tmp/$1

	shift
	XDG_CACHE_HOME=$tmp/cache bash -ec '
		. "$1/tests/vm/lib/common.sh"
		. "$VM_DIR/lib/cache.sh"
		. "$VM_DIR/lib/debian.sh"
		. "$VM_DIR/recipes/build.sh"
		shift
		"$@"' bash "$dir" "$@"
}

sync() { in_checkout "$1" build_sync 6.12 2>"$tmp/err" || { sed 's/^/# /' "$tmp/err" >&2; return 1; }; }
is_of() { [ "$(cat "$2/source.c")" = "source of $1" ]; }

for name in one two; do
	mkdir -p "$tmp/$name/tests"
	cp -r "$repo/tests/vm" "$tmp/$name/tests/"
	echo "source of $name" >"$tmp/$name/source.c"
done
one=$(sync one)
t "the first checkout's sources are in its tree" is_of one "$one"
two=$(sync two)
t "the second one's are in its own" is_of two "$two"
t "and have not replaced the first one's" is_of one "$one"
t "what the first has built stays over another build" test "$(sync one)" = "$one"
rm -rf "$tmp/two"
sync one >/dev/null
t "the tree of a checkout that is gone goes" test ! -e "$two"

# cache_at DIRECTORY: does the test bed of checkout "one" take it?
cache_at()
{
	XDG_CACHE_HOME=$1 timeout 60 bash "$tmp/one/tests/vm/lib/common.sh" 2>"$tmp/err"
}
refused() { ! cache_at "$1" && grep -q "is inside of the checkout" "$tmp/err"; }

ln -s "$tmp/one" "$tmp/link"
t "a cache inside of the checkout is refused" refused "$tmp/one/cache"
t "also by another name of it" refused "$tmp/link/cache"
t "also if it is the checkout itself" refused "$tmp/one"
t "a cache in build/, which is not copied, is taken" cache_at "$tmp/one/build/cache"
t "so is one whose name begins like the checkout's" cache_at "$tmp/one-cache"

verdicts
