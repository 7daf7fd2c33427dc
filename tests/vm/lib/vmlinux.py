# SPDX-License-Identifier: GPL-2.0-only
"""usage: vmlinux.py BZIMAGE OUT: the ELF kernel inside a bzImage.

The boot protocol's header says where the payload is, so nothing is guessed
from magic numbers but the compression."""
import lzma
import struct
import subprocess
import sys
import zlib


def main(image, out):
    data = open(image, "rb").read()
    if data[0x202:0x206] != b"HdrS":
        sys.exit("%s: no bzImage" % image)
    setup = data[0x1F1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (setup + 1) * 512 + offset
    # The last four bytes are the length of the unpacked kernel.
    payload = data[start:start + length - 4]
    if payload[:6] == b"\xfd7zXZ\0":
        kernel = lzma.LZMADecompressor().decompress(payload)
    elif payload[:4] == b"\x28\xb5\x2f\xfd":
        kernel = subprocess.run(["zstd", "-dc"], input=payload, check=True,
                                stdout=subprocess.PIPE).stdout
    elif payload[:2] == b"\x1f\x8b":
        kernel = zlib.decompressobj(31).decompress(payload)
    else:
        sys.exit("%s: unknown compression %r" % (image, payload[:6]))
    if kernel[:4] != b"\x7fELF":
        sys.exit("%s: payload is no ELF" % image)
    open(out, "wb").write(kernel)


main(*sys.argv[1:])
