# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# timeout: 150
# needs: attributes firmware
#
# Values that are set on an mdev between create and its first user, and what a migration
# makes of them.

. "$PAYLOAD/tests/system/reads.sh"

vfs_and_mdevs 3 a b
A=$MDEVS/$a B=$MDEVS/$b
W=$WORK

# What the file says and what firmware has done
both_say() # UUID ATTRIBUTE VALUE
{
	attr "$1" "$2"
	[ "$VALUE" = "$3" ] || fail "$2 reads $VALUE" || return 1
	mdev_fw "$1" "$2" || return 1
	[ "$VALUE" = "$3" ] || fail "firmware's $2 is $VALUE"
}

t "max_copy exists when create returns, as the type has it" both_say "$a" max_copy 1048576
t "bandwidth exists when create returns, as the type has it" both_say "$a" bandwidth 0
is "its files can be read by all, written by root" "$(stat -c %a "$A/max_copy" "$A/bandwidth" | tr '\n' ' ')" "644 644 "
new_uuid
l=$UUID
t "an mdev of the other type is created" create "$l" $DEV_TYPE_LITE
t "max_copy starts with the value of that type" both_say "$l" max_copy 65536
t "the mdev is removed" remove "$l"

t "max_copy is set" write_to "$A/max_copy" 8192
t "firmware has the new max_copy when the write returns" both_say "$a" max_copy 8192
like "migration_compat stands for the new value" "$(cat "$A/migration_compat")" ' setup=[0-9a-f]*[1-9a-f][0-9a-f]*$'
t "a value is accepted in hexadecimal, with a newline" write_to "$A/max_copy" "0x1000
"
t "firmware has the hexadecimal value" both_say "$a" max_copy 4096
t "bandwidth is set" write_to "$A/bandwidth" 500
t "firmware has the new bandwidth" both_say "$a" bandwidth 500
t "the other mdev is not concerned" both_say "$b" max_copy 1048576
mig "the mdev does DMA" "$a" dma:20 copies=20

count_commands "$DEV_COMMAND"
reads_cost_nothing "a parent, its 3 VFs and 2 mdevs"
costs "max_copy is set" write_to "$A/max_copy" 4096
count_no_more

desc=$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE/description")
like "description has the range of max_copy" "$desc" \
	'^attribute max_copy: 4096 to 1048576 bytes, a power of 2, at first 1048576; migrates only between equal ones$'
like "description has the range of bandwidth" "$desc" '^attribute bandwidth: 0 to 1048576 MiB/s \(0: no limit\), at first 0$'
like "description of the other type has its range of max_copy" "$(cat "$PFDIR/mdev_supported_types/$DEV_TYPE_LITE/description")" \
	'^attribute max_copy: 4096 to 65536 bytes'

for bad in 4095 0 2097152 5000 18446744073709551615 18446744073709551616; do
	refused "max_copy of $bad" "$A/max_copy" $bad ERANGE \
		"max_copy of mdev $a: .* is out of range: must be a power of 2 from 4096 to 1048576 bytes"
done
refused "bandwidth of more than can be" "$A/bandwidth" 1048577 ERANGE "bandwidth of mdev $a: 1048577 is out of range"
for bad in big '' -1 '4096 8192' 4k; do
	errno_of "$A/max_copy" "$bad"
	[ -n "$bad" ] || continue
	refused "max_copy of '$bad'" "$A/max_copy" "$bad" EINVAL "max_copy of mdev $a: not a number"
done
t "max_copy is unchanged" both_say "$a" max_copy 4096

t "firmware will refuse" inject any configure fail 11
refused "firmware refuses" "$A/max_copy" 16384 EIO "max_copy of mdev $a: firmware could not set it"
t "max_copy is unchanged" both_say "$a" max_copy 4096
t "firmware is given half a second" fw_timeout 500
t "firmware will not answer" inject any configure silent
refused "firmware is silent" "$A/max_copy" 16384 ETIMEDOUT "max_copy of mdev $a: firmware could not set it"
t "firmware is given its usual time" fw_timeout 5000
t "max_copy can be set again" write_to "$A/max_copy" 4096
t "max_copy is as before" both_say "$a" max_copy 4096

