#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: test_parts.py

tests/bench/parts.py, which divides a downtime between firmware, engine and VMM: each moment counts once. TAP; the last line is
"N passed, N failed".
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import tap  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "..", "bench", "parts.py")
OP = " vfio-bench-1 [000] .....  {}: vfio_pci_mig_op: device=0000:01:00.1 op=save error=0 ns={}\n"
# From 1 s to 2 s. A call of 0.4 s, in which firmware works for 0.1 s, and 0.1 s beside it; one of the other end
TRACE = OP.format("1.200000", 100000000) + OP.format("1.550000", 100000000)
MOVED = "after=1\nstopped_at_us=1000000\nruns_at_us=2000000\n# call 1100000 1500000\n# call 1400000 1500000\n"

with open(os.path.join(HERE, "live-migration.trace"), encoding="utf-8") as live:
    LIVE = live.read()


def run(trace, moved):
    with tempfile.TemporaryDirectory() as tmp:
        names = [os.path.join(tmp, n) for n in ("trace", "moved")]
        for name, text in zip(names, (trace, moved)):
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        return subprocess.run([sys.executable, TOOL, *names], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=30, check=False)


def is_divided(trace, moved, firmware, engine, vmm):
    got = run(trace, moved)
    assert got.stdout == f"stopped_us={firmware + engine + vmm}\nfirmware_us={firmware}\nengine_us={engine}\nvmm_us={vmm}\n", got


def is_refused(trace, moved):
    got = run(trace, moved)
    assert got.returncode and not got.stdout, got


CASES = [
    ("each moment counts once: for firmware, else for a system call, else for the VMM",
     lambda: is_divided(TRACE, MOVED, 200000, 250000, 550000)),
    ("what is before the stop or after the start does not count",
     lambda: is_divided(TRACE + OP.format("1.050000", 100000000), MOVED + "# call 1990000 2500000\n", 250000, 260000, 490000)),
    ("of a guest's migration the downtime is that of the trace",
     lambda: is_divided(LIVE, "# call 81000000 81500000\n", 7053, 500000, 3513560)),
    ("a move without system calls is refused", lambda: is_refused(TRACE, MOVED.split("#", maxsplit=1)[0])),
    ("a trace without events is refused", lambda: is_refused("", MOVED)),
]


if __name__ == "__main__":
    sys.exit(tap.run(CASES))
