# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2015,SC2016,SC2086,SC2154
#
# What tests of ConnectX share: stock mlx5_core on the PF, the model's faults and counters
# (docs/connectx-model.rst), upstream's driver, guests with stock mlx5_core and mlx5_ib. Needs host.sh
# and guest.sh. The device is id=cx of L0's QEMU.

BED=$PAYLOAD/tests/vm
MLX5=$PAYLOAD/mlx5
CX_PF=15b3:1021

# QOM properties of the device, by L0's monitor
cx_qom() # COMMAND JSON
{
	bash -c '. "$1/lib/l0.sh"; l0_qmp "$2" "$3"' bash "$BED" "$1" "$2"
}

# cx_inject FUNCTION COMMAND KIND [PARAMETER [COUNT [SKIP]]], or "clear"
cx_inject()
{
	cx_out=$(cx_qom qom-set '{"path":"/machine/peripheral/cx","property":"inject","value":"'"$*"'"}') ||
		fail "inject $*: $cx_out"
}

cx_set() # PROPERTY VALUE
{
	cx_out=$(cx_qom qom-set '{"path":"/machine/peripheral/cx","property":"'"$1"'","value":'"$2"'}') ||
		fail "$1=$2: $cx_out"
}

# cx_of VF|pf KEY -> $VALUE: what the model says of a function
cx_of()
{
	cx_n=$(($1 + 1))
	[ "$1" != pf ] || cx_n=0
	VALUE=$(cx_qom qom-get '{"path":"/machine/peripheral/cx","property":"functions"}' |
		jq -r .return | sed -n "s/^function=$cx_n .*\\<$2=\\([^ ]*\\).*/\\1/p")
	[ -n "$VALUE" ] || fail "the model has no '$2' of function $1"
}

cx_is() # VF|pf KEY VALUE
{
	cx_of "$1" "$2" && [ "$VALUE" = "$3" ] || fail "$2 of function $1 is $VALUE, not $3"
}

# No DMA of a function that was stopped
cx_no_bad_dma()
{
	cx_n=0
	while [ -e "$PFDIR/virtfn$cx_n" ]; do
		cx_is $cx_n bad_dma 0 || return 1
		cx_n=$((cx_n + 1))
	done
}

# Stock modules, known to modprobe
mlx5_modules()
{
	mlx5_lib=/lib/modules/$(uname -r)
	[ ! -d "$mlx5_lib/mlx5" ] || return 0
	mkdir -p "$mlx5_lib/mlx5"
	cp "$MLX5"/*.ko "$PAYLOAD"/*/mlx5-vfio-pci.ko "$mlx5_lib/mlx5/" && depmod -a ||
		fail "the stock modules cannot be had"
}

mlx5_load()
{
	mlx5_modules || return 1
	# Nothing on the host needs it, and udev is not here to load it
	load mlx5_core && find_other_pf $CX_PF
}

mlx5_bound() { bound_driver "$PF" && [ "$DRIVER" = mlx5_core ]; }

# VFs that the host's mlx5_core does not take for itself
mlx5_vfs() # N
{
	write_to "$PFDIR/sriov_drivers_autoprobe" 0 && set_vfs "$1"
}

# -> $u: an mdev of the only VF
one_mdev()
{
	must "stock mlx5_core takes the PF" mlx5_load
	must "the module" load mdev-pci-mlx5
	must "mlx5_core makes 1 VF" mlx5_vfs 1
	must "the VF is bound to mdev-pci" wait_for 20 all_bound 1
	new_uuid
	u=$UUID
	must "an mdev" create "$u" mlx5_core-vf
}

# vf_to DRIVER N...: VFs are bound to it by their override
vf_to()
{
	to_driver=$1
	shift
	for to_n; do
		vf_bdf "$to_n" || return 1
		bound_driver "$BDF"
		[ -z "$DRIVER" ] || write_to "/sys/bus/pci/drivers/$DRIVER/unbind" "$BDF" || return 1
		write_to "/sys/bus/pci/devices/$BDF/driver_override" "$to_driver" &&
			write_to /sys/bus/pci/drivers_probe "$BDF" || return 1
		bound_driver "$BDF"
		[ "$DRIVER" = "$to_driver" ] || fail "VF $to_n is bound to '$DRIVER', not $to_driver" ||
			return 1
	done
}

vf_free() # N...: VFs without a driver
{
	for to_n; do
		vf_bdf "$to_n" || return 1
		bound_driver "$BDF"
		[ -z "$DRIVER" ] || write_to "/sys/bus/pci/drivers/$DRIVER/unbind" "$BDF" || return 1
		printf '\n' >"/sys/bus/pci/devices/$BDF/driver_override"
	done
}

