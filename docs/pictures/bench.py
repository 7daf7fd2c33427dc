# SPDX-License-Identifier: GPL-2.0-only
"""Pictures of the measurements in docs/performance.rst, for draw.py: each is drawn from one block."""

import re
from xml.sax.saxutils import escape

WIDE, LEFT, RIGHT, ROW = 900, 310, 40, 30
ROW_OF_PAGE = re.compile(r"^ +(\S.*?)  +(\d+(?:\.\d+)?)(?: (.*))?$")


def blocks(page):
    """NAME -> lines of each literal block below ".. bench: NAME"."""
    found = re.findall(r"(?m)^\.\. bench: (\S+)\n\n::\n\n((?:(?:  .*)?\n)*)", page)
    return {name: text.rstrip("\n").split("\n") for name, text in found}


def rows(lines):
    """(words, number, what follows) of each line that has a number behind its words."""
    for line in lines:
        match = ROW_OF_PAGE.match(line)
        if match:
            yield match[1], float(match[2]), match[3] or ""


def text(x, y, words, anchor="start", name="", size=12):
    style = f' class="{name}"' if name else ""
    return f'<text{style} font-size="{size}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def axis(y, top, x_of, ticks):
    out = [f'<path class="axis" d="M{LEFT} {y}H{WIDE - RIGHT}"/>']
    for tick, words in ticks:
        x = x_of(tick)
        out.append(f'<path class="axis" d="M{x:.1f} {top}V{y + 5}" stroke-opacity=".35"/>')
        out.append(text(x, y + 18, words, "middle", "soft", 10))
    return out


def nice_ticks(most, count):
    """About so many round numbers from 0 to the largest."""
    step = 10 ** len(str(int(most / count))) / 10 or 1
    step = next(step * k for k in (1, 2, 5, 10) if most / (step * k) <= count)
    return [n * step for n in range(int(most / step) + 1)]


def stacked(bars, unit, legend):
    """Bars, each (words, [(class, number)]), below a legend [(class, words)]."""
    most = max(sum(n for _, n in parts) for _, parts in bars) * 1.12

    def x_of(number):
        return LEFT + number * (WIDE - LEFT - RIGHT) / most

    out, x = [], 24
    for name, words in legend:
        out.append(f'<rect class="bar {name}" x="{x}" y="14" width="14" height="14" rx="2"/>')
        out.append(text(x + 20, 26, words))
        x += 44 + 7 * len(words)
    y = top = 44
    for words, parts in bars:
        out.append(text(LEFT - 12, y + 15, words, "end"))
        at = 0
        for name, number in parts:
            width = x_of(at + number) - x_of(at)
            out.append(f'<rect class="bar {name}" x="{x_of(at):.1f}" y="{y}" width="{max(width, .5):.1f}" height="22"/>')
            at += number
        out.append(text(x_of(at) + 6, y + 15, f"{at:.0f}{unit}" if at >= 20 else f"{at:.1f}{unit}", name="soft", size=11))
        y += ROW
    return "\n".join(out + axis(y, top, x_of, [(tick, f"{tick:g}{unit}") for tick in nice_ticks(most, 8)])), y + 28


def ratios(points, low, high, goal):
    """Points, each (words, ratio, its quartiles), on an axis from low to high with a line for the goal."""
    def x_of(number):
        return LEFT + (min(max(number, low), high) - low) * (WIDE - LEFT - RIGHT) / (high - low)

    y = top = 34
    out = []
    for words, ratio, first, third in points:
        out.append(text(LEFT - 12, y + 15, words, "end"))
        out.append(f'<rect class="bar ours" x="{x_of(first) - 2:.1f}" y="{y + 4}" width="{x_of(third) - x_of(first) + 4:.1f}"'
                   ' height="14" rx="2"/>')
        out.append(f'<path class="axis" stroke-width="2" d="M{x_of(ratio):.1f} {y}v22"/>')
        out.append(text(x_of(third) + 10, y + 15, f"{ratio:.2f}", name="soft", size=11))
        y += ROW
    ticks = [(low + n / 50, f"{low + n / 50:.2f}") for n in range(round((high - low) * 50) + 1)]
    out.append(f'<path class="axis" stroke-dasharray="5 3" stroke-width="1.5" d="M{x_of(goal):.1f} {top - 8}V{y}"/>')
    out.append(text(x_of(goal), top - 14, f"goal: at most {goal}", "middle", size=11))
    return "\n".join(out + axis(y, top, x_of, ticks)), y + 28


# ---- each picture: the lines of its block -> its elements and height -------------------------


def draw_access(lines):
    points = []
    for name, number, rest in rows(lines):
        quartiles = re.match(r"\(([\d.]+) to ([\d.]+)\)", rest)
        if name.startswith("ratio: "):
            points.append((name[7:], number, float(quartiles[1]), float(quartiles[2])))
    return ratios(points, 0.94, 1.06, 1.02)


PARTS = [("ours", "copying"), ("fault", "checksum"), ("card", "giving chunks to firmware"), ("kernel", "waiting for firmware")]


def draw_save(lines):
    bars, found = [], {}
    for name, number, _ in rows(lines):
        if name == "the migration file":
            end = "loading" if found else "saving"
            parts = found[end] = []
            bars.append((f"{end}: the migration file", parts))
        elif name.startswith("of this: "):
            parts.append((next(kind for kind, words in PARTS if name[9:].startswith(words)), number))
        elif name == "a memfd":
            bars.append((f"{end}: a memfd", [("ours", number)]))
    order = [name for name, _ in PARTS]
    return stacked([(words, sorted(parts, key=lambda part: order.index(part[0]))) for words, parts in bars], " ms", PARTS)


DOWN = [("vendor", "firmware"), ("ours", "engine"), ("user", "VMM")]


def draw_downtime(lines):
    bars = []
    for name, number, _ in rows(lines):
        if name in ("without pre-copy", "with pre-copy"):
            parts = []
            bars.append((name, parts))
        elif name.startswith("of this: "):
            parts.append((next(kind for kind, words in DOWN if name[9:].startswith(words)), number))
    return stacked(bars, " ms", DOWN)


def draw_create(lines):
    bars = []
    for line in lines:
        match = re.match(r" +(\d+)  (create|open) +[\d.]+ +([\d.]+) +[\d.]+$", line)
        if match and match[2] == "create":
            parts = []
            bars.append((f"{match[1]} VF{'s' * (match[1] != '1')}", parts))
        if match:
            parts.append(("ours" if match[2] == "create" else "card", float(match[3])))
    return stacked(bars, " ms", [("ours", "create, median"), ("card", "open, with the function's reset, median")])


# NAME of the block: what draws it, and its title
PICTURES = {
    "access": (draw_access, "An mdev's time to reach the device, compared with stock vfio-pci's"),
    "save": (draw_save, "Where the time of saving and loading goes"),
    "downtime": (draw_downtime, "The parts of a function's downtime"),
    "create": (draw_create, "Creating and opening an mdev on hosts with 1 to 255 VFs"),
}
