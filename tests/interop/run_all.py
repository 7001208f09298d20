"""Every engine over every table; run_all.sh calls it with an environment in place.

The warehouse has seen several loads and runs, a load of the same files again, a full refresh, rejected
documents, stored failing rows, and an append by PyIceberg. Ends with a line for each engine.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lake import BRONZE, Lake  # noqa: E402
from program import generate  # noqa: E402

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# A line of read_all.py: engine, outcome, seconds, what it found.
READER_LINE = re.compile(r"^(\w[\w-]*) +(ok|DIFF|FAIL|SKIP) +([\d.]+s) ?(.*)$")
# More than the slowest reader takes on two busy cores.
READER_LIMIT_SECONDS = 900


def event_files(scratch):
    data = os.environ.get("OCTOLAKE_TEST_DATA")
    if data:
        return sorted(path for path in Path(data).rglob("*") if path.suffix in (".gz", ".json"))
    return [generate(scratch / f"{era}.json", events=5000, seed=4, era=era) for era in ("2011", "2015", "2025")]


def foreign_append(lake):
    """Events that PyIceberg writes to our Bronze."""
    table = lake.catalog().load_table(BRONZE)
    now = datetime.now(timezone.utc)
    table.append(pa.Table.from_pylist([{
        "id": f"foreign-{number}", "type": "WatchEvent", "actor_id": number, "actor_login": "writer",
        "repo_name": "foreign/boat", "payload": "{}", "created_at": "2016-05-04T03:02:01Z",
        "event_time": datetime(2016, 5, 4, 3, 2, 1, tzinfo=timezone.utc), "ingestion_timestamp": now,
        "ingestion_date": now.date(), "trace_id": f"t{number}", "source": "collect",
    } for number in range(3)], schema=table.schema().as_arrow()))


def busy_lake(scratch):
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    lake = Lake(scratch / "warehouse")
    files = event_files(scratch)
    for part in (files[:1], files[1:3], files[3:]):
        lake.load(*part)
        lake.run()
    (scratch / "odd.json").write_bytes(b'{"id":"1"}\n{"type":"\xff"}\n')
    lake.load(scratch / "odd.json")
    foreign_append(lake)
    lake.octolake("load", "--again", files[0])
    lake.run()
    lake.run("--full-refresh")
    lake.octolake("test", "--store-failures", "--select", "gold_user_activity")
    return lake


def tables_to_read(lake):
    """Those that had a snapshot; of the many alike that hold failing rows, one."""
    tables = [table for table in sorted(lake.counts()) if lake.snapshots(table)]
    failures = [table for table in tables if table.startswith("test_failures.")]
    return [table for table in tables if table not in failures[1:]]


def reader_form(value):
    """A value as read_all.py compares it."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    return value.isoformat() if isinstance(value, date) else value


def write_expected(lake, table, target):
    with open(target, "w", encoding="utf-8") as out:
        for row in lake.rows(table).elements():
            print(json.dumps([reader_form(value) for value in row]), file=out)


def check_files(verify, metadata):
    done = subprocess.run([verify / "v/bin/python", verify / "check_table.py", metadata, "--strict"],
                          capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr, end="", flush=True)
    return done.returncode == 0


def read_with_all(verify, metadata, expected, engines):
    """{engine: (outcome, detail)}"""
    command = [verify / "v/bin/python", verify / "read_all.py", metadata, "--expect", expected,
               "--limit", str(READER_LIMIT_SECONDS)]
    done = subprocess.run(command + (["--engines", engines] if engines else []), capture_output=True,
                          text=True, check=False)
    print(done.stdout + done.stderr, end="", flush=True)
    found = filter(None, map(READER_LINE.match, done.stdout.splitlines()))
    return {match[1]: (match[2], match[4]) for match in found}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verify", type=Path, required=True, help="the readers' environment")
    parser.add_argument("--scratch", type=Path, required=True, help="emptied, then holds the warehouse")
    parser.add_argument("--engines", help="only these, separated by commas")
    arguments = parser.parse_args()
    lake = busy_lake(arguments.scratch.resolve())
    outcomes = defaultdict(list)
    tables = tables_to_read(lake)
    for table in tables:
        print(f"\n== {table}, {lake.counts()[table]} rows", flush=True)
        metadata = lake.metadata_location(table).removeprefix("file://")
        outcomes["specification"].append("ok" if check_files(arguments.verify, metadata) else "FAIL")
        expected = arguments.scratch / "expected.jsonl"
        write_expected(lake, table, expected)
        for engine, (outcome, _) in read_with_all(
                arguments.verify, metadata, expected, arguments.engines).items():
            outcomes[engine].append(outcome)
    print(f"\n{len(tables)} tables; engine: tables that were ok")
    for engine, results in outcomes.items():
        print(f"{engine:14s} {results.count('ok')} {' '.join(sorted(set(results) - {'ok'}))}".rstrip())
    complete = len(outcomes) > 1 and all(results == ["ok"] * len(tables) for results in outcomes.values())
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
