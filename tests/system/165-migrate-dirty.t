# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2086
# boot: guests
# timeout: 500
# needs: firmware
#
# What the device writes while a guest's memory is transferred arrives; where the device's
# log of dirty pages is there QEMU uses it, by itself.

vfs_and_mdevs 2 u v

# QEMU's own words for why it can't migrate, empty if it can
blocked() # NAME -> $VALUE
{
	wait_for 90 qmp_up "$1" && qmp "$1" query-migrate || fail "QEMU: $(tail -n 1 "$GUESTS/$1/log")" || return 1
	VALUE=$(echo "$ANSWER" | jq -r '.return."blocked-reasons" // [] | join("; ")')
}

# How often QEMU has asked for dirty memory
syncs() # NAME -> $VALUE
{
	qmp "$1" query-migrate || return 1
	VALUE=$(echo "$ANSWER" | jq -r '.return.ram."dirty-sync-count" // 0')
}
syncs_above() { syncs "$1" && [ "$VALUE" -gt "$2" ]; }

# QEMU's trace of reports: how many were of no page, of some and of all pages of a range
count_reports() # -> $none $some $all
{
	none=0 some=0 all=0
	sed -n 's/^vfio_[a-z_]*dirty_bitmap .* size= *\(0x[0-9a-f]*\) .*dirty_pages=\([0-9]*\)$/\1 \2/p' \
		>"$WORK/reports"
	while read -r size pages; do
		if [ "$pages" = 0 ]; then
			none=$((none + 1))
		elif [ "$pages" -lt $((size / 4096)) ]; then
			some=$((some + 1))
		else
			all=$((all + 1))
		fi
	done <"$WORK/reports"
}

state_is() # NAME STATE
{
	guest_status "$1" && [ "$STATE" = "$2" ] || fail "after $COPIES copies the guest is $STATE"
}

qemu_words
if able qemu-log "enable-migration=auto; QEMU uses the device's log of dirty pages"; then
	logs=1
	bitmap=vfio_get_dirty_bitmap
	[ "$QEMU" -lt 11 ] || bitmap=vfio_container_query_dirty_bitmap
	GUEST_ARGS="-D $WORK/trace-%d -trace vfio_device_dirty_tracking_start -trace $bitmap"
elif [ "$QEMU" -ge 8 ]; then
	on=$MIG_OPTION
	MIG_OPTION=enable-migration=auto
	t "a QEMU with enable-migration=auto starts" guest_launch x "$u"
	t "is asked" blocked x
	like "it refuses migration, for want of the device's log" "$VALUE" 'dirty.*tracking'
	guest_quit x
	MIG_OPTION=$on
fi
if [ -z "$logs" ] && ! full; then
	skip "what is written while memory is transferred arrives" \
		"QEMU takes all memory for dirty here, a minute: host-run.sh --all"
	no_mdevs_no_vfs
	return 0
fi

must "a guest boots" guest_boot a "$u"
t "nothing keeps it from migrating" blocked a
is "QEMU names no reason against it" "$VALUE" ""
mdev_vf "$u"
vf=$VF

# All that the processor writes for some copies is transferred before they begin: only the
# device writes after that
t "the guest is told to hold its pages" guest_tell a hold
wait_for 60 state_is a held || guest_story a
must "copies are ready to start" state_is a held
t "the guest is told to pause" guest_tell a pause
guest_status a
copies=$COPIES
must "migration begins" guest_migrate_begin a b "$v" $MIG_ENDLESS
must "memory is transferred" wait_for 120 syncs_above a 2
[ -z "$logs" ] || { fw "$vf" tracker && is "the device logs dirty pages" "$VALUE" 1; }
t "the guest is told to go on" guest_tell a release
must "the copies are made" wait_for 60 state_is a paused
at_least "the guest has copied more" "$COPIES" $((copies + 1))
is "each byte was right" "$ERRORS" 0
syncs a
must "memory is transferred again" wait_for 120 syncs_above a $((VALUE + 1))
must "migration goes on to its end" guest_migrate_way a $MIG_FAST
must "it is there" guest_migrate_end a b
echo "# downtime $DOWNTIME ms of $TOTAL ms, $RAM bytes of memory"
copies=$COPIES
t "the destination looks at what was copied before" guest_tell b check
t "the guest has checked its pages" guest_wait b 60 '^COPYLOAD checked'
guest_status b
is "each byte is there" "$ERRORS" 0
is "of the very copies" "$COPIES" "$copies"
t "go on" guest_tell b go
t "its copies go on" guest_goes_on b 100 60
is "each byte was right" "$ERRORS" 0

# By QEMU's own trace
if [ -n "$logs" ]; then
	trace=$WORK/trace-$(cat "$GUESTS/a/pid")
	t "QEMU has started the device's log" \
		grep -q '^vfio_device_dirty_tracking_start nr_ranges [1-9]' "$trace"
	count_reports <"$trace"
	at_least "asked, it had pages to tell of" "$some" 1
	at_least "and asked again, none" "$none" 1
	is "never all of them" "$all" 0
	echo "# reports: $none of no page, $some of some, $all of all"
fi
# Not before: QEMU puts the end of the log off as long as the guest stands still
t "the source's QEMU ends" guest_quit a
fw "$vf" tracker
is "its device logs no more" "$VALUE" 0

# A log that fails: the guest goes on where it is
if [ -n "$logs" ]; then
	mdev_vf "$v"
	t "firmware will not log" inject "$VF" tracker_start fail 8
	t "migration fails" not guest_migrate b a "$u"
	guest_quit a 2>/dev/null || guests_kill_one a
	t "the source runs" wait_for 30 guest_running b
	t "its copies go on" guest_goes_on b 100 60
	t "firmware will not report" inject "$VF" tracker_report fail 11
	t "migration fails" not guest_migrate b a "$u"
	guest_quit a 2>/dev/null || guests_kill_one a
	t "the source runs" wait_for 30 guest_running b
	t "its copies go on" guest_goes_on b 100 60
	is "each byte was right" "$ERRORS" 0
	fw "$VF" tracker
	is "the device logs no more" "$VALUE" 0
	must "the guest migrates back" guest_migrate b a "$u"
	t "the copies go on" guest_goes_on a 100 60
	is "each byte was right" "$ERRORS" 0
	guest_quit b
fi
guest_quit a
guest_quit b
no_mdevs_no_vfs
