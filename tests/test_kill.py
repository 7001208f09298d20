"""kill -9 at any moment of `load` and `run`, then the same command again: nothing is lost, doubled or left.

A trial is a warehouse of its own that takes the same files in two rounds of load and run, as the clean one
did, but every command is killed, perhaps several times, before it may end. Moments are spread over the time
the command takes and over its commits. OCTOLAKE_KILLS says how many (default 12), OCTOLAKE_KILL_SEED which.
"""

import os
import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pytest
from pyiceberg.expressions import EqualTo

from checker import NO_CHECKER, check_lake, verify_home
from comparison import (
    contents, differences, leftovers, missing_files, partly_loaded, repeated_trace_ids, table_differences,
)
from lake import ALL_TABLES, BRONZE, CIRCUMSTANCES, Lake
from program import ZONE, generate

KILLS = int(os.environ.get("OCTOLAKE_KILLS", "12"))
SEED = int(os.environ.get("OCTOLAKE_KILL_SEED", time.time_ns() % 1_000_000))

MANY_KILLS = 100  # from here on it may take longer

# Several commits of each command, where a few files would be one.
SMALL_COMMITS = {"OCTOLAKE_LOAD_COMMIT_FILES": "2", "OCTOLAKE_SILVER_COMMIT_ROWS": "3000"}
# Queries that spill, so that there are files of DuckDB's to leave behind.
LITTLE_MEMORY = {"OCTOLAKE_SQL_MEMORY_LIMIT": "40MB", "OCTOLAKE_SQL_THREADS": "1"}
SETTINGS = [{}, SMALL_COMMITS, LITTLE_MEMORY]

# Of the commands that were killed, so many are killed again when they are repeated.
KILLED_AGAIN = 0.6
# After a commit was seen to begin: until its journal is gone, old files are removed, the next is prepared.
MOST_SECONDS_AFTER_COMMIT = 0.01


class CommitWatch:
    """Counts the commits to a warehouse: each has a rollback journal beside the catalog for a while."""

    def __init__(self, lake):
        self._journal = lake.directory / "catalog.db-journal"
        self._seen = self._journal.exists()
        self.commits = 0

    def look(self):
        there = self._journal.exists()
        self.commits += there and not self._seen
        self._seen = there


@dataclass
class Clean:
    """What a warehouse holds to which nothing happened, and what its commands took."""
    rounds: list
    contents: dict
    seconds: dict
    commits: dict


def commands(rounds):
    for number, files in enumerate(rounds):
        yield (number, "load"), ["load", *files]
        yield (number, "run"), ["run"]


@pytest.fixture(scope="module")
def rounds(tmp_path_factory):
    """Files for two rounds: all eras, events that come again within and across them, what is rejected, the
    same content under two names, something late; real events too if they are here."""
    directory = tmp_path_factory.mktemp("kill-events")
    stream = generate(directory / "2015", events=9000, seed=15).read_bytes().splitlines(keepends=True)
    parts = {"a": stream[:3500], "b": stream[3000:6000], "late": stream[5500:]}
    for name, lines in parts.items():
        (directory / f"{name}.json").write_bytes(b"".join(lines))
    (directory / "b.json").open("ab").write(b'{"id":"1"}\nnot json\n{"type":"WatchEvent","id":"7"}\n')
    shutil.copy(directory / "a.json", directory / "a-again.json")
    generate(directory / "2011.json", events=2000, seed=11, era="2011")
    generate(directory / "2025.json", events=3000, seed=25, era="2025")
    files = [["2011", "a", "b", "a-again"], ["2025", "late"]]
    found = [[directory / f"{name}.json" for name in names] for names in files]
    if data := os.environ.get("OCTOLAKE_TEST_DATA"):
        found[0].append(f"{data}/gharchive/2021-07-21-few-hours.json.gz")
        found[1].append(f"{data}/events_api/2023-04-repo-page.json.gz")
        if KILLS >= MANY_KILLS:
            found[1].append(f"{data}/gharchive/2012-04-01-12.json.gz")
    return found


