# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 120
#
# A suspended function does no DMA and loses nothing.

vfs_and_mdevs 2 a
mdev_vf "$a"
n=$VF
W=$WORK

for round in 1 2 3; do
	mig "P2P stops a chain, RUNNING continues it ($round)" "$a" start:2000 set:RUNNING_P2P \
		"digest:$W/d" frozen:200 "digest-is:$W/d" set:RUNNING wait copies=2000 errors=0
	mig "STOP stops a chain, RUNNING continues it ($round)" "$a" start:2000 set:STOP \
		"digest:$W/d" frozen:200 "digest-is:$W/d" set:RUNNING wait copies=2000 errors=0
	mig "in several steps ($round)" "$a" start:2000 set:RUNNING_P2P frozen:50 set:STOP frozen:50 \
		set:STOP_COPY frozen:50 set:STOP frozen:50 set:RUNNING_P2P frozen:50 set:RUNNING wait \
		copies=2000 errors=0
done
mig "copies begun at P2P wait for RUNNING" "$a" dma:5 set:RUNNING_P2P start:100 frozen:200 \
	copies=5 set:RUNNING wait copies=105 errors=0
mig "also by way of STOP" "$a" dma:5 set:RUNNING_P2P start:100 frozen:50 set:STOP frozen:50 \
	set:RUNNING wait copies=105 errors=0
mig "register writes at STOP are dropped, and counted" "$a" dma:5 set:STOP start:100 frozen:200 \
	copies=5 errors\>=1 set:RUNNING frozen:100 copies=5
mig "a running function moves" "$a" start:2000 wait copies=2000
firmware_says "firmware saw no DMA while it was suspended" "$n" illegal_dma 0
no_mdevs_no_vfs
