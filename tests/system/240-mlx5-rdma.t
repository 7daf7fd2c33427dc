# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: mlx5
# timeout: 700
# timeout-full: 4500
#
# RDMA connections of a guest, each byte checked, go on while it migrates there and back by mdev-pci-mlx5
# (4 migrations, in full 100), and then those of a guest of upstream's driver (half and in full a fifth as
# many). No guest may stand still for a minute, which is what a lost interrupt costs.

. "$PAYLOAD/tests/system/mlx5.sh"

TIMES=4 UPSTREAM=2
! full || TIMES=100 UPSTREAM=5

must "stock mlx5_core takes the PF" mlx5_load
must "it makes 4 VFs" mlx5_vfs 4
must "upstream's driver is there" load mlx5-vfio-pci
must "upstream's driver takes VFs 2 and 3" vf_to mlx5_vfio_pci 2 3
vf_dir 2; upstream0=$DIR
vf_dir 3; upstream1=$DIR
must "the module loads" load mdev-pci-mlx5
must "VFs 0 and 1 are bound to mdev-pci" wait_for 20 all_bound 4
new_uuid; ours0=$MDEVS/$UUID
must "an mdev is created" create "$UUID" mlx5_core-vf
new_uuid; ours1=$MDEVS/$UUID
must "another mdev is created" create "$UUID" mlx5_core-vf

# hop WHO N: its guest's Nth migration, to the other of the two VFs
hop()
{
	h_from=$1$((($2 + 1) % 2)) h_to=$1$(($2 % 2))
	eval "h_dir=\$$h_to"
	mlx5_migrate "$h_from" "$h_to" "$h_dir" && guest_quit "$h_from" &&
		rdma_goes_on "$h_to" 1 120 && echo "$DOWNTIME" >>"$WORK/downtime.$1"
}

# The workload counts itself, in the guest, so that a migration does not hide a part of the time
stood_still() # GUEST -> $LONGEST, s
{
	LONGEST=$(sed -n 's/^RDMA run .* longest \([0-9]*\).*/\1/p' "$GUESTS/$1/console" | sort -n | tail -n 1)
}

journey() # WHO MIGRATIONS
{
	must "$1: a guest boots" mlx5_guest_boot "${1}0" "$(eval "echo \$${1}0")"
	j_n=0
	while [ $j_n -lt "$2" ]; do
		j_n=$((j_n + 1))
		must "$1: migration $j_n: the connections go on, each byte was right" hop "$1" $j_n
	done
	j_guest=$1$((j_n % 2))
	t "$1: no command waited for a lost interrupt" guest_never_waited "$j_guest"
	stood_still "$j_guest"
	at_least "$1: it never stood still for a minute (longest: $LONGEST s)" 59 "$LONGEST"
	guest_quit "$j_guest"
}

journey ours $TIMES
journey upstream $((TIMES / UPSTREAM))
for who in ours upstream; do
	sort -n "$WORK/downtime.$who" | awk -v who=$who '{ v[NR] = $1 }
		END { printf "# %s: downtime %d ms (%d to %d), %d migrations\n", who, v[int((NR + 1) / 2)], v[1], v[NR], NR }'
done
t "no DMA of a VF that is stopped" cx_no_bad_dma
t "the mdevs are removed" remove_all
t "upstream's driver gives its VFs back" vf_free 2 3
t "all VFs are removed" set_vfs 0
t "no VF has pages any more" no_vf_pages
t "the module unloads" unload mdev-pci-mlx5
t "upstream's driver unloads" unload mlx5-vfio-pci
t "mlx5_core unloads" unload mlx5_core
