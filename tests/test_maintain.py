"""`octolake maintain`: tables become few files, keep every row, and are what the specification and other engines
expect, also while others write to them.

OCTOLAKE_MAINTAIN_SECONDS says for how long they are kept at work beside each other (default 8; five minutes is what
the figures in docs/maintenance.md were taken with).
"""

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from pyiceberg.exceptions import CommitFailedException

from checker import check_lake
from lake import ALL_TABLES, BRONZE, GOLD, PARSED, Lake, pyiceberg_rows
from program import ZONE, generate
from test_race import foreign_rows

SECONDS = float(os.environ.get("OCTOLAKE_MAINTAIN_SECONDS", "8"))
WRITERS = 4
DAY = 24 * 3600


@pytest.fixture
def small_files(tmp_path):
    """A warehouse whose tables have many small files."""
    lake = Lake(tmp_path / "warehouse", ZONE)
    for number in range(6):
        lake.load(generate(tmp_path / f"{number}.json", events=150, seed=number))
        lake.run()
    return lake


def maintain(lake, *arguments, status=0):
    return lake.octolake("--json", "maintain", *arguments, status=status).json()


def live_files(lake, table):
    return lake.octolake("--json", "tables", table, "--files").json()


def make_old(directory, days):
    at = time.time() - days * DAY
    for path in Path(directory).rglob("*"):
        if path.is_file():
            os.utime(path, (at, at))


def test_every_table_keeps_its_rows_in_fewer_files(small_files):
    lake = small_files
    before = lake.all_rows()
    files = {table: len(live_files(lake, table)) for table in ALL_TABLES}
    done = maintain(lake)
    assert {(row["table"], row["what"]) for row in done} >= {(BRONZE, "data files"), (PARSED, "data files")}
    assert len(live_files(lake, BRONZE)) == 1 < files[BRONZE]
    assert len(live_files(lake, PARSED)) < files[PARSED]
    assert lake.all_rows() == before
    for table in ALL_TABLES:
        assert pyiceberg_rows(lake, table) == before[table], table
    assert check_lake(lake) == ""
    # There is nothing left to do, and the pipeline goes on where it was.
    assert maintain(lake) == []
    report = lake.run()
    assert report["silver"]["bronze_rows"] == 0
    assert [(model["rows"], model["partitions"]) for model in report["models"]] == [(0, [])] * 2
    assert {model["action"] for model in lake.run()["models"]} == {"up to date"}


@pytest.mark.parametrize("strategy", ["binpack", "sort", "zorder"])
def test_each_strategy_keeps_the_rows(small_files, strategy):
    lake = small_files
    before = {table: lake.rows(table) for table in (BRONZE, PARSED)}
    columns = {BRONZE: "type,event_time", PARSED: "event_type,created_at"}
    for table, rows in before.items():
        planned = maintain(lake, table, f"--compact={strategy}", "--columns", columns[table], "--all-files", "--dry-run")
        assert planned[0]["before"] == len(live_files(lake, table))
        maintain(lake, table, f"--compact={strategy}", "--columns", columns[table], "--all-files")
        assert lake.rows(table) == pyiceberg_rows(lake, table) == rows
    assert check_lake(lake) == ""
    if strategy == "sort":
        in_order = [row["type"] for row in lake.sql(f"select type from {BRONZE}")]
        assert in_order == sorted(in_order)


def test_small_targets_make_several_files(small_files):
    lake = small_files
    rows = lake.rows(BRONZE)
    maintain(lake, BRONZE, "--compact", "--target-file-size", "20kB", "--all-files")
    sizes = sorted(row["bytes"] for row in live_files(lake, BRONZE))
    assert len(sizes) > 2 and sizes[1] > 15_000 and sizes[-1] < 40_000
    assert lake.rows(BRONZE) == rows


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """A warehouse with two files of parsed Silver for each of three days. Tests leave its rows alone."""
    directory = tmp_path_factory.mktemp("days")
    lake = Lake(directory / "warehouse", ZONE)
    for seed in (1, 2):
        lake.load(*(generate(directory / f"{era}-{seed}.json", events=50, seed=seed, era=era)
                    for era in ("2011", "2015", "2025")))
        lake.run()
    return lake


