#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Draw the migration of a VFIO device from the kernel's trace.

Reads the text of /sys/kernel/tracing/trace, of trace_pipe or of "trace-cmd
report", with events of vfio_pci_engine and, if there are any, of
mdev_pci_refdev. Prints a summary. --svg writes a picture; --json writes a
file that https://ui.perfetto.dev and chrome://tracing load.

Needs only Python 3. docs/tracing.rst explains how to record a trace.
"""

import argparse
import collections
import json
import os
import re
import sys
from xml.sax.saxutils import escape

# Fields that each event must have; more are no harm
EVENTS = {
    "vfio_pci_mig_state": ("device", "old", "new", "trigger", "error"),
    "vfio_pci_mig_op": ("device", "op", "error", "ns"),
    "vfio_pci_mig_chunk": ("device", "dir", "offset", "bytes", "running", "last", "ns"),
    "vfio_pci_log_report": ("device", "iova", "length", "dirty", "bitmap", "ns"),
    "refdev_command": ("pf", "function", "opcode", "status", "error", "ns"),
}
LINE = re.compile(r"\s(\S+):\s+(%s):\s+(.*)$" % "|".join(EVENTS))
SECONDS = re.compile(r"(\d+)\.(\d{1,9})$")
LOST = re.compile(r"LOST (\d+) EVENTS")
ENTRIES = re.compile(r"# entries-in-buffer/entries-written: (\d+)/(\d+)")

# States in which the guest's drivers find the function at work
AT_WORK = ("RUNNING", "PRE_COPY")
SAVING = ("PRE_COPY", "PRE_COPY_P2P", "STOP_COPY")


class Error(Exception):
    """Something that the user has to know, in words."""


# ---- reading ---------------------------------------------------------------

Event = collections.namedtuple("Event", "time name fields")


def number(text):
    """A field's value: an integer where it is one."""
    try:
        return int(text, 0)
    except ValueError:
        return text


def parse_time(text, where):
    """Nanoseconds of a time stamp."""
    match = SECONDS.match(text)
    if not match:
        raise Error(
            f"{where}: the time '{text}' is not in seconds; record with the trace clock"
            " 'local', 'mono' or 'tai'"
        )
    return int(match[1]) * 10**9 + int(match[2].ljust(9, "0"))


def parse_line(match, where, host, shift):
    name = match[2]
    fields = {}
    for word in match[3].split():
        key, _, value = word.partition("=")
        fields[key] = number(value)
    for key in EVENTS[name]:
        if key not in fields:
            raise Error(f"{where}: {name} without '{key}': cut off, or of another version?")
    for key in ("device", "pf"):
        if key in fields:
            fields[key] = host + str(fields[key])
    return Event(parse_time(match[1], where) + shift, name, fields)


def parse(lines, source, host="", shift=0):
    """The events of a trace, and how many the kernel has lost."""
    events = []
    lost = 0
    for n, line in enumerate(lines, 1):
        match = LINE.search(line)
        if match:
            events.append(parse_line(match, f"{source}:{n}", host, shift))
            continue
        match = LOST.search(line)
        if match:
            lost += int(match[1])
        match = ENTRIES.match(line)
        if match:
            lost += int(match[2]) - int(match[1])
    return events, lost


