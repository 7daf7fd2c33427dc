#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: boot.sh [OPTIONS] -- SCRIPT [ARGUMENTS...]
#
# Boots L1, the emulated hypervisor host, runs SCRIPT in it and exits with the status of SCRIPT.
# SCRIPT is a path inside the payload, which has tests/ and tools/ of this checkout (such as
# tests/system/run.sh). It runs as root in /payload, with our modules known to modprobe. Its output
# appears here. Console, output and command line are kept in the run's directory, and the end of the
# console is shown on failure. If L1's kernel logs a BUG, WARNING, Oops, hung task or the like, the
# run fails with status 99.
#
#   --stack NAME      the stack of L1 (default debian13; one file each in stacks/)
#   --device SPEC     a QEMU device under test. Without bus= it gets the next of the root
#                     ports rp1..rp4. Repeatable.
#   --qemu-arg ARG    an argument for L0's QEMU, one word. Repeatable.
#   --append WORDS    words for L1's kernel command line
#   --env NAME=VALUE  a variable for the script's environment. Repeatable.
#   --add FILE        put FILE (or a directory) into /payload. Repeatable.
#   --timeout SEC     end L1 after SEC seconds (default 240)
#   --no-build        use the modules of the last build; do not run make
#   --no-modules      boot without our modules
#   --root-image FILE use this root file system (erofs) instead of the stack's; it must fit
#                     the stack's kernel
#   --disk FILE       unpack this tar archive over L1's root before our modules are there. It is
#                     what an earlier L1 wrote to its disk
#   --systemd         L1's init is systemd, and SCRIPT runs as a service
#   --no-kvm          no KVM in L1: saves 2 s for a script without L2 guests
#   --stock-qemu      use QEMU without the device models of tests/qemu
#   --allow-splats    a complaint of the kernel alone does not fail the run
#   --run-dir DIR     keep the run's files in DIR
#   --once            do not repeat the run
#   --link NAME:PATH  L1 is NAME, hostA or hostB, and has a network card. The socket PATH
#                     connects it to the other host. For boot-pair.sh
#   --shell           open a root shell on the serial console instead of a script (shell.sh)
#
# In L1 /dev/virtio-ports/l0.monitor is L0's human monitor and l0.qmp its QMP (lib/l0.sh has
# functions for them). "mount /share" mounts RUN-DIR/share, to bring files out. $BED is
# /payload/tests/vm. boot.sh repeats a run once, and says so, if QEMU ended by itself (status 0, no
# panic on the console), at a time-out, or if L1 hung (lib/alive.sh).
set -e
. "$(dirname "$0")/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/payload.sh"
. "$VM_DIR/lib/machine.sh"
. "$VM_DIR/lib/rundir.sh"
. "$VM_DIR/lib/alive.sh"
. "$VM_DIR/recipes/qemu.sh"
. "$VM_DIR/recipes/build.sh"
. "$VM_DIR/recipes/stack.sh"

stack=debian13 timeout=240 build=1 modules=1 stock= shell= image= disk= rundir= once= APPEND= LINK=
DEVICES=() extra=() environment=() files=()
while [ $# -gt 0 ]; do
	case $1 in
	--stack) stack=$2; shift ;;
	--device) DEVICES+=("$2"); shift ;;
	--qemu-arg) extra+=("$2"); shift ;;
	--append) APPEND="$APPEND $2"; shift ;;
	--env) environment+=("$2"); shift ;;
	--add) files+=("$2"); shift ;;
	--timeout) timeout=$2; shift ;;
	--run-dir) rundir=$2; shift ;;
	--once) once=1 ;;
	--link) LINK=$2 APPEND="$APPEND BED_HOST=${2%%:*}"; shift ;;
	--root-image) image=$2; shift ;;
	--disk) disk=$2; shift ;;
	# Without an identity of its own it would take each boot for an installation's first
	--systemd) APPEND="$APPEND testbed.systemd systemd.machine_id=$(printf %032d 1)" ;;
	--no-build) build= ;;
	--no-modules) modules= ;;
	--no-kvm) APPEND="$APPEND testbed.nokvm" ;;
	--stock-qemu) stock=1 ;;
	--allow-splats) files+=("$VM_DIR/lib/allow-splats") ;;
	--shell) shell=1 ;;
	--help | -h) usage ;;
	--) shift; break ;;
	-*) usage 2 >&2 ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || [ -n "$shell" ] || usage 2 >&2
if [ -n "$shell" ]; then
	[ -t 0 ] || die "a shell needs a terminal"
	# The kernel hands unknown NAME=VALUE words to init as environment.
	APPEND="$APPEND TERM=${TERM:-dumb} BED_ROWS=$(tput lines 2>/dev/null || echo 24)"
	APPEND="$APPEND BED_COLS=$(tput cols 2>/dev/null || echo 80)"
fi
need_root
stack_check "$stack"

