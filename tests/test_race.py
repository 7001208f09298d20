"""Many processes at work in one warehouse: four load overlapping files, two run the models, PyIceberg appends
to Bronze. All of them get done, and the result is as if they had come one after the other.

OCTOLAKE_RACE_SECONDS says for how long new commands are started (default 12).
"""

import json
import os
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.exceptions import CommitFailedException

from checker import NO_CHECKER, check, check_lake, verify_home
from comparison import contents, differences, leftovers, missing_files, partly_loaded, repeated_trace_ids
from lake import ALL_TABLES, BRONZE, LOADED, Lake
from program import ZONE, generate

SECONDS = float(os.environ.get("OCTOLAKE_RACE_SECONDS", "12"))
LOADERS = 4
RUNNERS = 2
FILES_A_LOAD = 5
# Loaders go through the files at about the same pace, so that they meet at most of them.
WINDOW = 8
STEP = 3
EVENTS_A_FILE = 60
EVENTS_SHARED = 10  # with the file before
ROWS_AN_APPEND = 4
ATTEMPTS_OF_PYICEBERG = 5  # commit.retry.num-retries, and the first
FILES_OF_A_COMMIT = 3  # a manifest, a manifest list and metadata
# One run in so many computes the models from all of Silver.
FULL_REFRESH_EVERY = 4
# PyIceberg dates its metadata by its snapshot, which it made before it looked for the newest metadata, so that its
# time may be before that of the metadata it follows. octolake's log, which is in order, has the later time for both.
PYICEBERGS_TIME = re.compile("metadata-log .*(timestamps go back|ends after last-updated-ms|is not the log's)")


def foreign_rows(catalog, batch):
    """What another program would append: rows that no file has."""
    schema = catalog.load_table(BRONZE).schema().as_arrow()
    at = datetime(2016, 5, 4, 3, 2, 1, tzinfo=timezone.utc)
    return pa.Table.from_pylist([{
        "id": f"foreign-{batch}-{number}", "type": "PushEvent", "public": True, "actor_id": 900 + number,
        "actor_login": f"writer{number}", "repo_id": 77, "repo_name": "foreign/boat",
        "payload": json.dumps({"size": number, "ref": "refs/heads/main"}), "created_at": "2016-05-04T03:02:01Z",
        "event_time": at, "ingestion_timestamp": at, "ingestion_date": at.date(),
        "trace_id": f"foreign-{batch}-{number}", "source": "collect",
    } for number in range(ROWS_AN_APPEND)], schema=schema)


def foreign_batches(path):
    """Of which of them a data file holds rows; none other may be in it."""
    ids = pq.ParquetFile(path).read(columns=["id"]).column("id").to_pylist()
    assert all(text.startswith("foreign-") for text in ids), (path, ids[:3])
    return {int(text.split("-")[1]) for text in ids}


@dataclass
class Race:
    """What took part in it."""
    lake: Lake
    files: list
    tried: set = field(default_factory=set)  # files that some load was given
    loads: int = 0
    runs: int = 0
    failures: list = field(default_factory=list)
    appended: list = field(default_factory=list)  # batches
    refused: list = field(default_factory=list)
    unknown: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    # PyIceberg appends once for every command that has ended, or it would leave no room to the others.
    ended: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


def command(race, *arguments):
    with race.lake.start(*arguments) as process:
        done = process.finish(status=None)
    race.ended.release()
    if done.status != 0:
        with race.lock:
            race.failures.append(f"{arguments[0]}: status {done.status}: {done.err[-1500:]}")


def load_for(race, deadline, seed):
    choice = random.Random(seed)
    at = 0
    while time.monotonic() < deadline:
        window = [race.files[(at + ahead) % len(race.files)] for ahead in range(WINDOW)]
        files = choice.sample(window, FILES_A_LOAD)
        with race.lock:
            race.tried.update(files)
            race.loads += 1
        command(race, "load", *files)
        at += STEP


def run_for(race, deadline, number):
    while time.monotonic() < deadline:
        with race.lock:
            race.runs += 1
            full = race.runs % FULL_REFRESH_EVERY == number
        command(race, "run", *(["--full-refresh"] if full else []))


def append_for(race, deadline):
    catalog = race.lake.catalog()
    batch = 0
    while time.monotonic() < deadline:
        if not race.ended.acquire(timeout=1):
            continue
        batch += 1
        try:
            catalog.load_table(BRONZE).append(foreign_rows(catalog, batch))
            race.appended.append(batch)
        except CommitFailedException:
            race.refused.append(batch)
        except Exception as error:  # noqa: BLE001 - a locked database has many names; the rows tell
            race.unknown.append((batch, repr(error)))


