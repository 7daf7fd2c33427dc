#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: parts.py TRACE MOVED

The parts of a function's downtime, by the kernel's trace of a move (trace_clock mono) and what "vfio-bench move" has printed
about it. In each moment the time belongs to the first of these that is at work at either end: firmware; the engine, in a
system call of VFIO; the VMM. Prints "firmware_us=N", "engine_us=N" and "vmm_us=N".
"""

import collections
import importlib.util
import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "..", "..", "tools", "vfio-mig-timeline.py")

Slice = collections.namedtuple("Slice", "start end")


def timeline():
    spec = importlib.util.spec_from_file_location("timeline", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parts(tool, events, text):
    """Nanoseconds of firmware, engine and VMM."""
    start, end = (int(re.search(rf"(?m)^{name}_us=(\d+)$", text)[1]) * 1000 for name in ("stopped_at", "runs_at"))
    firmware = [Slice(e.time - e.fields["ns"], e.time) for e in events if e.name == "vfio_pci_mig_op"]
    calls = [Slice(int(a) * 1000, int(b) * 1000) for a, b in re.findall(r"(?m)^# call (\d+) (\d+)$", text)]
    if not firmware or not calls:
        raise ValueError("there are no operations of firmware, or no system calls")
    work = tool.busy(firmware, start, end)
    both = tool.busy(firmware + calls, start, end)
    return work, both - work, end - start - both


def main(words):
    if len(words) != 2:
        print(__doc__)
        return 0 if words in (["--help"], ["-h"]) else 2
    tool = timeline()
    events, _ = tool.read_traces([words[0]], [])
    with open(words[1], encoding="utf-8") as file:
        text = file.read()
    for name, ns in zip(("firmware", "engine", "vmm"), parts(tool, events, text)):
        print(f"{name}_us={ns // 1000}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
