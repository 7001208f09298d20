#!/usr/bin/env python3
"""Print one line that counts the tests of JUnit files: 'N passed, N failed[, N skipped]'.

A file that is missing or holds no test counts as one failure: its runner did not do its work.

usage: summarise.py JUNIT_FILE...
"""

import sys
import xml.etree.ElementTree as ElementTree


def outcomes(path):
    """'passed', 'failed' or 'skipped' for each test in one file."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return ["failed"]
    if not cases:
        print(f"{path}: no tests", file=sys.stderr)
        return ["failed"]
    return [outcome(case) for case in cases]


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("status") == "disabled":
        return "skipped"
    # ctest: 'run' is a pass; pytest writes no status.
    return "passed" if case.get("status", "run") == "run" else "failed"


def main():
    found = [result for path in sys.argv[1:] for result in outcomes(path)]
    passed, failed, skipped = (found.count(kind) for kind in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
