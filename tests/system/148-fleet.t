# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: tools
# timeout: 150
#
# What platforms do with mdevs by sysfs: small replicas of what Proxmox VE and KubeVirt's device manager read and
# write; driverctl itself, where the test bed has it (host-run.sh --all).

vfs_and_mdevs 4
types=$PFDIR/mdev_supported_types
PCI=/sys/bus/pci/drivers

all_with() # DRIVER
{
	for a_n in 0 1 2 3; do
		vf_bdf $a_n && bound_driver "$BDF" || return 1
		[ "$DRIVER" = "$1" ] || fail "$BDF has driver '$DRIVER'" || return 1
	done
}

# ---- Proxmox VE. It takes the mdev's directory below the PF's for proof that the mdev exists
# pve_uuid INDEX VMID -> $UUID
pve_uuid() { UUID=$(printf '%08d-0000-0000-0000-%012d' "$1" "$2"); }

pve_types()
{
	for p_type in "$types"/*; do
		read -r p_n <"$p_type/available_instances" && p_text=$(cat "$p_type/description") || return 1
		printf '%s %s %s\n' "${p_type##*/}" "$p_n" "$(printf '%s' "$p_text" | tr '\n' ' ')"
	done
}

pve_create() # TYPE
{
	[ -d "$types/$1" ] || fail "no type $1" || return 1
	[ ! -e "$PFDIR/$UUID" ] || return 0
	read -r p_n <"$types/$1/available_instances"
	[ "$p_n" -ge 1 ] || fail "none available" || return 1
	printf '%s' "$UUID" >"$types/$1/create"
	[ -e "$PFDIR/$UUID" ] || fail "$PFDIR/$UUID does not exist"
}

pve_remove() { echo 1 >"$MDEVS/$UUID/remove"; }

like "Proxmox: each type has a number and a text" "$(pve_types)" "^$DEV_TYPE 4 .*migratable: yes"
pve_uuid 0 100
t "Proxmox: the mdev of hostpci0 of guest 100 is created" pve_create $DEV_TYPE
t "Proxmox: once more is no error" pve_create $DEV_TYPE
is "Proxmox: one less is available" "$(cat "$types/$DEV_TYPE/available_instances")" 3
mig "Proxmox: the mdev does DMA" "$UUID" dma:20
pve_uuid 1 100
t "Proxmox: the mdev of hostpci1 is created" pve_create $DEV_TYPE
is "Proxmox: the mdevs have groups of their own" "$(readlink -f "$PFDIR"/*-0000-0000-0000-000000000100/iommu_group | sort -u | wc -l)" 2
t "Proxmox: hostpci1 is removed" pve_remove
pve_uuid 0 100
t "Proxmox: hostpci0 is removed" pve_remove
is "Proxmox: all are available" "$(cat "$types/$DEV_TYPE/available_instances")" 4

# Its PCI passthrough tells vfio-pci the IDs, which is for all functions that have them
vf_bdf 3
ids="$(sed 's/^0x//' "/sys/bus/pci/devices/$BDF/vendor") $(sed 's/^0x//' "/sys/bus/pci/devices/$BDF/device")"
t "Proxmox: vfio-pci gets the VFs' IDs" write_to $PCI/vfio-pci/new_id "$ids"
t "Proxmox: the VFs stay with mdev-pci" all_with mdev-pci
t "Proxmox: the last VF is unbound" write_to "/sys/bus/pci/devices/$BDF/driver/unbind" "$BDF"
is "Proxmox: one less is available" "$(cat "$types/$DEV_TYPE/available_instances")" 3
t "Proxmox: the VFs are made anew" eval 'set_vfs 0 && bound_vfs 4'
t "Proxmox: the VFs are bound to mdev-pci although vfio-pci knows their IDs" all_with mdev-pci
t "Proxmox: vfio-pci forgets them" write_to $PCI/vfio-pci/remove_id "$ids"