vf_dir() # N -> $DIR
{
	vf_bdf "$1" && DIR=/sys/bus/pci/devices/$BDF
}

fw_pages() # total|vfs -> $VALUE: what mlx5_core has given
{
	mount_debugfs 2>/dev/null
	read -r VALUE 2>/dev/null <"/sys/kernel/debug/mlx5/$PF/pages/fw_pages_$1" || fail "no fw_pages_$1"
}

no_vf_pages() { fw_pages vfs && [ "$VALUE" = 0 ]; }

# What both drivers must do, in the same words: DIR is the function's directory in sysfs, that of a VF
# or of its mdev; the group's name of the device is that of the function

walk() # DESCRIPTION DIR COMMANDS...: of vfio-mig
{
	w_desc=$1 w_dir=$2
	shift 2
	if m_out=$(within "${MIG_TIMEOUT:-60}" vfio-mig "$w_dir" "$@" 2>&1); then
		pass "$w_desc"
		return 0
	fi
	flunk "$w_desc" "$m_out"
	return 1
}

# states_of WHO FROM TO: all transitions that move state, with the workload's numbers kept
states_of()
{
	walk "$1: a state is saved" "$2" state=RUNNING cx:3 set:RUNNING_P2P set:STOP nodata set:STOP_COPY \
		"read:$WORK/state" reread close set:STOP set:RUNNING_P2P set:RUNNING cx:2
	at_least "$1: it is larger than 1 MiB" "$(stat -c %s "$WORK/state")" 1048577
	walk "$1: and loaded, in pieces of any size" "$3" set:RESUMING "write:$WORK/state:70001" set:STOP \
		close set:RUNNING_P2P set:RUNNING cx-adopt:3 cx:3
	walk "$1: what was loaded can be saved" "$3" set:RESUMING "write:$WORK/state" set:STOP close \
		set:STOP_COPY "read:$WORK/state2" close set:STOP set:RUNNING cx-adopt:3 cx:1
	walk "$1: and loaded again" "$2" set:RESUMING "write:$WORK/state2" set:STOP close set:RUNNING \
		cx-adopt:3 cx:1
	walk "$1: a reset in STOP_COPY forgets all" "$2" cx:2 set:STOP_COPY "read:$WORK/x:4096" reset \
		state=RUNNING set:STOP set:RUNNING
}

precopy_of() # WHO FROM TO
{
	walk "$1: a state is saved while the VF runs" "$2" cx:3 set:PRE_COPY "read:$WORK/state=0,ENOMSG" cx:2 info \
		"more:$WORK/state=0,ENOMSG" cx:2 set:PRE_COPY_P2P set:STOP_COPY "more:$WORK/state" close set:STOP
	walk "$1: and loaded" "$3" set:RESUMING "write:$WORK/state" set:STOP close set:RUNNING cx-adopt:7 cx:2
	walk "$1: pre-copy is given up" "$2" cx:3 set:PRE_COPY "read:$WORK/x:65536" set:RUNNING close cx:1 \
		set:PRE_COPY "read:$WORK/x=0,ENOMSG" cx:1 set:RUNNING cx:1
}

# ---- guests with stock mlx5_core, mlx5_ib and rdma-core ----------------------------------

