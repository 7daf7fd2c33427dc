#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: test_timeline.py [PATTERN]

Tests of tools/vfio-mig-timeline.py, with traces of real migrations in the test
bed. Numbers are taken from the trace a second time here, by other means. TAP;
the last line is "N passed, N failed".
"""

import contextlib
import importlib.util
import io
import json
import os
import re
import sys
import tempfile
import xml.etree.ElementTree as xml

sys.dont_write_bytecode = True
import tap  # noqa: E402
HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "..", "..", "tools", "vfio-mig-timeline.py")
LIVE = os.path.join(HERE, "live-migration.trace")
DIRTY = os.path.join(HERE, "dirty-pages.trace")
SVG = "{http://www.w3.org/2000/svg}"

spec = importlib.util.spec_from_file_location("timeline", TOOL)
timeline = importlib.util.module_from_spec(spec)
spec.loader.exec_module(timeline)


# ---- helpers ---------------------------------------------------------------


def run(*words):
    """The tool as a command: status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = timeline.main(list(words))
    return status, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def file_with(text):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        yield file.name


def outputs(*words):
    """What the tool writes: the SVG's root, the JSON, the summary."""
    with tempfile.TemporaryDirectory() as path:
        svg, trace = os.path.join(path, "t.svg"), os.path.join(path, "t.json")
        status, out, err = run("--svg", svg, "--json", trace, *words)
        assert status == 0, err
        with open(trace, encoding="utf-8") as file:
            return xml.parse(svg).getroot(), json.load(file), out


def lines_of(path, event):
    with open(path, encoding="utf-8") as file:
        return [line for line in file if f" {event}: " in line]


def values(lines, field):
    return [re.search(rf"\b{field}=(\S+)", line)[1] for line in lines]


def numbers(lines, field):
    return [int(value) for value in values(lines, field)]


def microseconds(line):
    match = re.search(r"\s(\d+)\.(\d{6}): ", line)
    return int(match[1]) * 10**6 + int(match[2])


def rects(root, kind):
    """Of the first panel, which has all of them: each once."""
    found = []
    for element in root.iter():
        if element.tag == SVG + "text" and element.get("class") == "panel":
            if found:
                break
        if element.tag == SVG + "rect" and element.get("data-kind") == kind:
            found.append(element)
    return found


def nanoseconds(elements):
    return sorted(int(e.get("data-ns")) for e in elements)


def threads(trace, name):
    """Slices of all threads of a name, by process."""
    names = {e["pid"]: e["args"]["name"] for e in trace if e["name"] == "process_name"}
    tids = {
        (e["pid"], e["tid"])
        for e in trace
        if e["name"] == "thread_name" and e["args"]["name"] == name
    }
    found = {}
    for e in trace:
        if e["ph"] == "X" and (e["pid"], e["tid"]) in tids:
            found.setdefault(names[e["pid"]], []).append(e)
    return found


def equal(got, wanted):
    assert got == wanted, f"got {got!r}, expected {wanted!r}"


def fails(words, *args):
    status, out, err = run(*args)
    equal(status, 1)
    equal(out, "")
    assert words in err, err
    equal(err.count("\n"), 1)


# ---- a live migration ------------------------------------------------------


def source_and_destination():
    saves = [l for l in lines_of(LIVE, "vfio_pci_mig_chunk") if " dir=save " in l]
    loads = [l for l in lines_of(LIVE, "vfio_pci_mig_chunk") if " dir=load " in l]
    return values(saves, "device")[0], values(loads, "device")[0]


def expected_downtime():
    """From the begin of the last suspend_p2p of the source to the destination's RUNNING."""
    source, destination = source_and_destination()
    stops = [
        microseconds(l) * 1000 - numbers([l], "ns")[0]
        for l in lines_of(LIVE, "vfio_pci_mig_op")
        if f"device={source} op=suspend_p2p " in l
    ]
    runs = [
        microseconds(l) * 1000
        for l in lines_of(LIVE, "vfio_pci_mig_state")
        if f"device={destination} " in l and " new=RUNNING trigger=v" in l
    ]
    return runs[-1] - stops[-1]