def read_file(path):
    try:
        with open(0 if path == "-" else path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Error(f"{path}: {error.strerror}") from error
    if data[3:10] == b"tracing":
        raise Error(f"{path}: this is binary; give the output of: trace-cmd report {path}")
    return data.decode("utf-8", "replace").splitlines()


def read_traces(paths, shifts):
    """All events of all files in order, and how many were lost."""
    events = []
    lost = 0
    for i, path in enumerate(paths):
        host = ""
        if len(paths) > 1:
            host = os.path.splitext(os.path.basename(path))[0] + " "
        shift = round(shifts[i] * 10**9) if i < len(shifts) else 0
        some, some_lost = parse(read_file(path), path, host, shift)
        if not some:
            raise Error(
                f"{path}: no migration events in it. Were they on while something migrated?"
                " echo 1 > /sys/kernel/tracing/events/vfio_pci_engine/enable"
            )
        events += some
        lost += some_lost
    events.sort(key=lambda event: event.time)
    return events, lost


# ---- what the events say ---------------------------------------------------


class Slice:
    """Something that lasts: kind is its color, detail what a pointer shows."""

    def __init__(self, start, end, label, kind, detail="", **args):
        self.start = start
        self.end = end
        self.label = label
        self.kind = kind
        self.detail = detail
        self.args = args

    @property
    def ns(self):
        return self.end - self.start


class Device:
    """What a trace says of one function."""

    def __init__(self, name):
        self.name = name
        self.states = []
        self.ops = []
        self.chunks = []
        self.reports = []
        self.marks = []


class Trace:
    """What a trace says: devices, the commands of their PFs, migrations."""

    def __init__(self, events, lost=0):
        self.lost = lost
        self.devices = {}
        self.commands = {}
        self.start = min(begin_of(event) for event in events)
        self.end = max(event.time for event in events)
        for event in events:
            HANDLERS[event.name](self, event)
        for device in self.devices.values():
            if device.states:
                device.states[-1].end = self.end
        self.devices = {d.name: d for d in self.devices.values() if d.states or d.ops}
        self.migrations = find_migrations(self)
        # Sources first, each with its destination
        parts = [s.device for m in self.migrations for s in (m.save, m.load) if s]
        order = {d.name: d for d in parts}
        self.devices = {**order, **self.devices}

    def device(self, event):
        name = event.fields["device"]
        return self.devices.setdefault(name, Device(name))

    def state(self, event):
        device, f = self.device(event), event.fields
        if f["error"] or f["old"] == f["new"]:
            words = f"{f['old']} to {f['new']} failed, error {f['error']}"
            if not f["error"]:
                words = f"reset while {f['old']}"
            device.marks.append((event.time, words, bool(f["error"])))
            return
        if not device.states:
            device.states.append(Slice(self.start, event.time, f["old"], f["old"]))
        device.states[-1].end = event.time
        new = Slice(event.time, self.end, f["new"], f["new"], f"by {f['trigger']}",
                    trigger=f["trigger"])
        device.states.append(new)

    def op(self, event):
        f = event.fields
        detail = f"error {f['error']}" if f["error"] else ""
        kind = "failed" if f["error"] else "op"
        self.device(event).ops.append(
            Slice(begin_of(event), event.time, f["op"], kind, detail, error=f["error"], ns=f["ns"])
        )

    def chunk(self, event):
        f = event.fields
        detail = f"{f['bytes']} bytes at {f['offset']}"
        detail += ", before the stop" if f["running"] else ""
        detail += ", the last" if f["last"] else ""
        self.device(event).chunks.append(
            Slice(begin_of(event), event.time, size(f["bytes"]), f["dir"], detail, **f)
        )

    def report(self, event):
        f = event.fields
        detail = f"{f['dirty']} dirty pages in {size(f['length'])} from {f['iova']:#x}"
        label = f"{f['dirty']} dirty"
        self.device(event).reports.append(
            Slice(begin_of(event), event.time, label, "report", detail, **f)
        )

    def command(self, event):
        f = event.fields
        detail = "the PF" if f["function"] == -1 else f"VF {f['function']}"
        if f["error"]:
            detail += f", status {f['status']}, error {f['error']}"
        kind = "failed" if f["error"] else "command"
        self.commands.setdefault(f["pf"], []).append(
            Slice(begin_of(event), event.time, f["opcode"], kind, detail, **f)
        )


HANDLERS = {
    "vfio_pci_mig_state": Trace.state,
    "vfio_pci_mig_op": Trace.op,
    "vfio_pci_mig_chunk": Trace.chunk,
    "vfio_pci_log_report": Trace.report,
    "refdev_command": Trace.command,
}


def begin_of(event):
    """Events come at the end of what they are about."""
    return event.time - event.fields.get("ns", 0)


Session = collections.namedtuple("Session", "device start end bytes early chunks fw_ns complete")
Migration = collections.namedtuple("Migration", "save load stop run")


def sessions(device, states, direction):
    """Runs of states in which a migration file was open, and what went through it."""
    found = []
    for state in device.states:
        if state.kind not in states:
            continue
        if found and found[-1][1] == state.start:
            found[-1][1] = state.end
        else:
            found.append([state.start, state.end])
    for start, end in found:
        # The first chunk is asked for before the state is reached
        early = max([s.end for s in device.states if s.end < start], default=0)
        chunks = [c for c in device.chunks if c.kind == direction and early < c.end <= end]
        yield Session(
            device,
            start,
            end,
            sum(c.args["bytes"] for c in chunks),
            sum(c.args["bytes"] for c in chunks if c.args["running"]),
            len(chunks),
            sum(c.args["ns"] for c in chunks),
            any(c.args["last"] for c in chunks),
        )


def stopped_at(device, time):
    """When the function was last told to stop, before a time."""
    left = None
    for before, after in zip(device.states, device.states[1:]):
        if before.kind in AT_WORK and after.kind not in AT_WORK and after.start <= time:
            left = (before.start, after.start)
    if not left:
        return None
    ops = [o for o in device.ops if o.label == "suspend_p2p" and left[0] < o.end <= left[1]]
    return ops[-1].start if ops else left[1]


def running_at(device, time):
    """When the function ran again after a time; None: it did not."""
    for state in device.states:
        if state.kind in AT_WORK and state.start >= time:
            return state.start
    return None


def find_migrations(trace):
    """Complete saves, each with the complete load of as many bytes that follows it, if any."""
    saves, loads = [], []
    for device in trace.devices.values():
        saves += [s for s in sessions(device, SAVING, "save") if s.complete]
        loads += [s for s in sessions(device, ("RESUMING",), "load") if s.complete]
    migrations = []
    for save in sorted(saves, key=lambda s: s.start):
        fits = [l for l in loads if l.bytes == save.bytes and l.end > save.start]
        load = min(fits, key=lambda l: l.end, default=None)
        if load:
            loads.remove(load)
        last = load or save
        run = running_at(last.device, last.end)
        migrations.append(Migration(save, load, stopped_at(save.device, save.end), run))
    return migrations


def downtime(migration):
    """Nanoseconds between the stop and the run; None: the trace has not both."""
    if migration.stop is None or migration.run is None:
        return None
    return migration.run - migration.stop


def phases(migration):
    """What the downtime consists of: [(words, start, end)], without a gap."""
    if downtime(migration) is None or not migration.load:
        return []
    source, destination = migration.save.device, migration.load.device
    stopped = min(
        [s.start for s in source.states if s.kind == "STOP_COPY" and s.start > migration.stop],
        default=migration.stop,
    )
    loaded = max(c.end for c in destination.chunks if c.end <= migration.load.end)
    loaded = min(max(loaded, stopped), migration.run)
    return [
        ("the source stops", migration.stop, stopped),
        ("the rest of the state moves", stopped, loaded),
        ("the destination starts", loaded, migration.run),
    ]


def busy(slices, start, end):
    """Nanoseconds within a window in which at least one slice was going on."""
    total, reached = 0, start
    for s in sorted(slices, key=lambda s: s.start):
        begin, finish = max(s.start, reached), min(s.end, end)
        if finish > begin:
            total += finish - begin
            reached = finish
    return total


def op_table(device):
    """Per operation: calls, failures, longest and all nanoseconds."""
    table = {}
    for op in device.ops:
        row = table.setdefault(op.label, [0, 0, 0, 0])
        row[0] += 1
        row[1] += bool(op.args["error"])
        row[2] = max(row[2], op.args["ns"])
        row[3] += op.args["ns"]
    return table


# ---- in words --------------------------------------------------------------


def size(n):
    for unit, word in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if n >= unit:
            return f"{n / unit:.4g} {word}"
    return f"{n} B"


def ms(ns):
    """Milliseconds, with as many digits as one wants to see."""
    value = ns / 1e6
    for limit, digits in ((100, 0), (10, 1), (1, 2)):
        if value >= limit:
            return f"{value:.{digits}f} ms"
    return f"{value:.3f} ms"


def describe(migration):
    """A migration in lines of text."""
    save, load = migration.save, migration.load
    early = f" ({size(save.early)} of it before the stop)" if save.early else ""
    lines = [
        f"{save.device.name} saved {size(save.bytes)} of state{early} in {save.chunks} chunks,"
        f" {ms(save.fw_ns)} of firmware"
    ]
    if load:
        lines.append(
            f"{load.device.name} loaded it in {load.chunks} chunks, {ms(load.fw_ns)} of firmware"
        )
    ns = downtime(migration)
    if ns is None:
        lines.append("downtime: not known, the trace has not both the stop and the run")
        return lines
    devices = {save.device.name: save.device}
    if load:
        devices[load.device.name] = load.device
    work = busy([o for d in devices.values() for o in d.ops], migration.stop, migration.run)
    lines.append(f"downtime of the function: {ms(ns)}, firmware was busy for {ms(work)} of it")
    parts = [f"{words} {ms(end - start)}" for words, start, end in phases(migration)]
    return lines + ([", ".join(parts)] if parts else [])


def summary(trace):
    lines = []
    for n, migration in enumerate(trace.migrations, 1):
        lines.append(f"migration {n}:")
        lines += ["  " + line for line in describe(migration)]
    if not trace.migrations:
        lines.append("no complete save was traced")
    for device in trace.devices.values():
        lines.append(f"device {device.name}:")
        states = " > ".join(s.label for s in device.states) or "no change of state"
        lines.append(f"  {states}")
        if device.reports:
            pages = sum(r.args["dirty"] for r in device.reports)
            lines.append(f"  {len(device.reports)} dirty page reports, {pages} dirty pages")
        for op, (calls, failed, longest, total) in sorted(op_table(device).items()):
            lines.append(
                f"  {op:<14} {calls:4} calls, {failed} failed, longest {ms(longest)},"
                f" {ms(total)} in all"
            )
    return "\n".join(lines) + "\n"


# ---- lanes: what both kinds of output are made of --------------------------

Lane = collections.namedtuple("Lane", "title slices")


def without_overlap(title, slices):
    """As many lanes as it takes for no two slices to be in one place."""
    rows = []
    for s in sorted(slices, key=lambda s: s.start):
        for row in rows:
            if row[-1].end <= s.start:
                row.append(s)
                break
        else:
            rows.append([s])
    return [Lane(title if i == 0 else "", row) for i, row in enumerate(rows)]


def groups(trace):
    """[(name of device or PF, its lanes)]"""
    found = []
    for device in trace.devices.values():
        lanes = [Lane("state", device.states)] if device.states else []
        lanes += without_overlap("firmware operations", device.ops)
        lanes += without_overlap("chunks of state", device.chunks)
        lanes += without_overlap("dirty page reports", device.reports)
        found.append((device.name, lanes, device.marks))
    for pf, commands in trace.commands.items():
        found.append((f"{pf} (PF)", without_overlap("firmware commands", commands), []))
    return found


# ---- Chrome's trace event format, which Perfetto loads ---------------------


def json_slice(pid, tid, start, end, name, args):
    return {
        "ph": "X",
        "pid": pid,
        "tid": tid,
        "ts": start / 1000,
        "dur": (end - start) / 1000,
        "name": name,
        "args": args,
    }


def json_name(pid, tid, kind, name):
    return {"ph": "M", "pid": pid, "tid": tid, "name": kind, "args": {"name": name}}


def json_group(pid, name, lanes, marks):
    events = [json_name(pid, 0, "process_name", name)]
    for tid, lane in enumerate(lanes, 1):
        events.append(json_name(pid, tid, "thread_name", lane.title or "more"))
        for s in lane.slices:
            args = dict(s.args, **({"detail": s.detail} if s.detail else {}))
            events.append(json_slice(pid, tid, s.start, s.end, s.label, args))
    for time, words, _ in marks:
        events.append(
            {"ph": "i", "s": "p", "pid": pid, "tid": 1, "ts": time / 1000, "name": words}
        )
    return events


def json_migrations(pid, trace):
    events = [json_name(pid, 0, "process_name", "migrations")]
    for tid, m in enumerate(trace.migrations, 1):
        events.append(json_name(pid, tid, "thread_name", f"migration {tid}"))
        if downtime(m) is None:
            continue
        args = {"summary": " | ".join(describe(m))}
        events.append(json_slice(pid, tid, m.stop, m.run, "downtime", args))
    return events


def to_json(trace):
    events = json_migrations(1, trace)
    for pid, (name, lanes, marks) in enumerate(groups(trace), 2):
        events += json_group(pid, name, lanes, marks)
    return {"traceEvents": events, "displayTimeUnit": "ms"}


# ---- SVG -------------------------------------------------------------------

COLORS = {
    "RUNNING": "#7cc47f",
    "RUNNING_P2P": "#c5d86d",
    "PRE_COPY": "#4db6ac",
    "PRE_COPY_P2P": "#9ad0b0",
    "STOP": "#f0b35f",
    "STOP_COPY": "#f28e4b",
    "RESUMING": "#b58bd0",
    "ERROR": "#d9534f",
    "op": "#6b8fb8",
    "save": "#f28e4b",
    "load": "#b58bd0",
    "report": "#4db6ac",
    "command": "#9fb1c4",
    "failed": "#d9534f",
}
WIDTH = 1240
LEFT = 168
RIGHT = 20
ROW = 20
GAP = 4
CHAR = 6.1
STYLE = """
text { font: 11px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #263238; }
.title { font-size: 18px; font-weight: 600; }
.panel { font-size: 13px; font-weight: 600; }
.group { font-weight: 600; }
.lane, .tick { fill: #607080; }
.tick { font-size: 10px; text-anchor: middle; }
.down { fill: #b3372f; font-weight: 600; text-anchor: middle; }
.grid { stroke: #e3e8ec; }
.slice { stroke: #fff; stroke-width: .5; }
.label { pointer-events: none; text-anchor: middle; }
"""


def nice_step(span, most):
    """A round number of nanoseconds that divides a span into at most so many parts."""
    step = 1000
    while True:
        for factor in (1, 2, 5):
            if span / (step * factor) <= most:
                return step * factor
        step *= 10


def tick_label(ns, step):
    if step >= 10**9:
        return f"{ns / 1e9:g} s"
    if step >= 10**6:
        return f"{ns / 1e6:g} ms"
    digits = 1 if step >= 10**5 else 2 if step >= 10**4 else 3
    return f"{ns / 1e6:.{digits}f} ms"


class Panel:
    """A part of the time, drawn across the whole width."""

    def __init__(self, trace, title, start, end):
        self.trace = trace
        self.title = title
        self.start = start
        self.end = max(end, start + 1000)
        self.out = []

    def x(self, time):
        share = (time - self.start) / (self.end - self.start)
        return LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - RIGHT)

    def slice(self, s, y):
        if s.end < self.start or s.start > self.end:
            return
        x, end = self.x(s.start), self.x(s.end)
        width = max(end - x, 2)
        kind = "slice" if width > 4 else "thin"
        words = f"{s.label}: {ms(s.ns)}" + (f", {s.detail}" if s.detail else "")
        self.out.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 3}"'
            f' rx="2" fill="{COLORS.get(s.kind, "#b0bec5")}" data-kind="{escape(s.kind)}"'
            f' data-ns="{s.ns}"><title>{escape(words)}</title></rect>'
        )
        label = s.label
        if width < len(label) * CHAR + 6:
            return
        self.out.append(
            f'<text class="label" x="{x + width / 2:.1f}" y="{y + 12}">{escape(label)}</text>'
        )

    def mark(self, time, words, failed, y):
        if not self.start <= time <= self.end:
            return
        x, color = self.x(time), COLORS["failed"] if failed else "#37474f"
        self.out.append(
            f'<path d="M{x:.1f} {y + 1}l4 -7h-8z" fill="{color}">'
            f"<title>{escape(words)}</title></path>"
        )

    def grid(self, top, bottom):
        step = nice_step(self.end - self.start, 10)
        time = -((self.trace.start - self.start) // step) * step
        time = self.trace.start + time
        while time <= self.end:
            if time >= self.start:
                x = self.x(time)
                words = tick_label(time - self.trace.start, step)
                room = len(words) * CHAR / 2
                middle = min(x, WIDTH - room - 4)
                self.out.append(
                    f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>'
                    f'<text class="tick" x="{middle:.1f}" y="{top - 4}">{words}</text>'
                )
            time += step

    def band(self, migration, top, bottom):
        if downtime(migration) is None:
            return
        x, end = self.x(migration.stop), self.x(migration.run)
        if end - x < 0.1:
            return
        words = f"downtime {ms(downtime(migration))}"
        middle = min(max((x + end) / 2, LEFT + 60), WIDTH - RIGHT - 60)
        self.out.append(
            f'<rect x="{x:.1f}" y="{top}" width="{max(end - x, 1):.1f}" height="{bottom - top}"'
            f' fill="#d9534f" fill-opacity=".09" data-kind="downtime"'
            f' data-ns="{downtime(migration)}"><title>{words}</title></rect>'
            f'<path d="M{x:.1f} {bottom + 8}H{end:.1f}" stroke="#b3372f"/>'
            f'<text class="down" x="{middle:.1f}" y="{bottom + 21}">{words}</text>'
        )
        # The ends, unless they are elsewhere
        for time in (migration.stop, migration.run):
            if self.start <= time <= self.end:
                self.out.append(
                    f'<path d="M{self.x(time):.1f} {top}V{bottom + 12}" stroke="#b3372f"'
                    f' stroke-dasharray="3 3"/>'
                )

    def lanes(self, y):
        for name, lanes, marks in groups(self.trace):
            self.out.append(f'<text class="group" x="14" y="{y + 12}">{escape(name)}</text>')
            y += ROW - 2
            for time, words, failed in marks:
                self.mark(time, words, failed, y)
            for lane in lanes:
                self.out.append(
                    f'<text class="lane" x="{LEFT - 10}" y="{y + 12}"'
                    f' text-anchor="end">{escape(lane.title)}</text>'
                )
                for s in lane.slices:
                    self.slice(s, y)
                y += ROW
            y += GAP
        return y

    def height(self):
        return 44 + sum(ROW - 2 + ROW * len(l) + GAP for _, l, _ in groups(self.trace)) + 34

    def draw(self, y):
        """Adds the panel, returns where the next one begins."""
        self.out.append(f'<text class="panel" x="14" y="{y + 14}">{escape(self.title)}</text>')
        top, bottom = y + 40, y + self.height() - 34
        self.out.append(
            f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{bottom - top}"'
            f' fill="#fafbfc" stroke="#d5dce2"/>'
        )
        self.grid(top, bottom)
        for migration in self.trace.migrations:
            self.band(migration, top, bottom)
        self.lanes(top + 2)
        return y + self.height()


def panels(trace):
    """All of the time; of each migration the downtime and its phases, if they are small in it."""
    pad = (trace.end - trace.start) // 50
    title = f"The whole trace (0 is {trace.start / 1e9:.6f} s of its clock)"
    found = [Panel(trace, title, trace.start - pad, trace.end + pad)]
    for n, m in enumerate(trace.migrations, 1):
        parts = [(f"downtime of migration {n}", m.stop, m.run)] if downtime(m) else []
        seen = trace.end - trace.start
        for words, start, end in parts + phases(m):
            if (end - start) * 4 > seen:
                continue
            pad = max((end - start) // 20, 1000)
            found.append(Panel(trace, words[0].upper() + words[1:], start - pad, end + pad))
            seen = end - start if words.startswith("downtime") else seen
    return found


def legend(trace, y):
    """States and kinds that occur."""
    used = {s.kind for _, lanes, _ in groups(trace) for lane in lanes for s in lane.slices}
    names = {"op": "firmware operation", "save": "chunk saved", "load": "chunk loaded"}
    names.update({"report": "dirty page report", "command": "firmware command"})
    out, x = [], 14
    for kind, color in COLORS.items():
        if kind not in used:
            continue
        name = names.get(kind, kind)
        out.append(
            f'<rect x="{x}" y="{y}" width="12" height="12" rx="2" fill="{color}"/>'
            f'<text x="{x + 17}" y="{y + 10}">{name}</text>'
        )
        x += 36 + round(len(name) * CHAR * 1.08)
    return out


def to_svg(trace, title):
    y, out = 34, [f'<text class="title" x="14" y="26">{escape(title)}</text>']
    lines = [line for m in trace.migrations for line in describe(m)]
    if trace.lost:
        lines.append(f"{trace.lost} events were lost: the picture is not complete")
    for line in lines:
        y += 16
        out.append(f'<text x="14" y="{y}">{escape(line)}</text>')
    out += legend(trace, y + 14)
    y += 46
    for panel in panels(trace):
        y = panel.draw(y)
        out += panel.out
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}"'
        f' viewBox="0 0 {WIDTH} {y}">\n<style>{STYLE}</style>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(out) + "\n</svg>\n"
    )


