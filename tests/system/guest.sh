# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2015,SC2016
#
# Guests of the hypervisor host: QEMU processes with an mdev, their consoles and
# their migration. Needs host.sh. Each guest has a directory $GUESTS/NAME:
#
#   console   what it wrote to its serial port      pid   QEMU's process id
#   in        FIFO: commands for it (guest/init)    log   QEMU's own messages
#   qmp       QEMU's monitor

: "${GUESTS:=/tmp/guests}"
: "${GUEST_MEM:=192M}"
: "${GUEST_MACHINE:=q35}"
: "${GUEST_CPU:=host}"

# Kernel and initrd: the test bed's (tests/vm/recipes/stack.sh), with our init and
# module behind it in the archive
guest_files()
{
	GUEST_KERNEL=/l2/vmlinux
	GUEST_INITRD=/tmp/guest.initrd
	[ ! -s "$GUEST_INITRD" ] || return 0
	g_dir=/tmp/guest.initrd.d
	mkdir -p $g_dir/modules
	cp "$PAYLOAD/tests/guest/init" $g_dir/guest-init &&
		cp "$TOOLS/copyload.ko" $g_dir/modules/ && cp "$TOOLS/blkload" $g_dir/ &&
		{ [ ! -e "$PAYLOAD/fio/fio" ] || cp "$PAYLOAD/fio/fio" $g_dir/; } &&
		(cd $g_dir && find . | cpio -o -H newc -R 0:0 --quiet) >/tmp/guest.cpio &&
		cat /l2/initrd /tmp/guest.cpio >"$GUEST_INITRD" ||
		fail "the guest's initrd cannot be made"
	rm -rf $g_dir /tmp/guest.cpio
}

# What this QEMU calls things: up to 7.2 it migrates by the region (v1) -> $MIG_OPTION
qemu_words()
{
	[ -z "$MIG_OPTION" ] || return 0
	qemu_major || return 1
	if [ "$QEMU" -lt 8 ]; then
		MIG_OPTION=x-enable-migration=on
		return 0
	fi
	MIG_OPTION=enable-migration=on
	# QEMU's default suffices where it can ask the device for dirty pages
	! can qemu-log || MIG_OPTION=enable-migration=auto
	REASON=
}

# guest_launch NAME UUID [QEMU ARGUMENTS...]: start QEMU, return at once. Guests that
# migrate into each other must get the same arguments. $GUEST_ARGS: more of them, words;
# $GUEST_VFIO: more properties of the mdev's device, ",NAME=VALUE"; $GUEST_DEVICE: which one, in place of
# its directory in sysfs.
guest_launch()
{
	qemu_words || return 1
	g_name=$1 g_uuid=$2
	shift 2
	# shellcheck disable=SC2086  # words on purpose
	guest_qemu "$g_name" -device pcie-root-port,id=rp0,chassis=1,slot=1 \
		-device "vfio-pci,id=dut,bus=rp0,${GUEST_DEVICE:-sysfsdev=$MDEVS/$g_uuid},$MIG_OPTION$GUEST_VFIO" \
		$GUEST_ARGS "$@"
}

# The same without a device: guest_qemu NAME [QEMU ARGUMENTS...]
guest_qemu()
{
	g=$GUESTS/$1
	shift
	rm -rf "$g"
	mkdir -p "$g"
	mkfifo "$g/in"
	: >"$g/console"
	guest_files || return 1
	# The FIFO is opened for reading and writing: opening it blocks for nobody
	qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-M "$GUEST_MACHINE" -accel kvm -cpu "$GUEST_CPU" -m "$GUEST_MEM" -smp 1 \
		-kernel "$GUEST_KERNEL" -initrd "$GUEST_INITRD" \
		-append "rdinit=/guest-init console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check $GUEST_APPEND" \
		-serial "file:$g/console" -serial stdio -qmp "unix:$g/qmp,server=on,wait=off" \
		"$@" <>"$g/in" >/dev/null 2>"$g/log" &
	g_pid=$!
	echo $g_pid >"$g/pid"
}