@pytest.fixture(scope="module")
def race(tmp_path_factory):
    directory = tmp_path_factory.mktemp("race")
    count = max(30, int(SECONDS * STEP))
    stream = generate(directory / "stream", events=count * EVENTS_A_FILE + EVENTS_SHARED, seed=3
                      ).read_bytes().splitlines(keepends=True)
    files = []
    for number in range(count):
        files.append(directory / f"{number:04}.json")
        begin = number * EVENTS_A_FILE
        files[-1].write_bytes(b"".join(stream[begin:begin + EVENTS_A_FILE + EVENTS_SHARED]))
    race = Race(Lake(directory / "warehouse", ZONE), files)
    race.lake.load(files[0])
    race.tried.add(files[0])

    deadline = time.monotonic() + SECONDS
    threads = [threading.Thread(target=load_for, args=(race, deadline, seed)) for seed in range(LOADERS)]
    threads += [threading.Thread(target=run_for, args=(race, deadline, number)) for number in range(RUNNERS)]
    threads.append(threading.Thread(target=append_for, args=(race, deadline)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"\n{race.loads} loads of {len(race.tried)} files, {race.runs} runs, appends by PyIceberg: "
          f"{len(race.appended)} done, {len(race.refused)} refused, {len(race.unknown)} unknown {race.unknown[:2]}; "
          f"{len(race.failures)} commands failed")
    return race


@pytest.fixture(scope="module")
def result(race):
    """After everything that was tried has been repeated once, by nobody else."""
    again = race.lake.load(*sorted(race.tried))
    race.lake.run()
    return again, contents(race.lake)


@pytest.fixture(scope="module")
def wanted(race, result, tmp_path_factory):
    """The same files and foreign rows, one after the other."""
    _, found = result
    lake = Lake(tmp_path_factory.mktemp("race-clean") / "warehouse", ZONE)
    lake.load(*sorted(race.tried))
    catalog = lake.catalog()
    ids = set(found[BRONZE].column("id").to_pylist())
    certain = race.appended + [batch for batch, _ in race.unknown if f"foreign-{batch}-0" in ids]
    if certain:
        rows = pa.concat_tables(foreign_rows(catalog, batch) for batch in certain)
        catalog.load_table(BRONZE).append(rows)
    lake.run()
    return contents(lake)


class TestRace:
    def test_no_command_failed(self, race):
        assert race.failures == []
        assert race.loads >= LOADERS and race.runs >= RUNNERS

    def test_every_file_was_loaded_once(self, race, result):
        again, found = result
        assert again["events"] == 0
        assert {entry["outcome"] for entry in again["files"]} == {"skipped"}
        names = found[LOADED].column("name").to_pylist()
        assert sorted(names) == sorted(map(str, race.tried))
        assert partly_loaded(race.lake) == []
        assert repeated_trace_ids(found[BRONZE]) == 0

    def test_all_tables_are_as_after_one_at_a_time(self, result, wanted):
        assert differences(result[1], wanted) == []

    def test_another_program_was_neither_overwritten_nor_kept_out(self, race, result):
        ids = set(result[1][BRONZE].column("id").to_pylist())
        present = {batch for batch in range(1, 1 + len(race.appended) + len(race.refused) + len(race.unknown))
                   if f"foreign-{batch}-0" in ids}
        assert present >= set(race.appended)
        assert present.isdisjoint(race.refused)
        assert race.appended

    def test_a_full_refresh_changes_nothing(self, race, result, wanted):
        race.lake.run("--full-refresh")
        assert differences(contents(race.lake), wanted) == []

    def test_every_file_is_named_and_there(self, race, result):
        assert set(result[1]) == set(ALL_TABLES)
        assert missing_files(race.lake) == []
        left = leftovers(race.lake)
        assert [path for path in left if not path.startswith(BRONZE.replace(".", "/"))] == []
        # Of an append that PyIceberg gave up it leaves the data file, and takes its manifests away.
        data = [path for path in left if path.endswith(".parquet")]
        given_up = Counter(batch for path in data for batch in foreign_batches(race.lake.directory / path))
        assert given_up.keys() <= {*race.refused, *(batch for batch, _ in race.unknown)}
        assert given_up.total() == len(given_up) == len(data)
        # It tries a lost commit again by itself, and leaves the metadata file of each attempt where it is: our
        # commands remove those. Of attempts without an answer it leaves all, and nothing may be committed after them.
        assert len(left) - len(data) <= len(race.unknown) * ATTEMPTS_OF_PYICEBERG * FILES_OF_A_COMMIT

    @pytest.mark.skipif(verify_home() is None, reason=NO_CHECKER)
    def test_the_checker_finds_nothing(self, race, result):
        findings = [line for line in check_lake(race.lake).splitlines() if line.startswith("ERROR ")]
        assert [line for line in findings if not PYICEBERGS_TIME.search(line)] == []
        assert check(*(race.lake.metadata_location(table) for table in ALL_TABLES if table != BRONZE)) == ""


class TestTheFirstMoment:
    """Processes that make the same warehouse, its catalog, its tables, all at once."""

    @pytest.mark.parametrize("attempt", range(2))
    def test_several_make_the_same_warehouse(self, tmp_path, attempt):
        files = [generate(tmp_path / f"{number}.json", events=50, seed=40 + number) for number in range(3)]
        lake = Lake(tmp_path / "deep" / "er" / "warehouse", ZONE)
        processes = [lake.start("load", file) for file in [*files, files[0]]]
        for process in processes:
            with process:
                process.finish()
        assert lake.counts() == {table: {BRONZE: 150, LOADED: 3}.get(table, 0)
                                 for table in ALL_TABLES if table.startswith("bronze") or table.endswith("parsed")}
        assert partly_loaded(lake) == []
        lake.run()
        assert leftovers(lake) == []


class TestCommitsOfOneFile:
    """Loads whose commits follow each other so closely that each loses many races."""

    LOADS = 16
    FILES_A_LOAD = 8

    def test_all_loads_get_done(self, tmp_path):
        lines = generate(tmp_path / "stream", events=self.LOADS * self.FILES_A_LOAD, seed=5
                         ).read_bytes().splitlines(keepends=True)
        assert len(set(lines)) > len(lines) / 2  # a repeated one makes a file that is skipped
        files = []
        for number, line in enumerate(lines):
            files.append(tmp_path / f"{number:04}.json")
            files[-1].write_bytes(line)
        lake = Lake(tmp_path / "warehouse", ZONE)
        loads = [lake.start("load", *files[first::self.LOADS], env={"OCTOLAKE_LOAD_COMMIT_FILES": "1"})
                 for first in range(self.LOADS)]
        for load in loads:
            with load:
                load.finish()
        assert lake.counts()[BRONZE] == lake.counts()[LOADED] == len(set(lines))
        assert leftovers(lake) == []
