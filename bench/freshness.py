"""How fast `octolake up` answers, and how soon an event is visible; see bench/README.md.

    --answers   an open-loop client at half the greatest rate: latency of durable answers
    --bronze    2,000 events a second: from the answer to a Bronze snapshot that holds the event
    --gold      the demo: from the answer to the actor's row in Gold

Run it with the Python of the tests, which has PyIceberg: .deps/tests/bin/python
"""

import argparse
import http.client
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pyarrow.parquet
from pyiceberg.catalog.sql import SqlCatalog

from gateway import WRK_SCRIPT, Gateway, event, sync_latency, wrk

BRONZE, GOLD = ("bronze", "github_events"), ("gold", "gold_user_activity")


def numbered_event(size):
    return event(size).replace('"id": "1"', '"id": "@NUMBER@"')


def open_loop(arguments, port, rate, seconds, body, acknowledged=None):
    command = [arguments.open_loop, port, "/collect", rate, seconds, arguments.connections, body]
    command += [acknowledged] if acknowledged else []
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    if result["other_answers"]:
        sys.exit(f"not every request was answered with 200: {done.stdout}")
    return result


def answers(arguments, folder):
    script, body = folder / "post.lua", folder / "event.json"
    script.write_text(WRK_SCRIPT)
    body.write_text(event(arguments.event_bytes))
    environment = {**os.environ, "BENCH_SCRIPT": str(script), "BENCH_EVENT": str(body)}
    worst = []
    for number in range(arguments.runs):
        with tempfile.TemporaryDirectory(prefix="octolake-bench-", dir=arguments.directory) as warehouse:
            sync = sync_latency(warehouse)
            gateway = Gateway(arguments.octolake, warehouse)
            try:
                rate = arguments.rate or wrk(gateway.port, 5, arguments.connections, environment)["rate"] / 2
                gateway.drain()
                found = open_loop(arguments, gateway.port, rate, arguments.seconds, body)
            finally:
                gateway.stop()
        worst.append(found["p99"] / 1000)
        print(f"run {number + 1}: {rate:,.0f}/s, p50 {found['p50'] / 1000:.2f} ms, p99 {found['p99'] / 1000:.2f} ms, "
              f"p99.9 {found['p999'] / 1000:.2f} ms, greatest {found['max'] / 1000:.1f} ms; fdatasync p50 "
              f"{sync:.2f} ms", flush=True)
    print(f"durable answers at half the greatest rate, median p99: {statistics.median(worst):.2f} ms")


class Watch:
    """Sees when a table's metadata changes, by asking its catalog every few milliseconds."""

    def __init__(self, warehouse, table):
        self._database, self._table = f"file:{warehouse}/catalog.db?mode=ro", table
        self.seen = {}  # metadata location: when it was first seen
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join()

    def _work(self):
        with closing(sqlite3.connect(self._database, uri=True, timeout=10)) as database:
            while not self._stopping.wait(0.003):
                found = database.execute("select metadata_location from iceberg_tables where table_namespace = ? "
                                         "and table_name = ?", self._table).fetchone()
                if found:
                    self.seen.setdefault(found[0], time.time())


def open_table(warehouse, table):
    catalog = SqlCatalog("demo", uri=f"sqlite:///{warehouse}/catalog.db", warehouse=f"file://{warehouse}")
    return catalog.load_table(table)


def bronze(arguments, folder):
    body = folder / "numbered.json"
    body.write_text(numbered_event(arguments.event_bytes))
    for number in range(arguments.runs):
        with tempfile.TemporaryDirectory(prefix="octolake-bench-", dir=arguments.directory) as directory:
            gateway = Gateway(arguments.octolake, directory)
            watch = Watch(f"{directory}/warehouse", BRONZE)
            try:
                acknowledged = folder / "acknowledged"
                open_loop(arguments, gateway.port, arguments.bronze_rate, arguments.seconds, body, acknowledged)
                gateway.drain()
            finally:
                watch.stop()
                gateway.stop()
            delays = bronze_delays(f"{directory}/warehouse", acknowledged, watch.seen)
        print(f"run {number + 1}: {len(delays):,} events at {arguments.bronze_rate:,}/s, from the answer to Bronze "
              f"p50 {delays[len(delays) // 2]:.2f} s, p99 {delays[len(delays) * 99 // 100]:.2f} s, greatest "
              f"{delays[-1]:.2f} s", flush=True)


