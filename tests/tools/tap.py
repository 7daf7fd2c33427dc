# SPDX-License-Identifier: GPL-2.0-only
"""TAP of Python tests: a test is a function that raises if it fails."""

import traceback


def run(tests):
    """Run pairs of a name and a function. The last line is "N passed, N failed". Returns the status for sys.exit()."""
    passed = failed = 0
    for name, function in tests:
        try:
            function()
            passed += 1
            print(f"ok {passed + failed} - {name}")
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {passed + failed} - {name}")
            for line in f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-2)}".splitlines():
                print(f"# {line}")
    print(f"1..{passed + failed}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1
