# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034
#
# What a test file uses to assert. Each assertion is one line of TAP; run.sh numbers
# them. All of them go on after a failure; "must" gives the file up.

SEQ=0

diag() { sed 's/^/# /'; }

pass() { echo "ok - $1"; }

flunk() # DESCRIPTION [WORDS FOR PEOPLE]
{
	echo "not ok - $1"
	[ -z "$2" ] || echo "$2" | diag
}

skip() # DESCRIPTION REASON
{
	echo "ok - $1 # SKIP $2"
}

# able WHAT DESCRIPTION: can this machine (host.sh)? If not, TAP says what is left out and why
able()
{
	can "$1" && return 0
	skip "$2" "$REASON"
	REASON=
	return 1
}

# firmware_says DESCRIPTION VF KEY WANTED: what firmware knows of a VF, if the device under test tells it
firmware_says()
{
	able firmware "$1" || return 0
	fw "$2" "$3"
	is "$1" "$VALUE" "$4"
}

# The whole table, and not only the part that is tried by default? (host-run.sh --all)
full() { [ -n "$FULL" ]; }

# t DESCRIPTION COMMAND...: the command succeeds. What it prints is shown if not.
t()
{
	t_desc=$1
	shift
	REASON=
	if "$@" >"$WORK/t.out" 2>&1; then
		pass "$t_desc"
		return 0
	fi
	flunk "$t_desc" "${REASON:-$1 failed}"
	head -n 30 "$WORK/t.out" | diag
	return 1
}

must()
{
	t "$@" && return 0
	echo "# the rest of this file makes no sense without"
	echo "##done"
	exit 0
}

# not COMMAND...: for "t DESCRIPTION not COMMAND..."
not()
{
	if "$@"; then
		fail "succeeded: $*"
	fi
	[ -n "$REASON" ] || return 0
	case $REASON in
	succeeded:*) return 1 ;;
	esac
	REASON=
	return 0
}

is() # DESCRIPTION GOT WANTED
{
	if [ "$2" = "$3" ]; then
		pass "$1"
		return 0
	fi
	flunk "$1" "got '$2', expected '$3'"
	return 1
}

at_least() # DESCRIPTION GOT WANTED
{
	if [ "$2" -ge "$3" ] 2>/dev/null; then
		pass "$1"
		return 0
	fi
	flunk "$1" "got '$2', expected at least '$3'"
	return 1
}

like() # DESCRIPTION TEXT EXTENDED-REGEX
{
	if printf '%s\n' "$2" | grep -q -E -e "$3"; then
		pass "$1"
		return 0
	fi
	flunk "$1" "no '$3' in:"
	printf '%s\n' "$2" | head -n 8 | diag
	return 1
}

# mark: what follows in the kernel's log is the next assertions'
mark()
{
	SEQ=$(tool logseq)
}

logged() # DESCRIPTION EXTENDED-REGEX
{
	l_text=$(tool log "$SEQ")
	like "$1" "$l_text" "$2"
}

# Exactly one line says so: a refusal must not flood the log
logged_once() # DESCRIPTION EXTENDED-REGEX
{
	l_text=$(tool log "$SEQ")
	once "$1" "$l_text" "$2"
}

once() # DESCRIPTION TEXT EXTENDED-REGEX: one line of the text has it
{
	l_n=$(printf '%s\n' "$2" | grep -c -E -e "$3")
	[ "$l_n" = 1 ] && pass "$1" && return 0
	flunk "$1" "$l_n lines with '$3' in:"
	printf '%s\n' "$2" | head -n 8 | diag
	return 1
}

# refused DESCRIPTION FILE DATA ENAME REGEX: the write fails with that errno, and
# one line of the log says why
refused()
{
	mark
	errno_of "$2" "$3"
	is "$1: $4" "$ERRNO" "$4"
	logged_once "$1: the log says why" "$5"
}

# mig DESCRIPTION UUID COMMANDS...: of vfio-mig (with $MIG_OPTIONS), on the mdev
mig()
{
	m_desc=$1 m_dir=$MDEVS/$2
	shift 2
	# shellcheck disable=SC2086  # words on purpose
	if m_out=$(within "${MIG_TIMEOUT:-60}" vfio-mig $MIG_OPTIONS "$m_dir" "$@" 2>&1); then
		pass "$m_desc"
		return 0
	fi
	flunk "$m_desc" "$m_out"
	return 1
}

