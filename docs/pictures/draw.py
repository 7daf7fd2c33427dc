#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: draw.py [--bench | --check]

Draws the pictures of docs/: NAME.svg from NAME.dot (Graphviz), where-time-goes.svg from the trace
of a live migration in tests/tools, and bench-NAME.svg from the measurement NAME in docs/performance.rst
(only those with --bench). An SVG holds a hash of what it was drawn from. --check draws nothing:
it prints which SVGs are older than their source, or are missing, and then has status 1.
"""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from xml.sax.saxutils import escape

sys.dont_write_bytecode = True
import bench  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
TRACE = os.path.join(TOP, "tests", "tools", "live-migration.trace")
PAGE = os.path.join(TOP, "docs", "performance.rst")
TOOL = os.path.join(TOP, "tools", "vfio-mig-timeline.py")

# A background of its own: pages that are always white show the dark picture on a dark card
STYLE = """
.paper { fill: #ffffff; }
text { fill: #1f2328; font-family: 'DejaVu Sans', Verdana, sans-serif; }
.soft { fill: #59636e; }
.edge path, .axis { stroke: #59636e; fill: none; }
.edge polygon { stroke: #59636e; fill: #59636e; }
.cluster polygon, .cluster path { stroke: #8c959f; fill: none; stroke-dasharray: 4 3; }
.node path, .node polygon, .bar { stroke: #59636e; stroke-width: .8; }
.user path, .user polygon, .bar.user { fill: #dafbe1; }
.vendor path, .vendor polygon, .bar.vendor { fill: #fff1c2; }
.ours path, .ours polygon, .bar.ours { fill: #d4e8ff; }
.kernel path, .kernel polygon, .bar.kernel { fill: #e7ebef; }
.card path, .card polygon, .bar.card { fill: #ece3ff; }
.fault path, .fault polygon, .bar.fault { fill: #ffd8d3; }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117; }
text { fill: #e6edf3; }
.soft { fill: #9198a1; }
.edge path, .axis { stroke: #9198a1; }
.edge polygon { stroke: #9198a1; fill: #9198a1; }
.cluster polygon, .cluster path { stroke: #656c76; }
.node path, .node polygon, .bar { stroke: #9198a1; }
.user path, .user polygon, .bar.user { fill: #12361d; }
.vendor path, .vendor polygon, .bar.vendor { fill: #453500; }
.ours path, .ours polygon, .bar.ours { fill: #0c2d5a; }
.kernel path, .kernel polygon, .bar.kernel { fill: #2a313c; }
.card path, .card polygon, .bar.card { fill: #33265c; }
.fault path, .fault polygon, .bar.fault { fill: #5c1a16; }
}
"""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def digest(texts):
    """Of the sources and of this script."""
    texts = [*texts, read(os.path.abspath(__file__))]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def svg(width, height, inner, alt, made_of):
    return (
        f"<!-- SPDX-License-Identifier: GPL-2.0-only -->\n<!-- Drawn by docs/pictures/draw.py; do not edit. {made_of} -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">\n<title>{escape(alt)}</title>\n'
        f'<style>{STYLE}</style>\n<rect class="paper" width="100%" height="100%" rx="8"/>\n{inner}\n</svg>\n'
    )


def draw_dot(source, made_of):
    drawn = subprocess.run(["dot", "-Tsvg", source], check=True, capture_output=True, text=True).stdout
    alt = re.search(r"^// Alt: (.*)$", read(source), re.M)[1]
    width, height = map(float, re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', drawn).groups())
    inner = re.sub(r"(?s).*?<svg[^>]*>|</svg>|<!--.*?-->|<title>.*?</title>", "", drawn)
    # The first polygon is Graphviz's white paper. Colours and fonts are the style's
    inner = re.sub(r'<polygon fill="white"[^>]*/>', "", inner, count=1)
    inner = re.sub(r' (fill|stroke|font-family)="[^"]*"', "", inner)
    inner = re.sub(r"\s*\n+", "\n", inner).strip()
    return svg(width + 16, height + 16, f'<g transform="translate(8 8)">\n{inner}\n</g>', alt, made_of)


def timeline():
    spec = importlib.util.spec_from_file_location("timeline", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLASSES = {"RUNNING": "user", "PRE_COPY": "vendor", "STOP_COPY": "card", "RESUMING": "card"}
LEFT, RIGHT, ROW, WIDE = 176, 24, 34, 960
ALT = "a live migration of a guest in the emulated server: states of source and destination, and the downtime"


def bar(x, end, y, name, words, always=False):
    """A part of a row. Words that do not fit are left out, or stand above it."""
    fits = len(words) * 6.6 < end - x
    out = f'<rect class="bar {name}" x="{x:.1f}" y="{y}" width="{max(end - x, 1.5):.1f}" height="22" rx="2"/>\n'
    if fits or always:
        out += f'<text font-size="11" text-anchor="middle" x="{(x + end) / 2:.1f}" y="{y + 15}">{escape(words)}</text>\n'
    return out


def draw_time(made_of):
    """Rows on one axis of time: the guest, the source's states, the destination's, parts of the downtime."""
    tool = timeline()
    trace = tool.Trace(*tool.read_traces([TRACE], []))
    migration = trace.migrations[0]
    source, destination = migration.save.device, migration.load.device
    begin, end = migration.save.start, migration.run
    begin, end = begin - (end - begin) // 12, end + (end - begin) // 12

    def x_of(time):
        return LEFT + (min(max(time, begin), end) - begin) * (WIDE - LEFT - RIGHT) / (end - begin)

    downtime = tool.ms(migration.run - migration.stop)
    rows = [
        ("the guest's device", [
            (begin, migration.stop, "user", "works"),
            (migration.stop, migration.run, "fault", f"stopped: {downtime}"),
            (migration.run, end, "user", "works"),
        ]),
        ("states, source", [(s.start, s.end, CLASSES.get(s.kind, "kernel"), s.kind) for s in source.states]),
        ("states, destination", [(s.start, s.end, CLASSES.get(s.kind, "kernel"), s.kind) for s in destination.states]),
        ("the downtime", [
            (start, stop, name, words)
            for (_, start, stop), name, words in zip(
                tool.phases(migration), ("ours", "kernel", "ours"),
                ("the source stops", "QEMU sends the last of memory and state", "QEMU starts"))
        ]),
        ("firmware at work", [
            (o.start, o.end, "ours", "") for d in (source, destination) for o in d.ops
        ]),
    ]
    inner, y = [], 16
    for label, parts in rows:
        inner.append(f'<text font-size="12" text-anchor="end" x="{LEFT - 12}" y="{y + 15}">{escape(label)}</text>')
        for start, stop, name, words in parts:
            if stop > begin and start < end:
                inner.append(bar(x_of(start), x_of(stop), y, name, words).rstrip())
        y += ROW
    inner.append(f'<path class="axis" d="M{LEFT} {y}H{WIDE - RIGHT}"/>')
    zero = migration.save.start
    step = tool.nice_step(end - begin, 8)
    time = zero
    while time < end:
        x = x_of(time)
        inner.append(f'<path class="axis" d="M{x:.1f} {y}v5"/>')
        inner.append(f'<text class="soft" font-size="10" text-anchor="middle" x="{x:.1f}" y="{y + 18}">'
                     f"{(time - zero) / 1e9:g} s</text>")
        time += step
    return svg(WIDE, y + 28, "\n".join(inner), ALT, made_of)


def draw_bench(name, lines, made_of):
    draw, alt = bench.PICTURES[name]
    inner, height = draw(lines)
    return svg(bench.WIDE, height, inner, alt, made_of)


def bench_pictures():
    """As pictures(), of what was measured."""
    script = read(os.path.join(HERE, "bench.py"))
    for name, lines in bench.blocks(read(PAGE)).items():
        if name in bench.PICTURES and "not measured yet" not in lines[0]:
            yield (os.path.join(HERE, f"bench-{name}.svg"), [script, *lines],
                   lambda made_of, name=name, lines=lines: draw_bench(name, lines, made_of))


def pictures():
    """(SVG, texts of its sources, the function that draws it)"""
    for name in sorted(os.listdir(HERE)):
        if name.endswith(".dot"):
            source = os.path.join(HERE, name)
            yield source[:-4] + ".svg", [read(source)], lambda made_of, source=source: draw_dot(source, made_of)
    yield os.path.join(HERE, "where-time-goes.svg"), [read(TRACE), read(TOOL)], draw_time
    yield from bench_pictures()


def main(words):
    if words not in ([], ["--bench"], ["--check"]):
        print(__doc__)
        return 0 if words == ["--help"] else 2
    status = 0
    for path, sources, draw in bench_pictures() if words == ["--bench"] else pictures():
        made_of = f"Source: sha256 {digest(sources)}"
        if words == ["--check"]:
            if not os.path.exists(path) or made_of not in read(path):
                print(f"docs/pictures/{os.path.basename(path)} is older than its source: run docs/pictures/draw.py")
                status = 1
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(draw(made_of))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