guest_alive() # NAME
{
	read -r g_pid 2>/dev/null <"$GUESTS/$1/pid" &&
		read -r _ _ g_state _ 2>/dev/null <"/proc/$g_pid/stat" || return 1
	[ "$g_state" = Z ] || return 0
	# Its last threads may still hold the device
	set -- "/proc/$g_pid/task"/*
	[ $# -gt 1 ]
}

guest_dead() { ! guest_alive "$1"; }

# What is known about a guest that misbehaves, for people
guest_story() # NAME
{
	if guest_alive "$1"; then
		echo "-- $1: QEMU runs; where its processor is, three times a second apart"
		for _ in 1 2 3; do
			qmp "$1" '{"execute":"human-monitor-command","arguments":{"command-line":"info registers"}}' &&
				echo "$ANSWER" | grep -o -E 'RIP=[0-9a-f]+ RFL=[0-9a-f]+|HLT=[01]' | tr '\n' ' '
			echo
			sleep 1
		done
	fi
	for g_file in log console; do
		[ -s "$GUESTS/$1/$g_file" ] || continue
		echo "-- $1: last lines of $g_file"
		# Its last line may be a part of one: what follows must not be joined to it
		tail -n 15 "$GUESTS/$1/$g_file" | tr -d '\r' | sed '$a\'
	done
}

guest_said() # NAME PATTERN
{
	grep -q "$2" "$GUESTS/$1/console"
}

# Until the guest has said something; fails as soon as it cannot any more
guest_wait() # NAME SECONDS PATTERN
{
	g_name=$1 g_pattern=$3
	now
	g_end=$((NOW + $2 * 100 * ${PATIENCE:-1}))
	until guest_said "$g_name" "$g_pattern"; do
		guest_alive "$g_name" ||
			fail "guest $g_name: QEMU has ended: $(tail -n 1 "$GUESTS/$g_name/log")" ||
			return 1
		if guest_said "$g_name" "^COPYLOAD failed"; then
			fail "guest $g_name: $(grep -m 1 "^COPYLOAD failed" "$GUESTS/$g_name/console")"
			return 1
		fi
		now
		[ "$NOW" -lt $g_end ] ||
			fail "guest $g_name did not say '$g_pattern' within $2 s" || return 1
		sleep 0.2
	done
}

guest_tell() # NAME COMMAND
{
	guest_alive "$1" || fail "guest $1: QEMU has ended" || return 1
	timeout 5 sh -c 'echo "$1" >"$2"' sh "$2" "$GUESTS/$1/in" ||
		fail "guest $1 takes no commands"
}

# A guest of another kind, with whatever driver its device has: the test bed's own init
# (tests/vm/l2-init), which loads that driver and runs commands. No migration.
guest_plain() # NAME UUID
{
	MIG_OPTION=enable-migration=auto
	qemu_major || return 1
	[ "$QEMU" -ge 8 ] || MIG_OPTION=x-enable-migration=off
	GUEST_APPEND=rdinit=/init guest_launch "$1" "$2" && guest_wait "$1" 240 '^l2: up' || return 1
	# What is written before it listens is lost
	wait_for 60 guest_sh "$1" 2 true && REASON=
}

# guest_sh NAME SECONDS COMMAND -> $OUT, without what the guest's kernel says meanwhile; fails as the
# command does
guest_sh()
{
	g_name=$1 g_n=$((g_n + 1))
	guest_tell "$1" "{ echo 'sh $g_n begins'; { $3; } 2>&1; echo \"sh $g_n ends \$?\"; } >/dev/console" &&
		guest_wait "$1" "$2" "^sh $g_n ends" || return 1
	OUT=$(tr -d '\r' <"$GUESTS/$g_name/console" |
		sed -n "/^sh $g_n begins/,/^sh $g_n ends/p" | sed '1d; /^\[ *[0-9]*\.[0-9]*\] /d')
	case $OUT in
	*"sh $g_n ends 0") OUT=${OUT%sh "$g_n" ends 0} ;;
	*) fail "in guest $g_name: $3: $OUT" ;;
	esac
}

# The last status line -> $COPIES $BYTES $ERRORS $GAP $PENDING $STATE
guest_status() # NAME
{
	g_line=$(grep -a '^COPYLOAD copies=.*state=' "$GUESTS/$1/console" | tail -n 1 | tr -d '\r')
	[ -n "$g_line" ] || fail "guest $1 has reported no copies" || return 1
	for g_word in $g_line; do
		case $g_word in
		copies=*) COPIES=${g_word#*=} ;;
		bytes=*) BYTES=${g_word#*=} ;;
		errors=*) ERRORS=${g_word#*=} ;;
		gap_ms=*) GAP=${g_word#*=} ;;
		pending=*) PENDING=${g_word#*=} ;;
		state=*) STATE=${g_word#*=} ;;
		esac
	done
}

guest_copies_above() # NAME N
{
	guest_status "$1" && [ "$COPIES" -gt "$2" ]
}

# Boot to the first reported copies
guest_boot() # NAME UUID [SECONDS]
{
	guest_launch "$1" "$2" &&
		guest_wait "$1" "${3:-240}" '^COPYLOAD ready' &&
		guest_wait "$1" 120 '^COPYLOAD copies=[1-9].*state=running'
}

# The copies go on from here: N more of them
guest_goes_on() # NAME N SECONDS
{
	guest_status "$1" || return 1
	g_from=$COPIES
	wait_for "$3" guest_copies_above "$1" $((g_from + $2)) ||
		fail "guest $1: no $2 further copies within $3 s (stopped at $COPIES, state $STATE)"
}

qmp() # NAME COMMAND -> $ANSWER
{
	ANSWER=$(tool qmp "$GUESTS/$1/qmp" "$2" $((30 * ${PATIENCE:-1})) 2>&1) ||
		fail "QMP of guest $1: $2: $ANSWER"
}

qmp_up() # NAME: does the monitor answer?
{
	[ -S "$GUESTS/$1/qmp" ] && qmp "$1" query-status
}

guest_off() # NAME: the guest powers itself off
{
	guest_tell "$1" poweroff || return 1
	wait_for 60 guest_dead "$1" || fail "guest $1 did not power off"
}

guest_quit() # NAME: QEMU is told to end
{
	guest_alive "$1" || return 0
	qmp "$1" quit
	wait_for 60 guest_dead "$1" || fail "QEMU of guest $1 did not quit"
}

guests_kill_one() # NAME
{
	guest_alive "$1" || return 0
	kill -9 "$g_pid"
	wait_for 20 guest_dead "$1"
}

guests_kill()
{
	for g in "$GUESTS"/*; do
		[ -f "$g/pid" ] && guest_alive "${g##*/}" || continue
		kill -9 "$g_pid"
		wait_for 20 guest_dead "${g##*/}"
	done
}

