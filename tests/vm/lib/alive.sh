# SPDX-License-Identifier: GPL-2.0-only
# Does L1 live? Its init writes to a port every few seconds, whatever the script does. Sourced.
# A kernel that has come to a stop would otherwise be waited for until the time-out, which is of
# all tests together, and nothing would say where it stands.

# Under TCG, beside other machines, half a minute without a turn has been seen
: "${ALIVE_SECONDS:=120}"

# alive_args RUN-DIR: adds to ARGS the port, and a monitor for L0 itself
alive_args()
{
	# shellcheck disable=SC2054 # the commas are QEMU's
	ARGS+=(-chardev "file,id=alive,path=$1/alive"
		-device virtserialport,chardev=alive,name=l0.alive
		-chardev "socket,id=watch,path=$1/mon.sock,server=on,wait=off"
		-mon chardev=watch,mode=control)
}

# alive_watch RUN-DIR PID: ends QEMU's time-out process PID when L1 has fallen silent, and leaves
# RUN-DIR/silent. By an NMI first: the kernel panics on one, and the console has its stack.
alive_watch()
{
	local limit=$((ALIVE_SECONDS * ${PATIENCE:-1})) last q=$1/mon.sock

	: >"$1/alive"
	rm -f "$1/silent"
	while sleep 5; do
		last=$(stat -c %Y "$1/alive") || return 0
		[ $(($(date +%s) - last)) -ge $limit ] || continue
		{
			echo "L1 has shown no sign of life for $limit s"
			timeout 60 python3 "$VM_DIR/lib/qmp.py" "$q" human-monitor-command \
				'{"command-line":"info registers"}' |
				grep -o -E 'RIP=[0-9a-f]+ RFL=[0-9a-f]+|HLT=[01]'
			timeout 60 python3 "$VM_DIR/lib/qmp.py" "$q" inject-nmi
		} >"$1/silent" 2>&1
		# The panic ends QEMU
		sleep 30
		kill "$2" 2>/dev/null
		return 0
	done
}