# ---- KubeVirt's device manager: types by the file name, with underscores; it creates all there can be
kv_types()
{
	for k_dir in /sys/class/mdev_bus/*/mdev_supported_types/*; do
		read -r k_name <"$k_dir/name" || return 1
		printf '%s %s %s\n' "$(printf '%s' "$k_name" | tr ' ' _)" "${k_dir##*/}" "${k_dir%/mdev_supported_types/*}"
	done
}

kv_configure() # NAME: all of it
{
	kv_types | while read -r k_name k_type k_parent; do
		[ "$k_name" = "$1" ] || continue
		read -r k_n <"$k_parent/mdev_supported_types/$k_type/available_instances"
		for _ in $(seq "$k_n"); do
			new_uuid
			printf '%s' "$UUID" >"$k_parent/mdev_supported_types/$k_type/create" || exit 1
		done
	done
}

# "NAME PARENT GROUP" of each mdev
kv_discover()
{
	for k_dir in "$MDEVS"/*; do
		read -r k_name <"$k_dir/mdev_type/name" || return 1
		k_real=$(readlink -f "$k_dir")
		k_real=${k_real%/*}
		printf '%s %s %s %s\n' "$(printf '%s' "$k_name" | tr ' ' _)" "${k_real##*/}" \
			"$(basename "$(readlink "$k_dir/iommu_group")")" "$(cat "$k_real/numa_node")"
	done
}

kv_remove()
{
	for k_dir in "$MDEVS"/*; do
		echo 1 >"$k_dir/remove" || return 1
	done
}

read -r name <"$types/$DEV_TYPE/name"
name=$(printf '%s' "$name" | tr ' ' _)
is "KubeVirt: no two types have one name" "$(kv_types | cut -d ' ' -f 1 | sort | uniq -d)" ""
t "KubeVirt: as many mdevs are created as there can be" kv_configure "$name"
is "KubeVirt: none is available any more" "$(cat "$types/$DEV_TYPE/available_instances")" 0
found=$(kv_discover)
is "KubeVirt: it finds 4 mdevs of the type at the PF" "$(echo "$found" | grep -c "^$name $PF [0-9]")" 4
is "KubeVirt: each is a device of its own" "$(echo "$found" | cut -d ' ' -f 3 | sort -u | wc -l)" 4
there() { for n in $(echo "$found" | cut -d ' ' -f 3); do [ -c "/dev/vfio/$n" ] || fail "no /dev/vfio/$n" || return 1; done; }
t "KubeVirt: /dev/vfio has a node of each" there
t "KubeVirt: they are removed" kv_remove

# ---- driverctl
driverctl_() { within 30 bash "$PAYLOAD/driverctl/driverctl" "$@" || fail "driverctl $*"; }
flavour() { cat "/sys/bus/pci/devices/$1/driver_flavour"; }

if [ -e "$PAYLOAD/driverctl/driverctl" ]; then
	vf_bdf 0; zero=$BDF
	like "driverctl: lists a VF with its override" "$(driverctl_ list-devices)" "^$zero mdev-pci \[\*\]"
	t "driverctl: an idle VF is given to vfio-pci" driverctl_ --nosave set-override "$zero" vfio-pci
	like "driverctl: its flavour is vfio" "$(flavour "$zero")" '\[vfio\]'
	is "driverctl: one less is available" "$(cat "$types/$DEV_TYPE/available_instances")" 3
	is "driverctl: the other VFs stay with mdev-pci" "$(ls -d $PCI/mdev-pci/0000:* | wc -l)" 3
	t "driverctl: the VF is given back" driverctl_ --nosave set-override "$zero" mdev-pci
	is "driverctl: all are available" "$(cat "$types/$DEV_TYPE/available_instances")" 4
	new_uuid
	t "driverctl: an mdev is created" create "$UUID"
	mdev_vf "$UUID"
	t "driverctl: load-override takes the VF away from the mdev" eval 'mkdir -p /etc/driverctl.d &&
		echo vfio-pci >"/etc/driverctl.d/pci-$BDF" && driverctl_ load-override "$BDF"'
	t "driverctl: the mdev has none then" attr_is "$UUID" function none
	t "driverctl: the mdev can be removed" remove "$UUID"
	t "driverctl: the VF is given back" driverctl_ unset-override "$BDF"
	t "driverctl: by its flavour" write_to "/sys/bus/pci/devices/$BDF/driver_flavour" mdev
	is "driverctl: all are available" "$(cat "$types/$DEV_TYPE/available_instances")" 4
	write_to $PCI/vfio-pci/remove_id "$ids"
	rm -rf /etc/driverctl.d
else
	skip "driverctl" "the test bed has it only with --all"
fi
no_mdevs_no_vfs
