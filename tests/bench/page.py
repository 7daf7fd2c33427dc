#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: page.py LOG PAGE

Puts what run.sh has measured into PAGE (docs/performance.rst): below each line ".. bench: NAME" the literal block is
replaced by NAME's lines of LOG, which begin with "==== NAME CONDITIONS". Blocks of what was not measured stay. The block
"goals", if there is one, gets what all blocks of the page say of goals. The status is 1 if a measurement has failed or the
page has no place for it; then the page stays as it is.
"""

import re
import sys


def measured(log):
    """NAME -> (conditions, lines) of each measurement that has come to its end."""
    found, name = {}, None
    for line in log.splitlines():
        head = re.fullmatch(r"==== (\S+) (.*)", line)
        if head:
            name = head.group(1)
            if name in found:
                raise ValueError(f"{name} is in the log twice")
            found[name] = (head.group(2), [])
        elif name and not line.startswith("#") and line.strip():
            if "FAILED" in line:
                raise ValueError(f"{name}: {line.strip()}")
            found[name][1].append(line.rstrip())
    return found


def put(page, name, conditions, lines):
    block = "\n".join("  " + line for line in [conditions, ""] + lines).replace("\n  \n", "\n\n")
    new, n = re.subn(rf"(?m)^\.\. bench: {re.escape(name)}\n\n::\n\n(?:(?:  .*)?\n)*", lambda m: f".. bench: {name}\n\n::\n\n{block}\n\n",
                     page)
    if n != 1:
        raise ValueError(f"the page has {n} places for {name}")
    return new.rstrip("\n") + "\n"


def goals(page):
    """A line for each "WORDS  NUMBER ... goal at most N: met" of the page, with the heading above it."""
    found, heading = [], ""
    for line in page.splitlines():
        row = re.fullmatch(r"   +(\S.*?)  +([\d.]+) .*goal (at \w+ [\d.]+): (met|not met)", line)
        if row:
            found.append(f"{row[4]:8} {row[2]:>6}  {row[3]:14} {heading}: {row[1]}")
        elif re.match(r"  \S", line):
            heading = line.strip().split(",")[0]
    return found


def put_goals(page):
    place = r"(?m)^(\.\. bench: goals\n\n::\n\n)(?:(?:  .*)?\n)*"
    if not re.search(place, page):
        return page
    found = goals(re.sub(place, "", page)) or ["not measured yet"]
    return re.sub(place, lambda m: m[1] + "".join(f"  {line}\n" for line in found) + "\n", page)


def main():
    if len(sys.argv) != 3 or sys.argv[1] in ("--help", "-h"):
        print(__doc__)
        return 0 if sys.argv[1:] and sys.argv[1] in ("--help", "-h") else 2
    with open(sys.argv[1], encoding="utf-8") as file:
        log = file.read()
    with open(sys.argv[2], encoding="utf-8") as file:
        page = file.read()
    try:
        found = measured(log)
        for name, (conditions, lines) in found.items():
            if not lines:
                raise ValueError(f"{name} has measured nothing")
            page = put(page, name, conditions, lines)
        page = put_goals(page)
    except ValueError as error:
        print(f"page.py: {error}", file=sys.stderr)
        return 1
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(page)
    print(f"{sys.argv[2]}: {', '.join(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
