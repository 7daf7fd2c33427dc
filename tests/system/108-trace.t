# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2016
# timeout: 180
# needs: firmware trace
#
# Trace events and debugfs show a migration to operators.

T=/sys/kernel/tracing
W=$WORK

[ -d $T/events ] || must "tracefs" mount -t tracefs none $T

tracing() # 0 or 1
{
	echo "$1" >$T/events/vfio_pci_engine/enable &&
		echo "$1" >$T/events/$DEV_TRACE/enable
}

clear_trace() { : >$T/trace; }

# events NAME WORD...: those that have all words, without what precedes their name
events()
{
	sed -n "s/^.* $1: //p" $T/trace >"$W/events"
	shift
	for e_word; do
		grep -w -e "$e_word" "$W/events" >"$W/events.new"
		mv "$W/events.new" "$W/events"
	done
	cat "$W/events"
}

# field NAME: of events on standard input, in one line
field() { sed "s/.*\b$1=\([^ ]*\).*/\1/" | tr '\n' ' ' | sed 's/ $//'; }

total() # of numbers on standard input
{
	tr ' ' '\n' | awk '{ n += $1 } END { printf "%d", n }'
}

path_of() # BDF: the states that it went through
{
	events vfio_pci_mig_state "device=$1" error=0 | awk '
		{ for (i = 1; i <= NF; i++) { split($i, w, "="); f[w[1]] = w[2] } }
		f["trigger"] == "reset" || f["trigger"] == "open" { next }
		!n++ { printf "%s", f["old"] }
		{ printf " %s", f["new"] }'
}

took_time() # events on standard input
{
	! grep -v -E ' ns=[1-9][0-9]*$'
}

debug_dir() # UUID -> $D
{
	attr "$1" function
	D=/sys/kernel/debug/vfio/$VALUE/vfio-pci-engine
}

shows() # FILE KEY VALUE: for "t ...", and for vfio-mig's sh:
{
	s_value=$(sed -n "s/^$2: //p" "$D/$1")
	[ "$s_value" = "$3" ] || fail "$1: $2 is '$s_value', expected '$3'"
}

seen() # FILE KEY VALUE: the same, as a word of vfio-mig
{
	echo "sh:grep -qx '$2: $3' $D/$1"
}

op_count() # OPERATION -> "count errors"
{
	awk -v op="$1" '$1 == op { print $2, $3 }' "$D/firmware"
}

# The two add up: count <= max * count, and the last is no more than the longest
op_adds_up() # OPERATION
{
	awk -v op="$1" '$1 == op { good = $2 && $4 && $4 <= $5 && $5 <= $6 && $6 <= $5 * $2 }
		END { exit !good }' "$D/firmware"
}

vfs_and_mdevs 2 a b
# counters_of UUID NAME...: the values of these files
counters_of()
{
	co_dir=$MDEVS/$1/migration
	shift
	(cd "$co_dir" && cat "$@") | tr '\n' ' '
}

mdev_vf "$a"
bdf_a=$BDF vf_a=$VF
mdev_vf "$b"
bdf_b=$BDF vf_b=$VF
fw_dir
state_bytes=$(sed -n 's/^state_bytes: //p' "$FW/firmware")
at_least "firmware names the size of its state" "$state_bytes" 1048577

must "events can be switched on" tracing 1
clear_trace
debug_dir "$a"
must "the source has its directory in debugfs" is_dir "$D"
t "the state is RUNNING while the device is closed" shows state state RUNNING
t "no user is shown" shows state user none
t "debugfs shows no session" shows session session none
mig "the state is saved" "$a" dma:5 set:STOP_COPY "$(seen state state STOP_COPY)" "$(seen state user v2)" \
	"$(seen session session saving)" size "read:$W/s" "$(seen session bytes "$state_bytes")" \
	"$(seen counters saved 0)" set:RUNNING "$(seen session session none)" \
	"$(seen session last saved)" "$(seen session last_complete 1)" "$(seen state user none)"
debug_dir "$b"
mig "the state is loaded" "$b" set:RESUMING "$(seen session session loading)" "$(seen session bytes 0)" \
	"write:$W/s" set:RUNNING dma:5
