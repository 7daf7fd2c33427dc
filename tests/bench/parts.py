#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: parts.py TRACE CALLS

The parts of a function's downtime, by the kernel's trace of a migration (trace_clock mono) and the calls of the engine, lines
"# call START END" in microseconds. Where CALLS has no lines "stopped_at_us=N" and "runs_at_us=N" the downtime is that of the
last migration in the trace. In each moment the time belongs to the first of these that is at work at either end: firmware; the
engine, in a call; the VMM. Prints "stopped_us=N", "firmware_us=N", "engine_us=N" and "vmm_us=N".
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


def window(tool, traces, text):
    """When the downtime begins and ends."""
    found = [re.search(rf"(?m)^{name}_us=(\d+)$", text) for name in ("stopped_at", "runs_at")]
    if all(found):
        return [int(match[1]) * 1000 for match in found]
    migration = tool.Trace(*traces).migrations[-1]
    if tool.downtime(migration) is None:
        raise ValueError("the trace has no complete migration")
    return migration.stop, migration.run


def parts(tool, traces, text):
    """Microseconds in all, and of firmware, engine and VMM."""
    start, end = window(tool, traces, text)
    firmware = [Slice(e.time - e.fields["ns"], e.time) for e in traces[0] if e.name == "vfio_pci_mig_op"]
    calls = [Slice(int(a) * 1000, int(b) * 1000) for a, b in re.findall(r"(?m)^# call (\d+) (\d+)$", text)]
    if not firmware or not calls:
        raise ValueError("there are no operations of firmware, or no calls")
    work = tool.busy(firmware, start, end)
    both = tool.busy(firmware + calls, start, end)
    total, work, both = (ns // 1000 for ns in (end - start, work, both))
    return total, work, both - work, total - both


def main(words):
    if len(words) != 2:
        print(__doc__)
        return 0 if words in (["--help"], ["-h"]) else 2
    tool = timeline()
    with open(words[1], encoding="utf-8") as file:
        text = file.read()
    for name, us in zip(("stopped", "firmware", "engine", "vmm"), parts(tool, tool.read_traces([words[0]], []), text)):
        print(f"{name}_us={us}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
