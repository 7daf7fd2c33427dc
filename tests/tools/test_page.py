#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: test_page.py

tests/bench/page.py, which puts measurements into docs/performance.rst: what was measured replaces its block, all else
stays, and a failed measurement changes nothing. TAP; the last line is "N passed, N failed".
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import tap  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "..", "bench", "page.py")
PAGE = "Text\n\n.. bench: save\n\n::\n\n  not measured yet\n\nMore\n\n.. bench: create\n\n::\n\n  old\n\n  older\n"


def put(log):
    """The page after page.py has read that log, and its status."""
    with tempfile.TemporaryDirectory() as tmp:
        names = [os.path.join(tmp, n) for n in ("log", "page.rst")]
        for name, text in zip(names, (log, PAGE)):
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


def compare(log, wanted):
    got = put(log)
    assert got == wanted, f"status {got[1]}\n{got[0]}"


def main():
    return tap.run((name, lambda l=log, w=(page, status): compare(l, w)) for name, log, page, status in CASES)


if __name__ == "__main__":
    sys.exit(main())
