# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# boot: conform
# timeout: 900
# needs: firmware
#
# mdev-pci-conform can fail: each bug that the device model can have, and commands that firmware fails, turn
# the right point red, by name. What a driver of its own may get wrong: tests/tools/test_conform.sh.

plant() # BUG, or nothing
{
	bash -c '. /payload/tests/vm/lib/l0.sh; l0_qmp "$@"' l0 qom-set \
		"{\"path\":\"/machine/peripheral/pf\",\"property\":\"plant\",\"value\":\"$1\"}" >/dev/null
}

# judge POINT...: only those -> $WORK/out
judge()
{
	# shellcheck disable=SC2046  # words on purpose
	set -- $(printf -- '--only %s ' "$@")
	within 300 mdev-pci-conform --plugin ioat --patience "${PATIENCE:-1}" "$@" "$a" >"$WORK/out" 2>&1
}

green() # POINT...
{
	if judge "$@"; then
		pass "without it: $*: passed"
	else
		flunk "without it: $*: passed" "$(cat "$WORK/out")"
	fi
}

red() # WHAT POINT...
{
	r_what=$1
	shift
	judge "$@"
	for r_point; do
		if grep -q "^not ok [0-9]* - $r_point: " "$WORK/out"; then
			pass "$r_what: $r_point is red"
			grep -A1 "^not ok [0-9]* - $r_point: " "$WORK/out" | tail -n 1
		else
			flunk "$r_what: $r_point is red" "$(cat "$WORK/out")"
		fi
	done
}

bug() # NAME POINT...
{
	b_name=$1
	shift
	green "$@"
	must "bug $b_name is planted" plant "$b_name"
	red "$b_name" "$@"
	must "the planted bug is gone" plant ""
}

fault() # COMMAND POINT...
{
	f_command=$1
	shift
	t "firmware fails $f_command" inject "$VF" "$f_command" fail 11 20
	red "$f_command fails" "$@"
	t "the fault is removed" inject "$VF" "$f_command" fail 11 0
}

vfs_and_mdevs 1 a
mdev_vf "$a"
bug dma-after-suspend stop.still-STOP stop.still-STOP_COPY stop.memory-STOP stop.memory-STOP_COPY region.still
bug lose-page roundtrips.state region.state
bug stale-digest roundtrips.state
if able precopy "pre-copy by v2"; then
	bug stale-delta roundtrips.precopy-state
fi
bug stale-delta region.precopy-state
if able log "the log of dirty pages"; then
	bug lose-write log.reports log.reports-64K log.cleared log.stopped
fi
fault suspend states.RUNNING-STOP
fault save files.save region.round-trip
fault load roundtrips.one
no_mdevs_no_vfs