tracing 0

# Transitions
is "the trace has the source's states" "$(path_of "$bdf_a")" \
	"RUNNING RUNNING_P2P STOP STOP_COPY STOP RUNNING_P2P RUNNING"
is "the trace has the destination's states" "$(path_of "$bdf_b")" \
	"RUNNING RUNNING_P2P STOP RESUMING STOP RUNNING_P2P RUNNING"
is "v2 has moved the device each time" "$(events vfio_pci_mig_state | field trigger | tr ' ' '\n' |
	grep -v -e reset -e open | sort -u)" v2
is "no transition failed" "$(events vfio_pci_mig_state | field error | tr ' ' '\n' | sort -u)" 0
t "resets at open are seen" test -n "$(events vfio_pci_mig_state "device=$bdf_a" trigger=reset)"

# Firmware operations
is "the trace has the source's operations" "$(events vfio_pci_mig_op "device=$bdf_a" | field op |
	sed 's/\bsave save\b/save/')" \
	"suspend_p2p suspend_full save state_size save resume_full resume_p2p"
is "the trace has the destination's operations" "$(events vfio_pci_mig_op "device=$bdf_b" | field op)" \
	"suspend_p2p suspend_full load load resume_full resume_p2p"
is "no operation failed" "$(events vfio_pci_mig_op | field error | tr ' ' '\n' | sort -u)" 0
events vfio_pci_mig_op >"$W/ops"
t "each took its time" took_time <"$W/ops"

# Pieces
for way in "save $bdf_a" "load $bdf_b"; do
	dir=${way% *} bdf=${way#* }
	events vfio_pci_mig_chunk "device=$bdf" "dir=$dir" >"$W/chunks"
	is "$dir: chunks sum up to the state" "$(field bytes <"$W/chunks" | total)" "$state_bytes"
	is "$dir: each begins where the one before ended" "$(field offset <"$W/chunks")" \
		"0 $(field bytes <"$W/chunks" | sed 's/ .*//')"
	is "$dir: the last one is known" "$(field last <"$W/chunks")" "0 1"
	t "$dir: each took its time" took_time <"$W/chunks"
done

# Firmware commands
events $DEV_TRACE_COMMAND "function=$vf_a" >"$W/commands"
is "the source's commands are those of a save" "$(field opcode <"$W/commands" | tr ' ' '\n' | sort | uniq -c |
	awk '{ printf "%s%s:%s", n++ ? " " : "", $2, $1 }')" "RESUME:2 SAVE:2 STATE_SIZE:1 SUSPEND:2"
is "all of this PF" "$(field pf <"$W/commands" | tr ' ' '\n' | sort -u)" "$PF"
is "each command has status 0" "$(field status <"$W/commands" | tr ' ' '\n' | sort -u)" 0
t "each took its time" took_time <"$W/commands"
is "the destination's loads" "$(events $DEV_TRACE_COMMAND "function=$vf_b" opcode=LOAD |
	field error)" "0 0"

# Counters
debug_dir "$a"
t "one session has saved" shows counters saved 1
t "no session has failed" shows counters failed 0
t "the counter has the bytes that were saved" shows counters bytes_saved "$state_bytes"
is "operators see the same in sysfs" "$(counters_of "$a" saved loaded failed errors bytes_saved bytes_loaded)" \
	"1 0 0 0 $state_bytes 0 "
at_least "and that the function stood still while its state was read" "$(counters_of "$a" stopped_ns | tr -d ' ')" 1
# shellcheck disable=SC2046 # words
is "one of the histogram's seven buckets has counted it" "$(printf '%s\n' $(counters_of "$a" stopped_histogram) | sort | uniq -c | tr -s ' \n' ' ')" \
	" 6 0 1 1 "
like "mdev-pci-metrics prints the bytes" "$("$PAYLOAD/tools/mdev-pci-metrics")" \
	"^mdev_pci_migrations_total\{mdev=\"$a\",function=\"$bdf_a\",type=\"$DEV_TYPE\",result=\"saved\"\} 1\$"
