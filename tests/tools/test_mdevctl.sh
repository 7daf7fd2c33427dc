#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: test_mdevctl.sh
#
# tools/mdevctl-profiles with the real mdevctl of Debian 12 (1.2) and 13 (1.4), without a kernel:
# in a root tree with a /sys that is made of plain files, and with MDEVCTL_ENV_ROOT, where
# mdevctl knows that (1.3). TAP; the last line is "N passed, N failed".
set -e
. "$(dirname "$0")/../vm/lib/common.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/debian.sh"
. "$VM_DIR/lib/tap.sh"

case ${1:-} in
--help | -h) usage ;;
esac
need_root
need_host mmdebstrap make
PARENT=0000:01:00.0
A=11111111-1111-4111-8111-111111111111
B=22222222-2222-4222-8222-222222222222
C=33333333-3333-4333-8333-333333333333

mdevctl_make() # DIR: $suite
{
	step "packages of $suite" -- debian_tree "$suite" "$1/root" mdevctl dash coreutils sed grep util-linux
}

tell() { printf '%s\n' "${1:-}" | head -n 12; } # [WORDS]

# In the tree. -> $OUT, $RC
ctl()
{
	RC=0
	OUT=$(timeout 20 chroot "$tree" env MDEVCTL_ENV_ROOT="$env_root" PATH=/usr/sbin:/usr/bin \
		mdevctl "$@" 2>&1) || RC=$?
}

works() # DESCRIPTION MDEVCTL-ARGUMENTS...
{
	local d=$1

	shift
	ctl "$@"
	verdict "$name: $d" $RC "$OUT"
}

# The callout's sentence is what a person sees
refused() # DESCRIPTION REGEX MDEVCTL-ARGUMENTS...
{
	local d=$1 re=$2 ok=1

	shift 2
	ctl "$@"
	[ $RC = 0 ] || ! grep -qE -- "$re" <<<"$OUT" || ok=0
	verdict "$name: $d: refused, and why" $ok "status $RC, no '$re' in: $OUT"
}

says() # DESCRIPTION REGEX MDEVCTL-ARGUMENTS...
{
	local d=$1 re=$2 ok=1

	shift 2
	ctl "$@"
	! tr '\n' ' ' <<<"$OUT" | grep -qE -- "$re" || ok=0
	verdict "$name: $d" $ok "no '$re' in: $OUT"
}

is() # DESCRIPTION GOT WANTED
{
	local ok=1

	[ "$2" != "$3" ] || ok=0
	verdict "$name: $1" $ok "got '$2', expected '$3'"
}

# A host with a parent of three types, and two active mdevs
fake_sys() # DIR
{
	local pf=$1/sys/devices/pci/$PARENT t

	mkdir -p "$1"/sys/{class/mdev_bus,bus/mdev/devices} "$pf/$A" "$pf/$C" "$1"/etc/mdevctl.d
	for t in refdev-dma other-type igb-vf; do
		mkdir -p "$pf/mdev_supported_types/$t/devices"
		echo 3 >"$pf/mdev_supported_types/$t/available_instances"
		echo vfio-pci >"$pf/mdev_supported_types/$t/device_api"
		: >"$pf/mdev_supported_types/$t/create"
	done
	cat >"$pf/mdev_supported_types/refdev-dma/description" <<-END
		model: mdev-pci reference device
		migratable: yes, by STOP_COPY and P2P
		attribute max_copy: 4096 to 1048576 bytes, a power of 2, at first 1048576; migrates only between equal ones
		attribute bandwidth: 0 to 1048576 MiB/s (0: no limit), at first 0
	END
	echo "num_heads: 4" >"$pf/mdev_supported_types/other-type/description"
	ln -s "../../devices/pci/$PARENT" "$1/sys/class/mdev_bus/$PARENT"
	ln -s "../../devices/pci/$PARENT" "$1/sys/class/mdev_bus/0000:0a:00.0"
	# Others of the same kind, one of them in a PCI domain of its own
	for t in 0000:0b:00.0 10000:e1:00.0; do
		mkdir -p "$1/sys/devices/pci/$t"
		cp -a "$pf/mdev_supported_types" "$1/sys/devices/pci/$t/"
		ln -s "../../devices/pci/$t" "$1/sys/class/mdev_bus/$t"
	done
	ln -s "../../../devices/pci/$PARENT/$A" "$1/sys/bus/mdev/devices/$A"
	ln -s ../mdev_supported_types/refdev-dma "$pf/$A/mdev_type"
	echo 8192 >"$pf/$A/max_copy"
	echo 7 >"$pf/$A/bandwidth"
	cat >"$pf/mdev_supported_types/igb-vf/description" <<-END
		model: VF of PCI device 8086:10c9, PF driver igb
		migratable: no, the PF's driver has no way to save its state
		attribute mac: a MAC address, at first as the host has it
		attribute vlan: 0 to 4094, at first as the host has it
		attribute max_tx_rate: 0 to 2147483647 Mbit/s, at first as the host has it
	END
	ln -s "../../../devices/pci/$PARENT/$C" "$1/sys/bus/mdev/devices/$C"
	ln -s ../mdev_supported_types/igb-vf "$pf/$C/mdev_type"
	echo 52:54:00:00:00:01 >"$pf/$C/mac"
	echo 3 >"$pf/$C/vlan"
	echo 0 >"$pf/$C/max_tx_rate"
}

