#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: test_check.py [PATTERN]

Tests of tools/mdev-pci-check, with host trees that are made here: a host that is in
order, and for each finding one that differs from it. At the end each finding that the
tool's source has must have been seen. TAP; the last line is "N passed, N failed".
"""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import tap  # noqa: E402
HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "..", "..", "tools", "mdev-pci-check")
PF = "0000:01:00.0"
VFS = ["0000:01:00.1", "0000:01:00.2"]
TYPE = "refdev-dma"
UUID = "6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01"
COMPAT = (f"type={TYPE} state=1 accepts=equal framed=0 precopy=1 max_state=4096 device=8086:0b00 "
          "subsystem=8086:f0d0")
RULE = "usr/lib/udev/rules.d/60-mdevctl.rules"
# As Debian's; PROGRAM is what the cases differ in
RULE_TEXT = (
    'ACTION=="change", ENV{MDEV_STATE}=="registered", TEST=="/etc/mdevctl.d/$kernel", '
    "RUN+=\"/bin/sh -c '{ PROGRAM start-parent-mdevs %k 2>&3 | logger -t mdevctl; } 3>&1'\"\n"
)
seen = set()


# ---- made hosts --------------------------------------------------------------


class Host:
    """A host that is in order, as a tree of files; cases change it."""

    def __init__(self, kernel="6.12.95", iommufd=True, qemu="1:10.0.2+ds-2", libvirt="11.3.0-3",
                 mdevctl="1.4.0-1"):
        self.root = tempfile.mkdtemp(prefix="mdev-pci-check.")
        self.kernel = kernel
        self.lib = f"lib/modules/{kernel}"
        self.pf = f"sys/bus/pci/devices/{PF}"
        self.type = f"{self.pf}/mdev_supported_types/{TYPE}"
        self.config = dict.fromkeys(
            ("PCI_IOV", "VFIO", "VFIO_GROUP", "VFIO_PCI_CORE", "VFIO_MDEV", "VFIO_IOMMU_TYPE1"), "m")
        if iommufd:
            self.config.update(IOMMUFD="m", IOMMUFD_DRIVER="y", VFIO_DEVICE_CDEV="y")
        self.packages = {"qemu-system-x86": qemu, "libvirt-daemon": libvirt, "mdevctl": mdevctl}
        self.kernel_files()
        self.programs()
        self.device()

    def write(self, path, text=""):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def link(self, path, to):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(to, path)

    def remove(self, path):
        path = os.path.join(self.root, path)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def kernel_files(self):
        self.write("proc/sys/kernel/osrelease", self.kernel + "\n")
        self.write("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu apic sep\n")
        self.write("proc/interrupts", "  24:  0  IR-PCI-MSI-0000:00:05.0  0-edge  virtio0\n")
        self.write("proc/self/limits", "Max locked memory         8388608    8388608    bytes\n")
        self.write("proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n")
        self.write("proc/devices", "Character devices:\n511 vfio-dev\n")
        self.write("dev/vfio/vfio")
        self.write("sys/class/iommu/dmar0/name")
        for name in ("vfio", "vfio_iommu_type1", "vfio_pci_engine", "mdev_pci", "mdev_pci_refdev"):
            self.write(f"sys/module/{name}/initstate", "live\n")
        self.write(f"{self.lib}/modules.dep",
                   "kernel/drivers/vfio/vfio_iommu_type1.ko.xz:\n"
                   "kernel/drivers/vfio/pci/vfio-pci-core.ko.xz:\nkernel/drivers/vfio/mdev/mdev.ko.xz:\n"
                   "updates/dkms/vfio-pci-engine.ko:\nupdates/dkms/mdev-pci.ko: updates/dkms/vfio-pci-engine.ko\n"
                   "updates/dkms/mdev-pci-refdev.ko: updates/dkms/mdev-pci.ko updates/dkms/vfio-pci-engine.ko\n")
        self.write(f"{self.lib}/modules.alias", "alias pci:v00008086d0000F0D0sv*sd*bc*sc*i* mdev_pci_refdev\n"
                   "alias pci:v00001234d*sv*sd*bc*sc*i* other\n")

    def programs(self):
        for path in ("usr/bin/qemu-system-x86_64", "usr/sbin/libvirtd", "usr/bin/mdevctl"):
            # Running it would be seen: no version of it is ever expected
            self.write(path, '#!/bin/sh\necho "version 99.9"\n')
            os.chmod(os.path.join(self.root, path), 0o755)
        self.write(RULE, RULE_TEXT.replace("PROGRAM", "/usr/bin/mdevctl"))

    def device(self):
        self.write(f"{self.pf}/modalias", "pci:v00008086d0000F0D0sv00008086sd0000F0D0bc08sc80i00\n")
        self.write(f"{self.pf}/sriov_totalvfs", "8\n")
        self.link(f"{self.pf}/driver", "../../drivers/refdev")
        self.write("sys/bus/pci/drivers/refdev/module/initstate")
        self.link(f"sys/class/mdev_bus/{PF}", f"../../bus/pci/devices/{PF}")
        self.write("sys/kernel/iommu_groups/0/name")
        for i, vf in enumerate(VFS):
            self.write(f"sys/bus/pci/devices/{vf}/modalias", "pci:v00008086d00000B00\n")
            self.link(f"{self.pf}/virtfn{i}", f"../{vf}")
            self.link(f"sys/bus/pci/devices/{vf}/physfn", f"../{PF}")
            self.link(f"sys/bus/pci/devices/{vf}/driver", "../../drivers/mdev-pci")
            self.link(f"sys/bus/pci/devices/{vf}/iommu_group", f"../../../kernel/iommu_groups/{i + 1}")
            self.write(f"sys/kernel/iommu_groups/{i + 1}/devices/{vf}")
        self.write(f"{self.type}/device_api", "vfio-pci\n")
        self.write(f"{self.type}/available_instances", "2\n")
        self.describe()

    def describe(self, migratable="yes, by STOP_COPY and P2P", log="yes", precopy="yes", compat=COMPAT):
        self.write(f"{self.type}/description",
                   f"model: mdev-pci reference device\nmigratable: {migratable}\n"
                   "state: version 1, at most 4096 bytes\n"
                   f"migration_compat: {compat}\n"
                   f"pre-copy by the device: {precopy}\ndirty page tracking by the device: {log}\n")

    def whole(self, available=0):
        """A type that is the device as a whole."""
        path = f"{self.pf}/mdev_supported_types/refdev-whole"
        self.write(f"{path}/device_api", "vfio-pci\n")
        self.write(f"{path}/available_instances", f"{available}\n")
        self.write(f"{path}/description", "model: mdev-pci reference device\nmigratable: no, nobody can\n"
                   "function: the device as a whole\n")
        return path

    def mdev(self, function=VFS[0], state="RUNNING", compat=COMPAT + " setup=00000000"):
        self.write(f"sys/bus/mdev/devices/{UUID}/migration_compat", compat + "\n")
        self.write(f"{self.type}/devices/{UUID}/x")
        self.write(f"sys/bus/mdev/devices/{UUID}/function", function + "\n")
        self.write(f"sys/bus/mdev/devices/{UUID}/migration_state", state + "\n")
        self.write(f"sys/bus/mdev/devices/{UUID}/not_migratable", "\n")

    def no_vfs(self):
        for i, vf in enumerate(VFS):
            self.remove(f"{self.pf}/virtfn{i}")
            self.remove(f"sys/bus/pci/devices/{vf}")
        self.write(f"{self.type}/available_instances", "0\n")

    def no_parent(self):
        self.remove(f"sys/class/mdev_bus/{PF}")

    def no_modules(self):
        for name in ("vfio_pci_engine", "mdev_pci", "mdev_pci_refdev"):
            self.remove(f"sys/module/{name}")

    def no_package(self, name):
        del self.packages[name]
        self.remove({"qemu-system-x86": "usr/bin/qemu-system-x86_64", "libvirt-daemon": "usr/sbin/libvirtd",
                     "mdevctl": "usr/bin/mdevctl"}[name])

    def no_iommu(self):
        self.remove("sys/kernel/iommu_groups")

    def finish(self):
        """What is written late, so that a case needs only say what differs."""
        if self.config is not None:
            self.write(f"boot/config-{self.kernel}", "# CONFIG_IOMMUFD_TEST is not set\n" + "".join(
                f"CONFIG_{k}={v}\n" for k, v in self.config.items()))
        self.write("var/lib/dpkg/status", "".join(
            f"Package: {k}\nStatus: install ok installed\nVersion: {v}\n\n" for k, v in self.packages.items())
            + "Package: qemu-system-arm\nStatus: deinstall ok config-files\nVersion: 1:3.1\n\n")


# ---- running the tool --------------------------------------------------------


def call(*words):
    return subprocess.run(["sh", TOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60, check=False)


def json_of(change):
    """What the tool prints about a host that change() has changed."""
    made = Host()
    try:
        change(made)
        made.finish()
        return call("--json", "--root", made.root).stdout
    finally:
        shutil.rmtree(made.root)


def check(change=None, words=(), **host):
    """The tool's JSON about a host that change() has changed."""
    made = Host(**host)
    try:
        if change:
            change(made)
        made.finish()
        done = call("--json", "--root", made.root, *words)
        assert not done.stderr, done.stderr
        answer = json.loads(done.stdout)
        worst = {f["result"] for f in answer["findings"]}
        status = 2 if "error" in worst else 1 if "warning" in worst else 0
        assert done.returncode == status, f"status {done.returncode}, findings say {status}"
        assert answer["status"] == ("ok", "warning", "error")[status]
        seen.update((f["result"], f["check"], f["text"]) for f in answer["findings"])
        return answer
    finally:
        shutil.rmtree(made.root)