# What migrations use beside return-path, words. Both ends have to be told
GUEST_CAPABILITIES=

guest_capabilities() # NAME
{
	c_list='{"capability":"return-path","state":true}'
	for c_word in $GUEST_CAPABILITIES; do
		c_list=$c_list',{"capability":"'$c_word'","state":true}'
	done
	qmp "$1" '{"execute":"migrate-set-capabilities","arguments":{"capabilities":['"$c_list"']}}'
}

# guest_incoming NAME UUID URI: a QEMU with that mdev waits for a guest
guest_incoming()
{
	guest_launch "$1" "$2" -incoming defer || return 1
	wait_for 90 qmp_up "$1" || fail "QEMU of guest $1: $(tail -n 1 "$GUESTS/$1/log")" ||
		return 1
	[ -z "$GUEST_CAPABILITIES" ] || guest_capabilities "$1" || return 1
	qmp "$1" '{"execute":"migrate-incoming","arguments":{"uri":"'"$3"'"}}'
}

# guest_leave NAME URI [BANDWIDTH MILLISECONDS]: it begins to migrate, see guest_migrate_way;
# default $MIG_FAST.
#
# Where the device's dirty pages are not known (can qemu-log), all memory that it reaches
# counts as dirty until the guest stops. With $MIG_FAST the switch-over is allowed to take long,
# and QEMU is told that the way is fast: else it would wait for ever. With the return path the
# source learns of a destination that fails at the very end.
guest_leave()
{
	# shellcheck disable=SC2086  # two words
	guest_migrate_way "$1" ${3:-$MIG_FAST} $4 &&
		guest_capabilities "$1" &&
		qmp "$1" '{"execute":"migrate","arguments":{"uri":"'"$2"'"}}'
}