net() { (cd "$host/sys/bus/mdev/devices/$C" && cat mac vlan max_tx_rate | tr '\n' ' '); }

value() { cat "$host/sys/bus/mdev/devices/$A/$1"; }

with_json() # TEXT: what the mdev's configuration is to be -> $JSON, as mdevctl finds it
{
	JSON=/tmp/config.json
	printf '%s' "$1" >"$tree/tmp/config.json"
}

attrs() # "NAME VALUE"... -> $JSON
{
	local a list=

	for a; do
		list+=${list:+,}$(printf '{"%s": "%s"}' "${a% *}" "${a#* }")
	done
	with_json "{\"mdev_type\": \"${TYPE:-refdev-dma}\", \"start\": \"manual\", \"attrs\": [$list]}"
}

common_tests()
{
	local bad

	works "define" define -u $B -p $PARENT -t refdev-dma
	works "an attribute" modify -u $B --addattr max_copy --value 65536
	works "in hexadecimal" modify -u $B --addattr bandwidth --value 0x10
	says "both are kept" 'max_copy.*65536.*bandwidth.*0x10' list -d -u $B --dumpjson
	for bad in 4095 0 5000 2097152 99999999999999999999; do
		refused "max_copy $bad" "max_copy of type refdev-dma: .?$bad.? is" modify -u $B --addattr max_copy --value $bad
	done
	refused "in words" 'must be 4096 to 1048576 bytes, a power of 2' modify -u $B --addattr max_copy --value 5
	for bad in 4k 08 0x -1 '5 6' 'a,b' '{' '$(id)'; do
		refused "bandwidth '$bad'" "number|VALUE" modify -u $B --addattr bandwidth "--value=$bad"
	done
	refused "an unknown attribute" "has no attribute 'queues'; it has: max_copy bandwidth" \
		modify -u $B --addattr queues --value 1
	says "the definition is as before" 'max_copy.*65536.*bandwidth.*0x10' list -d -u $B --dumpjson
	is "with two attributes" "$(grep -c '_copy\|bandwidth' <<<"$OUT")" 2
	works "modify --auto" modify -u $B --auto
	works "undefine" undefine -u $B
	attrs 'max_copy 8192'
	works "define by a file" define -u $B -p $PARENT --jsonfile "$JSON"
	works "undefine" undefine -u $B
	attrs 'max_copy 8192' 'bandwidth lots'
	refused "define by a file with a bad value" "'lots' is not a number" define -u $B -p $PARENT --jsonfile "$JSON"
	is "nothing is defined" "$(find "$host/etc/mdevctl.d" -name $B)" ''
	attrs 'max_copy 3'
	refused "start with a bad value" '3 is out of range' start -u $B -p $PARENT --jsonfile "$JSON"
	is "nothing was written to create" "$(cat "$host/sys/class/mdev_bus/$PARENT/mdev_supported_types/refdev-dma/create")" ''
	refused "start on a parent that is none" 'is no parent of mdevs now' start -u $B -p 0000:0f:00.0 -t refdev-dma
	refused "start of a type that is not offered" 'offers no type refdev-dna, but: .*refdev-dma' \
		start -u $B -p $PARENT -t refdev-dna
	works "a definition for a parent that is not there" define -u $B -p 0000:0f:00.0 -t refdev-dma
	works "with an attribute" modify -u $B --addattr max_copy --value 4096
	refused "but not any" 'is not a number' modify -u $B --addattr max_copy --value lots
	works "undefine" undefine -u $B
	works "another vendor's type is not ours" define -u $B -p $PARENT -t other-type
	works "nor are its attributes" modify -u $B --addattr queues --value many
	works "undefine" undefine -u $B
	for f in "$REPO_DIR"/tools/mdevctl-profiles/profiles/*.json; do
		[ "$(sed -n 's/.*"mdev_type": "\(.*\)".*/\1/p' "$f")" = refdev-dma ] || continue
		cp "$f" "$tree/tmp/"
		works "profile ${f##*/}" define -u $B -p $PARENT --jsonfile "/tmp/${f##*/}"
		works "undefine" undefine -u $B
	done
	says "list has the attributes of the active mdev" 'max_copy": *"8192".*bandwidth": *"7"' list -u $A --dumpjson
	works "define from what is active" define -u $A
	says "takes them along" 'max_copy": *"8192".*bandwidth": *"7"' list -d -u $A --dumpjson
	works "undefine" undefine -u $A
	is "the notifier was called" "$(grep -c "undefine of mdev $A (refdev-dma of $PARENT): success" "$tree/dev/kmsg")" 1
}