def test_the_downtime_is_that_of_the_trace():
    root, trace, _ = outputs(LIVE)
    equal(nanoseconds(rects(root, "downtime")), [expected_downtime()])
    slices = [e for e in trace["traceEvents"] if e["name"] == "downtime"]
    equal([round(e["dur"] * 1000) for e in slices], [expected_downtime()])


def test_phases_add_up_to_the_downtime():
    _, _, out = outputs(LIVE)
    events, _ = timeline.read_traces([LIVE], [])
    migration = timeline.Trace(events).migrations[0]
    parts = timeline.phases(migration)
    equal(sum(end - start for _, start, end in parts), expected_downtime())
    for (_, _, before), (_, after, _) in zip(parts, parts[1:]):
        equal(before, after)
    last_load = [l for l in lines_of(LIVE, "vfio_pci_mig_chunk") if " dir=load " in l][-1]
    equal(parts[2][1], microseconds(last_load) * 1000)
    for words, start, end in parts:
        assert f"{words} {timeline.ms(end - start)}" in out, out


def test_perfetto_is_given_what_it_asks_for():
    _, trace, _ = outputs(LIVE)
    for e in trace["traceEvents"]:
        assert isinstance(e["pid"], int) and isinstance(e["tid"], int), e
        assert e["ph"] in "MXi" and e["name"], e
        if e["ph"] == "M":
            assert e["name"] in ("process_name", "thread_name") and e["args"]["name"], e
        else:
            assert e["ts"] >= 0 and e.get("dur", 0) >= 0, e


def test_the_source_comes_first():
    root, _, _ = outputs(LIVE)
    names = [e.text for e in root.iter(SVG + "text") if e.get("class") == "group"]
    equal(tuple(names[:2]), source_and_destination())


def test_each_piece_of_state_is_drawn_once():
    root, trace, _ = outputs(LIVE)
    lines = lines_of(LIVE, "vfio_pci_mig_chunk")
    assert len(lines) > 3, lines
    for kind in ("save", "load"):
        some = [l for l in lines if f" dir={kind} " in l]
        equal(nanoseconds(rects(root, kind)), sorted(numbers(some, "ns")))
    chunks = sum(threads(trace["traceEvents"], "chunks of state").values(), [])
    equal(sum(e["args"]["bytes"] for e in chunks), sum(numbers(lines, "bytes")))


def test_each_firmware_operation_is_drawn_once():
    root, trace, _ = outputs(LIVE)
    lines = lines_of(LIVE, "vfio_pci_mig_op")
    equal(nanoseconds(rects(root, "op")), sorted(numbers(lines, "ns")))
    slices = sum(threads(trace["traceEvents"], "firmware operations").values(), [])
    equal(sorted(e["name"] for e in slices), sorted(values(lines, "op")))
    for e in slices:
        equal(round(e["dur"] * 1000), e["args"]["ns"])


def test_each_command_is_drawn_once():
    root, trace, _ = outputs(LIVE)
    lines = lines_of(LIVE, "refdev_command")
    equal(nanoseconds(rects(root, "command")), sorted(numbers(lines, "ns")))
    slices = threads(trace["traceEvents"], "firmware commands")
    equal(list(slices), [values(lines, "pf")[0] + " (PF)"])


def test_states_follow_each_other_without_a_gap():
    _, trace, _ = outputs(LIVE)
    lines = [l for l in lines_of(LIVE, "vfio_pci_mig_state") if " error=0" in l]
    lanes = threads(trace["traceEvents"], "state")
    equal(sorted(lanes), sorted(set(values(lines, "device"))))
    for device, slices in lanes.items():
        own = [l for l in lines if f"device={device} " in l]
        own = [l for l in own if values([l], "old") != values([l], "new")]
        equal([e["name"] for e in slices], values(own[:1], "old") + values(own, "new"))
        equal([round(e["ts"]) for e in slices[1:]], [microseconds(l) for l in own])
        for before, after in zip(slices, slices[1:]):
            equal(round(before["ts"] + before["dur"], 3), round(after["ts"], 3))


