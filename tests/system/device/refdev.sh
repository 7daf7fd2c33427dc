# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
#
# What the system tests know of the device under test: the reference device. For another one copy this
# file, and run them with DEVICE=NAME in the environment. Sourced by sh, here (host-run.sh) and in L1 (host.sh).

DEV_MODEL=refdev			# QEMU's; properties of it that a test needs are in host-run.sh
DEV_ID=8086:f0d0			# the PF's vendor and device
DEV_MODULE=mdev-pci-refdev		# of its driver
DEV_DRIVER=refdev			# that driver's name in sysfs
DEV_TYPE=refdev-dma			# the type that tests use
DEV_TYPE_LITE=refdev-dma-lite		# another, with other states
DEV_TYPE_PF=refdev-whole		# the PF itself
DEV_TRACE=mdev_pci_refdev		# its trace events
DEV_TRACE_COMMAND=refdev_command	# that of a command, with function, opcode and status
DEV_COMMAND=mdev_pci_refdev:refdev_submit	# each command goes through it
DEV_TIMEOUT_MS=5000			# the driver waits so long for firmware
DEV_VARIANT=refdev-vfio-pci		# a driver of VFIO's for its VFs (prepare.sh)
DEV_PLUGIN=ioat				# of mdev-pci-conform (tools/conform/plugins)
DEV_REFUSED_LOAD="firmware refused LOAD"	# its line of that
DEV_LABEL="DMA engine"			# how the type's name begins
DEV_DESCRIBED="mdev-pci reference device"	# the model, as the type's description has it
# Abilities beyond migrating a stopped function. Tests name those that they need ("# needs:")
#   attributes	of mdevs, as docs/mdevs.rst has them for this device
#   firmware	dev_debugfs() works
#   log		of dirty pages
#   modprobe	the module is installed, and has the parameters num_vfs and timeout_ms
#   precopy	its state can be saved while it runs
#   trace	events of its own
#   pf	a type for the PF itself
DEV_CAN="attributes firmware log modprobe precopy trace pf"

dev_load() # PARAMETERS
{
	load $DEV_MODULE "$@"
}

# What firmware tells, and how faults are injected: files vfN and inject of
# docs/ABI/testing/sysfs-bus-mdev-pci
dev_debugfs() # PF -> $FW
{
	FW=/sys/kernel/debug/refdev/$1
}

# As a PF driver does that reloads: firmware does not have the VF for a while
dev_detach() # VF
{
	fw_dir && write_to "$FW/detach" "$1"
}

dev_attach() # VF
{
	fw_dir && write_to "$FW/detach" "-$1"
}

# How VFs come out of an FLR: "silent", they do not; "": they do, and those that have not, too
dev_vf_reset()
{
	bash -c '. /payload/tests/vm/lib/l0.sh; l0_qmp "$@"' l0 qom-set \
		"{\"path\":\"/machine/peripheral/pf\",\"property\":\"vf-reset\",\"value\":\"$1\"}" >/dev/null
}

dev_set_timeout() # MILLISECONDS
{
	write_to /sys/module/mdev_pci_refdev/parameters/timeout_ms "$1"
}
