#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: coverage.sh [--stack NAME] [PATTERN...]
#        coverage.sh --report
#
# Measures which lines and branches of the modules the system tests and KUnit suites reach. It runs
# all of them (or those whose name has a PATTERN) with the modules built for gcov, on a stack whose
# kernel has GCOV_KERNEL: default iommufd. The stack debug also makes allocations fail, and takes
# several times as long. Prints lines and branches for each file of drivers/vfio.
# build/coverage/not-reached lists the source lines that no test reached. --report: only evaluate
# the counters of the last run again.
set -e
. "$(dirname "$0")/vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/recipes/build.sh"

stack=iommufd report=
while [ $# -gt 0 ]; do
	case $1 in
	--stack) stack=$2; shift ;;
	--report) report=1 ;;
	--help | -h) usage ;;
	-*) usage 2 >&2 ;;
	*) break ;;
	esac
	shift
done
need_root
need_host python3 rsync
# shellcheck source=vm/stacks/debug
. "$VM_DIR/stacks/$stack"
build_root "$KERNEL"
grep -qx CONFIG_GCOV_KERNEL=y "$(build_dir "$KERNEL")/config" ||
	die "kernel $KERNEL has no GCOV_KERNEL"
export MODULE_ARGS=GCOV_PROFILE=y
runs=$CACHE/coverage
tree=$(work_dir "$KERNEL")/src
out=$REPO_DIR/build/coverage

# gcov wants counters beside the notes of the compiler, and its own version
count_boot() # DIRECTORY OF COUNTERS, OUT
{
	rsync -a --include='*/' --include='*.gcda' --exclude='*' "$1/src/" "$tree/"
	build_run "$KERNEL" "$tree" sh -c '
		find . -name "*.gcda" | while read -r f; do
			[ -f "${f%.gcda}.gcno" ] || continue
			gcov --json-format --branch-probabilities --stdout "$f" && echo
		done
		find . -name "*.gcda" -delete' >"$2"
}

if [ -z "$report" ]; then
	rm -rf "$runs"
	mkdir -p "$runs"
	rc=0
	"$REPO_DIR/tests/system/host-run.sh" --stack "$stack" --keep "$runs" "$@" || rc=$?
	[ $rc = 0 ] || note "some tests have failed; what they reached counts all the same"
fi
n=0
for dir in "$runs"/*/share/gcov "$runs"/*/*/share/gcov; do
	[ -d "$dir" ] || continue
	n=$((n + 1))
	count_boot "$dir" "$runs/$n.json"
done
[ $n != 0 ] || die "no boot has left counters in $runs"
mkdir -p "$out"
python3 "$REPO_DIR/tests/coverage.py" "$REPO_DIR" "$out/not-reached" "$runs"/*.json
note "what was not reached: $out/not-reached"
exit "${rc:-0}"
