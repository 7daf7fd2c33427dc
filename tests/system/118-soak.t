# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 150
# needs: precopy
#
# Eight mdevs, operations in random order: "make soak" for a short while. Too short to say
# anything of memory; what is left behind the kernel's log and cleanup.sh tell.

must "8 VFs exist" set_vfs 8
must "all VFs are bound" wait_for 30 all_bound 8
log=
! can log || log=--log
s_out=$(python3 "$PAYLOAD/tests/system/soak.py" "$PFDIR" "$DEV_TYPE" --seed 1 --seconds 8 --migrations 8 --every 60 $log 2>&1)
is "the soak finds no error" "$?" 0
printf '%s\n' "$s_out" | diag
like "there were migrations" "$s_out" '^([89]|[0-9]{2,}) migrations'
no_mdevs_no_vfs
