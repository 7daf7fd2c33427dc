#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [--kernel NAME]... [clang|arm64|ppc64le]...
#
# Builds all modules with other compilers and for other machines, for the kernels 6.12 and 7.3
# (--kernel: others of tests/vm/kernels): with clang for x86, against that kernel's source prepared
# by clang (LLVM=1); with cross gcc for arm64 and ppc64le, against Debian's headers, with pages of 4
# KiB and with larger ones. The modules are not run. W=1 and modpost must give no warning, and with
# gcc also sparse. Only the symbols of mdev.ko may be missing, which Debian's kernels for arm64 and
# ppc64le do not have. Warnings are shown; the complete log is in the cache. TAP; the last line is
# "N passed, N failed".
set -e
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"
. "$VM_DIR/recipes/cross.sh"

kernels=''
while :; do
	case ${1:-} in
	--help | -h) usage ;;
	--kernel) kernels+=" $2"; shift 2 ;;
	-*) usage 2 >&2 ;;
	*) break ;;
	esac
done
[ $# -gt 0 ] || set -- clang arm64 ppc64le
for what; do
	case $what in clang | arm64 | ppc64le) ;; *) usage 2 >&2 ;; esac
done
need_root
need_host rsync
mkdir -p "$CACHE/work" "$CACHE/log"
exec 8>"$CACHE/work/.cross.lock"
flock -w 1200 8 || die "another run takes over 20 minutes"

tell() # LOG
{
	{ grep -P "$BUILD_COMPLAINT" "$1" || tail -n 40 "$1"; } | head -n 60
	echo "all of it: $1"
}

# made NAME COMMAND...: makes that artefact; a mirror that lacks a part of it now costs one test, not all.
# Sets rc. Not in a list with || or &&: see lib/cache.sh
made()
{
	set +e
	(
		set -e
		"${@:2}"
	)
	rc=$?
	set -e
	[ $rc = 0 ] || verdict "$1 can be made" $rc "$CACHE/log/$1.log"
}

# What this kernel lacks (drivers/vfio/have.sh) is not built, and neither is have.c itself
unbuilt() # TREE
{
	local tree=$1 lacks c

	lacks=$(cat "$tree"/generated/have-*.mk | sed -n 's/^lacks-\(.*\) := y$/\1/p' | paste -sd '|')
	(cd "$tree" && find drivers -name '*.c') | grep -vE "/have\.c\$|\.mod\.c\$|/(${lacks:-none})/" |
		while IFS= read -r c; do
			[ -f "$tree/${c%.c}.o" ] || echo "$c was not built"
		done
}

# judge NAME TREE LOG STATUS [SOURCE...]: these sources are only for other machines
judge()
{
	local name=$1 tree=$2 log=$3 rc=$4 not=

	shift 4
	# Of the mdev core, which these kernels leave out where nobody needs it; older modpost says it otherwise
	sed -i -E -e '/(compiler|pahole version) differs from/d' \
		-e '/^WARNING: modpost: ("(mdev_|mtype_)\w+"|\S+: symbol '\''(mdev_|mtype_)\w+'\'').* undefined!$/d' "$log"
	! grep -qP "$BUILD_COMPLAINT" "$log" || rc=1
	[ "$rc" != 0 ] || not=$(unbuilt "$tree" | grep -vF "$(printf '%s was\n' "${@:-none}")") || true
	[ -z "$not" ] || { sed 's/^/error: /' <<<"$not" >>"$log"; rc=1; }
	verdict "$name" "$rc" "$log"
}

# From nothing: old objects would hide warnings
fresh() # NAME
{
	local tree

	tree=$(build_sync "$1")
	find "$tree" \( -name '*.o' -o -name '*.ko' -o -name '*.mod*' -o -name '.*.cmd' \) -delete
	rm -rf "$tree/generated"
	printf '%s\n' "$tree"
}

by_clang() # KERNEL
{
	local log=$CACHE/log/cross-clang-$1.log rc tree

	made "clang-$1" clang_root "$1"
	[ "$rc" = 0 ] || return 0
	tree=$(fresh "cross-clang-$1")
	root_run "$(clang_dir "$1")/root" "$tree" make -j"$(nproc)" KDIR=/usr/src/linux LLVM=1 W=1 \
		modules >"$log" 2>&1 8>&- || rc=$?
	judge "clang builds all modules for $1 without a warning" "$tree" "$log" $rc \
		drivers/vfio/pci/nvlink2/power.c
}

# by_gcc ARCH KERNEL [large]
by_gcc()
{
	local log=$CACHE/log/cross-$1-$2${3:+-large}.log rc=0 tree not=()

	tree=$(fresh "cross-$1-$2")
	# shellcheck disable=SC2046 # words
	cross_run "$1" "$2" "$tree" make -j"$(nproc)" $(cross_make_args "$1" "$2" "${3:-}") W=1 C=1 \
		KBUILD_CHECKSRC=1 CHECK="$BUILD_SPARSE" KBUILD_MODPOST_WARN=1 HAVE_ALL=mdev-pci \
		modules >"$log" 2>&1 8>&- || rc=$?
	grep -q '^ *CHECK ' "$log" || { echo "error: sparse did not run" >>"$log"; rc=1; }
	# Nobody knows what a kernel exports that was only prepared
	! cross_is_source "$1" "$2" || sed -i -E '/^WARNING: modpost: (.* undefined!$|suppressed [0-9]+ unresolved)/d' "$log"
	[ "$1" = ppc64el ] || not=(drivers/vfio/pci/nvlink2/power.c)
	judge "${CROSS_FLAVOUR[$1]}${3:+, ${CROSS_LARGE[$1]#-} pages}: gcc and sparse take all modules for $2 without a warning" \
		"$tree" "$log" $rc "${not[@]}"
}

by_cross() # ARCH KERNEL
{
	local rc

	made "cross-$1-$2" cross_root "$@"
	[ "$rc" = 0 ] || return 0
	by_gcc "$@"
	! cross_has_large "$@" || by_gcc "$@" large
}

for what; do
	for k in ${kernels:-6.12 7.3}; do
		case $what in
		clang) by_clang "$k" ;;
		arm64) by_cross arm64 "$k" ;;
		ppc64le) by_cross ppc64el "$k" ;;
		esac
	done
done
verdicts