def bronze_delays(warehouse, acknowledged, seen):
    """Seconds from the answer to the first look at which the event's snapshot was there."""
    answered = {}
    for line in acknowledged.read_text().splitlines():
        trace_id, micros = line.split()
        answered[trace_id] = int(micros) / 1e6
    visible = {}
    for location, when in sorted(seen.items(), key=lambda entry: entry[1]):
        snapshot = json.loads(Path(location.removeprefix("file://")).read_text()).get("current-snapshot-id")
        visible.setdefault(snapshot, when)
    delays = []
    entries = open_table(warehouse, BRONZE).inspect.entries().to_pylist()
    # A snapshot that no look saw was visible with the next one.
    order = sorted(visible, key=visible.get)
    when_of = {snapshot: visible[snapshot] for snapshot in order}
    for entry in entries:
        path = entry["data_file"]["file_path"].removeprefix("file://")
        when = when_of.get(entry["snapshot_id"])
        if when is None:
            sys.exit(f"snapshot {entry['snapshot_id']} was not seen; is the machine too busy?")
        for trace_id in pyarrow.parquet.read_table(path, columns=["trace_id"])["trace_id"].to_pylist():
            delays.append(when - answered.pop(trace_id))
    if answered:
        sys.exit(f"{len(answered)} acknowledged events are not in Bronze")
    return sorted(delays)


def gold(arguments, folder):
    with tempfile.TemporaryDirectory(prefix="octolake-bench-", dir=arguments.directory) as directory:
        gateway = Gateway(arguments.octolake, directory, "--demo")
        try:
            delays = [gold_delay(gateway.port, f"{directory}/warehouse", number) for number in range(arguments.probes)]
        finally:
            gateway.stop()
    delays.sort()
    print(f"{len(delays)} events beside the demo's, from the answer to Gold: median {statistics.median(delays):.2f} s, "
          f"greatest {delays[-1]:.2f} s")


def gold_delay(port, warehouse, number):
    # Not in step with the runs.
    time.sleep(random.uniform(0, 2))
    login = f"probe-{number}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    body = json.dumps({"id": f"9{number}", "type": "WatchEvent", "created_at": now, "payload": {"action": "started"},
                       "actor": {"id": 10_000_000 + number, "login": login}, "repo": {"id": 1, "name": "octo/lake"}})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/collect", body)
    if connection.getresponse().status != 200:
        sys.exit("an event was refused")
    answered, last = time.time(), None
    while time.time() < answered + 120:
        time.sleep(0.02)
        with closing(sqlite3.connect(f"file:{warehouse}/catalog.db?mode=ro", uri=True, timeout=10)) as database:
            found = database.execute("select metadata_location from iceberg_tables where table_namespace = ? and "
                                     "table_name = ?", GOLD).fetchone()
        when = time.time()
        if found is None or found == last:
            continue
        last = found
        rows = open_table(warehouse, GOLD).scan(row_filter=f"actor_login == '{login}'").to_arrow()
        if rows.num_rows:
            return when - answered
    sys.exit(f"{login} is not in Gold after two minutes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--open-loop", help="the client that is built beside it (target open_loop)")
    parser.add_argument("--answers", action="store_true")
    parser.add_argument("--bronze", action="store_true")
    parser.add_argument("--gold", action="store_true")
    parser.add_argument("--rate", type=float, help="instead of half the greatest")
    parser.add_argument("--bronze-rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--event-bytes", type=int, default=2048)
    parser.add_argument("--probes", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--directory", help="where the warehouse is (a disk, not memory)")
    arguments = parser.parse_args()
    arguments.open_loop = arguments.open_loop or Path(arguments.octolake).with_name("open_loop")
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        for part in (answers, bronze, gold):
            if getattr(arguments, part.__name__):
                part(arguments, Path(folder))


if __name__ == "__main__":
    main()
