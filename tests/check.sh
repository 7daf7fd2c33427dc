#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: check.sh [unit|fuzz|tools|style|headers|qemu|system|boots|debian12|backports|generic|upstream|
#                 virtio|mlx5|conform|docs|libvirt|fleet|minimal|packages|cross|power|selfcheck|builtin|stacks|full]...
#
# Runs the named parts of the tests, or all of them after making the test bed:
#   unit    pure logic, in user space with sanitizers
#   fuzz    fuzzes the readers of hostile input, from a stored corpus, a fixed number of runs
#   tools   the programs in tools/
#   style   checkpatch, builds for all kernels without warnings, layers, licenses
#   headers  kernels that are not available here, with altered copies of other kernels' headers
#   qemu    the reference device's model without the modules
#   system  all system tests in an emulated server; T=PATTERN in the environment: only tests whose
#           name has it. When all parts run, only the boot that most tests use
#   boots   the other boots: guests, tools, other devices, no IOMMU, a reboot
#   debian12  the differences of kernel 6.1 with QEMU 7.2: the migration region, used by QEMU
#           between two hosts; dirty page tracking without IOMMUFD
# These parts do not run by default:
#   backports  Debian 12 with QEMU 10.0, which uses dirty page tracking by the device; 3 minutes
#   generic  VFs of stock devices (igb, nvme) as mdevs; 6 minutes
#   upstream  the kernel's own selftests/vfio on an mdev and on vfio-pci; 5 to 10 minutes
#   virtio  the SNAP model: stock virtio drivers, upstream's virtio_vfio_pci, our module;
#           a guest, faults, two hosts, both drivers side by side; 15 minutes
#   mlx5    the ConnectX model: stock mlx5_core and mlx5_ib, upstream's mlx5-vfio-pci beside our
#           module, faults; 15 minutes, and a download of 280 MB
#   libvirt  libvirt 11.3 and 9.0: node devices, domains, hot-plug, managed save,
#           migration between two hosts; the user guide's commands with guests; half an hour
#   fleet   Nova's own parser and driverctl, from Debian; replicas of Proxmox VE and KubeVirt; 10 minutes
#   packages  the Debian packages, on Debian 12 and 13: built, installed, used (two boots,
#           guests, migration by libvirt), removed; 30 minutes
#   cross   builds by clang, and by cross gcc for arm64 and ppc64le, on 6.12 and 7.3; 10 minutes
#   power   ppc64le: the engine on an emulated POWER9 machine
#   minimal  modules built without what is optional (NVLink2; of the reference device's driver its debugfs,
#           the function as a whole and control in VFs): each test that needs none of these; 10 minutes
#   selfcheck  the debug kernel, and test files that plant a bug each
#   builtin  this repository as a directory of a kernel's source, built into the image: the tests
#           that unload no module; 10 minutes, and 10 more to build the kernel after a change
#   conform  mdev-pci-conform on the reference device, with planted bugs, on mtty and mdev-pci-qat; the
#           system tests with the second skeleton as the device's driver; 15 minutes
#   docs    the documents as HTML: links, anchors, each page in a browser; and the first half of
#           getting-started on bare Debians; 15 minutes
#   stacks  all system tests and upstream's on every stack of tests/vm/stacks (STACKS="NAME...":
#           only those; T as above), with complete tables of faults; prints a table of the results
#   full    unit, fuzz, tools, style --all, docs, headers, cross, qemu, minimal, packages, power, selfcheck,
#           builtin, conform, fleet, stacks
# A part that fails does not stop the others. Prints TAP, then a line for each part, the failures, and as
# the last line "N passed, N failed". The status is 0 only if something ran and nothing failed. Without
# names and with two processors "system" and "boots" run beside the other parts, and their output comes
# last. Tests with two hosts run only in debian12.
set -e
. "$(dirname "$0")/vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"

case ${1:-} in
--help | -h) usage ;;
esac
need_root
tests=$REPO_DIR/tests
logs=$CACHE/log/check
mkdir -p "$logs"
passed=0 failed=0 table='' bad=''
declare -A log_of start_of pid_of
trap end_all INT TERM HUP