mig_bg "$a" dma:5 "touch:$W/open" "await:$W/go" reset dma:5
must "a user has it open" wait_for 20 is_there "$W/open"
refused "max_copy while it is open" "$A/max_copy" 8192 EBUSY "max_copy of mdev $a: it is in use"
refused "bandwidth while it is open" "$A/bandwidth" 1 EBUSY "bandwidth of mdev $a: it is in use"
t "max_copy can be read while the device is open" both_say "$a" max_copy 4096
t "the other mdev is not in use" write_to "$B/bandwidth" 7
touch "$W/go"
mig_end "the user's device works throughout"
t "a reset of the VF has not changed it" both_say "$a" max_copy 4096
t "the reset has not changed bandwidth" both_say "$a" bandwidth 500
t "after the user it can be set" write_to "$A/max_copy" 8192
t "firmware will answer late, but in time" inject any configure late 1500000000
tool write "$A/max_copy" 16384 >"$W/errno" &
writer=$!
sleep 0.3
mig "open waits for an attribute that is being set" "$a" dma:5 "sh:grep -qx 0 $W/errno && grep -qx 16384 $A/max_copy"
wait $writer

# Migration: what the guest sees must be equal, what is the host's own affair need not
t "the source has 8192" write_to "$A/max_copy" 8192
mig "the state of a function is saved" "$a" dma:30 "digest:$W/d" set:STOP_COPY "read:$W/s" set:RUNNING
mark
mig "the destination has another max_copy: refused" "$b" dma:3 "digest:$W/own" set:RESUMING \
	"write:$W/s=EREMCHG" "digest-is:$W/own" set:STOP=ENODATA reset state=RUNNING
logged_once "the log says why" "migration data refused: the function was set up with other attributes at the source"
t "the destination has the same" write_to "$B/max_copy" 8192
mig "the state loads between equal attributes" "$b" set:RESUMING "write:$W/s" set:RUNNING "digest-is:$W/d" copies=30 dma:3
t "bandwidth is that of the destination" both_say "$b" bandwidth 7
mig "a function as its type is" "$b" reset
t "the destination as its type is" write_to "$B/max_copy" 1048576
mark
mig "the state is still refused" "$b" set:RESUMING "write:$W/s=EREMCHG" reset
t "the source as its type is" write_to "$A/max_copy" 1048576
mig "the state is saved again" "$a" dma:30 "digest:$W/d" set:STOP_COPY "read:$W/s" set:RUNNING
mig "the state loads between equal attributes" "$b" set:RESUMING "write:$W/s" set:RUNNING "digest-is:$W/d"
# Firmware checks the values, too, so a forged header does not help
t "the source is changed" write_to "$A/max_copy" 4096
mig "the function with another max_copy is saved" "$a" dma:30 set:STOP_COPY "read:$W/s" set:RUNNING
t "the stream's header claims initial attributes" mig-stream mutate "$W/s" "$W/lie" head:setup:0
mig "firmware refuses it" "$b" set:RESUMING "write:$W/lie=EBADMSG" reset

# A reset of the PF: firmware has forgotten all
t "the PF is reset" write_to "$PFDIR/reset" 1
t "what was set is set again" both_say "$a" max_copy 4096
t "bandwidth is set again" both_say "$a" bandwidth 500
mig "the mdev does DMA" "$a" dma:20

t "the mdev is removed" remove "$a"
t "the mdev is created again" create "$a"
t "max_copy has its initial value again" both_say "$a" max_copy 1048576
t "bandwidth has its initial value again" both_say "$a" bandwidth 0

mdev_vf "$a"
t "the VF is unbound under the mdev" write_to /sys/bus/pci/drivers/mdev-pci/unbind "$BDF"
refused "refused on a detached mdev" "$A/max_copy" 8192 ENODEV "max_copy of mdev $a: the mdev has lost its VF"
t "the VF is bound again" write_to /sys/bus/pci/drivers/mdev-pci/bind "$BDF"
no_mdevs_no_vfs

# Writers and users at a time
vfs_and_mdevs 1 c
writers()
{
	for n in 1 2; do
		(
			for _ in 1 2 3 4 5 6 7 8 9 10; do
				tool write "$MDEVS/$c/max_copy" $((4096 * n))
			done
		) &
		pids="$pids $!"
	done
	for _ in 1 2 3 4 5 6; do
		timeout 20 vfio-mig "$MDEVS/$c" dma:1 >"$W/user" 2>&1 || echo "user: $(cat "$W/user")"
	done
	# shellcheck disable=SC2086  # words
	wait $pids
}
is "writers and users: nothing but 0 and EBUSY" "$(writers | grep -v -x -E '0|EBUSY')" ""
mdev_fw "$c" max_copy
t "the file and firmware agree" attr_is "$c" max_copy "$VALUE"
no_mdevs_no_vfs