# The same in one session that stays open, for many assertions: no open and close (each
# resets the function) in between. mig_session UUID; mig_do DESCRIPTION COMMANDS...;
# mig_quit. After a failure the session begins anew.
mig_session()
{
	s_uuid=$1
	rm -f "$WORK/s.in" "$WORK/s.out"
	mkfifo "$WORK/s.in" "$WORK/s.out"
	vfio-mig "$MDEVS/$s_uuid" - <"$WORK/s.in" >"$WORK/s.out" 2>&1 &
	MIG=$!
	exec 8>"$WORK/s.in" 9<"$WORK/s.out"
}

mig_do()
{
	m_desc=$1 m_out=
	shift
	printf '%s\t' "$@" >&8
	echo >&8
	while IFS= read -r m_line <&9; do
		if [ "$m_line" = "##done" ]; then
			pass "$m_desc"
			return 0
		fi
		m_out="$m_out$m_line
"
	done
	flunk "$m_desc" "$m_out"
	mig_quit
	mig_session "$s_uuid"
	return 1
}

mig_quit()
{
	exec 8>&- 9<&-
	wait "$MIG"
}

# mig_bg UUID COMMANDS...: the same in the background -> $MIG; mig_end asserts it
mig_bg()
{
	m_dir=$MDEVS/$1
	shift
	# Not within(): $MIG is the process of timeout itself, whose child tests look for
	# shellcheck disable=SC2086  # words on purpose
	timeout -k 5 $((${MIG_TIMEOUT:-60} * ${PATIENCE:-1})) vfio-mig $MIG_OPTIONS "$m_dir" "$@" \
		>"$WORK/mig.out" 2>&1 &
	MIG=$!
}

mig_end() # DESCRIPTION
{
	if wait "$MIG"; then
		pass "$1"
		return 0
	fi
	flunk "$1" "$(cat "$WORK/mig.out")"
	return 1
}

# conform OPTIONS... DEVICE: mdev-pci-conform's points are ours. $CONFORM_RC: its status
conform()
{
	# shellcheck disable=SC2086  # words on purpose
	within "${CONFORM_TIMEOUT:-600}" mdev-pci-conform --patience "${PATIENCE:-1}" $CONFORM_OPTIONS \
		"$@" >"$WORK/conform.out" 2>&1
	CONFORM_RC=$?
	sed -E -e 's/^((not )?ok) [0-9]+ - /\1 - /' -e '/^(TAP version|1\.\.)/d' "$WORK/conform.out"
	case $CONFORM_RC in
	0 | 1) ;;
	*) flunk "mdev-pci-conform judges $*" "status $CONFORM_RC" ;;
	esac
}

# say_of COMMAND: a value that the last mig printed, "name=value" -> $VALUE
mig_value() # NAME
{
	VALUE=$(printf '%s\n' "$m_out" | sed -n "s/^$1=//p" | tail -n 1)
}

# ---- states that many tests begin with ---------------------------------------------

# N VFs, and as many mdevs as names of variables: vfs_and_mdevs N [VARIABLE...]
vfs_and_mdevs()
{
	must "the number of VFs is $1" set_vfs "$1"
	must "all VFs are bound" wait_for 20 all_bound "$1"
	shift
	for v_name; do
		new_uuid
		eval "$v_name=\$UUID"
		must "mdev $v_name is created" create "$UUID" "${TYPE:-$DEV_TYPE}"
	done
}

no_mdevs_no_vfs()
{
	t "all mdevs are removed" remove_all
	t "all VFs are removed" set_vfs 0
}

# The vendor module waits this long for firmware
fw_timeout() # MILLISECONDS
{
	dev_set_timeout "$1"
}

# How long it waits for commands in the background is decided when the PF is bound
bound_with_fw_timeout() # MILLISECONDS
{
	write_to /sys/bus/pci/drivers/$DEV_DRIVER/unbind "$PF" && fw_timeout "$1" &&
		write_to /sys/bus/pci/drivers/$DEV_DRIVER/bind "$PF"
}

# ---- after something went wrong ------------------------------------------------------

# No process waits in the kernel where no signal reaches it
nobody_stuck()
{
	for p_dir in /proc/[0-9]*/task/[0-9]*; do
		read -r p_line 2>/dev/null <"$p_dir/stat" || continue
		# Names may have blanks and parentheses
		case ${p_line##*) } in
		D*)
			fail "stuck: ${p_line%) *}), in $(cat "$p_dir/stack" 2>/dev/null)"
			return 1
			;;
		esac
	done
}