def test_the_summary_has_the_numbers():
    _, _, out = outputs(LIVE)
    source, destination = source_and_destination()
    lines = lines_of(LIVE, "vfio_pci_mig_chunk")
    chunks = {d: sum(f" dir={d} " in l for l in lines) for d in ("save", "load")}
    assert f"{source} saved " in out and f" in {chunks['save']} chunks" in out, out
    assert f"{destination} loaded it in {chunks['load']} chunks" in out, out
    assert f"downtime of the function: {timeline.ms(expected_downtime())}," in out, out
    longest = max(
        numbers([l for l in lines_of(LIVE, "vfio_pci_mig_op") if " op=load " in l], "ns")
    )
    assert re.search(rf"load +{chunks['load']} calls, 0 failed, longest {timeline.ms(longest)},", out)


def test_nothing_in_one_lane_overlaps():
    events, lost = timeline.read_traces([LIVE], [])
    for _, lanes, _ in timeline.groups(timeline.Trace(events, lost)):
        for lane in lanes:
            for before, after in zip(lane.slices, lane.slices[1:]):
                assert before.end <= after.start, (lane.title, before.label, after.label)


def test_all_that_is_drawn_is_inside_of_the_picture():
    root, _, _ = outputs(LIVE)
    width, height = float(root.get("width")), float(root.get("height"))
    for rect in root.iter(SVG + "rect"):
        if rect.get("width") == "100%":
            continue
        x, y = float(rect.get("x")), float(rect.get("y"))
        assert 0 <= x and x + float(rect.get("width")) <= width, rect.attrib
        assert 0 <= y and y + float(rect.get("height")) <= height, rect.attrib


# ---- two hosts -------------------------------------------------------------


def split_by_host():
    """The live migration as two hosts would have recorded it."""
    source, _ = source_and_destination()
    with open(LIVE, encoding="utf-8") as file:
        lines = file.readlines()
    return [
        "".join(l for l in lines if (f"device={source} " in l) == mine and " device=" in l)
        for mine in (True, False)
    ]


def test_source_and_destination_from_two_files():
    texts = split_by_host()
    with file_with(texts[0]) as one, file_with(texts[1]) as two:
        root, trace, out = outputs(one, two)
    equal(nanoseconds(rects(root, "downtime")), [expected_downtime()])
    hosts = [os.path.splitext(os.path.basename(f))[0] for f in (one, two)]
    source, destination = source_and_destination()
    assert f"{hosts[0]} {source} saved" in out, out
    assert f"{hosts[1]} {destination} loaded" in out, out


def test_clocks_that_differ_are_shifted():
    texts = split_by_host()
    with file_with(texts[0]) as one, file_with(texts[1]) as two:
        root, _, _ = outputs(one, two, "--shift", "0", "--shift", "1.5")
    equal(nanoseconds(rects(root, "downtime")), [expected_downtime() + 1500000000])


def test_the_source_alone_knows_no_downtime():
    with file_with(split_by_host()[0]) as one:
        root, _, out = outputs(one)
    equal(rects(root, "downtime"), [])
    assert "downtime: not known" in out, out


# ---- dirty pages -----------------------------------------------------------


def test_each_report_is_drawn_once():
    root, trace, out = outputs(DIRTY)
    lines = lines_of(DIRTY, "vfio_pci_log_report")
    assert lines
    equal(nanoseconds(rects(root, "report")), sorted(numbers(lines, "ns")))
    slices = sum(threads(trace["traceEvents"], "dirty page reports").values(), [])
    dirty = sum(numbers(lines, "dirty"))
    equal(sum(e["args"]["dirty"] for e in slices), dirty)
    assert f"{len(lines)} dirty page reports, {dirty} dirty pages" in out, out


