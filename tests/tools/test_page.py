#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: test_page.py

tests/bench/page.py, which puts measurements into docs/performance.rst: what was measured replaces its block, all else
stays, and a failed measurement changes nothing. docs/pictures/bench.py, which draws them. TAP; the last line is "N passed, N failed".
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import tap  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DOCS = os.path.join(HERE, "..", "..", "docs")
sys.path.append(os.path.join(DOCS, "pictures"))
import bench  # noqa: E402

TOOL = os.path.join(HERE, "..", "bench", "page.py")
PAGE = "Text\n\n.. bench: save\n\n::\n\n  not measured yet\n\nMore\n\n.. bench: create\n\n::\n\n  old\n\n  older\n"


def put(log, page=PAGE):
    """The page after page.py has read that log, and its status."""
    with tempfile.TemporaryDirectory() as tmp:
        names = [os.path.join(tmp, n) for n in ("log", "page.rst")]
        for name, text in zip(names, (log, page)):
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([sys.executable, TOOL, *names], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=30, check=False)
        with open(names[1], encoding="utf-8") as file:
            return file.read(), done.returncode


SAVE = "==== save measured today\nReading\n  ratio  1.70\n# test bed: L1 is up (3 s)\n"
NEW = PAGE.replace("  not measured yet\n", "  measured today\n\n  Reading\n    ratio  1.70\n")
CASES = [
    ("a measurement replaces its block and nothing else", SAVE, NEW, 0),
    ("two measurements replace theirs", SAVE + "==== create also\nfast\n",
     NEW.replace("  old\n\n  older\n", "  also\n\n  fast\n"), 0),
    ("a failed measurement changes nothing", SAVE + "==== create also\nFAILED: 64 VFs\n", PAGE, 1),
    ("a measurement without numbers changes nothing", "==== save measured today\n", PAGE, 1),
    ("a measurement without a place on the page is refused", "==== other measured today\n1\n", PAGE, 1),
]


BLOCK = ".. bench: goals\n\n::\n\n"
GOAL = "==== save measured today\nReading a state, in turns\n  ratio  1.70 (1.6 to 1.8), goal at most 1.15: not met\n"


def lists_goals():
    page, _ = put(GOAL, BLOCK + "  old\n\n" + PAGE)
    assert page.startswith(BLOCK + "  not met    1.70  at most 1.15   Reading a state: ratio\n\nText\n"), page


def draws_numbers():
    lines = ["measured today", "", "  Saving 256 MiB", "    the migration file   9.5 ms, 1 us for a MiB", "      of this: checksum  2.5 ms",
             "      of this: copying, and all else  7.0 ms", "    a memfd   6.5 ms"]
    text, _ = bench.PICTURES["save"][0](lines)
    for words in ("saving: the migration file", "saving: a memfd", "9.5 ms", "6.5 ms", "checksum"):
        assert f">{words}<" in text, f"{words} is not in {text}"


def draws_the_page():
    with open(os.path.join(DOCS, "performance.rst"), encoding="utf-8") as file:
        page = file.read()
    for name in bench.PICTURES:
        assert bench.blocks(page)[name], f"there is no block {name}"
        assert f".. figure:: pictures/bench-{name}.svg" in page, f"the page does not show bench-{name}.svg"


def compare(log, wanted):
    got = put(log)
    assert got == wanted, f"status {got[1]}\n{got[0]}"


def main():
    tests = [(name, lambda l=log, w=(page, status): compare(l, w)) for name, log, page, status in CASES]
    return tap.run(tests + [
        ("the goals of all measurements are listed, whether they are met or not", lists_goals),
        ("a picture has the numbers of its block", draws_numbers),
        ("the page shows each picture, and has its block", draws_the_page),
    ])


if __name__ == "__main__":
    sys.exit(main())
