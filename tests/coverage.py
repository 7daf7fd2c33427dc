# SPDX-License-Identifier: GPL-2.0-only
"""usage: coverage.py SOURCES NOT-REACHED GCOV-JSON...

Adds up what gcov says of drivers/vfio (one JSON object a line) and prints a line for each file; the
lines that were not reached go to the file NOT-REACHED. Of a file that is compiled twice, for its
module and for the KUnit suites, a line counts if it was reached in either."""
import json
import os
import sys


def name_of(path):
    """drivers/vfio/..., or None: not ours"""
    at = path.rfind("drivers/vfio/")
    return path[at:] if at >= 0 and path.endswith(".c") else None


def add(files, entry):
    name = name_of(entry["file"])
    if not name:
        return
    lines = files.setdefault(name, {})
    for line in entry["lines"]:
        count, branches = lines.setdefault(line["line_number"], (0, []))
        new = [b["count"] for b in line["branches"]]
        if len(new) == len(branches):
            branches = [a + b for a, b in zip(branches, new)]
        # Compiled otherwise: whichever says more
        elif sum(map(bool, new)) >= sum(map(bool, branches)):
            branches = new
        lines[line["line_number"]] = (count + line["count"], branches)


def percent(part, whole):
    return "%5d of %5d %5.1f %%" % (part, whole, 100 * part / whole if whole else 100)


def sums(lines):
    branches = [b for _, bs in lines.values() for b in bs]
    return (sum(1 for c, _ in lines.values() if c), len(lines),
            sum(1 for b in branches if b), len(branches))


def show(title, s):
    print("%-45s %s  %s" % (title, percent(s[0], s[1]), percent(s[2], s[3])))


def not_reached(root, files, out):
    with open(out, "w") as f:
        for name in sorted(files):
            with open(os.path.join(root, name)) as source:
                text = source.read().split("\n")
            for number, (count, branches) in sorted(files[name].items()):
                if not count:
                    f.write("%s:%d: never: %s\n" % (name, number, text[number - 1]))
                elif not all(branches):
                    f.write("%s:%d: %d of %d branches: %s\n" % (
                        name, number, sum(map(bool, branches)), len(branches),
                        text[number - 1]))


def main(root, out, *logs):
    files = {}
    for log in logs:
        with open(log) as f:
            for line in f:
                if line.strip():
                    for entry in json.loads(line)["files"]:
                        add(files, entry)
    if not files:
        sys.exit("nothing of drivers/vfio")
    total = {}
    print("%-45s %-22s  %s" % ("", "lines", "branches"))
    for name in sorted(files):
        s = sums(files[name])
        show(name, s)
        part = os.path.dirname(name)
        total[part] = [a + b for a, b in zip(total.get(part, [0] * 4), s)]
    for part in sorted(total):
        show("all of " + part, total[part])
    not_reached(root, files, out)


main(*sys.argv[1:])
