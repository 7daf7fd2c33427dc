# SPDX-License-Identifier: GPL-2.0-only
# For scripts in L1: L2 guests under nested KVM. Sourced.
#
#   l2_initrd OUT DIR          OUT = the base initrd plus the files of DIR; a
#                              DIR/l2/run is run by the guest's init
#   l2_start NAME [QEMU ARGS]  starts a guest; L2_INITRD, L2_KERNEL, L2_APPEND,
#                              L2_MEM, L2_QEMU change the defaults
#   l2_wait NAME REGEX [SEC]   waits for a line of its console
#   l2_ready NAME [SEC]        waits until it takes commands
#   l2_exec NAME COMMAND...    runs one in the guest: output, and its status
#   l2_qmp NAME COMMAND [JSON] prints the reply; needs jq
#   l2_hmp NAME COMMAND...
#   l2_end NAME [SEC]          waits for QEMU to exit by itself; its status
#   l2_stop NAME               kills it
#   l2_log NAME                shows its console and QEMU's messages
# Files: $L2_DIR/NAME/{console,qemu.log,qmp,cmd,pid}.

L2_DIR=${L2_DIR:-/tmp/l2}
# Every access to a device of the board is an exit through two hypervisors, one
# of them emulated: a bare board boots in half the time.
L2_MACHINE=${L2_MACHINE:-q35,sata=off,smbus=off,i8042=off,hpet=off,smm=off}

l2_initrd()
{
	(cd "$2" && find . | cpio -o -H newc -R 0:0 --quiet) >"$1.extra" || return
	# The kernel unpacks archives one after another; padding between.
	{ cat /l2/initrd; cat "$1.extra"; } >"$1"
	rm -f "$1.extra"
}

l2_start()
{
	local name=$1 dir=$L2_DIR/$1

	shift
	rm -rf "$dir"
	mkdir -p "$dir"
	: >"$dir/console"
	# In the background of init's session: l2_stop or the end of L1 ends it.
	${L2_QEMU:-qemu-system-x86_64} -nodefaults -no-user-config -display none \
		-no-reboot -name "$name" -M "$L2_MACHINE" -accel kvm -cpu host -m "${L2_MEM:-256M}" \
		-kernel "${L2_KERNEL:-/l2/vmlinux}" -initrd "${L2_INITRD:-/l2/initrd}" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check cryptomgr.notests rcupdate.rcu_expedited=1 ${L2_APPEND:-}" \
		-chardev "file,id=console,path=$dir/console,append=on" -serial chardev:console \
		-chardev "socket,id=cmd,path=$dir/cmd,server=on,wait=off" -serial chardev:cmd \
		-qmp "unix:$dir/qmp,server=on,wait=off" \
		"$@" >"$dir/qemu.log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
}

l2_alive() { kill -0 "$(cat "$L2_DIR/$1/pid")" 2>/dev/null; }

l2_log()
{
	sed 's/^/# qemu: /' "$L2_DIR/$1/qemu.log"
	tail -n 40 "$L2_DIR/$1/console" | tr -d '\r' | sed 's/^/# L2: /'
}

l2_wait()
{
	local end=$((SECONDS + ${3:-60}))

	until grep -q -a -E -e "$2" "$L2_DIR/$1/console"; do
		if ! l2_alive "$1"; then
			# The line may be the last that it said.
			grep -q -a -E -e "$2" "$L2_DIR/$1/console" && return
			echo "# l2_wait: $1 ended before '$2'"
			l2_log "$1"
			return 1
		fi
		if [ $SECONDS -ge $end ]; then
			echo "# l2_wait: $1: no '$2' in ${3:-60} s"
			l2_log "$1"
			return 124
		fi
		sleep 0.2
	done
}

l2_ready() { l2_wait "$1" '^l2: up' "${2:-60}"; }

# The guest answers with the command's output and "l2 status N".
l2_exec()
{
	local name=$1 out rc

	shift
	out=$(printf '%s\n' "$*" |
		timeout "${L2_TIMEOUT:-30}" python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.stdin.buffer.read())
got = b""
while b"l2 status " not in got or not got.endswith(b"\n"):
    more = s.recv(4096)
    if not more:
        break
    got += more
sys.stdout.write(got.decode(errors="replace").replace("\r", ""))' "$L2_DIR/$name/cmd") ||
		{ echo "# l2_exec: $name does not answer '$*'"; return 124; }
	rc=$(sed -n 's/^l2 status //p' <<<"$out")
	sed -e '/^l2 status /d' -e '/^l2 ready$/d' <<<"$out"
	return "${rc:-125}"
}

l2_qmp() { python3 "$BED/lib/qmp.py" "$L2_DIR/$1/qmp" "${@:2}"; }

l2_hmp()
{
	l2_qmp "$1" human-monitor-command \
		"$(jq -cn --arg c "${*:2}" '{"command-line": $c}')" | jq -rj . | tr -d '\r'
}

l2_end()
{
	local pid=$(cat "$L2_DIR/$1/pid") end=$((SECONDS + ${2:-60}))

	while kill -0 "$pid" 2>/dev/null; do
		[ $SECONDS -lt $end ] || { l2_log "$1"; return 124; }
		sleep 0.2
	done
	wait "$pid" 2>/dev/null
}

l2_stop()
{
	local pid=$(cat "$L2_DIR/$1/pid" 2>/dev/null)

	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f "$L2_DIR/$1/pid"
}