@pytest.fixture(scope="module")
def clean(rounds, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("kill-clean") / "warehouse", ZONE)
    seconds, commits = {}, {}
    for key, command in commands(rounds):
        watch, start = CommitWatch(lake), time.monotonic()
        with lake.start(*command) as process:
            while process.running():
                watch.look()
            process.finish()
        # On a busy machine the watch can be too slow for some of them, or for all.
        seconds[key], commits[key] = time.monotonic() - start, max(watch.commits, 1)
    assert leftovers(lake) == []
    assert check_lake(lake) == ""
    return Clean(rounds, contents(lake), seconds, commits)


class Trials:
    """Kills commands in warehouses of their own until there have been enough."""

    def __init__(self, clean, directory):
        self.clean = clean
        self.directory = directory
        self.random = random.Random(SEED)
        self.moments = Counter()  # (command, how many of its commits had begun)
        self.problems = []
        self.left = []

    def run(self, kills):
        number = 0
        while self.moments.total() < kills:
            number += 1
            assert number <= 5 + kills, "commands end before they can be killed"
            self._trial(number)

    def _trial(self, number):
        lake = Lake(self.directory / str(number), {**ZONE, **SETTINGS[number % len(SETTINGS)]})
        what = f"seed {SEED}, trial {number}: "
        for key, command in commands(self.clean.rounds):
            while self._killed(lake, key, command):
                self.problems += [f"{what}{key}: loaded in part: {row}" for row in in_part(lake)]
                if self.random.random() > KILLED_AGAIN:
                    break
            lake.octolake(*command)
            if number % 2 == 0:
                forget_old_metadata(lake)
        found = contents(lake)
        self.problems += [what + line for line in differences(found, self.clean.contents)]
        if repeated := repeated_trace_ids(found[BRONZE]):
            self.problems.append(f"{what}{repeated} trace ids are of several rows")
        self.problems += [f"{what}missing: {path}" for path in missing_files(lake)]
        if finding := check_lake(lake):
            self.problems.append(f"{what}{finding}")
        self.left += [what + path for path in leftovers(lake)]
        shutil.rmtree(lake.directory)

    def _killed(self, lake, key, command):
        watch = CommitWatch(lake)
        with lake.start(*command) as process:
            if self.random.random() < 0.5:
                killed = self._after_seconds(process, watch, self.random.uniform(0, self.clean.seconds[key]))
            else:
                commits = self.random.randint(1, self.clean.commits[key])
                killed = self._after_commit(process, watch, commits)
            if not killed:
                process.finish()  # it was faster than the clean one, and did all there is to do
                return False
        self.moments[key[1], watch.commits] += 1
        return True

    @staticmethod
    def _after_seconds(process, watch, seconds):
        deadline = time.monotonic() + seconds
        while process.running() and time.monotonic() < deadline:
            watch.look()
        return process.kill()

    def _after_commit(self, process, watch, commits):
        while process.running() and watch.commits < commits:
            watch.look()
        deadline = time.perf_counter() + self.random.uniform(0, MOST_SECONDS_AFTER_COMMIT)
        while time.perf_counter() < deadline:
            pass
        return process.kill()


def forget_old_metadata(lake):
    """From now on nearly every commit removes a metadata file, where it would take 50 otherwise."""
    for name in lake.tables():
        table = lake.catalog().load_table(name)
        if table.properties["write.metadata.previous-versions-max"] != "2":
            with table.transaction() as transaction:
                transaction.set_properties({"write.metadata.previous-versions-max": "2"})


def in_part(lake):
    return partly_loaded(lake) if lake.has_catalog() else []


@pytest.fixture(scope="module")
def trials(clean, tmp_path_factory):
    done = Trials(clean, tmp_path_factory.mktemp("kill"))
    done.run(KILLS)
    print(f"\nseed {SEED}: {done.moments.total()} kills; commits begun before them:")
    for (command, commits), count in sorted(done.moments.items()):
        print(f"  {command} {commits}: {count}")
    return done