def test_only_files_that_can_hold_what_is_asked_for_are_rewritten(days):
    lake = days
    rows = lake.rows(PARSED)
    day = lake.value(f"select max(cast(created_at as date)) from {PARSED}")[:10]
    before = {file["file"]: file["partition"] for file in live_files(lake, PARSED)}
    assert Counter(before.values())[f"created_at_day={day}"] == 2 and len(set(before.values())) > 1
    # Nothing can hold this.
    assert maintain(lake, PARSED, "--compact", "--all-files", "--where", "event_type = 'PushEvent' AND event_id < ''") == []
    maintain(lake, PARSED, "--compact=binpack", "--all-files", "--where",
             f"created_at >= '{day}' AND created_at <= '{day}T23:59:59.999999Z' AND event_type IS NOT NULL")
    after = {file["file"]: file["partition"] for file in live_files(lake, PARSED)}
    assert {partition for file, partition in before.items() if file not in after} == {f"created_at_day={day}"}
    assert Counter(after.values()) == Counter(before.values()) - Counter([f"created_at_day={day}"])
    assert lake.rows(PARSED) == rows
    assert check_lake(lake) == ""


def test_orphans_go_to_quarantine_and_come_back(small_files):
    lake = small_files
    stray = lake.directory / "bronze/github_events/data/stray.parquet"
    stray.write_bytes(b"nobody's")
    make_old(lake.directory, 4)
    before = lake.all_rows()
    (planned,) = maintain(lake, BRONZE, "--orphans", "--dry-run")
    assert planned["before"] == 1 and stray.exists()
    maintain(lake, "--orphans")
    assert not stray.exists()
    assert lake.all_rows() == before
    held = [path for path in (lake.directory / ".quarantine").rglob("*") if path.is_file()]
    # The file, and where it came from.
    assert sorted(path.name for path in held) == ["places", "stray.parquet"]
    maintain(lake, BRONZE, "--undo")
    assert stray.read_bytes() == b"nobody's"
    # Long enough in quarantine, it is removed.
    maintain(lake, BRONZE, "--orphans")
    lake.env = {**lake.env, "OCTOLAKE_MAINTAIN_QUARANTINE": "0s"}
    maintain(lake, BRONZE, "--orphans")
    assert not stray.exists()
    assert not [path for path in (lake.directory / ".quarantine").rglob("*") if path.is_file()]
    assert check_lake(lake) == ""


def test_the_quarantine_of_dropped_tables_is_emptied(tmp_path):
    lake = Lake(tmp_path / "warehouse", ZONE)
    lake.load(generate(tmp_path / "events.json", events=20))
    (lake.directory / "bronze/github_events/data/stray.parquet").write_bytes(b"nobody's")
    make_old(lake.directory, 4)
    maintain(lake, BRONZE, "--orphans")
    lake.catalog().drop_table(BRONZE)

    def held():
        return list((lake.directory / ".quarantine").rglob("*.parquet"))

    assert maintain(lake, "--orphans") == [] and len(held()) == 1
    lake.env = {**lake.env, "OCTOLAKE_MAINTAIN_QUARANTINE": "0s"}
    assert [row["before"] for row in maintain(lake, "--orphans", "--dry-run")] == [1] and len(held()) == 1
    (removed,) = maintain(lake, "--orphans")
    assert removed["table"] == "(dropped tables)" and held() == []
    assert list((lake.directory / ".quarantine").iterdir()) == []


@pytest.mark.parametrize("arguments, message", [
    (["--compact=fast"], "expected binpack, sort or zorder"),
    (["--compact=sort", BRONZE], "needs columns to order the rows by"),
    (["--compact=sort", "--columns", "colour", BRONZE], "has no column colour"),
    (["github_events"], "is no table name"),
    (["--where", "id = '1'", BRONZE], "--where goes with --compact"),
    (["--compact", "--where", "id = '1'"], "with tables that have its columns"),
    (["--compact", "--where", "type = 'A' AND colour = 'red'", BRONZE],
     f"--where for {BRONZE}: filter, at character 16 (colour = 'red'): there is no column 'colour'"),
    (["--compact", "--where", "event_type = 'A'", PARSED, BRONZE], "there is no column 'event_type'"),
    (["--compact", "--where", "type = 'A' OR type = 'B'", BRONZE], "at character 12 (OR type = 'B')"),
    (["--compact", "--where", "event_time > 5", BRONZE], "of type timestamptz, in single quotes"),
    (["--undo", "--expire"], "--undo goes with no other step"),
    (["--compact", "--target-file-size", "20 parsecs", BRONZE], "20 parsecs"),
])
def test_what_is_wrong_is_said(days, arguments, message):
    done = days.octolake("maintain", *arguments, status=None)
    assert done.status in (1, 2) and message in done.err
    assert days.value(f"select count(*) from {BRONZE}") == 300