def sick(answer):
    return [(f["scope"], f["check"], f["result"]) for f in answer["findings"] if f["result"] != "ok"]


# ---- one case for each finding -----------------------------------------------

# Name, what is changed, the finding (scope, check, result), a part of its words or advice.
# All other findings stay "ok", but for those of the last column
CASES = []


def case(name, finding, words, also=(), arguments=(), **host):
    def keep(change):
        CASES.append((name, change, finding, words, also, arguments, host))
        return change
    return keep


def plain(name, finding, words, also=(), arguments=(), **host):
    case(name, finding, words, also, arguments, **host)(None)


@case("no proc", ("system", "kernel", "error"), "can't be read",
      also=("kernel-options", "modules", "migration"))
def _(h):
    h.remove("proc/sys/kernel/osrelease")


plain("an old kernel", ("system", "kernel", "error"), "too old", also=("pre-copy",), kernel="5.15.0-91")
plain("a kernel that was not tried", ("system", "kernel", "warning"), "was never tested", kernel="6.8.0-31-generic")
plain("6.1 is not 6.10", ("system", "kernel", "warning"), "was never tested", kernel="6.10.3")


@case("no mdev in the kernel", ("system", "kernel-options", "error"), "CONFIG_VFIO_MDEV")
def _(h):
    del h.config["VFIO_MDEV"]


@case("no SR-IOV in the kernel", ("system", "kernel-options", "error"), "CONFIG_PCI_IOV")
def _(h):
    del h.config["PCI_IOV"]


@case("no groups", ("system", "vfio-group", "error"), "-object iommufd only")
def _(h):
    del h.config["VFIO_GROUP"]


@case("nothing tells the kernel's options", ("system", "kernel-options", "warning"), "config",
      also=("iommufd", "dirty-log", "type-migration", "modules"))
def _(h):
    h.config = None
    h.remove(f"{h.lib}/modules.dep")


plain("no IOMMUFD", ("system", "dirty-log", "info"), "without CONFIG_IOMMUFD, so no device can log", iommufd=False)