def test_a_failed_operation_is_red():
    root, _, out = outputs(DIRTY)
    lines = [l for l in lines_of(DIRTY, "vfio_pci_mig_op") if " error=0 " not in l]
    lines += [l for l in lines_of(DIRTY, "refdev_command") if " error=0 " not in l]
    assert lines
    equal(nanoseconds(rects(root, "failed")), sorted(numbers(lines, "ns")))
    assert " 1 failed" in out, out


# ---- other ways to record --------------------------------------------------

STATE = "device=0000:01:00.1 old=RUNNING new=RUNNING_P2P trigger=v2 error=0"


def test_time_stamps_of_nanoseconds():
    line = f"   a-b c-12    [000]  1.000000001: vfio_pci_mig_state:   {STATE}\n"
    events, _ = timeline.parse([line], "x")
    equal([e.time for e in events], [1000000001])
    equal(events[0].fields["trigger"], "v2")


def test_lines_with_and_without_flags_and_groups():
    for middle in ("[003] ", "[003] d.h2. ", "(  12) [003] ..... ", "[003] d..1 "):
        events, _ = timeline.parse([f"  x-1 {middle} 7.5: vfio_pci_mig_state: {STATE}"], "x")
        equal([e.time for e in events], [7500000000])


def test_lost_events_are_told():
    line = f" x-1 [000] ..... 1.0: vfio_pci_mig_state: {STATE}\n"
    with file_with("# entries-in-buffer/entries-written: 1/8   #P:1\n" + line) as path:
        equal(run(path)[2], "warning: 7 events were lost; make buffer_size_kb larger\n")
    with file_with("CPU:0 [LOST 12 EVENTS]\n" + line) as path:
        status, _, err = run(path)
        equal((status, "12 events were lost" in err), (0, True))


# ---- refusals --------------------------------------------------------------


def test_a_trace_without_events():
    with file_with("# tracer: nop\n x-1 [000] 1.0: sched_switch: prev=1\n") as path:
        fails("no migration events in it", path)


def test_no_such_file():
    fails("No such file", "/does/not/exist")


def test_a_binary_file():
    with file_with("\x17\x08\x44tracing6") as path:
        fails("trace-cmd report", path)


def test_a_line_that_is_cut_off():
    with file_with(" x-1 [000] 1.0: vfio_pci_mig_op: device=0000:01:00.1 op=save\n") as path:
        fails(f"{path}:1: vfio_pci_mig_op without 'error'", path)


def test_a_clock_that_counts_cycles():
    with file_with(f" x-1 [000] ..... 123456: vfio_pci_mig_state: {STATE}\n") as path:
        fails("is not in seconds", path)


def test_a_picture_that_cannot_be_written():
    fails("No such file", LIVE, "--quiet", "--svg", "/does/not/exist/x.svg")


def test_names_in_a_trace_do_no_harm_in_a_picture():
    evil = STATE.replace("0000:01:00.1", "<script>&\"'")
    with file_with(f" x-1 [000] ..... 1.0: vfio_pci_mig_state: {evil}\n") as path:
        root, _, _ = outputs(path, "--title", "<b>&")
    equal([e for e in root.iter() if "script" in e.tag or e.tag.endswith("}b")], [])


def test_help_names_every_option():
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        timeline.main(["--help"])
    for word in ("--svg", "--json", "--shift", "--title", "docs/tracing.rst"):
        assert word in out.getvalue(), word


def main(pattern):
    return tap.run(("timeline: " + name[5:].replace("_", " "), test) for name, test in sorted(globals().items())
                   if name.startswith("test_") and re.search(pattern, name))


if __name__ == "__main__":
    if sys.argv[1:2] in (["--help"], ["-h"]):
        print(__doc__)
        sys.exit()
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