class TestKilled:
    def test_repeated_commands_make_it_as_if_nothing_had_happened(self, trials):
        assert trials.problems == []
        assert trials.moments.total() >= KILLS

    def test_nothing_is_left_behind(self, trials):
        assert trials.left == []

    @pytest.mark.skipif(verify_home() is None, reason=NO_CHECKER)
    def test_the_checker_has_looked(self, clean):
        assert set(clean.contents) == set(ALL_TABLES)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """A warehouse to spoil, put right again by whoever did, and what it holds."""
    lake = Lake(tmp_path_factory.mktemp("spoilt") / "warehouse", ZONE)
    bad = lake.directory.parent / "bad.json"
    bad.write_bytes(b'{"id":"1"}\n[]\n')
    lake.load(generate(lake.directory.parent / "events.json", events=200, seed=8), bad)
    lake.run()
    assert (partly_loaded(lake), leftovers(lake), missing_files(lake)) == ([], [], [])
    return lake, contents(lake)


class TestTheComparison:
    """That a loss, a double, a change and a file too many would have shown above."""

    @pytest.mark.parametrize("table", ALL_TABLES)
    def test_every_table(self, spoilt, table):
        _, before = spoilt
        rows = before[table]
        assert differences(before, before) == []
        doubled = pa.concat_tables([rows, rows.slice(rows.num_rows - 1)])
        (line,) = differences({**before, table: doubled}, before)
        assert line.startswith(f"{table}: 1 rows too many")
        (line,) = differences({**before, table: rows.slice(1)}, before)
        assert line.startswith(f"{table}: 1 rows lost")
        # Of every column of another row's, so that the number of rows stays.
        for index, field in enumerate(rows.schema):
            changed = rows.slice(0, 1).set_column(index, field, [another_value(rows.column(index)[0], field.type)])
            lines = table_differences(table, pa.concat_tables([changed, rows.slice(1)]), rows)
            assert len(lines) == (0 if field.name in CIRCUMSTANCES[table] else 2), field.name
        assert differences({name: kept for name, kept in before.items() if name != table}, before) == [
            f"{table} is missing"]

    def test_what_is_planted_in_bronze(self, spoilt):
        lake, before = spoilt
        table = lake.catalog().load_table(BRONZE)
        snapshot = table.current_snapshot().snapshot_id
        row = before[BRONZE].slice(5, 1)
        trace_id = EqualTo("trace_id", row.column("trace_id")[0].as_py())
        payload = row.schema.get_field_index("payload")
        other = row.set_column(payload, row.schema.field(payload), pa.array(["{}"], row.schema.field(payload).type))
        for plant, expected in (
                (lambda: table.append(row), ["too many"]),
                (lambda: table.delete(trace_id), ["lost"]),
                (lambda: table.overwrite(other, trace_id), ["lost", "too many"])):
            table.refresh()
            plant()
            lines = differences(contents(lake), before)
            assert [line.split(",")[0] for line in lines] == [f"{BRONZE}: 1 rows {what}" for what in expected]
            assert (len(partly_loaded(lake)) == 1) == (len(expected) == 1)
            assert repeated_trace_ids(contents(lake)[BRONZE]) == (expected == ["too many"])
            lake.octolake("tables", BRONZE, "--rollback-to", snapshot)

    def test_a_file_too_many_and_one_too_few(self, spoilt):
        lake, _ = spoilt
        (planted,) = [lake.directory / "bronze/github_events/data/planted.parquet"]
        planted.write_bytes(b"PAR1")
        (lake.directory / "tmp/planted").mkdir(parents=True)
        assert leftovers(lake) == ["bronze/github_events/data/planted.parquet", "tmp/planted"]
        planted.unlink()
        (lake.directory / "tmp/planted").rmdir()
        data = next((lake.directory / "gold").rglob("*.parquet"))
        moved = data.rename(lake.directory.parent / "elsewhere")
        assert missing_files(lake) == [str(data)]
        moved.rename(data)


def another_value(scalar, type_):
    """Not that value, as an array of one."""
    if pa.types.is_boolean(type_):
        return pa.array([not scalar.as_py()], type_)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return pa.array([(scalar.as_py() or "") + "x"], type_)
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return pa.array([(scalar.as_py() or b"") + b"x"], type_)
    if pa.types.is_floating(type_):
        return pa.array([(scalar.as_py() or 0.0) + 0.5], type_)
    whole = pa.int32() if pa.types.is_date32(type_) else pa.int64()
    return pa.array([(scalar.cast(whole).as_py() or 0) + 1], whole).cast(type_)