for op in "suspend_p2p 1 0" "suspend_full 1 0" "state_size 1 0" "save 2 0" "resume_full 1 0" \
	"resume_p2p 1 0" "load 0 0" "abort 0 0"; do
	is "calls of ${op%% *}" "$(op_count "${op%% *}")" "${op#* }"
done
for op in suspend_p2p save resume_p2p; do
	t "the times of $op add up" op_adds_up $op
done
debug_dir "$b"
t "one session has loaded" shows counters loaded 1
t "the counter has the bytes that were loaded" shows counters bytes_loaded "$state_bytes"
resets=$(sed -n 's/^resets: //p' "$D/counters")
mig "the device is reset" "$b" reset
now_resets=$(sed -n 's/^resets: //p' "$D/counters")
at_least "resets are counted, those of open and close too" "$now_resets" $((resets + 2))

# The other front end, and what goes wrong
tracing 1
clear_trace
mig "a session by the region keeps v2 out" "$b" v1-state:2 "$(seen state user v1)" state=STOP_COPY set:STOP=EBUSY \
	"v1-read:$W/v1" v1-state:1
is "the trace has the transitions by v1" "$(events vfio_pci_mig_state trigger=v1 | field new)" \
	"RUNNING_P2P STOP STOP_COPY STOP RUNNING_P2P RUNNING"
is "a refusal is seen, too" "$(events vfio_pci_mig_state trigger=v2 | field error)" -16

clear_trace
mig "the state is saved with pre-copy" "$b" dma:50 v1-state:3 "$(seen state state PRE_COPY)" "v1-read:$W/pre" dma:20 \
	"$(seen session session saving)" v1-state:2 "v1-more:$W/pre" v1-state:0 v1-state:1
is "the trace has the states of pre-copy" "$(path_of "$bdf_b")" \
	"RUNNING PRE_COPY PRE_COPY_P2P STOP_COPY STOP RUNNING_P2P RUNNING"
is "pre-copy begins and ends once" "$(events vfio_pci_mig_op | field op | tr ' ' '\n' |
	grep precopy_st | tr '\n' ' ')" "precopy_start precopy_stop "
events vfio_pci_mig_chunk >"$W/chunks"
is "the last chunk is from the stopped function" \
	"$(tail -n 1 "$W/chunks" | sed 's/.* running=\(.*\) ns=.*/\1/')" "0 last=1"
is "only one chunk is the last" "$(field last <"$W/chunks" | total)" 1
is "the first chunk is from the running function" "$(head -n 1 "$W/chunks" | field running)" 1
is "chunks sum up to what the session has saved" "$(field bytes <"$W/chunks" | total)" \
	"$(sed -n 's/^last_bytes: //p' "$D/session")"
is "the session counts as many chunks" "$(grep -c . "$W/chunks")" "$(sed -n 's/^last_chunks: //p' "$D/session")"

clear_trace
mig "a suspend that fails" "$b" "sh:echo '$vf_b suspend fail 11' >$FW/inject" \
	set:RUNNING_P2P=EIO state=RUNNING
is "the trace has the transition that failed" "$(events vfio_pci_mig_state trigger=v2 old=RUNNING new=RUNNING_P2P |
	field error)" -5
is "the trace has the operation that failed" "$(events vfio_pci_mig_op op=suspend_p2p | field error)" -5
is "the trace has the command, with firmware's status" \
	"$(events $DEV_TRACE_COMMAND opcode=SUSPEND | field status)" 11
is "the operation is counted" "$(op_count suspend_p2p)" "4 1"

clear_trace
mig "a save that is left in the middle" "$b" "sh:echo '$vf_b save silent' >$FW/inject" \
	set:STOP_COPY set:STOP state=STOP set:RUNNING
