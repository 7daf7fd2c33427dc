# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# System sleep and hibernation by the kernel's own tests: it goes down as far as its devices (pm_test), or
# writes its image and loads it again (test_resume). hibernate() needs swap_on(), which needs a boot with a drive for it.
# Needs slot.sh.

# Without it the test is skipped
can_sleep()
{
	if ! [ -w /sys/power/pm_test ]; then
		skip "sleep" "the kernel has no /sys/power/pm_test (PM_SLEEP_DEBUG)"
		return 1
	fi
	# Asleep for a second, not for five
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
}

# virtio_console of 7.3 does not hear, when it wakes up, that the host listens at its ports: it begins anew.
# Also after sleep that was refused, since devices that were asked before have slept
ports_anew()
{
	for p_dev in /sys/bus/virtio/drivers/virtio_console/virtio*; do
		write_to /sys/bus/virtio/drivers/virtio_console/unbind "${p_dev##*/}" &&
			write_to /sys/bus/virtio/drivers/virtio_console/bind "${p_dev##*/}" || return 1
	done
	wait_for 10 test -c /dev/virtio-ports/l0.qmp && wait_for 10 test -c /dev/virtio-ports/l0.out
}

# Devices sleep, the machine does not
nap()
{
	write_to /sys/power/pm_test devices && write_to /sys/power/state freeze
	n_rc=$?
	echo none >/sys/power/pm_test
	ports_anew && return $n_rc
}

find_swap()
{
	for s_disk in /sys/block/vd*; do
		[ "$(cat "$s_disk/serial")" != swap ] || return 0
	done
	fail "there is no disk for swap"
}

hibernate()
{
	write_to /sys/power/disk test_resume && write_to /sys/power/state disk
	h_rc=$?
	ports_anew && return $h_rc
}

# A disk for the host's image. It is plugged in now, since L1 takes the first two for its own
swap_on()
{
	l0 "device_add virtio-blk-pci,drive=swap,serial=swap,bus=rp4" >"$WORK/plug" && ! [ -s "$WORK/plug" ] &&
		wait_for 20 find_swap && mkswap "/dev/${s_disk##*/}" >/dev/null && swapon "/dev/${s_disk##*/}" &&
		write_to /sys/power/resume "$(cat "$s_disk/dev")"
}
