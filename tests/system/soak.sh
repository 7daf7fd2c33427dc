#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: soak.sh [--stack NAME] [--time SECONDS] [--guests N] [--seed N] [N]
#
# Runs N migrations (default 1000). Most are among operations in random order on eight mdevs
# (soak.py), for at least the given time (default 3600 s), with a line each minute about the
# kernel's memory. A migration of a guest takes ten seconds and more, so only some (default: one in
# twenty) are of a guest: it moves back and forth between two mdevs while it copies, with a line for
# each. The status is 1 at the first context that differs, wrong copy, complaint of the kernel,
# growth of memory, or other failure.
set -e
# shellcheck source=../vm/lib/common.sh
. "$(dirname "$0")/../vm/lib/common.sh"
here=$REPO_DIR/tests/system

stack=debian13 seconds=3600 guests= seed=$RANDOM
while [ $# -gt 0 ]; do
	case $1 in
	--stack) stack=$2; shift ;;
	--time) seconds=$2; shift ;;
	--guests) guests=$2; shift ;;
	--seed) seed=$2; shift ;;
	--help | -h) usage ;;
	-*) usage 2 >&2 ;;
	*) break ;;
	esac
	shift
done
n=${1:-1000}
for number in "$n" "$seconds" "${guests:=$((n / 20))}" "$seed"; do
	case $number in *[!0-9]* | '') usage 2 >&2 ;; esac
done
[ "$n" -ge "$guests" ] || die "$guests migrations of a guest are more than $n"
need_root
bin=$("$here/prepare.sh" --stack "$stack")
# Copies take their time, so that there are some under way when a function stops
exec "$VM_DIR/boot.sh" --once --stack "$stack" --env PATIENCE="${PATIENCE:-3}" --add "$bin" \
	--timeout $((600 + seconds + n * 10 + guests * 60)) \
	--append log_buf_len=4M --device refdev,copy-ns=250000 \
	-- tests/system/soak-inside.sh "$n" "$seconds" "$guests" "$seed"