@case("IOMMUFD but no drivers' part", ("system", "dirty-log", "info"), "CONFIG_IOMMUFD_DRIVER")
def _(h):
    del h.config["IOMMUFD_DRIVER"]


@case("the same, by the kernel's symbols", ("system", "dirty-log", "info"), "CONFIG_IOMMUFD_DRIVER")
def _(h):
    h.config = None
    h.write("dev/iommu")
    h.write("proc/kallsyms", "0000000000000000 T iova_bitmap_set_not\t[iommufd]\n")


@case("no IOMMU at all", ("system", "iommu", "error"), "firmware setup")
def _(h):
    h.no_iommu()


@case("the IOMMU is off, Intel", ("system", "iommu", "error"), "intel_iommu=on")
def _(h):
    h.no_iommu()
    h.write("sys/firmware/acpi/tables/DMAR")


@case("the IOMMU is off, AMD", ("system", "iommu", "error"), "amd_iommu=off")
def _(h):
    h.no_iommu()
    h.write("sys/firmware/acpi/tables/IVRS")


@case("groups of VFIO without IOMMU are no IOMMU", ("system", "iommu", "error"), "no IOMMU")
def _(h):
    h.no_iommu()
    h.write("sys/kernel/iommu_groups/0/name", "vfio-noiommu\n")


@case("interrupts are not remapped", ("system", "interrupt-remapping", "error"), "EPERM")
def _(h):
    h.write("proc/interrupts", "  24:  0  PCI-MSI-0000:00:05.0  0-edge  virtio0\n")


@case("that is put up with", ("system", "interrupt-remapping", "warning"), "allow_unsafe_interrupts")
def _(h):
    h.write("proc/interrupts", "  24:  0  PCI-MSI-0000:00:05.0  0-edge  virtio0\n")
    h.write("sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n")


@case("modules are missing", ("system", "modules", "error"), "install the package mdev-pci-dkms",
      also=("parents",))
def _(h):
    h.no_modules()
    h.no_parent()
    h.write(f"{h.lib}/modules.dep", "kernel/drivers/vfio/vfio_iommu_type1.ko.xz:\n")


@case("DKMS has not built for this kernel", ("system", "modules", "error"), "dkms autoinstall")
def _(h):
    h.no_modules()
    h.write("var/lib/dkms/mdev-pci/1.0/source/x")
    h.write(f"{h.lib}/build/Makefile")
    h.write(f"{h.lib}/modules.dep", "kernel/drivers/vfio/vfio_iommu_type1.ko.xz:\n")


@case("DKMS could not, without headers", ("system", "modules", "error"), "headers")
def _(h):
    h.no_modules()
    h.write("var/lib/dkms/mdev-pci/1.0/source/x")
    h.write(f"{h.lib}/modules.dep", "kernel/drivers/vfio/vfio_iommu_type1.ko.xz:\n")


@case("modules of an older package are loaded", ("system", "modules-version", "info"),
      "version 0.1, but mdev-pci-dkms 0.2 is installed: mdev_pci, vfio_pci_engine")
def _(h):
    h.packages["mdev-pci-dkms"] = "0.2"
    for name in ("vfio_pci_engine", "mdev_pci"):
        h.write(f"sys/module/{name}/version", "0.1\n")
    h.write("sys/module/mdev_pci_refdev/version", "0.2\n")


@case("no device's driver", ("system", "modules", "warning"), "no driver")
def _(h):
    h.remove("sys/module/mdev_pci_refdev")
    h.write(f"{h.lib}/modules.dep", "vfio_iommu_type1.ko:\nvfio-pci-engine.ko:\nmdev-pci.ko: vfio-pci-engine.ko\n")


@case("Secure Boot", ("system", "module-signatures", "warning"), "mokutil")
def _(h):
    h.no_modules()
    h.write("sys/module/module/parameters/sig_enforce", "Y\n")


@case("locked down", ("system", "module-signatures", "warning"), "mokutil")
def _(h):
    h.no_modules()
    h.write("sys/kernel/security/lockdown", "none [integrity] confidentiality\n")


@case("no VFIO node", ("system", "vfio-node", "error"), "container")
def _(h):
    h.remove("dev/vfio/vfio")


@case("no QEMU", ("system", "qemu", "warning"), "not installed", also=("migration",))
def _(h):
    h.no_package("qemu-system-x86")


@case("without QEMU", ("system", "migration", "warning"), "is unknown without", also=("qemu",))
def _(h):
    h.no_package("qemu-system-x86")


@case("QEMU of another source", ("system", "qemu", "warning"), "/usr/bin/qemu-system-x86_64", also=("migration",))
def _(h):
    del h.packages["qemu-system-x86"]


plain("QEMU is too old", ("system", "migration", "error"), "can't migrate", qemu="1:4.2-3")


@case("libvirt of another source", ("system", "libvirt", "warning"), "is unknown")
def _(h):
    del h.packages["libvirt-daemon"]


plain("libvirt without mdevs", ("system", "libvirt", "warning"), "define", libvirt="6.0.0")
plain("libvirt without migration of mdevs", ("system", "libvirt", "warning"), "8.6", libvirt="8.5.0")


@case("no mdevctl", ("system", "mdevctl", "warning"), "reboot")
def _(h):
    h.no_package("mdevctl")


@case("mdevctl of another source", ("system", "mdevctl", "warning"), "is unknown")
def _(h):
    del h.packages["mdevctl"]


plain("an old mdevctl", ("system", "mdevctl", "warning"), "older", mdevctl="0.81-1")


@case("the rule of Debian", ("system", "mdevctl-autostart", "warning"), "/usr/sbin/mdevctl run, which does not")
def _(h):
    h.write(RULE, RULE_TEXT.replace("PROGRAM", "/usr/sbin/mdevctl"))


@case("no rule", ("system", "mdevctl-autostart", "warning"), "no udev rule")
def _(h):
    h.remove(RULE)


