# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For mlx5.sh and virtio.sh, which make docs/NAME-side-by-side.rst of what the system tests have measured.
# Needs ../vm/lib/common.sh.

# beside_options DEFAULT-STACK [ARGUMENTS...] -> $stack, and $log with --log FILE: what was run before
beside_options()
{
	stack=$1 log=
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--stack) stack=$2; shift ;;
		--log) log=$2; shift ;;
		--help | -h) usage ;;
		*) usage 2 >&2 ;;
		esac
		shift
	done
	made=$log
}

# beside_run NAME HOST-RUN.SH'S ARGUMENTS... -> $log
beside_run()
{
	[ -z "$made" ] || return 0
	log=$CACHE/log/bench-$1.log
	shift
	mkdir -p "${log%/*}"
	: >"$log"
	beside_also "$@"
}

# The same, behind it
beside_also()
{
	[ -n "$made" ] || "$REPO_DIR/tests/system/host-run.sh" --stack "$stack" "$@" | tee -a "$log"
}

lines() { cat "$@" | wc -l; }

beside_row() # WHAT OURS UPSTREAM'S
{
	printf '   * -%s\n     - %s\n     - %s\n' "${1:+ $1}" "$2" "$3"
}

beside_title() # TITLE
{
	local line

	line=$(printf '%*s' "${#1}" '' | tr ' ' =)
	printf '.. SPDX-License-Identifier: GPL-2.0-only\n\n%s\n%s\n%s\n\n' "$line" "$1" "$line"
}

# beside_table OUR-MODULE UPSTREAM'S-DRIVER [WORD]: with the tests' lines
# "# WORD: WHAT | OURS | UPSTREAM'S" (default: row)
beside_table()
{
	local what ours upstream

	printf '.. list-table::\n   :header-rows: 1\n   :widths: 28 36 36\n\n'
	beside_row "" "$1" "$2"
	sed -n "s/^# ${3:-row}: //p" "$log" | sed 's/ | /\t/g' |
		while IFS=$'\t' read -r what ours upstream; do
			beside_row "$what" "$ours" "$upstream"
		done
}

# The last line "# WHAT: ..." of the tests
beside_said() { sed -n "s/^# $1: //p" "$log" | tail -n 1; }

beside_kernel()
{
	printf '\nKernel %s.\n' "$(sed -n 's/^# test bed: L1 \(.*\) is up.*/\1/p' "$log" | head -n 1)"
}