# begin NAME SECONDS COMMAND...: runs it, into a log. Not a pipe: what a test leaves running
# could hold it open for ever
begin()
{
	local name=$1 limit=$2

	shift 2
	log_of[$name]=$logs/$name.log
	start_of[$name]=$SECONDS
	: >"${log_of[$name]}"
	timeout -k 60 "$limit" "$@" >>"${log_of[$name]}" 2>&1 </dev/null &
	pid_of[$name]=$!
}

# end_all: of what has begun; each ends what it has started itself
end_all()
{
	kill "${pid_of[@]}" 2>/dev/null
	wait
	exit 130
}

# finish NAME: shows it from its beginning, and waits for its end
finish()
{
	local name=$1 log=${log_of[$1]} pid=${pid_of[$1]} rc=0 p f

	printf '# ==== %s\n' "$name"
	tail -n +1 -s 0.2 --pid="$pid" -f "$log"
	wait "$pid" || rc=$?
	unset "pid_of[$name]"
	count "$name" "$log" $rc
	passed=$((passed + p))
	failed=$((failed + f))
	table+=$(printf '# %-8s %5d s %6d passed %5d failed' "$name" $((SECONDS - start_of[$name])) $p $f)$'\n'
}

part()
{
	begin "$@"
	finish "$1"
}

# count NAME LOG STATUS: sets p and f.
count()
{
	local name=$1 log=$2 rc=$3

	read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log" | tail -n 1) || true
	if [ -z "$p" ]; then
		p=$(grep -c '^ok ' "$log") || true
		f=$(grep -c '^not ok ' "$log") || true
		# A command without TAP is a test itself
		[ $((p + f)) != 0 ] || [ "$rc" != 0 ] || p=1
	fi
	bad+=$(grep '^not ok ' "$log" | sed "s/^/#   $name: /" || true)
	bad=${bad:+${bad%$'\n'}$'\n'}
	if [ "$rc" != 0 ] && [ "$f" = 0 ]; then
		f=1
		case $rc in
		124 | 137) bad+="#   $name: stopped, it took too long"$'\n' ;;
		*) bad+="#   $name: ended with status $rc"$'\n' ;;
		esac
		bad+="#   its last lines are in $log"$'\n'
	fi
}

unit()
{
	need_host gcc libc6-dev make
	part unit 300 make -s --no-print-directory -C "$tests/unit" check
}
fuzz() { part fuzz 600 "$tests/fuzz/run.sh"; }

tools()
{
	need_host python3 python3-prometheus-client
	part tools 900 "$tests/tools/run.sh"
}

style() { part style 1200 "$tests/style.sh" "$@"; }
headers() { part headers 1200 "$tests/headers/run.sh"; }
qemu()
{
	need_host gcc libc6-dev
	part qemu 900 "$tests/qemu/exercise/run.sh"
}
# shellcheck disable=SC2086 # T is a list of patterns
system() { ${1:-part} system 4500 "$tests/system/host-run.sh" "${@:2}" ${T:-}; }
boots()
{
	${1:-part} boots 4500 "$tests/system/host-run.sh" \
		--boots "guests tools big many noiommu nvlink2 vfctrl sleep reboot rebooted"
}

debian12()
{
	part debian12 2400 "$tests/system/host-run.sh" --stack debian12 \
		010 040 095 100 107 125 166 220
}

backports()
{
	"$VM_DIR/setup.sh" debian12-backports
	part backports 2400 "$tests/system/host-run.sh" --stack debian12-backports 125 141 165
}

libvirt()
{
	local s

	for s in debian13 debian12 debian12-backports; do
		"$VM_DIR/setup.sh" $s
		part "libvirt-$s" 2400 "$tests/system/host-run.sh" --stack $s 154 156 157 168 169
	done
}
generic() { part generic 1200 "$tests/system/host-run.sh" generic 212 214; }

# What it needs is packages of a suite that changes
virtio()
{
	"$VM_DIR/setup.sh" trixie-backports
	part virtio 3000 "$tests/system/host-run.sh" --stack trixie-backports --boots "virtio virtiopair"
}

# It downloads stock mlx5_core and rdma-core, 280 MB
mlx5() { part mlx5 2400 "$tests/system/host-run.sh" mlx5; }