# The answer of the callout itself, which may start no other program -> $OUT
alone() # ACTION [EVENT [STATE [CONFIGURATION]]]
{
	OUT=$(printf '%s' "$4" | chroot "$tree" env -i MDEVCTL_ENV_ROOT="$env_root" PATH=/nowhere \
		"$env_root${scripts}/callouts/mdev-pci" -t refdev-dma -e "${2:-get}" -a "$1" -s "${3:-none}" -u $A -p $PARENT \
		2>&1) || OUT="status $?: $OUT"
}

# mdevctl list runs it for each mdev, and libvirt runs that for each event of each mdev. A host starts hundreds at boot
speed_tests()
{
	local none='{"attrs":[],"mdev_type":"refdev-dma","start":"auto"}'

	alone attributes
	is "get-attributes starts no program" "$OUT" '[{"max_copy":"8192"},{"bandwidth":"7"}]'
	alone capabilities
	is "get-capabilities starts no program" "${OUT%%:*}" '{"supports"'
	alone start pre none "$none"
	is "pre-start without attributes starts no program" "$OUT" ''
	alone start post success "$none"
	is "post-start of an mdev that has started starts no program" "$OUT" ''
}

# A start that fails once the callout has let it pass, with LINES new in the kernel's log. What writes to it writes to a file
# here, and the notifier writes over it
fails_with() # LINE...
{
	local create=$host/sys/class/mdev_bus/$PARENT/mdev_supported_types/refdev-dma/create

	rm -rf "$create"
	mkdir "$create"
	printf '#!/bin/sh\ncat /tmp/before\nsed "s/^<15>/[   10.000001] /" /dev/kmsg\ncat /tmp/after\n' >"$tree/usr/bin/dmesg"
	chmod +x "$tree/usr/bin/dmesg"
	: >"$tree/dev/kmsg"
	printf '%s\n' "$@" >"$tree/tmp/after"
	ctl start -u $B -p $PARENT -t refdev-dma
	rm -rf "$create"
	: >"$create"
}

