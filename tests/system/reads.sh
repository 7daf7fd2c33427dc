# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# Firmware commands that a test's device gets, counted by a kprobe, and that reading costs none:
# everybody may read, and commands are shared with migration. Needs host.sh and tap.sh.

TRACING=/sys/kernel/debug/tracing

# count_commands MODULE:FUNCTION...: those that each command of the device goes through
count_commands()
{
	cc_n=0
	able kprobes "firmware commands are counted" || return 0
	for cc_at; do
		cc_n=$((cc_n + 1))
		# In a kernel's image it is no module's
		grep -q " ${cc_at#*:}.*\[${cc_at%%:*}\]\$" /proc/kallsyms || cc_at=${cc_at#*:}
		must "the calls of ${cc_at#*:} can be counted" \
			write_to "$TRACING/kprobe_events" "p:firmware/command$cc_n $cc_at"
	done
	t "counting is on" write_to "$TRACING/events/firmware/enable" 1
}

commands() { awk '$1 ~ /^command[0-9]/ { n += $2 } END { print n + 0 }' "$TRACING/kprobe_profile"; }

count_no_more()
{
	[ $cc_n != 0 ] || return 0
	t "no more calls are counted" write_to "$TRACING/events/firmware/enable" 0
	t "no probe is left" write_to "$TRACING/kprobe_events" "-:firmware/"
}

# What everybody may read of the parent, of its driver and its functions, and of all mdevs
open_files()
{
	find "$PFDIR/mdev_supported_types" -type f -perm -o=r
	find "$PFDIR/" "$PFDIR"/virtfn*/ "$MDEVS"/*/ "$MDEVS"/*/migration/ "$PFDIR/driver/" "$PFDIR/driver/module/parameters/" \
		"$MDEVS/../drivers/mdev-pci/module/parameters/" /sys/bus/platform/drivers/mdev-pci-*/ \
		-maxdepth 1 -type f -perm -o=r 2>/dev/null
}

# reads_cost_nothing WHEN
reads_cost_nothing()
{
	[ $cc_n != 0 ] || return 0
	open_files >"$WORK/open-files"
	r_files=$(grep -c -e /description -e "$MDEVS/.*/function" -e "$MDEVS/.*/migration_state" \
		"$WORK/open-files")
	at_least "$1: everybody may read descriptions, states and functions" "$r_files" 3
	r_before=$(commands)
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		xargs cat <"$WORK/open-files" >/dev/null 2>&1
	done
	r_files=$(wc -l <"$WORK/open-files")
	is "$1: reading $r_files files ten times sends no command" "$(commands)" "$r_before"
}

# costs DESCRIPTION COMMAND...: the command succeeds, and firmware gets commands: counting works
costs()
{
	[ $cc_n != 0 ] || { t "$@"; return; }
	c_before=$(commands)
	t "$@"
	at_least "$1: firmware gets commands" $(($(commands) - c_before)) 1
}