upstream() { part upstream 3000 "$tests/system/host-run.sh" 195 196; }
conform()
{
	part conform 1800 "$tests/system/host-run.sh" 220 221 222 223 250
	DEVICE=acme-refdev part conform-acme 3000 "$tests/system/host-run.sh" --boots "main big"
}
docs()
{
	part docs 900 "$tests/docs/run.sh"
	part start 3600 "$tests/docs/start.sh"
}

# Its own cache directory would build all again; a later build makes what is missing
# shellcheck disable=SC2086 # T is a list of patterns
minimal()
{
	local off=VFIO_PCI_ENGINE_NVLINK2,MDEV_PCI_NVLINK2

	off+=,MDEV_PCI_REFDEV_PF_TYPE,MDEV_PCI_REFDEV_VF_CTRL,MDEV_PCI_REFDEV_DEBUGFS
	MODULE_ARGS=WITHOUT=$off DEVICE=refdev-minimal part minimal 3000 "$tests/system/host-run.sh" --boots main ${T:-}
}
fleet() { part fleet 1800 "$tests/fleet/run.sh"; }
packages() { part packages 4800 "$tests/packages/run.sh"; }
cross() { part cross 3600 "$tests/cross/run.sh"; }
power() { part power 2400 "$tests/power/run.sh"; }

# A stack that may be missing and is, is told and no failure
stacks()
{
	local s rc patience args=()

	for s in ${STACKS:-$(ls -I builtin "$VM_DIR/stacks")}; do
		rc=0
		: >"$logs/stack-$s.log"
		"$VM_DIR/setup.sh" "$s" || rc=$?
		case $rc in
		0)
			patience=$(. "$VM_DIR/stacks/$s"; echo "${PATIENCE:-1}")
			part "stack-$s" $((5400 * patience)) "$tests/system/host-run.sh" --stack "$s" \
				--all ${T:-}
			;;
		69) table+="# stack-$s: not available, which it need not be"$'\n' ;;
		*)
			failed=$((failed + 1))
			bad+="#   stack-$s: could not be made"$'\n'
			;;
		esac
		args+=("$s=$logs/stack-$s.log")
	done
	table+=$("$tests/system/matrix.sh" "${args[@]}")$'\n'
}

selfcheck() { part selfcheck 1800 "$tests/system/selftest.sh"; }

# bash has a builtin of that name
in_image()
{
	"$VM_DIR/setup.sh" builtin
	part builtin 2400 "$tests/system/host-run.sh" --stack builtin 025 030 035 040 045 050 060 070 \
		080 090 095 100 106 110 112 115 120 121 122 125 126 128 130 150 155 160 165 170 \
		172 180 300 320
}

full()
{
	unit
	fuzz
	tools
	style --all
	docs
	headers
	cross
	qemu
	minimal
	packages
	power
	selfcheck
	in_image
	conform
	fleet
	stacks
}

if [ $# = 0 ]; then
	part setup 2400 "$tests/vm/setup.sh" debian13 debian12
	# Beside each other parts are slower: waits are longer before a test counts as hung
	export PATIENCE=${PATIENCE:-3}
	# Packages before what runs beside others: apt-get does not like to meet itself
	need_host gcc libc6-dev linux-libc-dev make python3
	set -- unit fuzz tools style qemu debian12 boots
	if [ "$(nproc)" -lt 2 ]; then
		system part --boots main
	else
		system begin --boots main
		boots begin
		set -- "$@" system
	fi
fi
for name; do
	if [ -n "${pid_of[$name]}" ]; then
		finish "$name"
		continue
	fi
	case $name in
	unit | fuzz | tools | style | headers | qemu | system | boots | debian12 | backports | generic | \
		upstream | virtio | mlx5 | conform | docs | libvirt | fleet | minimal | packages | \
		cross | power | selfcheck | stacks | full) "$name" ;;
	builtin) in_image ;;
	*) usage 2 >&2 ;;
	esac
done

printf '# ==== %d s in all\n%s' $SECONDS "$table"
[ -z "$bad" ] || printf '# failed:\n%s' "$bad"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