reason_tests()
{
	local old="[   10.000001] mdev-pci $PARENT: mdev $B refused: no VF is idle"
	local new="[   10.000001] mdev-pci $PARENT: mdev $B refused: its firmware is on fire"
	local mark="[   10.000001] mdevctl: start of mdev $B begins"

	printf '%s\n' "$old" "$mark" "$old" >"$tree/tmp/before"
	fails_with "$new"
	says_now "the reason of a failed start is the kernel's" 'the kernel says: .*firmware is on fire'
	fails_with "$old"
	says_now "so is one in the same words, with the same stamp, as that of an earlier attempt" 'the kernel says: .*no VF is idle'
	fails_with "[   10.000002] mdev-pci $PARENT: mdev $A refused: its firmware is on fire"
	says_not "neither the reason of an earlier attempt nor that of another mdev is shown" 'the kernel says'
	printf '%s\n' "${mark/$B/$A}" "${old/$B/$A}" >"$tree/tmp/before"
	: >"$tree/tmp/after"
	ctl start -u $A -p $PARENT -t refdev-dma
	says_not "nor is one of an mdev that is active" 'the kernel says'
	rm "$tree/usr/bin/dmesg" "$tree/dev/kmsg"
	mkdir "$tree/dev/kmsg"
	works "an mdev starts where the kernel's log can't be written" start -u $B -p $PARENT -t refdev-dma
	rmdir "$tree/dev/kmsg"
	: >"$tree/dev/kmsg"
}

says_now() # DESCRIPTION REGEX
{
	local ok=1

	[ "$RC" = 0 ] || ! grep -qE -- "$2" <<<"$OUT" || ok=0
	verdict "$name: $1" $ok "status $RC, no '$2' in: $OUT"
}

says_not() # DESCRIPTION REGEX
{
	local ok=0

	[ "$RC" != 0 ] && ! grep -qE -- "$2" <<<"$OUT" || ok=1
	verdict "$name: $1" $ok "status $RC, '$2' in: $OUT"
}

# The ways of other scripts: an address as a vendor's tool prints it; the VF by name
address_tests()
{
	refused "start with an address in capitals" "did you mean 0000:0a:00.0" \
		start -u $B -p 0000:0A:00.0 -t refdev-dma
	works "define for a VF of one's choice" define -u $B -p $PARENT -t refdev-dma
	works "the attribute function takes an address" modify -u $B --addattr function --value 0000:01:10.3
	refused "and no other word" "'eth0' is not the address of a VF" modify -u $B --addattr function --value eth0
	works "undefine" undefine -u $B
}

# Devices beside the usual: mdevctl itself refuses a UUID that is active at another one, and nothing of ours hides that
twice_tests()
{
	refused "start of a UUID that is active at another parent" "Device exists under different parent" \
		start -u $A -p 0000:0b:00.0 -t refdev-dma
	is "nothing was written to create" "$(cat "$host/sys/class/mdev_bus/0000:0b:00.0/mdev_supported_types/refdev-dma/create")" ''
	works "define for a parent in PCI domain 10000" define -u $B -p 10000:e1:00.0 -t refdev-dma
	works "an attribute there" modify -u $B --addattr max_copy --value 65536
	refused "a bad one" '9999999 is out of range' modify -u $B --addattr bandwidth --value 9999999
	works "undefine" undefine -u $B
}

# libvirt runs "mdevctl list" for each event of each mdev: a process of the callout for the attributes of each mdev on hosts with
# few. mdevctl 1.2 asks for attributes without asking whether there are any
many_tests()
{
	local two ten few many

	two=$(processes_of_list 2)
	ten=$(processes_of_list 10)
	few=$(processes_of_list 64)
	many=$(processes_of_list 255)
	echo "# mdevctl list: $two, $ten, $few and $many processes with 2, 10, 64 and 255 more mdevs"
	is "on a host with few mdevs mdevctl list starts one process for each" $((ten - two)) 8
	if [ "$suite" = bookworm ]; then
		is "with many as well" $((many - few)) 191
	else
		is "with many none for more mdevs" $((many - few)) 0
		more_mdevs 64
		says "with many mdevs the list of one has its attributes" 'max_copy": *"8192"' list --uuid $A --dumpjson
		works "define from what is active" define -u $A
		says "takes the attributes along" 'max_copy": *"8192".*bandwidth": *"7"' list -d -u $A --dumpjson
		works "undefine" undefine -u $A
		ctl list --dumpjson
		is "with many mdevs the list of all names them all" "$(grep -c '"00000000-' <<<"$OUT")" 64
		no_more_mdevs
	fi
}

more_mdevs() # COUNT
{
	local i uuid pf=$host/sys/devices/pci/$PARENT

	for i in $(seq "$1"); do
		uuid=$(printf '00000000-0000-4000-8000-%012d' "$i")
		cp -a "$pf/$A" "$pf/$uuid"
		ln -s "../../../devices/pci/$PARENT/$uuid" "$host/sys/bus/mdev/devices/$uuid"
	done
}