@case("a rule that only looks for mdevctl", ("system", "mdevctl-autostart", "warning"), "/usr/lib/none run")
def _(h):
    h.write(RULE, 'ENV{MDEV_STATE}=="registered", TEST=="/usr/bin/mdevctl", RUN+="/usr/lib/none %k"\n')


@case("a rule that is hidden", ("system", "mdevctl-autostart", "warning"), "no udev rule")
def _(h):
    h.link("etc/udev/rules.d/60-mdevctl.rules", "/dev/null")


@case("a rule that is a comment", ("system", "mdevctl-autostart", "warning"), "no udev rule")
def _(h):
    h.write(RULE, "# " + RULE_TEXT.replace("PROGRAM", "/usr/bin/mdevctl"))


@case("little memory may be locked", ("system", "memlock", "warning"), "8192 KiB")
def _(h):
    h.write("proc/self/status", "CapEff:\t0000000000000000\n")


@case("no limits", ("system", "memlock", "warning"), "can't be read")
def _(h):
    h.remove("proc/self/limits")


@case("no device", ("system", "parents", "warning"), "no device")
def _(h):
    h.no_parent()
    h.remove(h.pf)


plain("a device that is not there", ("0000:09:00.0", "parent", "error"), "no PCI device",
      arguments=("--parent", "0000:09:00.0"))
plain("a device of no driver of ours", (VFS[0], "parent", "error"), "no driver on this host",
      arguments=("--parent", VFS[0]))


@case("a device without driver", (PF, "parent", "error"), "modprobe mdev_pci_refdev")
def _(h):
    h.no_parent()
    h.remove(f"{h.pf}/driver")


@case("a device with another driver", (PF, "parent", "error"), "drivers/ioatdma/unbind")
def _(h):
    h.no_parent()
    h.remove(f"{h.pf}/driver")
    h.link(f"{h.pf}/driver", "../../drivers/ioatdma")
    h.link("sys/bus/pci/drivers/ioatdma/module", "../../../../module/ioatdma")


@case("a device that was not registered", (PF, "parent", "error"), "dmesg")
def _(h):
    h.no_parent()
    h.remove("sys/bus/pci/drivers/refdev")
    h.link("sys/bus/pci/drivers/refdev/module", "../../../../module/mdev_pci_refdev")


@case("no VFs", (PF, "vfs", "warning"), "sriov_numvfs", also=("types",))
def _(h):
    h.no_vfs()


@case("a VF of another driver", (PF, "vfs", "warning"), f"1 of 2 VFs are bound to mdev-pci; not: {VFS[0]}:ioatdma")
def _(h):
    h.remove(f"sys/bus/pci/devices/{VFS[0]}/driver")
    h.link(f"sys/bus/pci/devices/{VFS[0]}/driver", "../../drivers/ioatdma")


@case("a VF of no driver", (PF, "vfs", "warning"), f"not: {VFS[1]}")
def _(h):
    h.remove(f"sys/bus/pci/devices/{VFS[1]}/driver")


@case("a group is shared", (PF, "groups", "error"), f"{VFS[0]}")
def _(h):
    h.write(f"sys/kernel/iommu_groups/1/devices/{PF}")


@case("a VF has no group", (PF, "groups", "error"), f"without an IOMMU group: {VFS[0]}")
def _(h):
    h.remove(f"sys/bus/pci/devices/{VFS[0]}/iommu_group")


@case("no types", (PF, "types", "error"), "offers no types")
def _(h):
    h.remove(h.type)


@case("a type that spoils libvirt's list", (PF, "types", "error"), "libvirt")
def _(h):
    h.write(f"{h.type}/available_instances", "many\n")


@case("no VFs, for the type", (PF, "types", "warning"), "there are no VFs", also=("vfs",))
def _(h):
    h.no_vfs()


@case("firmware has failed", (PF, "types", "error"), "reset the device")
def _(h):
    h.write(f"{h.type}/available_instances", "0\n")


@case("a type that is not migratable", (PF, "type-migration", "info"), "the firmware is too old")
def _(h):
    h.describe(migratable="no, the firmware is too old")


@case("a type without log of dirty pages", (PF, "type-migration", "info"), "enable-migration=on")
def _(h):
    h.describe(log="no")


@case("no VFs, but the whole", (PF, "vfs", "warning"), "but of the device as a whole", also=("types",))
def _(h):
    h.no_vfs()
    h.whole(available=1)


@case("the whole can't be had", (PF, "types", "error"), "the device is idle", also=("vfs", "types"))
def _(h):
    h.no_vfs()
    h.whole()


@case("firmware without live migration", (PF, "type-migration", "warning"),
      "firmware 16.35.2000 of this device, PSID MT_0000000012, has no live migration")
def _(host):
    host.describe()
    host.write(f"{host.type}/description", "migratable: yes, by STOP_COPY and P2P\n"
               "firmware: 16.35.2000\npsid: MT_0000000012\nfirmware_can: page-tracker\n")


@case("a virtio PF without an administration virtqueue", (PF, "type-migration", "warning"),
      "this virtio PF has no administration virtqueue")
def _(host):
    host.describe()
    host.write(f"{host.pf}/virtio3/features", "1" * 41 + "0" + "1" * 22 + "\n")


@case("an mdev whose VF firmware does not migrate", (PF, "mdevs", "info"), "devlink port function set")
def _(host):
    host.mdev()
    host.write(f"sys/bus/mdev/devices/{UUID}/not_migratable",
               "firmware has migration off for this VF; devlink port function set\n")


@case("the whole is in use", (PF, "type-migration", "info"), "refdev-whole can't be migrated live: nobody can")
def _(h):
    given_away(h)


@case("an mdev without VF", (PF, "mdevs", "warning"), "lost its VF")
def _(h):
    h.mdev(function="none", state="none")


@case("an mdev in error", (PF, "mdevs", "error"), "ERROR")
def _(h):
    h.mdev(state="ERROR")


@case("a parent that is no PCI device", ("system", "parents", "info"), "mtty offers mdevs, but is not a PCI device")
def _(h):
    h.write("sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/device_api", "vfio-pci\n")