# Connections of ibv_rc_pingpong in the guest, one after another, each byte checked (-c), with completion
# events (-e). A line for each on the console: "RDMA run N longest S", the seconds of the one that has taken
# longest, or "RDMA BAD" at the first mistake
mlx5_guest_files()
{
	MLX5_INITRD=/tmp/mlx5.initrd
	[ ! -s "$MLX5_INITRD" ] || return 0
	g_dir=/tmp/mlx5.initrd.d
	mkdir -p $g_dir/l2/m
	cp -a "$PAYLOAD/rdma/." $g_dir/ && cp "$MLX5"/*.ko "$MLX5/order" $g_dir/l2/m/ ||
		fail "no stock drivers or no rdma-core" || return 1
	cat >$g_dir/l2/run <<-'END'
		for m in $(cat /l2/m/order); do insmod /l2/m/$m; done
		for i in 1 2 3 4 5 6 7 8 9; do [ -e /dev/infiniband/uverbs0 ] && break; sleep 1; done
		echo "RDMA drivers: $(ls /sys/bus/pci/drivers/mlx5_core | grep -c :) $(ls /dev/infiniband)"
		sh /l2/work &
	END
	cat >$g_dir/l2/work <<-'END'
		export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu
		n=0 longest=0 last=
		clock() { read -r now _ </proc/uptime; now=${now%.*}; }
		pingpong() { ibv_rc_pingpong -e -d mlx5_0 -s 4000 -n ${ITERS:-200} -c "$@"; }
		bad() { echo "RDMA BAD $*"; dmesg | grep mlx5 | tail -n 8; }
		while [ ! -e /tmp/stop ]; do
			pingpong >/tmp/server 2>&1 &
			for i in 1 2 3 4 5 6 7 8 9; do netstat -ltn | grep -q 18515 && break; sleep 0.3; done
			pingpong 127.0.0.1 >/tmp/client 2>&1 || { bad "client: $(cat /tmp/client)"; break; }
			wait $! || { bad "server: $(cat /tmp/server)"; break; }
			grep -q invalid /tmp/server /tmp/client && { bad data; break; }
			n=$((n + 1))
			clock
			[ -z "$last" ] || [ $((now - last)) -le $longest ] || longest=$((now - last))
			last=$now
			echo "RDMA run $n longest $longest"
		done
		echo "RDMA ends"
	END
	chmod +x $g_dir/l2/work
	(cd $g_dir && find . | cpio -o -H newc -R 0:0 --quiet) >/tmp/mlx5.cpio &&
		cat /l2/initrd /tmp/mlx5.cpio >"$MLX5_INITRD" || fail "the guest's initrd cannot be made"
	rm -rf $g_dir /tmp/mlx5.cpio
}

# mlx5_guest NAME DIR [QEMU ARGUMENTS...]: with the function, of whichever driver
mlx5_guest()
{
	mlx5_guest_files && qemu_words || return 1
	g_name=$1 g_fn=$2
	shift 2
	GUEST_MEM=256M GUEST_APPEND="rdinit=/init nocoldplug" guest_qemu "$g_name" \
		-device pcie-root-port,id=rp0,chassis=1,slot=1 \
		-device "vfio-pci,id=dut,bus=rp0,sysfsdev=$g_fn,$MIG_OPTION" -initrd "$MLX5_INITRD" "$@"
}

mlx5_guest_boot() # NAME DIR
{
	mlx5_guest "$1" "$2" && guest_wait "$1" 240 '^RDMA drivers: ' &&
		guest_said "$1" '^RDMA drivers: 1 .*uverbs0' ||
		fail "$REASON: $(grep -a -E 'insmod|mlx5|RDMA' "$GUESTS/$1/console" | tail -n 20)" || return 1
	rdma_goes_on "$1" 1 120
}

rdma_runs() # NAME -> $RUNS: those that have ended while the guest was here
{
	RUNS=$(grep -a -c '^RDMA run ' "$GUESTS/$1/console")
}

rdma_above() # NAME N
{
	! guest_said "$1" '^RDMA BAD' || return 0
	rdma_runs "$1" && [ "$RUNS" -gt "$2" ]
}

# N connections more, without a mistake
rdma_goes_on() # NAME N SECONDS
{
	rdma_runs "$1"
	r_from=$RUNS
	wait_for "$3" rdma_above "$1" $((r_from + $2 - 1)) ||
		fail "guest $1: no $2 connections more within $3 s" || return 1
	! guest_said "$1" '^RDMA BAD' || fail "$(grep -a -A 16 '^RDMA BAD' "$GUESTS/$1/console")"
}

# mlx5_incoming NAME DIR URI: a QEMU with that function waits for a guest
mlx5_incoming()
{
	mlx5_guest "$1" "$2" -incoming defer && wait_for 90 qmp_up "$1" &&
		qmp "$1" '{"execute":"migrate-incoming","arguments":{"uri":"'"$3"'"}}'
}

mlx5_left() # NAME URI: sets what guest_left does
{
	guest_leave "$1" "$2" && guest_left "$1"
}

# mlx5_migrate FROM TO DIR: to a second QEMU with that function
mlx5_migrate()
{
	m_uri=unix:$GUESTS/$2/migration
	mlx5_incoming "$2" "$3" "$m_uri" && mlx5_left "$1" "$m_uri" && wait_for 60 guest_running "$2" ||
		fail "$REASON $(tail -n 2 "$GUESTS/$1/log" "$GUESTS/$2/log" 2>/dev/null | tr '\n' ' ')"
}

# An event queue that has lost its arm lets a command wait for 60 s, and then go on: the log tells
guest_never_waited() # NAME
{
	guest_sh "$1" 30 'dmesg | grep -i -E "recovered|timeout|miss count|leak|WARNING|stuck" || echo none' &&
		[ "$(printf '%s\n' "$OUT" | grep -v '^RDMA run' | tr -d "[:space:]")" = none ] ||
		fail "$REASON $OUT"
}

# log_of WHO DIR: which pages the VF's DMA has written
log_of()
{
	walk "$1: pages that were written are reported, once" "$2" cx:1 cx-log cx-dirty=0 cx:2 cx-dirty=1 \
		cx-dirty=0 cx-page:5 cx:1 cx-page:63 cx:1 cx-dirty=0x8000000000000020 cx-dirty=0 cx-log-stop
	walk "$1: without a log there is no report" "$2" cx-log cx-log-stop cx-dirty=EINVAL,ENODEV
	walk "$1: and begins anew" "$2" cx-log cx:1 cx-log-stop cx-log cx-dirty=0 cx:1 cx-dirty=1 cx-log-stop
	walk "$1: it goes on while the state is saved" "$2" cx:1 cx-log cx:1 set:STOP_COPY cx-dirty=1 \
		"read:$WORK/x" cx-dirty=0 close set:STOP cx-log-stop
}

# cx_fault FUNCTION COMMAND KIND [PARAMETER [COUNT [SKIP]]] -- COMMANDS OF vfio-mig...: on $FAULTY
cx_fault()
{
	f_what=
	while [ "$1" != -- ]; do
		f_what="$f_what${f_what:+ }$1"
		shift
	done
	shift
	t "$f_what" cx_inject "$f_what"
	walk "$f_what: an errno, and a reset mends it" "$FAULTY" "$@" reset state=RUNNING
	cx_inject clear
	walk "$f_what: then the VF saves its state and runs" "$FAULTY" state=RUNNING cx:1 set:STOP_COPY "read:$WORK/x" close set:STOP \
		set:RUNNING cx:1
}

# ---- each command in each state ----------------------------------------------------------
# Of the VF of mig_session; $kinds: of faults; $WORK/s: a state that it can load

# In the middle of what is done there -> $ENTER
faults_enter() # STATE
{
	case $1 in
	STOP_COPY | PRE_COPY*) ENTER="set:$1 read:$WORK/x:64" ;;
	RESUMING) ENTER="set:RESUMING write:$WORK/half" ;;
	*) ENTER="set:$1" ;;
	esac
}

# What mlx5_core makes of firmware's status, and our module of that -> $STATUS_ERRNO
status_errno() # STATUS
{
	case $1 in
	2 | 3 | 5 | 9 | 10 | 16 | 48 | 64) STATUS_ERRNO=EINVAL ;;
	6) STATUS_ERRNO=EBUSY ;;
	7 | 15) STATUS_ERRNO=ENOSPC ;;
	8) STATUS_ERRNO=ENOMEM ;;
	*) STATUS_ERRNO=EIO ;;
	esac
}

# fault_one STATE FUNCTION COMMAND FAULT GOOD ACTION STATE-IF-GOOD STATES-IF-NOT: "@" in ACTION is the
# outcome, GOOD ("" or "=ENAME") that without a fault
fault_one()
{
	f_name="$1: $3, $4" f_state=$8 f_lines=1
	case $4 in
	fail*)
		status_errno "${4#fail }"
		f_errno="=$STATUS_ERRNO"
		# Not a failure: firmware has lost track of changes, all is saved again
		[ "$3 $4 $1" != "save fail 9 PRE_COPY" ] || f_errno=$5,=ENOMSG
		;;
	late*) f_errno=$5 f_state=$7 f_lines=0 ;;
	delivery*) f_errno="=EIO" ;;
	silent) f_errno="=ETIMEDOUT" f_state=$8,ERROR ;;
	# Of some commands nobody looks at the number
	value*) f_errno="${5:-=0},EIO,EINVAL,EFBIG,ENOMEM,ENOSPC" f_state=$7,$8 f_lines=any ;;
	esac
	faults_enter "$1"
	f_action=$(printf '%s' "$6" | sed "s|@|$f_errno|g")
	mig_do "$f_name: before it" reset state=RUNNING cx:2 $ENTER
	cx_inject "$2 $3 $4" || flunk "$f_name: the fault is there" "$REASON"
	mark
	mig_do "$f_name: ${f_errno:-=0} and $f_state" $f_action state=$f_state
	f_text=$(tool log "$SEQ" | grep -v 'mlx5_core [0-9a-f]*:' | grep -E 'migration|mlx5:')
	case $f_lines in
	0) is "$f_name: the log has nothing" "$f_text" "" ;;
	1) like "$f_name: the log says why" "$f_text" 'firmware (refused|did not answer|asks for|reports)' ;;
	esac
	cx_inject clear
}

fault_turn=0
fault_row() # STATE FUNCTION COMMAND GOOD ACTION STATE-IF-GOOD STATES-IF-NOT
{
	r_nr=0 r_all=0
	for r_kind in $kinds; do
		r_all=$((r_all + 1))
	done
	for r_kind in $kinds; do
		r_nr=$((r_nr + 1))
		full || [ $r_nr = $((fault_turn % r_all + 1)) ] || continue
		case $r_kind in
		fail) set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "fail 1" "fail 2" "fail 3" "fail 4" "fail 5" \
			"fail 6" "fail 7" "fail 8" "fail 9" "fail 10" "fail 15" "fail 16" "fail 48" "fail 64" \
			"fail 80" "fail 81" ;;
		late) set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "late 300" ;;
		delivery) set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "delivery 6" ;;
		value) set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "value 0" "value 0xffffffff" ;;
		*) set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$r_kind" ;;
		esac
		r_of=$(($# - 7)) r_n=0
		while [ $r_n -lt $r_of ]; do
			r_n=$((r_n + 1))
			full || [ $r_n = $((fault_turn % r_of + 1)) ] || continue
			eval "r_fault=\${$((r_n + 7))}"
			fault_one "$1" "$2" "$3" "$r_fault" "$4" "$5" "$6" "$7"
		done
	done
	fault_turn=$((fault_turn + 1))
}

faults_over() # STATE
{
	mig_do "$1: after all that the VF's state comes and goes" reset state=RUNNING cx:3 set:STOP_COPY \
		"read:$WORK/own" close set:STOP reset set:RESUMING "write:$WORK/own" set:STOP close set:RUNNING \
		cx-adopt:3 cx:1
}

fault_rows()
{
	head -c 1500000 "$WORK/s" >"$WORK/half"
	tail -c +1500001 "$WORK/s" >"$WORK/rest"
	fault_row RUNNING 0 suspend "" "set:RUNNING_P2P@" RUNNING_P2P RUNNING
	fault_row RUNNING 0 query_state "" "size@" RUNNING RUNNING
	fault_row RUNNING_P2P 0 suspend "" "set:STOP@" STOP RUNNING_P2P
	fault_row RUNNING_P2P 0 resume "" "set:RUNNING@" RUNNING RUNNING_P2P
	faults_over RUNNING_P2P
	fault_row STOP 0 resume "" "set:RUNNING_P2P@" RUNNING_P2P STOP
	fault_row STOP 0 query_state "" "set:STOP_COPY@" STOP_COPY STOP
	fault_row STOP pf alloc_pd "" "set:STOP_COPY@" STOP_COPY STOP
	fault_row STOP pf create_mkey "" "set:STOP_COPY@" STOP_COPY STOP
	fault_row STOP 0 save "" "set:STOP_COPY read:$WORK/x@" STOP_COPY STOP_COPY
	fault_row STOP pf alloc_pd "" "set:RESUMING@" RESUMING STOP
	faults_over STOP
	fault_row STOP_COPY 0 query_state "" "size@" STOP_COPY STOP_COPY
	fault_row STOP_COPY 0 resume "" "close set:RUNNING@" RUNNING STOP
	faults_over STOP_COPY
	fault_row RESUMING 0 load "" "write:$WORK/rest@" RESUMING RESUMING,ERROR
	fault_row RESUMING pf create_mkey "" "write:$WORK/rest@" RESUMING RESUMING,ERROR
	fault_row RESUMING 0 resume "" "write:$WORK/rest close set:RUNNING@" RUNNING STOP
	faults_over RESUMING
	able precopy "the commands of pre-copy" || return 0
	fault_row RUNNING 0 query_state "" "set:PRE_COPY@" PRE_COPY RUNNING
	fault_row RUNNING 0 save =ENOMSG "set:PRE_COPY read:$WORK/x@" PRE_COPY PRE_COPY
	fault_row PRE_COPY 0 suspend "" "set:PRE_COPY_P2P@" PRE_COPY_P2P PRE_COPY
	fault_row PRE_COPY 0 query_state "" "info@" PRE_COPY PRE_COPY
	fault_row PRE_COPY_P2P 0 suspend "" "set:STOP_COPY@" STOP_COPY PRE_COPY_P2P
	fault_row PRE_COPY_P2P 0 resume "" "set:PRE_COPY@" PRE_COPY PRE_COPY_P2P
	faults_over PRE_COPY
}