no_more_mdevs() { rm -rf "$host/sys/devices/pci/$PARENT"/00000000-* "$host"/sys/bus/mdev/devices/00000000-*; }

# As many more mdevs -> how many processes "mdevctl list" starts
processes_of_list() # COUNT
{
	more_mdevs "$1"
	unshare --pid --fork chroot "$tree" env MDEVCTL_ENV_ROOT="$env_root" PATH=/usr/sbin:/usr/bin \
		sh -c 'mdevctl list >/tmp/list 2>&1; sh -c "echo \$\$"'
	no_more_mdevs
}

# The parent is announced again when VFs come later: what is active stays, and the log does not tell of a failure
again_tests()
{
	works "an active mdev is defined, to start automatically" define -u $A --auto
	: >"$tree/dev/kmsg"
	ctl start-parent-mdevs $PARENT
	is "start-parent-mdevs once more succeeds" "$RC" 0
	is "nothing is logged of the active mdev" "$(grep -c $A "$tree/dev/kmsg")" 0
	works "undefine" undefine -u $A
}

# Attributes that are no numbers, or that begin as the host has them
network_tests()
{
	local bad

	works "define of a VF of a network card" define -u $B -p $PARENT -t igb-vf
	works "a MAC address" modify -u $B --addattr mac --value 52:54:00:AA:bb:0c
	works "a VLAN" modify -u $B --addattr vlan --value 4094
	says "both are kept" 'mac.*52:54:00:AA:bb:0c.*vlan.*4094' list -d -u $B --dumpjson
	for bad in 52:54:00:12:34 52:54:00:12:34:56:78 52:54:00:12:34:5g 525400123456 52::54:00:12:34 5:2:54:00:12:341 7; do
		refused "an address of $bad" "'$bad' is not a MAC address" modify -u $B --addattr mac --value $bad
	done
	refused "that of a group" 'is a multicast address' modify -u $B --addattr mac --value 01:00:5e:00:00:01
	refused "a VLAN that is none" '4095 is out of range: must be 0 to 4094' modify -u $B --addattr vlan --value 4095
	works "undefine" undefine -u $B
	says "list has those of the active one" 'mac": *"52:54:00:00:00:01".*vlan": *"3"' list -u $C --dumpjson
}

live_network_tests()
{
	local TYPE=igb-vf

	attrs 'mac 52:54:00:AA:BB:CC'
	works "modify --live of an address" modify -u $C --live --jsonfile "$JSON"
	is "what is not named is left to the host" "$(net)" "52:54:00:aa:bb:cc 3 0 "
	attrs 'mac 52:54:00:aa:bb:cc' 'vlan 9'
	works "and of a VLAN" modify -u $C --live --jsonfile "$JSON"
	is "both are set" "$(net)" "52:54:00:aa:bb:cc 9 0 "
	attrs 'vlan 10' 'mac 03:54:00:aa:bb:cc'
	refused "a bad one" 'is a multicast address' modify -u $C --live --jsonfile "$JSON"
	is "nothing is changed" "$(net)" "52:54:00:aa:bb:cc 9 0 "
}

live_tests()
{
	attrs 'max_copy 65536'
	works "modify --live" modify -u $A --live --jsonfile "$JSON"
	is "max_copy is set" "$(value max_copy)" 65536
	is "what is not named is as at first" "$(value bandwidth)" 0
	attrs 'max_copy 5' 'bandwidth 9'
	refused "modify --live with a bad value" '5 is out of range' modify -u $A --live --jsonfile "$JSON"
	is "nothing is changed" "$(value max_copy) $(value bandwidth)" "65536 0"
	# A file that can't be written, as one of a device that is in use
	mount --bind "$host/sys/bus/mdev/devices/$A/bandwidth" "$host/sys/bus/mdev/devices/$A/bandwidth"
	mount -o remount,bind,ro "$host/sys/bus/mdev/devices/$A/bandwidth"
	attrs 'max_copy 4096' 'bandwidth 9'
	refused "modify --live of what can't be changed now" 'bandwidth of mdev .* nothing was changed' \
		modify -u $A --live --jsonfile "$JSON"
	is "what was set before is taken back" "$(value max_copy)" 65536
}