# With $MIG_ENDLESS memory is transferred again and again
MIG_FAST="17179869184 60000" MIG_ENDLESS="1024 1"

# How fast the way is when the guest stands still, in bytes per second, and how long it may
guest_migrate_way() # FROM BANDWIDTH MILLISECONDS
{
	m_way=
	qemu_major || return 1
	[ "$QEMU" -lt 8 ] || m_way='"avail-switchover-bandwidth":'$2,
	qmp "$1" '{"execute":"migrate-set-parameters","arguments":{"max-bandwidth":17179869184,
		'"$m_way"'"downtime-limit":'"$3"'}}'
}

# guest_left NAME: the migration that it has begun is over, and a success.
#
# -> $DOWNTIME $TOTAL (QEMU's, ms), $RAM $VFIO (bytes)
guest_left()
{
	m_from=$1
	now
	m_end=$((NOW + 24000 * ${PATIENCE:-1}))
	while :; do
		qmp "$m_from" query-migrate || return 1
		case $ANSWER in
		*'"status": "completed"'*) break ;;
		*'"status": "failed"'* | *'"status": "cancelled"'*)
			fail "migration failed: $(echo "$ANSWER" | jq -r '.return."error-desc" // .return.status') $(tail -n 2 "$GUESTS/$m_from/log" | tr '\n' ' ')"
			return 1
			;;
		esac
		now
		[ "$NOW" -lt $m_end ] || fail "migration did not end within 240 s: $ANSWER" || return 1
		sleep 0.1
	done
	m_nums=$(echo "$ANSWER" | jq -r '.return | "\(.downtime) \(."total-time") \(.ram.transferred) \(.vfio.transferred // "unknown")"')
	# shellcheck disable=SC2086  # words
	set -- $m_nums
	DOWNTIME=$1 TOTAL=$2 RAM=$3 VFIO=$4
}

guest_arrived() # NAME: it runs here, and is heard of
{
	wait_for 60 guest_running "$1" ||
		fail "guest $1 does not run after migration" || return 1
	guest_wait "$1" 60 '^COPYLOAD copies='
}

# guest_migrate FROM TO UUID: a second QEMU with that mdev takes the guest over.
# Sets what guest_left does
guest_migrate()
{
	guest_migrate_begin "$1" "$2" "$3" && guest_migrate_end "$1" "$2"
}

# The same in steps; what the way is like may be changed between them
guest_migrate_begin() # FROM TO UUID [BANDWIDTH MILLISECONDS]
{
	m_uri=unix:$GUESTS/$2/migration
	guest_incoming "$2" "$3" "$m_uri" && guest_leave "$1" "$m_uri" "$4" "$5"
}

guest_migrate_end() # FROM TO
{
	m_to=$2
	guest_left "$1" ||
		fail "$REASON $(tail -n 2 "$GUESTS/$m_to/log" | tr '\n' ' ')" || return 1
	guest_arrived "$m_to"
}

guest_running() # NAME
{
	qmp "$1" query-status && case $ANSWER in
	*'"status": "running"'*) ;;
	*) false ;;
	esac
}
