"""What a query opens of a day of parsed Silver in Z-order, against the same rows unsorted; see bench/README.md.

A synthetic day whose events arrive in no order is brought to Silver, and its files are rewritten at a size of which there
are at least 64: once as the rows came (binpack), once along the curve. For each the query, ForkEvent within one hour, runs
under strace, which says what it read of which data file; a page counts as opened if any of its bytes were read.
"""

import argparse
import json
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path

import parquet_pages

TABLE = "silver.github_events_parsed"
EVENTS = 864_000  # a day of the generator's ten a second
PIECES = 100
READ = re.compile(r"(?:pread64|read)\(\d+<([^>]*\.parquet)>, .*?, (\d+)(?:, (\d+))?\) += (\d+)$")


def shuffled_day(octolake, events, folder):
    """Files of events in random order, each of the whole day; the day as a text."""
    rng = random.Random(11)
    day = None
    files = [open(folder / f"{piece:03}.json", "wb") for piece in range(PIECES)]
    with subprocess.Popen([octolake, "generate", "--quiet", "--events", str(events)], stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            day = day or json.loads(line)["created_at"][:10]
            rng.choice(files).write(line)
    for file in files:
        file.close()
        path = Path(file.name)
        lines = path.read_bytes().splitlines(keepends=True)
        rng.shuffle(lines)
        path.write_bytes(b"".join(lines))
    return day


class Lake:
    def __init__(self, octolake, directory):
        self.octolake, self.directory = octolake, str(directory)

    def command(self, *arguments):
        return [self.octolake, "--warehouse", self.directory, *arguments]

    def run(self, *arguments):
        return subprocess.run(self.command(*arguments), check=True, capture_output=True, text=True).stdout

    def files(self, day):
        """Of the day's partition: path and bytes."""
        rows = json.loads(self.run("--json", "tables", TABLE, "--files"))
        return {row["file"].removeprefix("file://"): row["bytes"] for row in rows if day in row["partition"]}


def opened(lake, query, trace):
    """The byte ranges that the query read, by data file; its answer; its seconds."""
    start = time.monotonic()
    answer = json.loads(lake.run("sql", "--format", "json", query))
    seconds = time.monotonic() - start
    subprocess.run(["strace", "-f", "-y", "-e", "trace=read,pread64", "-e", "signal=none", "-o", trace,
                    *lake.command("sql", "--format", "json", query)], check=True, capture_output=True)
    ranges = {}
    position = {}
    for line in open(trace, encoding="utf-8", errors="replace"):
        if found := READ.search(line):
            path, _, offset, got = found.groups()
            begin = int(offset) if offset is not None else position.get(path, 0)
            if offset is None:
                position[path] = begin + int(got)
            ranges.setdefault(path, []).append((begin, begin + int(got)))
    return ranges, answer, seconds


def covered(ranges):
    total = end = 0
    for begin, stop in sorted(ranges):
        begin = max(begin, end)
        if stop > begin:
            total += stop - begin
            end = stop
    return total


def report(name, lake, day, query, scratch):
    files = lake.files(day)
    ranges, answer, seconds = opened(lake, query, str(scratch / "trace"))
    ranges = {path: read for path, read in ranges.items() if path in files}
    pages = {path: parquet_pages.pages(path) for path in files}
    touched = sum(any(begin < stop and start < end for start, stop in ranges.get(path, []))
                  for path, found in pages.items() for begin, end in found)
    figures = {"files": len(ranges), "bytes of files": sum(files[path] for path in ranges),
               "bytes read": sum(covered(read) for read in ranges.values()), "pages": touched}
    print(f"{name}: {len(files)} files, {sum(files.values()) / 1e6:.1f} MB, {sum(map(len, pages.values()))} pages; opened "
          + ", ".join(f"{value:,} {key}" for key, value in figures.items()) + f"; {1000 * seconds:.0f} ms")
    return figures, answer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--target-file-size", default="300KB")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        scratch = Path(folder).resolve()
        octolake = str(Path(arguments.octolake).resolve())
        lake = Lake(octolake, scratch / "warehouse")
        (scratch / "events").mkdir()
        day = shuffled_day(octolake, arguments.events, scratch / "events")
        lake.run("--quiet", "load", str(scratch / "events"))
        lake.run("--quiet", "run", "--select", "silver_github_events")
        query = (f"SELECT * EXCLUDE (processed_at) FROM {TABLE} WHERE event_type = 'ForkEvent' "
                 f"AND created_at >= '{day} 12:00:00+00' AND created_at < '{day} 13:00:00+00' ORDER BY event_key")
        rewrite = ["--quiet", "maintain", TABLE, "--all-files", "--target-file-size", arguments.target_file_size]
        lake.run(*rewrite, "--compact=binpack")
        unsorted, rows = report("unsorted", lake, day, query, scratch)
        lake.run(*rewrite, "--compact=zorder", "--columns", "event_type,created_at")
        ordered, same_rows = report("z-order ", lake, day, query, scratch)
        if rows != same_rows or not rows:
            raise SystemExit(f"{len(rows)} rows became {len(same_rows)}, or are not the same")
        print(f"{len(rows)} rows; opened in z-order, of what is opened unsorted: "
              + ", ".join(f"{ordered[key] / unsorted[key]:.3f} of the {key}" for key in ordered))


if __name__ == "__main__":
    main()
