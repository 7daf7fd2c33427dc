# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2015,SC2016
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
mlx5_load()
{
	mlx5_lib=/lib/modules/$(uname -r)
	if [ ! -d "$mlx5_lib/mlx5" ]; then
		mkdir -p "$mlx5_lib/mlx5"
		cp "$MLX5"/*.ko "$PAYLOAD"/*/mlx5-vfio-pci.ko "$mlx5_lib/mlx5/" && depmod -a ||
			fail "the stock modules cannot be had" || return 1
	fi
	# Nothing on the host needs it, and udev is not here to load it
	load mlx5_core && find_other_pf $CX_PF
}

mlx5_bound() { bound_driver "$PF" && [ "$DRIVER" = mlx5_core ]; }

# VFs that the host's mlx5_core does not take for itself
mlx5_vfs() # N
{
	write_to "$PFDIR/sriov_drivers_autoprobe" 0 && set_vfs "$1"
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
	VALUE=$(head -n 1 "/sys/kernel/debug/mlx5/$PF/pages/fw_pages_$1") || fail "no fw_pages_$1"
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