OLD = "0000:81:00.0"


def two_parents(h, other="10000:e1:00.0"):
    """One more device of the same kind, in a PCI domain of its own as VMD has them."""
    shutil.copytree(os.path.join(h.root, h.pf), os.path.join(h.root, f"sys/bus/pci/devices/{other}"), symlinks=True)
    for i in range(len(VFS)):
        vf = other[:-1] + str(i + 1)
        h.remove(f"sys/bus/pci/devices/{other}/virtfn{i}")
        h.link(f"sys/bus/pci/devices/{other}/virtfn{i}", f"../{vf}")
        h.link(f"sys/bus/pci/devices/{vf}/physfn", f"../{other}")
        h.link(f"sys/bus/pci/devices/{vf}/driver", "../../drivers/mdev-pci")
        h.link(f"sys/bus/pci/devices/{vf}/iommu_group", f"../../../kernel/iommu_groups/{i + 11}")
        h.write(f"sys/kernel/iommu_groups/{i + 11}/devices/{vf}")
    h.link(f"sys/class/mdev_bus/{other}", f"../../bus/pci/devices/{other}")


def define(h, parent, mdev_type, start="auto", name=UUID):
    h.write(f"etc/mdevctl.d/{parent}/{name}", f'{{\n  "mdev_type": "{mdev_type}",\n  "start": "{start}"\n}}\n')


@case("definitions of a device that has moved", ("system", "definitions", "warning"),
      f"mv /etc/mdevctl.d/{OLD} /etc/mdevctl.d/{PF}")
def _(h):
    define(h, OLD, TYPE)


@case("the same in a PCI domain with a number of five digits", ("system", "definitions", "warning"),
      f"1 mdev of type {TYPE} defined for 10000:e1:00.0, which is no parent now")
def _(h):
    define(h, "10000:e1:00.0", TYPE, name=UUID.upper())


@case("a UUID that is defined for two devices", ("system", "definitions", "warning"),
      f"mdev {UUID} is defined for more than one device: {PF}, 10000:e1:00.0; only one")
def _(h):
    two_parents(h)
    define(h, PF, TYPE, "manual")
    define(h, "10000:e1:00.0", TYPE, "manual", name=UUID.upper())


@case("definitions of a device that is gone", ("system", "definitions", "warning"),
      f"1 mdev of type other-dma defined for {OLD}, which is no parent now")
def _(h):
    define(h, OLD, "other-dma", "manual")


@case("no VFs, of a driver with a parameter for them", (PF, "vfs", "warning"), "options refdev_core num_vfs=N",
      also=("types",))
def _(h):
    h.no_vfs()
    h.remove("sys/bus/pci/drivers/refdev/module")
    h.link("sys/bus/pci/drivers/refdev/module", "../../../../module/refdev_core")
    h.write("sys/module/refdev_core/parameters/num_vfs", "0\n")


@case("no VFs yet for what is to start with them", (PF, "vfs", "warning"), "ATTR{sriov_numvfs}", also=("types",))
def _(h):
    h.no_vfs()
    define(h, PF, TYPE)


@case("defined as auto, not started", (PF, "autostart", "warning"), f"mdevctl start --uuid {UUID} says why")
def _(h):
    h.write(f"etc/mdevctl.d/{PF}/{UUID}", f'{{\n  "mdev_type": "{TYPE}",\n  "start": "auto"\n}}\n')


@case("defined with a type that is none", (PF, "autostart", "error"), "does not offer")
def _(h):
    h.write(f"etc/mdevctl.d/{PF}/{UUID}", '{ "mdev_type": "refdev-dmx", "start": "auto" }\n')


def run_case(change, finding, words, also, arguments, host):
    answer = check(change, arguments, **host)
    found = [f for f in answer["findings"] if (f["scope"], f["check"], f["result"]) == finding]
    assert found, f"no finding {finding}, but {sick(answer)}"
    assert any(words in f["text"] + " -> " + f["advice"] for f in found), f"'{words}' is not in {found}"
    assert all(f["advice"] for f in found), "what is not in order needs an advice"
    more = [f for f in sick(answer) if f != finding and f[1] not in also]
    assert not more, f"also: {more}"


# ---- cases in which all is in order ------------------------------------------


def in_order(change=None, finding=None, words="", arguments=(), **host):
    answer = check(change, arguments, **host)
    assert not sick(answer), sick(answer)
    if finding:
        texts = [f["text"] for f in answer["findings"] if (f["scope"], f["check"]) == finding]
        assert any(words in t for t in texts), f"'{words}' is not in {texts}"


def modules_to_load(h):
    h.no_modules()


def own_rule(h):
    """Debian's is wrong, another one is right: that is enough."""
    h.write(RULE, RULE_TEXT.replace("PROGRAM", "/usr/sbin/mdevctl"))
    h.write("usr/lib/udev/rules.d/61-mdev-pci.rules",
            'ACTION=="change", ENV{MDEV_STATE}=="registered", \\\n  RUN+="/usr/bin/mdevctl start-parent-mdevs %k", '
            'TEST!="/usr/sbin/mdevctl"\n')


def other_rules(h):
    h.write(RULE, 'ENV{MDEV_STATE}=="registered", ENV{SYSTEMD_WANTS}+="mdevs@%k.service"\n')


def helper_rule(h):
    h.write(RULE, 'ENV{MDEV_STATE}=="registered", RUN+="start-mdevs %k"\n')
    h.write("usr/lib/udev/start-mdevs")
    os.chmod(os.path.join(h.root, "usr/lib/udev/start-mdevs"), 0o755)


def no_libvirt(h):
    h.no_package("libvirt-daemon")


def unlimited(h):
    h.write("proc/self/limits", "Max locked memory         unlimited    unlimited    bytes\n")


def no_x86(h):
    h.write("proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n")
    h.write("proc/interrupts", "  24:  0  ITS-MSI  0-edge  virtio0\n")


