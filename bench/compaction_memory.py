"""How much memory compaction takes of a table of some gigabytes, by binpack and along a curve; see bench/README.md.

The files are loaded again and again into a new warehouse, in data files of a few megabytes, until Bronze is as large as
wanted. After each compaction the table is rolled back, so that all begin with the same files.
"""

import argparse
import os
import tempfile
from pathlib import Path

from compaction import Lake
from load import timed

TABLE = "bronze.github_events"
WAYS = {"binpack": ["--compact=binpack"], "Z-order": ["--compact=zorder", "--columns", "type,event_time", "--all-files"]}


def fill(lake, files, wanted):
    os.environ["OCTOLAKE_WRITE_TARGET_FILE_SIZE"] = "4MiB"
    while True:
        lake.run("load", "--again", *files)
        if sum(row["bytes"] for row in lake.files(TABLE)) >= wanted:
            break
    del os.environ["OCTOLAKE_WRITE_TARGET_FILE_SIZE"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--warehouse", help="a directory that an earlier run has filled, or that is to be filled and kept")
    parser.add_argument("files", nargs="*", help="files of events, where there is something to fill")
    arguments = parser.parse_args()
    octolake = str(Path(arguments.octolake).resolve())
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        lake = Lake(octolake, Path(arguments.warehouse or folder).resolve() / "warehouse")
        if not lake.directory.exists():
            fill(lake, arguments.files, arguments.gigabytes * 1e9)
        files = lake.files(TABLE)
        megabytes = sum(row["bytes"] for row in files) / 1e6
        head = lake.head(TABLE)
        print(f"{len(files)} files, {megabytes:.0f} MB, {sum(row['rows'] for row in files):,} rows", flush=True)
        for name, way in WAYS.items():
            wall, cpu, memory = timed([octolake, "--warehouse", str(lake.directory), "--quiet", "maintain", TABLE, *way])
            after = lake.files(TABLE)
            lake.run("tables", TABLE, "--rollback-to", str(head))
            print(f"{name:8} {wall:7.1f} s wall {cpu:7.1f} s CPU {memory:6.0f} MB {megabytes / wall:7.1f} MB/s, {len(after)} files, "
                  f"{sum(row['bytes'] for row in after) / 1e6:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
