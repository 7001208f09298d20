#!/usr/bin/env python3
"""Check that rooms include only rooms above them.

Reads every #include "room/..." under src/ and fails on one that points to a room further down the
list, on a room that is not in the list, on an include that names no file, and on headers of a room
that include one another in a circle.

usage: include_direction.py SRC
"""

import pathlib
import re
import sys

# Lowest first, as in ARCHITECTURE.md: a room may include itself and any before it.
ROOMS = """base io avro event journal iceberg datafile sql lake model kafka maintain source gateway
schedule cli""".split()
# What the order alone would allow, but the rooms' purposes forbid.
FORBIDDEN = {("iceberg", "event"), ("journal", "event"), ("datafile", "event")}
SUFFIXES = {".h", ".cc"}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def read_includes(src):
    """Relative path -> the quoted includes of that file."""
    return {
        path.relative_to(src).as_posix(): INCLUDE.findall(path.read_text(encoding="utf-8"))
        for path in sorted(src.rglob("*"))
        if path.suffix in SUFFIXES
    }


def wrong_directions(includes):
    for file, targets in includes.items():
        room = file.split("/")[0]
        if room not in ROOMS:
            yield f"{file}: {room} is not a room"
            continue
        for target in targets:
            other = target.split("/")[0]
            if target not in includes:
                yield f'{file}: "{target}" is no file under src/ (paths start at src/, other code goes in <>)'
            elif other in ROOMS and ROOMS.index(other) > ROOMS.index(room):
                yield f"{file}: includes {target}, but {room} stands above {other}"
            elif (room, other) in FORBIDDEN:
                yield f"{file}: includes {target}, but {room} must not know {other}"


def find_cycle(includes):
    """One circle of includes as a list of files, or None."""
    done, path = set(), []

    def visit(file):
        if file in path:
            return path[path.index(file):] + [file]
        if file in done:
            return None
        path.append(file)
        for target in includes[file]:
            if target in includes and (cycle := visit(target)):
                return cycle
        path.pop()
        done.add(file)
        return None

    return next((cycle for file in includes if (cycle := visit(file))), None)


def main():
    includes = read_includes(pathlib.Path(sys.argv[1]))
    if not includes:
        sys.exit(f"{sys.argv[1]}: no sources")
    problems = list(wrong_directions(includes))
    if cycle := find_cycle(includes):
        problems.append("a circle of includes: " + " -> ".join(cycle))
    print("\n".join(problems) or f"{len(includes)} files, every include points upwards")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