class Beside:
    """Threads that do the same again and again, until they are told to stop; what fails is kept."""

    def __init__(self):
        self.deadline = time.monotonic() + SECONDS
        self.failures = []
        self.threads = []

    def start(self, step):
        def work():
            number = 0
            while time.monotonic() < self.deadline and not self.failures:
                try:
                    step(number)
                except BaseException as error:  # pylint: disable=broad-except
                    self.failures.append(f"{step.__name__}: {error!r}"[:3000])
                number += 1
        self.threads.append(threading.Thread(target=work, name=step.__name__))
        self.threads[-1].start()

    def finish(self):
        for thread in self.threads:
            thread.join()
        assert self.failures == []


def test_beside_writers_and_readers_no_row_is_lost(tmp_path):
    """Four loads, every kind of compaction, expiry, orphans, appends of PyIceberg, and a reader that reads each
    snapshot it sees twice: once is as good as the other, and no row goes from one to the next."""
    lake = Lake(tmp_path / "warehouse", {**ZONE, "OCTOLAKE_MAINTAIN_EXPIRE_OLDER_THAN": "1m"})
    lake.load(generate(tmp_path / "first.json", events=50, seed=1_000_000))
    lake.run()
    ledger, lock = Counter(), threading.Lock()
    ledger.update(lake.value(f"select list(id) from {BRONZE}"))
    beside = Beside()

    def loads(writer):
        def load(number):
            seed = writer * 10_000 + number
            path = generate(tmp_path / f"{seed}.json", events=40, seed=seed)
            report = lake.load(path)
            assert report["events"] == 40
            with lock:
                ledger.update(json.loads(line)["id"] for line in path.read_bytes().splitlines())
        return load

    def appends(number):
        batch = f"m{number}"
        catalog = lake.catalog()
        rows = foreign_rows(catalog, batch)
        try:
            catalog.load_table(BRONZE).append(rows)
        except CommitFailedException:
            return
        with lock:
            ledger.update(rows["id"].to_pylist())

    strategies = ["--compact=binpack", "--compact=sort", "--compact=zorder"]

    def compacts(number):
        maintain(lake, BRONZE, PARSED, strategies[number % 3], "--columns", "trace_id", "--min-input-files", "2")

    def tidies(number):
        maintain(lake, "--expire", "--orphans", "--rewrite-manifests")

    def runs(number):
        lake.run()

    seen = {}

    def reads(number):
        snapshot = lake.snapshots(BRONZE)[-1]["snapshot_id"]
        ids = Counter(lake.value(f"select list(id) from {BRONZE}", "--as-of", str(snapshot)))
        catalog_rows = lake.catalog().load_table(BRONZE)
        if any(one.snapshot_id == snapshot for one in catalog_rows.snapshots()):
            foreign = catalog_rows.scan(snapshot_id=snapshot, selected_fields=("id",)).to_arrow()["id"].to_pylist()
            assert Counter(foreign) == ids
        assert not seen.get("ids", Counter()) - ids, "rows of an earlier snapshot are gone"
        seen["ids"] = ids

    for writer in range(WRITERS):
        beside.start(loads(writer))
    for step in (appends, compacts, tidies, runs, reads):
        beside.start(step)
    beside.finish()

    assert Counter(lake.value(f"select list(id) from {BRONZE}")) == ledger
    lake.run()
    key = "string_agg(id || ' ' || moment, ',')"
    bronze = lake.value(f"select {key} from (select distinct id, event_time as moment from {BRONZE})").split(",")
    silver = lake.value(f"select {key} from (select event_id as id, created_at as moment from {PARSED})").split(",")
    assert Counter(silver) == Counter(bronze)
    gold = lake.facts(GOLD)
    lake.run("--full-refresh")
    assert lake.facts(GOLD) == gold
    # Snapshots expire when this goes on for a minute; others may then name one that is gone.
    findings = [line for line in check_lake(lake).splitlines() if line.startswith(("ERROR", "WARN"))]
    assert [line for line in findings if not line.endswith("(expired?)")] == []
    # What octolake gave up it has removed; PyIceberg leaves the files of a lost race.
    assert [path for path in unnamed_files(lake) if not Path(path).name.startswith("00000-0-")] == []
    make_old(lake.directory, 4)
    maintain(lake, "--orphans")
    assert unnamed_files(lake) == []
    assert Counter(lake.value(f"select list(id) from {BRONZE}")) == ledger


def unnamed_files(lake):
    """Data files on disk that no snapshot of their table names."""
    named = set()
    catalog = lake.catalog()
    for table in lake.tables():
        loaded = catalog.load_table(table)
        for snapshot in loaded.snapshots():
            for manifest in snapshot.manifests(loaded.io):
                for entry in manifest.fetch_manifest_entry(loaded.io, discard_deleted=True):
                    named.add(entry.data_file.file_path.removeprefix("file://"))
    on_disk = {str(path) for path in lake.directory.rglob("*.parquet") if ".quarantine" not in path.parts}
    return sorted(on_disk - named)