# ---- the command -----------------------------------------------------------


def arguments(words):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trace", nargs="+", help="the text of a trace. Give one for each host, source and"
                        " destination; a host is named after its file. '-': standard input")
    parser.add_argument("--svg", metavar="FILE", help="write a picture")
    parser.add_argument("--json", metavar="FILE", help="write a trace for Perfetto")
    parser.add_argument("--title", default="Migration timeline", help="the title of the picture")
    parser.add_argument("--shift", metavar="SECONDS", type=float, action="append", default=[],
                        help="add SECONDS to the times of the first trace; a second --shift"
                        " is for the second trace")
    parser.add_argument("-q", "--quiet", action="store_true", help="print no summary")
    return parser.parse_args(words)


def write(path, text):
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Error(f"{path}: {error.strerror}") from error


def run(args):
    events, lost = read_traces(args.trace, args.shift)
    trace = Trace(events, lost)
    if lost:
        print(f"warning: {lost} events were lost; make buffer_size_kb larger", file=sys.stderr)
    if args.json:
        write(args.json, json.dumps(to_json(trace), indent=0) + "\n")
    if args.svg:
        write(args.svg, to_svg(trace, args.title))
    if not args.quiet:
        sys.stdout.write(summary(trace))


def main(words=None):
    try:
        run(arguments(words))
    except Error as error:
        print(f"vfio-mig-timeline: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