def all_in_use(h):
    h.write(f"{h.type}/available_instances", "0\n")
    h.mdev()
    h.write(f"{h.type}/devices/0f4c5c6e-3b0f-4c39-9b3f-0c9d5a1e7a10/x")


def other_mdevs(h):
    h.write(f"{h.pf}/mdev_supported_types/i915-GVTg/device_api", "vfio-pci\n")
    h.write(f"{h.pf}/mdev_supported_types/i915-GVTg/available_instances", "1\n")


def with_vfs(h):
    h.whole()


def nvlink2(h):
    h.no_vfs()
    h.remove(f"{h.pf}/sriov_totalvfs")
    h.remove(h.type)
    h.whole(available=1)


def given_away(h):
    h.no_vfs()
    h.write(f"{h.whole()}/devices/{UUID}/x")
    h.write(f"sys/bus/mdev/devices/{UUID}/function", PF + "\n")
    h.write(f"sys/bus/mdev/devices/{UUID}/migration_state", "none\n")


def config_gz(h):
    h.config.pop("VFIO_DEVICE_CDEV")
    h.write("proc/x")
    with gzip.open(os.path.join(h.root, "proc/config.gz"), "wt") as file:
        file.write("".join(f"CONFIG_{k}={v}\n" for k, v in h.config.items()))
    h.config = None


def no_config(h):
    """Options by what such a kernel has."""
    h.config = None
    h.write("dev/iommu")
    h.write("proc/kallsyms", "0000000000000000 T iova_bitmap_set\t[iommufd]\n")


def before_vfio(h):
    no_config(h)
    h.remove("sys/module/vfio")


def started_in_capitals(h):
    """The kernel has UUIDs in small letters, however mdevctl's file is named."""
    define(h, PF, TYPE, name=UUID.upper())
    h.mdev()


def auto_started(h):
    h.write(f"etc/mdevctl.d/{PF}/{UUID}", f'{{ "mdev_type": "{TYPE}", "start": "auto" }}\n')
    h.mdev()


def installed_version(h):
    h.packages["mdev-pci-dkms"] = "0.1"
    for name in ("vfio_pci_engine", "mdev_pci", "mdev_pci_refdev"):
        h.write(f"sys/module/{name}/version", "0.1\n")


ORDERS = [
    ("the loaded modules are those of the package", dict(change=installed_version, finding=("system", "modules"),
                                                         words="loaded; drivers")),
    ("all is in order", {}),
    ("modules that can be loaded", dict(change=modules_to_load, finding=("system", "modules"), words="can be loaded")),
    ("a rule of one's own beside Debian's", dict(change=own_rule, finding=("system", "mdevctl-autostart"), words="61-")),
    ("a rule with a unit of systemd", dict(change=other_rules)),
    ("a rule with a program of udev's", dict(change=helper_rule)),
    ("no libvirt", dict(change=no_libvirt, finding=("system", "libvirt"), words="not installed")),
    ("mdevctl 1.2 with libvirt", dict(mdevctl="1.2.0-3", finding=("system", "mdevctl"), words="nodedev-update")),
    ("memory without limit", dict(change=unlimited, finding=("system", "memlock"), words="without limit")),
    ("not x86", dict(change=no_x86, finding=("system", "interrupt-remapping"), words="not needed on this architecture")),
    ("all VFs in use", dict(change=all_in_use, finding=(PF, "types"), words="all of 2 VFs in use")),
    ("VFs, and a type that is the whole", dict(change=with_vfs, finding=(PF, "types"), words="while the device has VFs")),
    ("a device that is only offered as a whole", dict(change=nvlink2, finding=(PF, "types"), words="1 available")),
    ("an mdev that runs", dict(change=lambda h: h.mdev(), finding=(PF, "mdevs"), words="1 mdev, all")),
    ("types of another driver", dict(change=other_mdevs, finding=(PF, "types"), words="not a type of mdev-pci")),
    ("configuration in /proc", dict(change=config_gz, finding=("system", "cdev"), words="lacks")),
    ("no configuration", dict(change=no_config, finding=("system", "cdev"), words="character devices")),
    ("no configuration, no vfio yet", dict(change=before_vfio, finding=("system", "cdev"), words="before vfio")),
    ("an mdev that was started", dict(change=auto_started)),
    ("a definition in capitals that was started", dict(change=started_in_capitals)),
    ("an address in capitals", dict(change=lambda h: two_parents(h, "0000:2b:00.0"), arguments=("--parent", "0000:2B:00.0"),
                                    finding=("0000:2b:00.0", "vfs"), words="2 VFs (of 8)")),
    ("an address without its domain", dict(arguments=("--parent", PF[5:]), finding=(PF, "vfs"), words="2 VFs (of 8)")),
    ("a device in PCI domain 0001", dict(change=lambda h: two_parents(h, "0001:e1:00.0"), finding=("0001:e1:00.0", "groups"),
                                         words="alone in its IOMMU group")),
    ("a device in PCI domain 10000", dict(change=two_parents, finding=("10000:e1:00.0", "types"), words="2 available")),
    ("another QEMU", dict(arguments=("--qemu", "11.1"), finding=("system", "qemu"), words="11.1")),
]


# ---- live migration by kernel and QEMU ---------------------------------------

# Kernel, IOMMUFD, QEMU -> protocol, property, log of dirty pages, pre-copy
STACKS = [
    ("Debian 12", "6.1.0-37-amd64", False, "7.2", "v1", "x-enable-migration=on", False, True),
    ("Debian 12 with backports", "6.1.0-37-amd64", False, "10.0", "v2", "enable-migration=auto", True, False),
    ("Debian 13", "6.12.95+deb13-amd64", False, "10.0", "v2", "enable-migration=on", False, True),
    ("Debian 13 with backports", "7.3.4+deb13-amd64", False, "11.1", "v2", "enable-migration=on", False, True),
    ("Debian unstable", "7.2.1-amd64", False, "11.1", "v2", "enable-migration=on", False, True),
    ("6.12 with IOMMUFD", "6.12.95", True, "10.0", "v2", "enable-migration=auto", True, True),
    ("IOMMUFD, the last QEMU of v1", "6.12.95", True, "7.2.19", "v1", "x-enable-migration=on", False, True),
    ("the first QEMU of v2", "6.12.95", True, "8.0", "v2", "x-enable-migration=on", True, False),
    ("the first that has pre-copy", "6.12.95", True, "8.1", "v2", "enable-migration=auto", True, True),
    ("the last kernel that logs by itself", "6.6.3", False, "9.0", "v2", "enable-migration=auto", True, True),
    ("the first QEMU of v1", "6.1.0", False, "5.2", "v1", "x-enable-migration=on", False, True),
    ("QEMU before any", "6.12.95", True, "5.1", "none", None, False, False),
]