is "the trace has the abort" "$(events vfio_pci_mig_op op=abort | field error)" 0
is "the trace has the save that was aborted" "$(events vfio_pci_mig_op op=save | field error)" -125
is "there is no event of a chunk" "$(events vfio_pci_mig_chunk)" ""
is "the abort is a command of the PF" "$(events $DEV_TRACE_COMMAND opcode=ABORT | field function)" -1
t "an aborted save counts as a failed session" shows counters failed 1
mig "RESUMING ends without data" "$b" set:RESUMING set:STOP set:RUNNING
t "a session without data is no failure" shows counters failed 1
mig "a stream that is refused" "$b" set:RESUMING \
	"sh:dd if=/dev/zero of=$W/zero bs=4096 count=1 2>/dev/null" "write:$W/zero=EINVAL" \
	set:STOP=ENODATA reset state=RUNNING
t "a refused stream counts as a failed session" shows counters failed 2

# Debugfs answers while firmware does not
waits() { grep -q mig_fw_suspend "/proc/$(pgrep -P "$MIG")/stack"; }
fw_timeout $((8000 * ${PATIENCE:-1}))
clear_trace
mig_bg "$b" "sh:echo '$vf_b suspend silent' >$FW/inject" \
	set:RUNNING_P2P=ETIMEDOUT state=ERROR reset state=RUNNING
t "firmware is asked, and does not answer" wait_for 20 waits
t "all files can be read meanwhile" timeout -k 1 10 sh -c "cat $D/* >$W/all"
t "firmware has not answered yet" waits
t "the files are not empty" test -s "$W/all"
tool write "$FW/inject" "any any off" >/dev/null
mig_end "the operation times out"
fw_timeout 5000
is "the trace has the way to ERROR" "$(events vfio_pci_mig_state trigger=error | field new)" ERROR
is "the trace has the operation that timed out" "$(events vfio_pci_mig_op op=suspend_p2p | field error)" -110
is "the trace has the reset out of ERROR" "$(events vfio_pci_mig_state trigger=reset old=ERROR | field new)" RUNNING
t "each error is counted" shows counters errors 2
is "operators see failures and errors in sysfs" "$(counters_of "$b" failed errors)" "2 2 "

# Dirty pages
clear_trace
if grep -q ' iova_bitmap_set' /proc/kallsyms; then
	t "dirty pages are logged" timeout 60 vfio-log "$MDEVS/$b" \
		start:4096:0x20000000+0x1000000 \
		"$(seen tracker on 1)" "$(seen tracker pages 4096)" "$(seen tracker ranges 1)" \
		copy:0x20007000:8192 report:0x20000000:0x1000000:4096:7-8 \
		report:0x20000000:0x1000:4096:none stop
	is "the trace has the operations of logging" "$(events vfio_pci_mig_op | field op)" \
		"log_start log_report log_report log_stop"
	events vfio_pci_log_report >"$W/reports"
	is "reports have their number of dirty pages" "$(field dirty <"$W/reports")" "2 0"
	is "reports have the size of their bitmap" "$(field bitmap <"$W/reports")" "512 1"
	is "reports have the length of their range" "$(field length <"$W/reports")" "16777216 4096"
	is "reports have the address of their range" "$(field iova <"$W/reports")" "0x20000000 0x20000000"
	t "each took its time" took_time <"$W/reports"
	t "logging has ended" shows tracker on 0
	t "reports are counted" shows tracker reports 2
	t "dirty pages are counted" shows tracker dirty_pages 2
else
	t "nothing is logged on this kernel" shows tracker on 0
	is "no report of dirty pages is counted" "$(op_count log_report)" "0 0"
fi
tracing 0

# The files go with the device, also under a reader
debug_dir "$b"
exec 7<"$D/state"
remove "$b"
t "the debugfs files are gone with the mdev" is_gone "$D"
t "an open one cannot be read any more" not cat <&7
exec 7<&-
debug_dir "$a"
(while [ ! -e "$W/enough" ]; do cat "$D"/* 2>/dev/null; done >/dev/null) &
reader=$!
come_and_go()
{
	for _ in 1 2 3 4 5 6 7 8; do
		remove "$a" && create "$a" && timeout 60 vfio-mig "$MDEVS/$a" set:STOP || return 1
	done
}
t "the mdev comes and goes while they are read" come_and_go
: >"$W/enough"
wait $reader
no_mdevs_no_vfs
t "nothing is left of them" is_gone "$D"