# What make does, without root's own directories
install_tests()
{
	local d=$tree/tmp/dest list

	make -s -C "$REPO_DIR/tools/mdevctl-profiles" install DESTDIR="$d"
	list=$(cd "$d" && find . -type f | sort | tr '\n' ' ')
	is "make install" "$list" "./etc/mdevctl.d/scripts.d/callouts/mdev-pci ./etc/mdevctl.d/scripts.d/notifiers/mdev-pci-log ./etc/modprobe.d/mdev-pci.conf ./usr/lib/udev/rules.d/61-mdev-pci.rules ./usr/lib/udev/rules.d/62-mdev-pci-generic.rules ./usr/share/mdev-pci/profiles/refdev-dma-limited.json ./usr/share/mdev-pci/profiles/refdev-dma-lite.json ./usr/share/mdev-pci/profiles/refdev-dma.json "
	echo 'options mdev-pci-refdev num_vfs=3' >"$d/etc/modprobe.d/mdev-pci.conf"
	make -s -C "$REPO_DIR" install-tools DESTDIR="$d"
	is "the number of VFs is not overwritten" "$(cat "$d/etc/modprobe.d/mdev-pci.conf")" \
		'options mdev-pci-refdev num_vfs=3'
	make -s -C "$REPO_DIR" uninstall-tools DESTDIR="$d"
	is "make uninstall-tools leaves what was changed" "$(cd "$d" && find . -type f)" ./etc/modprobe.d/mdev-pci.conf
	rm "$d/etc/modprobe.d/mdev-pci.conf"
	make -s -C "$REPO_DIR" install-tools uninstall-tools DESTDIR="$d"
	is "and else nothing" "$(cd "$d" && find . -type f)" ''
}

# suite NAME SCRIPTS ENV-ROOT TESTS...: in a mount namespace of its own, on a copy of the tree
run_in() # SUITE SCRIPTS ENV-ROOT TESTS...
{
	local dir

	suite=$1 name="mdevctl of $1${3:+, MDEVCTL_ENV_ROOT}, scripts in $2"
	env_root=$3
	scripts=$2
	dir=$(artefact_dir "mdevctl-$suite" "$(tree_key)")
	tree=$(mktemp -d)
	mount -t tmpfs tmpfs "$tree"
	mkdir "$tree"/{upper,work,tree}
	mount -t overlay overlay -o "lowerdir=$dir/root,upperdir=$tree/upper,workdir=$tree/work" "$tree/tree"
	tree=$tree/tree
	host=$tree$env_root
	: >"$tree/dev/kmsg"
	mount -t proc proc "$tree/proc"
	fake_sys "$host"
	make -s -C "$REPO_DIR/tools/mdevctl-profiles" install DESTDIR="$host" SCRIPTS="$2"
	# As the package does
	mkdir -p "$host"/{etc/mdevctl.d,usr/lib/mdevctl}/scripts.d/{callouts,notifiers}
	shift 3
	for t; do
		"$t"
	done
}

tree_key() { hash_of "$suite" "$(declare -f debian_tree finish_tree mdevctl_make)"; }

trees()
{
	for suite in bookworm trixie; do
		artefact "mdevctl-$suite" "$(tree_key)" mdevctl_make
	done
}

if [ -z "${IN_NAMESPACE:-}" ]; then
	trees
	IN_NAMESPACE=1 exec unshare -m --propagation private "$0" "$@"
fi
run_in bookworm /etc/mdevctl.d/scripts.d '' common_tests network_tests speed_tests many_tests reason_tests address_tests twice_tests again_tests install_tests
run_in trixie /etc/mdevctl.d/scripts.d '' common_tests network_tests speed_tests many_tests reason_tests address_tests twice_tests again_tests live_tests live_network_tests
run_in trixie /usr/lib/mdevctl/scripts.d '' common_tests network_tests speed_tests many_tests reason_tests address_tests twice_tests again_tests live_tests live_network_tests
run_in trixie /etc/mdevctl.d/scripts.d /host common_tests network_tests speed_tests many_tests reason_tests address_tests twice_tests again_tests live_tests live_network_tests
verdicts