def stack(kernel, iommufd, qemu, protocol, prop, log, precopy):
    def what_the_type_says(h):
        h.describe(log="yes" if log or iommufd else "no, the kernel is built without IOMMUFD_DRIVER",
                   precopy="yes" if not kernel.startswith("6.1.") else
                   "by the migration region only, the kernel is older than 6.2")

    answer = check(what_the_type_says, kernel=kernel, iommufd=iommufd, qemu=f"1:{qemu}+dfsg-1")
    assert answer["kernel"] == kernel and answer["qemu"] == qemu, answer
    assert answer["migration"] == {"protocol": protocol, "property": prop, "dirty_log": log,
                                   "pre_copy": precopy}, answer["migration"]
    found = {f["check"]: f for f in answer["findings"]}
    if protocol == "none":
        assert found["migration"]["result"] == "error"
        return
    advice = found["migration"]["advice"]
    assert found["migration"]["result"] == "ok" and protocol in found["migration"]["text"]
    if prop == "enable-migration=auto":
        assert "default" in advice, advice
    else:
        assert prop in advice and "<qemu:override>" in advice, advice
        assert f"<qemu:property name='{prop[:-3]}'" in advice, advice
    assert (found["dirty-log"]["result"] == "ok") == log, found["dirty-log"]
    assert (found["pre-copy"]["result"] == "ok") == precopy, found["pre-copy"]
    of_type = dict(answer["types"][0])
    assert of_type == {"parent": PF, "type": TYPE, "available": 2, "in_use": 0, "protocol": protocol,
                       "dirty_log": log, "pre_copy": precopy, "migration_compat": COMPAT}, of_type
    assert found["type-migration"]["text"].startswith(f"type {TYPE} migrates live by {protocol}")


# ---- the command -------------------------------------------------------------


def text_output():
    made = Host()
    try:
        made.no_vfs()
        made.finish()
        done = call("--root", made.root)
        assert done.returncode == 1, done
        lines = done.stdout.splitlines()
        assert lines[0] == "System" and f"Device {PF}" in lines, lines
        assert re.fullmatch(r"\d+ ok, 0 for information, 2 warnings, 0 errors", lines[-1]), lines[-1]
        assert any(re.match(r"  warning  vfs +has no VFs", line) for line in lines), lines
        done = call("--quiet", "--root", made.root)
        assert "  ok " not in done.stdout and "  warning " in done.stdout, done.stdout
    finally:
        shutil.rmtree(made.root)


def stock_debian():
    """What its kernel cannot do is told, and is no warning."""
    answer = check(lambda h: h.describe(log="no, the kernel is built without IOMMUFD_DRIVER"),
                   kernel="6.12.95+deb13-amd64", iommufd=False)
    assert answer["status"] == "ok", sick(answer)
    # One cause, one finding
    assert [f[1] for f in sick(answer)] == ["dirty-log"], sick(answer)


# Name, what differs in the type's compat there and here (of COMPAT), the finding, a part of its text
COMPARISONS = [
    ("the same on both hosts", (), (), "ok", f"type {TYPE} of device {PF} of the other host can come to {PF}"),
    ("an older firmware here", (("state=1", "state=2"),), (), "error", f"{PF}: state is 2 there and 1 here"),
    ("the driver decides", (("state=1", "state=2"),), (("accepts=equal", "accepts=driver"),), "warning",
     "its driver decides"),
    ("the driver there would decide", (("accepts=equal", "accepts=driver"), ("state=1", "state=2")), (), "error",
     "state is 2 there"),
    ("a smaller state here", (("4096", "8192"),), (), "error", "max_state is 8192 there and 4096 here"),
    ("a larger one here", (), (("4096", "8192"),), "ok", "can come"),
    ("no pre-copy here", (), (("precopy=1", "precopy=0"),), "error", "precopy is 1 there and 0 here"),
    ("no pre-copy there", (("precopy=1", "precopy=0"),), (), "ok", "can come"),
    ("another device", (("8086:0b00", "8086:0b01"),), (), "error", "device is 8086:0b01 there and 8086:0b00 here"),
    ("whole images there", (("framed=0", "framed=1"),), (), "error", "framed is 1 there and 0 here"),
    ("a key that this tool does not know", (("framed=0", "framed=0 new=7"),), (), "error", "new is 7 there and missing"),
    ("no VF here", (), ((" device=8086:0b00 subsystem=8086:f0d0", ""),), "warning", "no VF here"),
    ("another type", (("type=refdev-dma", "type=other-dma"),), (), "error", "no device of this host offers type other-dma"),
]


def changed(text, changes):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def compared(there, here, mdev=None):
    """What "--compare" finds on a host with one type, of what "--json" says on another one."""
    def other(h):
        h.describe(compat=there)
        if mdev is not None:
            h.mdev(compat=mdev)

    with tempfile.NamedTemporaryFile("w") as file:
        file.write(json_of(other))
        file.flush()
        answer = check(lambda h: h.describe(compat=here), words=("--compare", file.name))
    return [(f["result"], f["text"]) for f in answer["findings"] if f["check"] == "compare"]


def comparison(there, here, result, words):
    found = compared(changed(COMPAT, there), changed(COMPAT, here))
    assert len(found) == 1 and found[0][0] == result and words in found[0][1], found