run_file()
{
	local e

	for e in "${environment[@]}"; do
		printf 'export %q\n' "$e"
	done
	printf 'exec'
	case $1 in
	/*) printf ' %q' "$@" ;;
	*) printf ' %q' "./$1" "${@:2}" ;;
	esac
	echo
}

module_tree() # KERNEL: builds, prints the tree
{
	local tree

	tree=$(work_dir "$1")/src
	[ -n "$modules" ] && [ -f "$REPO_DIR/Makefile" ] && ! build_in_tree "$1" || return 0
	if [ -n "$build" ]; then
		"$VM_DIR/build-modules.sh" "$1" >"$rundir/build.log" 2>&1 || {
			tail -n 40 "$rundir/build.log" >&2
			die "the modules do not build"
		}
	fi
	[ ! -d "$tree" ] || printf '%s\n' "$tree"
}

# The modules load only into the very kernel they were built for.
check_release() # KERNEL STACK
{
	[ ! -f "$(build_dir "$1")/release" ] ||
		cmp -s "$(build_dir "$1")/release" "$(stack_dir "$2")/release" ||
		die "build-$1 has kernel $(cat "$(build_dir "$1")/release") but stack $2" \
			"$(cat "$(stack_dir "$2")/release"): setup.sh --refresh $2"
}

# A run that is ended from outside is not repeated
interrupted()
{
	show_failure "$rundir"
	exit 130
}

# One boot; sets rc to QEMU's status, or 124 for a kernel that hung
boot_once()
{
	local tee child watch

	rm -f "$rundir/out" "$rundir/console.log" "$rundir"/*.sock
	mkfifo "$rundir/out"
	tee "$rundir/out.log" <"$rundir/out" &
	tee=$!
	setpriv --pdeathsig TERM timeout -k 5 "$timeout" setpriv --pdeathsig KILL \
		"$qemu" "${ARGS[@]}" -serial "file:$rundir/console.log" \
		-chardev "file,id=out,path=$rundir/out,append=on" \
		-device virtserialport,chardev=out,name=l0.out "${extra[@]}" \
		</dev/null >"$rundir/qemu.log" 2>&1 &
	child=$!
	alive_watch "$rundir" $child </dev/null >/dev/null 2>&1 &
	watch=$!
	trap 'kill $child $watch 2>/dev/null; wait $child; interrupted' INT TERM HUP
	rc=0
	wait $child || rc=$?
	trap - INT TERM HUP
	kill $watch 2>/dev/null || true
	wait $watch 2>/dev/null || true
	[ ! -e "$rundir/silent" ] || rc=124
	# A QEMU that failed before it opened the pipe leaves tee waiting.
	: <>"$rundir/out"
	wait $tee 2>/dev/null || true
	rm -f "$rundir/out"
}

WORDS=
. "$VM_DIR/stacks/$stack"
APPEND="$APPEND $WORDS"
stack_root "$stack"
if [ -n "$stock" ]; then
	qemu_base
	qemu=$(qemu_dir)/src/build/qemu-system-x86_64
else
	qemu_dev
	qemu=$(qemu_dev_dir)/qemu-system-x86_64
fi
rundir=${rundir:-$(new_run_dir)}
mkdir -p "$rundir/share"
exec {run_lock}>"$rundir/.lock" # goes on to QEMU: the run lasts while it does
flock $run_lock
if [ -z "$shell" ]; then
	run_file "$@" >"$rundir/run"
	echo "$timeout" >"$rundir/timeout"
	files+=("$rundir/run" "$rundir/timeout")
fi
if [ -n "$disk" ]; then
	cp "$disk" "$rundir/disk.tar"
	files+=("$rundir/disk.tar")
fi
tree=$(module_tree "$KERNEL")
check_release "$KERNEL" "$stack"
payload "$rundir/payload.erofs" "$(stack_dir "$stack")" "$tree" "${files[@]}"
ROOT_IMAGE=$image
machine_args "$(stack_dir "$stack")" "$(qemu_dir)/share" "$rundir"
alive_args "$rundir"
printf '%q ' "$qemu" "${ARGS[@]}" "${extra[@]}" >"$rundir/cmdline"
if [ -n "$shell" ]; then
	note "L1 boots; leave it with exit, QEMU's monitor is C-a c (C-a x quits)"
	rc=0
	"$qemu" "${ARGS[@]}" -serial mon:stdio "${extra[@]}" || rc=$?
	[ $rc = 33 ] || exit $rc
	exit 0
fi
start=$SECONDS
boot_once
if [ -z "$once" ] && flaky "$rundir" $rc; then
	show_failure "$rundir"
	note "boot.sh: L1 ended with $rc (0: reset, 124: silence, or time-out of $timeout s);" \
		"FLAKE? trying once more"
	mv "$rundir/console.log" "$rundir/console.1.log"
	mv "$rundir/out.log" "$rundir/out.1.log"
	echo "# test bed: FLAKE? L1 ended with $rc; a second try follows"
	boot_once
fi
case $rc in
33) exit 0 ;;
0) why="L1 reset or crashed"; status=98 ;;
1) why="QEMU refused its command line"; status=97 ;;
124 | 137)
	why="time-out after $timeout s" status=124
	[ ! -e "$rundir/silent" ] || why="L1 hung"
	;;
*) status=$(((rc - 33) / 2)); why="SCRIPT's status $status" ;;
esac
show_failure "$rundir"
note "boot.sh: FAILED: $why, after $((SECONDS - start)) s; files in $rundir"
exit $status
