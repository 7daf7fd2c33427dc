# SPDX-License-Identifier: GPL-2.0-only
# For scripts in L1: asking L0's QEMU for what only it can do (surprise
# removal, error injection, device properties). Sourced.

# l0_hmp COMMAND...: a human monitor command; prints its answer. By way of
# QMP, since the human monitor echoes and edits lines.
l0_hmp()
{
	local reply

	reply=$(l0_qmp human-monitor-command "$(jq -cn --arg c "$*" '{"command-line": $c}')") ||
		return
	jq -rj '.return' <<<"$reply" | tr -d '\r'
}

# l0_qmp COMMAND [JSON-ARGUMENTS]: prints the reply; fails if it is an error
# or does not come in 10 s.
l0_qmp()
{
	local id=$RANDOM args=${2:-} line fd

	[ -n "$args" ] || args='{}'
	exec {fd}<>/dev/virtio-ports/l0.qmp || return
	# Capabilities are negotiated once in QEMU's life; again is a harmless
	# error, and its reply is skipped as all that is not ours.
	printf '{"execute":"qmp_capabilities"}\n{"execute":"%s","arguments":%s,"id":%d}\n' \
		"$1" "$args" $id >&$fd
	while IFS= read -r -t 10 -u $fd line; do
		case $line in
		*'"id": '"$id"[,\}]*)
			exec {fd}>&-
			printf '%s\n' "$line"
			case $line in *'"error": {'*) return 1 ;; esac
			return 0
			;;
		esac
	done
	exec {fd}>&-
	echo "l0_qmp: no answer to $1" >&2
	return 124
}
