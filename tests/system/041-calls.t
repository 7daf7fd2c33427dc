# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 300
#
# How often control goes from file to file while an mdev is created and while a migration file is
# read, by the kernel's tracer of functions. tests/calls.py says which file a function is in.

T=/sys/kernel/tracing
[ -d $T/events ] || must "tracefs" mount -t tracefs none $T
if ! grep -qw function_graph $T/available_tracers; then
	skip "calls go from file to file" "the kernel has no function_graph tracer"
	return 0
fi

# trace FUNCTION MODULE COMMAND...: what the module's functions call in that one
trace()
{
	echo nop >$T/current_tracer
	echo "$1" >$T/set_graph_function
	echo "*:mod:$2" >$T/set_ftrace_filter
	shift 2
	: >$T/trace
	echo function_graph >$T/current_tracer
	"$@"
	t_rc=$?
	cat $T/trace >"$WORK/trace"
	echo nop >$T/current_tracer
	: >$T/set_graph_function
	: >$T/set_ftrace_filter
	return $t_rc
}

# stays FUNCTION: lines "FILE: FUNCTIONS", one for each stay in a file during one call
stays()
{
	awk -v start="$1" '
	NR == FNR { home[$1, $2] = 1; any[$1] = $2; next }
	# A name may be that of functions in several files: then it is the one in this file
	function file_of(name) { return (name, at) in home ? at : any[name] }
	function go(to, name) {
		if (to != at)
			line = line (line == "" ? "" : "\n") to ":"
		line = line " " name
		at = to
	}
	{
		if (!match($0, /\| /))
			next
		text = substr($0, RSTART + 2)
		match(text, /^ */)
		depth = RLENGTH / 2
		sub(/^ */, "", text)
		name = text
		sub(/[.(; ].*/, "", name)
		if (name == start && text ~ /\{$/) {
			begun = depth
			at = ""
			line = ""
			on = 1
		}
		if (!on)
			next
		if (text ~ /^\}/) {
			if (depth == begun) {
				print line
				exit
			}
			if (depth in files)
				back(depth - 1)
			next
		}
		if (!(name in any))
			next
		go(file_of(name), name)
		files[depth] = at
		names[depth] = name
		if (text ~ /;/)
			back(depth - 1)
	}
	# To the caller, which may be of no file here
	function back(d) {
		while (d > begun && !(d in files))
			d--
		if (files[d] != at)
			line = line "\n" files[d] ":"
		at = files[d]
	}' "$TOOLS/calls.map" "$WORK/trace"
}

comes_back() # FILE: how often, after the first stay
{
	grep -c "^$1:" "$WORK/stays" | awk '{ print $1 - 1 }'
}

vfs_and_mdevs 2
new_uuid
u=$UUID
t "an mdev is created" trace mdev_pci_probe mdev_pci create "$u"
stays mdev_pci_probe >"$WORK/stays"
diag <"$WORK/stays"
at_least "its way through the files is in the trace" "$(wc -l <"$WORK/stays")" 3
t "create comes back to mdev.c at most three times" test "$(comes_back mdev.c)" -le 3

save() { timeout 60 vfio-mig "$MDEVS/$u" set:STOP_COPY "read:$WORK/state" set:STOP; }

t "its state is saved" trace save_read vfio_pci_engine save
stays save_read >"$WORK/stays"
diag <"$WORK/stays"
at_least "the way of a read is in the trace" "$(wc -l <"$WORK/stays")" 3

no_mdevs_no_vfs
