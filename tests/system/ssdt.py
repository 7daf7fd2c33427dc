#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: ssdt.py SLOT BASE SIZE > FILE

An ACPI table that gives the device SLOT (QEMU's name on the root bus, such as SE8_) the
properties nvidia,gpu-mem-base-pa and nvidia,gpu-mem-size: for QEMU's -acpitable file=FILE.
"""
import struct
import sys
import uuid

PROPERTIES = uuid.UUID("daffd814-6eba-4d8c-8a91-bc9bbf4aa301")


def pkg_length(body: bytes) -> bytes:
    """AML's length: it counts itself; one byte up to 63, else two"""
    if len(body) + 1 < 64:
        return bytes([len(body) + 1])
    n = len(body) + 2
    return bytes([0x40 | n & 0xf, n >> 4])


def package(*items: bytes) -> bytes:
    body = bytes([len(items)]) + b"".join(items)
    return b"\x12" + pkg_length(body) + body


def string(text: str) -> bytes:
    return b"\x0d" + text.encode() + b"\0"


def qword(value: int) -> bytes:
    return b"\x0e" + struct.pack("<Q", value)


def buffer(data: bytes) -> bytes:
    body = bytes([0x0a, len(data)]) + data
    return b"\x11" + pkg_length(body) + body


def main() -> None:
    slot, base, size = sys.argv[1], int(sys.argv[2], 0), int(sys.argv[3], 0)
    dsd = b"\x08_DSD" + package(
        buffer(PROPERTIES.bytes_le),
        package(package(string("nvidia,gpu-mem-base-pa"), qword(base)),
                package(string("nvidia,gpu-mem-size"), qword(size))))
    # \_SB.PCI0.SLOT: a root, and a path of three segments
    scope = b"\\\x2f\x03_SB_PCI0" + slot.encode().ljust(4, b"_") + dsd
    aml = b"\x10" + pkg_length(scope) + scope
    table = bytearray(struct.pack("<4sIBB6s8sI4sI", b"SSDT", 36 + len(aml), 2, 0, b"MDEVPC",
                                  b"NVLINK2 ", 1, b"TEST", 1) + aml)
    table[9] = -sum(table) & 0xff
    sys.stdout.buffer.write(table)


main()
