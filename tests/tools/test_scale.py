#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: test_scale.py

tools/mdev-pci-check and tools/mdev-pci-metrics on simulated hosts with many mdevs: the number of processes that they
start grows with the number of mdevs, not faster. Processes are counted in a PID namespace, so the numbers are the same
on each machine. TAP; the last line is "N passed, N failed".
"""

import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import tap  # noqa: E402
HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(HERE, "..", "..", "tools")
TYPE = "refdev-dma"
COMPAT = f"type={TYPE} state=1 accepts=equal framed=0 precopy=1 max_state=4096 device=8086:0b00"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def link(path, to):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(to, path)


def add_mdev(root, pf, pci, vf, number):
    """VF, its group, an mdev on it and its definition."""
    vf_bdf = f"{pf[:-4]}{(vf + 1) >> 3:02x}.{(vf + 1) & 7}"
    uuid = f"00000000-0000-4000-8000-{number:012d}"
    link(f"{pci}/{pf}/virtfn{vf}", f"../{vf_bdf}")
    link(f"{pci}/{vf_bdf}/physfn", f"../{pf}")
    link(f"{pci}/{vf_bdf}/driver", "../../drivers/mdev-pci")
    link(f"{pci}/{vf_bdf}/iommu_group", f"../../../kernel/iommu_groups/{number + 1}")
    write(f"{root}/sys/kernel/iommu_groups/{number + 1}/devices/{vf_bdf}", "")
    mdev = f"{pci}/{pf}/{uuid}"
    for name, text in (("function", vf_bdf), ("migration_state", "RUNNING"), ("not_migratable", ""),
                       ("migration_compat", COMPAT + " setup=00000000")):
        write(f"{mdev}/{name}", text)
    for name in ("saved", "loaded", "failed", "bytes_saved", "bytes_loaded", "errors", "resets", "stopped_ns"):
        write(f"{mdev}/migration/{name}", "0")
    write(f"{mdev}/migration/stopped_histogram", "0 0 0 0 0 0 0")
    link(f"{mdev}/mdev_type", f"../mdev_supported_types/{TYPE}")
    link(f"{root}/sys/bus/mdev/devices/{uuid}", f"../../pci/devices/{pf}/{uuid}")
    link(f"{pci}/{pf}/mdev_supported_types/{TYPE}/devices/{uuid}", f"../../../{uuid}")
    write(f"{root}/etc/mdevctl.d/{pf}/{uuid}", f'{{ "mdev_type": "{TYPE}", "start": "auto" }}')


def make_host(root, pfs, vfs):
    """A host with devices in two PCI domains, all of whose VFs are mdevs."""
    pci = f"{root}/sys/bus/pci/devices"
    write(f"{root}/proc/sys/kernel/osrelease", "6.12.95")
    number = 0
    for i in range(pfs):
        pf = f"{0 if i % 2 else 0x10000:04x}:{i + 1:02x}:00.0"
        write(f"{pci}/{pf}/sriov_totalvfs", str(vfs))
        link(f"{root}/sys/class/mdev_bus/{pf}", f"../../bus/pci/devices/{pf}")
        t = f"{pci}/{pf}/mdev_supported_types/{TYPE}"
        write(f"{t}/device_api", "vfio-pci")
        write(f"{t}/available_instances", "0")
        write(f"{t}/description", f"model: reference device\nmigratable: yes, by STOP_COPY and P2P\nmigration_compat: {COMPAT}")
        for vf in range(vfs):
            add_mdev(root, pf, pci, vf, number)
            number += 1
    return number


def processes(tool, root):
    """How many processes the tool has started, and its output."""
    words = ["unshare", "--pid", "--fork", "sh", "-c", 'sh "$@"; exec 2>/dev/null; sh -c \'echo "#$$"\'', "sh",
             os.path.join(TOOLS, tool), "--root", root]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=600, check=False)
    *lines, last = done.stdout.splitlines()
    return int(last.lstrip("#")), lines


def measure(tool, pfs, vfs, expected):
    root = tempfile.mkdtemp(prefix="mdev-pci-scale.")
    try:
        mdevs = make_host(root, pfs, vfs)
        count, lines = processes(tool, root)
        found = sum(expected(line, vfs) for line in lines)
        assert found == (pfs if tool == "mdev-pci-check" else mdevs), f"{tool} shows {found} of {mdevs} mdevs"
        return count
    finally:
        shutil.rmtree(root)


def in_check(line, vfs):
    return f"{vfs} mdevs, all in order" in line


def in_metrics(line, _vfs):
    return line.startswith("mdev_pci_resets_total{")


def linear(tool, expected):
    """One more mdev costs at 255 what it costs at 64, and a device with 64 as much beside others as alone."""
    few, some, many = (measure(tool, 1, n, expected) for n in (16, 64, 255))
    print(f"# {tool}: {few}, {some}, {many} processes with 16, 64, 255 mdevs of one device")
    assert (many - some) * 48 <= (some - few) * 191 * 1.02 + 48, "one device"
    two, four = (measure(tool, n, 64, expected) for n in (2, 4))
    print(f"# {tool}: {some}, {two}, {four} processes with 1, 2, 4 devices of 64 mdevs each")
    assert four - two <= (two - some) * 2 * 1.02 + 2, "four devices"


def main():
    if sys.argv[1:] and sys.argv[1] in ("--help", "-h"):
        print(__doc__)
        return 0
    return tap.run((f"{tool} needs as many processes for the 255th mdev as for the 16th", lambda t=tool, e=expected: linear(t, e))
                   for tool, expected in (("mdev-pci-check", in_check), ("mdev-pci-metrics", in_metrics)))


if __name__ == "__main__":
    sys.exit(main())