def comparison_of_mdevs():
    """An mdev is compared with the types here; its attributes are to be set here, too."""
    found = compared(COMPAT, COMPAT, COMPAT + " setup=00000000")
    assert [r for r, _ in found] == ["ok", "ok"] and f"mdev {UUID}" in found[1][1], found
    found = compared(COMPAT, COMPAT, COMPAT + " setup=12345678")
    assert [r for r, _ in found] == ["ok", "ok", "info"] and "other attributes" in found[2][1], found
    found = compared(COMPAT, COMPAT, "none")
    assert [r for r, _ in found] == ["ok"], found


def comparison_with_nothing():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("this is no JSON\n")
        file.flush()
        answer = check(words=("--compare", file.name))
    found = [f for f in answer["findings"] if f["check"] == "compare"]
    assert len(found) == 1 and "nothing that migrates" in found[0]["text"], found


def foreign_files():
    """Only what has the name of an mdev is a definition of mdevctl's."""
    def foreign(h):
        define(h, OLD, TYPE, name="backup.json")
        define(h, "scripts.d", TYPE)
        define(h, PF, "other-type", name=UUID + "~")
        h.write(f"etc/mdevctl.d/{PF}/{UUID}", "this is no definition\n")

    answer = check(foreign)
    assert answer["status"] == "ok", sick(answer)


def version():
    with open(os.path.join(HERE, "..", "..", "debian", "changelog"), encoding="utf-8") as file:
        number = re.match(r"mdev-pci \(([^)]*)\)", file.readline()).group(1)
    assert call("--version").stdout == f"mdev-pci-check {number}\n"
    with open(os.path.join(HERE, "..", "..", "include", "linux", "modules_version.h"), encoding="utf-8") as file:
        assert f'"{number}"' in file.read()


def completion():
    """Bash knows each option of --help, and the parents of this host."""
    options = set(re.findall(r"^  (--[a-z]+)", call("--help").stdout, re.M))
    made = Host()
    try:
        script = (f'. {os.path.join(HERE, "..", "..", "tools", "completion", "mdev-pci-check")}; '
                  'COMP_WORDS=(mdev-pci-check "$@"); COMP_CWORD=$#; _mdev_pci_check; echo "${COMPREPLY[@]}"')

        def complete(*words):
            return set(subprocess.run(["bash", "-c", script, "bash", *words], stdout=subprocess.PIPE, text=True,
                                      timeout=20, check=True, env={"MDEV_PCI_ROOT": made.root}).stdout.split())

        assert complete("--") == options, (complete("--"), options)
        assert complete("--parent", "0000:01") == {PF}, complete("--parent", "0000:01")
        assert complete("--qemu", "") == set()
    finally:
        shutil.rmtree(made.root)


def odd_names():
    """JSON stays JSON, whatever sysfs says."""
    def odd(h):
        h.write(f"{h.type}/description", 'migratable: no, "\\x\t\x01\u00e9 of it\n')

    answer = check(odd)
    found = [f for f in answer["findings"] if f["check"] == "type-migration"][0]
    assert '"\\x' in found["text"], found


def no_foreign_program():
    """Programs of another root are not run: 99.9 is what they would say."""
    answer = check()
    assert (answer["qemu"], answer["libvirt"], answer["mdevctl"]) == ("10.0.2", "11.3.0", "1.4.0"), answer


def wrong_words():
    for words in (["--what"], ["--qemu"], ["--qemu", "new"], ["--root", "/nowhere"], ["--parent"],
                  ["--compare"], ["--compare", "/nowhere"]):
        done = call(*words)
        assert done.returncode == 64 and done.stderr and not done.stdout, (words, done)
    done = call("--help")
    assert done.returncode == 0 and "--root DIR" in done.stdout, done


def this_host():
    """On any machine it comes to its end, and its output is JSON."""
    done = call("--json")
    assert done.returncode in (0, 1, 2) and not done.stderr, done
    json.loads(done.stdout)


def every_finding():
    """Each finding in the source was produced by a case above."""
    with open(TOOL, encoding="utf-8") as file:
        source = file.read().replace("\\\n", "")
    calls = re.findall(r'\b(good|warning|problem) ([a-z-]+)\s+"((?:[^"\\]|\\.)*)"', source)
    assert len(calls) > 60, len(calls)
    missing = []
    for result, name, text in calls:
        result = {"good": "ok", "warning": "warning", "problem": "error"}[result]
        parts = re.split(r"\$\(\([^)]*\)\)|\$\{[^}]*\}|\$[A-Za-z_0-9]+", text.replace('\\"', '"'))
        pattern = ".*".join(re.escape(p) for p in parts)
        if not any(r == result and n == name and re.fullmatch(pattern, t) for r, n, t in seen):
            missing.append(f"{result} {name}: {text}")
    assert not missing, "no case for:\n" + "\n".join(missing)


# ---- main --------------------------------------------------------------------


def tests():
    for name, change, finding, words, also, arguments, host in CASES:
        yield name, run_case, (change, finding, words, also, arguments, host), {}
    for name, arguments in ORDERS:
        yield name, in_order, (), arguments
    for name, *rest in STACKS:
        yield "migration: " + name, stack, rest, {}
    for name, *rest in COMPARISONS:
        yield "comparison: " + name, comparison, rest, {}
    for function in (comparison_of_mdevs, comparison_with_nothing, text_output, stock_debian, foreign_files, version, completion, odd_names, no_foreign_program, wrong_words, this_host):
        yield function.__name__.replace("_", " "), function, (), {}


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    if pattern in ("--help", "-h"):
        print(__doc__)
        return 0
    todo = [t for t in tests() if pattern in t[0]]
    if not pattern:
        todo.append(("every finding has a case", every_finding, (), {}))
    return tap.run((name, lambda f=function, a=args, n=named: f(*a, **n)) for name, function, args, named in todo)


if __name__ == "__main__":
    sys.exit(main())
