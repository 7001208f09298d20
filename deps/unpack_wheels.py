#!/usr/bin/env python3
"""Lay out what is used of the wheels in wheels.txt as include/, lib/ and licenses/.

usage: unpack_wheels.py WHEEL_DIRECTORY TARGET
"""

import pathlib
import re
import sys
import zipfile

# Archive path -> path under TARGET. Arrow's Python glue headers and its other libraries stay behind.
RULES = [
    (re.compile(r"pyarrow/(include/(?:arrow/(?!python/)|parquet/).*)"), r"\1"),
    (re.compile(r"pyarrow/(lib(?:arrow|arrow_compute|arrow_s3|parquet)\.so\.\d+)"), r"lib/\1"),
    (re.compile(r"pyarrow-[^/]*\.dist-info/licenses/(LICENSE|NOTICE)\.txt"), r"licenses/arrow-\1.txt"),
    (re.compile(r"duckdb_extension_httpfs/extensions/v[^/]+/(httpfs\.duckdb_extension)"), r"lib/\1"),
]


def place(name):
    for pattern, target in RULES:
        if match := pattern.fullmatch(name):
            return match.expand(target)
    return None


def main():
    wheels, target = map(pathlib.Path, sys.argv[1:])
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if not name.endswith("/") and (relative := place(name)):
                    path = target / relative
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(archive.read(name))


main()
