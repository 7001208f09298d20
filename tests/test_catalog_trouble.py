"""The catalog changes under a command, or cannot be used: tables dropped half way, foreign commits between a
read and a swap, a locked database, one that may only be read.

A command is met at a certain point by holding the catalog's write lock: reading goes on, and the command has
come to its commit when the new metadata file of the table is there. Whoever holds the lock decides what the
command finds when it gets it.
"""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing, contextmanager

import pyarrow.compute as pc
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from checker import check_lake
from comparison import contents, differences, leftovers, partly_loaded
from lake import BRONZE, GOLD, LOADED, PARSED, REJECTED, SILVER, Lake
from program import TIME_LIMIT_SECONDS, ZONE, generate

# More than a pipe and the first batches hold: once it is written, the program is past its first looks.
MORE_THAN_A_PIPE = 4 << 20
SHORT = {"OCTOLAKE_CATALOG_BUSY_TIMEOUT": "300ms"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("trouble-events")
    return [generate(directory / f"{seed}.json", events=400, seed=seed) for seed in (1, 2)]


@pytest.fixture
def loaded(lake, files):
    lake.load(files[0])
    lake.run()
    return lake


@contextmanager
def write_lock(lake, kind="immediate"):
    """Holds the catalog; what was executed is committed at the end."""
    with closing(sqlite3.connect(lake.directory / "catalog.db", isolation_level=None,
                                 timeout=TIME_LIMIT_SECONDS)) as database:
        database.execute(f"begin {kind}")
        yield database
        database.execute("commit")


def metadata_files(lake, table):
    return set((lake.directory / table.replace(".", "/") / "metadata").glob("*.metadata.json"))


def wait_for_commit(process, lake, table, before):
    process.wait_until(lambda: metadata_files(lake, table) - before, f"it came to commit to {table}")


def drop(database, table):
    namespace, name = table.split(".")
    gone = database.execute("delete from iceberg_tables where table_namespace = ? and table_name = ?",
                            (namespace, name))
    assert gone.rowcount == 1


def put_away(lake, table, file):
    """A load makes no table where the files of a lost one are, and says so; does what it says."""
    directory = lake.directory.joinpath(*table.split("."))
    refused = lake.octolake("load", file, status=1)
    assert f"has no table {table}" in refused.err
    assert f"remove the directory file://{directory}" in refused.err
    shutil.rmtree(directory)


class TestDroppedTable:
    @pytest.mark.parametrize("table", [BRONZE, REJECTED, LOADED])
    def test_while_a_load_reads(self, loaded, tmp_path, table):
        text = generate(tmp_path / "large.json", events=4000, seed=5).read_bytes()
        assert len(text) > MORE_THAN_A_PIPE
        text += b'{"id":"1"}\n'  # rejected
        with loaded.start("load", "-", stdin=subprocess.PIPE) as process:
            process.process.stdin.write(text)
            process.process.stdin.flush()
            loaded.catalog().drop_table(table)
            process.process.stdin.close()
            done = process.finish(status=1)
        assert f"table {table}" in done.err and "dropped" in done.err
        assert loaded.value(f"select count(*) from {SILVER}") > 0
        kept = {name: count for name, count in loaded.counts().items() if name != table}
        assert {name: kept[name] for name in (BRONZE, LOADED) if name != table} == {
            name: count for name, count in {BRONZE: 400, LOADED: 1}.items() if name != table}

        # The same again makes the table anew and does all of it, once what is left of it is put away.
        (tmp_path / "again.json").write_bytes(text)
        if table != REJECTED:  # nothing was committed to that one
            put_away(loaded, table, tmp_path / "again.json")
        report = loaded.load(tmp_path / "again.json")
        assert (report["events"], report["rejected"]) == (4000, 1)
        assert loaded.counts()[table] == {BRONZE: 4000, REJECTED: 1, LOADED: 1}[table]

    @pytest.mark.parametrize("table", [BRONZE, LOADED])
    def test_at_the_commit_of_a_load(self, loaded, files, table):
        before = metadata_files(loaded, table)
        with loaded.start("load", files[1]) as process:
            with write_lock(loaded) as database:
                wait_for_commit(process, loaded, table, before)
                drop(database, table)
            done = process.finish(status=1)
        assert f"table {table}" in done.err and "dropped" in done.err
        assert loaded.value(f"select count(*) from {GOLD}") > 0
        put_away(loaded, table, files[1])
        assert loaded.load(files[1])["events"] == 400

    @pytest.mark.parametrize(("table", "select"), [(PARSED, None), (GOLD, "silver_github_events")])
    def test_at_the_commit_of_a_run(self, loaded, files, table, select):
        loaded.load(files[1])
        if select:  # so that what commits first is the table of this test
            loaded.run("--select", select)
        before = metadata_files(loaded, table)
        with loaded.start("run") as process:
            with write_lock(loaded) as database:
                wait_for_commit(process, loaded, table, before)
                drop(database, table)
            done = process.finish(status=1)
        assert f"table {table}" in done.err and "dropped" in done.err
        assert loaded.value(f"select count(*) from {BRONZE}") == 800
        if table == PARSED:
            # Silver is a load's table; it is made again by one, and read from Bronze as a whole.
            loaded.load(files[1])
        loaded.run()
        fresh = Lake(loaded.directory.parent / "fresh", ZONE)
        for file in files:
            fresh.load(file)
        fresh.run()
        assert differences(contents(loaded), contents(fresh)) == []
        assert check_lake(loaded) == ""

    def test_dropped_and_made_again_by_another(self, loaded, files):
        """The files were written for the table that is gone; they must not end up in its successor."""
        old = loaded.catalog().load_table(BRONZE)
        before = metadata_files(loaded, BRONZE)
        with loaded.start("load", files[1]) as process:
            with write_lock(loaded) as database:
                wait_for_commit(process, loaded, BRONZE, before)
                with copied_catalog(loaded) as catalog:
                    catalog.drop_table(BRONZE)
                    catalog.create_table(BRONZE, old.schema(), location=f"{old.location()}-2")
                    move_pointer(database, BRONZE, catalog.load_table(BRONZE).metadata_location)
            done = process.finish(status=1)
        assert BRONZE in done.err and "another of its name" in done.err
        assert loaded.counts()[BRONZE] == 0
        assert loaded.counts()[LOADED] == 1
        assert partly_loaded_only_before(loaded, files[0])
        assert loaded.load(files[1])["events"] == 400


def partly_loaded_only_before(lake, file):
    return [row[0] for row in partly_loaded(lake)] == [str(file)]


@contextmanager
def copied_catalog(lake):
    """A catalog with the same tables, whose commits nobody else sees."""
    path = lake.directory.parent / "copy.db"
    # By SQLite itself: were the file opened and closed by anybody else in this process, POSIX would take that for
    # the end of the lock.
    with closing(sqlite3.connect(lake.directory / "catalog.db")) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    yield SqlCatalog("demo", uri=f"sqlite:///{path}", warehouse=f"file://{lake.directory}")
    path.unlink()


def move_pointer(database, table, location):
    namespace, name = table.split(".")
    moved = database.execute(
        "update iceberg_tables set previous_metadata_location = metadata_location, metadata_location = ?"
        " where table_namespace = ? and table_name = ?", (location, namespace, name))
    assert moved.rowcount == 1


class TestForeignCommit:
    """PyIceberg commits after the command has read the table and before it swaps the pointer."""

    def test_to_bronze_during_a_load(self, loaded, files):
        before = metadata_files(loaded, BRONZE)
        rows = loaded.catalog().load_table(BRONZE).scan(limit=7).to_arrow()
        with loaded.start("load", files[1]) as process:
            with write_lock(loaded) as database:
                wait_for_commit(process, loaded, BRONZE, before)
                with copied_catalog(loaded) as catalog:
                    table = catalog.load_table(BRONZE)
                    table.append(rows)
                    move_pointer(database, BRONZE, table.metadata_location)
            process.finish()
        assert loaded.counts()[BRONZE] == 807
        assert loaded.counts()[LOADED] == 2
        assert leftovers(loaded) == []
        assert check_lake(loaded) == ""

    def test_to_silver_during_a_run(self, loaded, files, tmp_path):
        """Of the very events that the run is about to add: it must look again."""
        other = Lake(tmp_path / "other", ZONE)
        other.load(files[1])
        other.run()
        have = contents(loaded)[PARSED].column("event_key")
        rows = contents(other)[PARSED]
        rows = rows.filter(pc.invert(pc.is_in(rows.column("event_key"), have.combine_chunks())))
        assert rows.num_rows > 100
        loaded.load(files[1])
        before = metadata_files(loaded, PARSED)
        with loaded.start("run") as process:
            with write_lock(loaded) as database:
                wait_for_commit(process, loaded, PARSED, before)
                with copied_catalog(loaded) as catalog:
                    table = catalog.load_table(PARSED)
                    table.append(rows.slice(0, 100))
                    move_pointer(database, PARSED, table.metadata_location)
            process.finish()
        keys = loaded.sql(f"select count(*) n, count(distinct event_key) keys from {PARSED}")
        assert keys == [{"n": len(have) + rows.num_rows, "keys": len(have) + rows.num_rows}]
        assert leftovers(loaded) == []
        assert check_lake(loaded) == ""


class TestBusyCatalog:
    def test_a_lock_that_is_given_back_in_time(self, loaded, files):
        before = metadata_files(loaded, LOADED)
        with loaded.start("load", files[1]) as process:
            with write_lock(loaded):
                wait_for_commit(process, loaded, LOADED, before)
            process.finish()
        assert loaded.counts()[BRONZE] == 800
        before = metadata_files(loaded, PARSED)
        with loaded.start("run") as process:
            with write_lock(loaded):
                wait_for_commit(process, loaded, PARSED, before)
            process.finish()
        assert partly_loaded(loaded) == []
        assert leftovers(loaded) == []

    @pytest.mark.parametrize("kind", ["immediate", "exclusive"])
    @pytest.mark.parametrize("command", ["load", "run"])
    def test_a_lock_that_is_held_for_longer(self, loaded, files, command, kind):
        loaded.load(files[1]) if command == "run" else None
        before = contents(loaded)
        with write_lock(loaded, kind):
            with loaded.start(command, *(files[1:] if command == "load" else []), env=SHORT) as process:
                done = process.finish(status=1)
        assert f"{loaded.directory}/catalog.db" in done.err
        assert "another process holds its lock" in done.err and "try again" in done.err
        assert differences(contents(loaded), before) == []
        assert leftovers(loaded) == []
        loaded.octolake(command, *(files[1:] if command == "load" else []))
        assert loaded.counts()[BRONZE] == 800

    @pytest.mark.parametrize("command", [["sql", f"select count(*) from {BRONZE}"], ["tables"]])
    def test_a_reader_waits_no_longer_than_that_either(self, loaded, command):
        with write_lock(loaded, "exclusive"):
            with loaded.start(*command, env=SHORT) as process:
                done = process.finish(status=1)
        assert f"{loaded.directory}/catalog.db" in done.err and "another process holds its lock" in done.err
        with write_lock(loaded, "immediate"):  # a writer that has not got to its end yet keeps no reader out
            loaded.octolake(*command)


class TestReadOnlyCatalog:
    # Root writes where it may not, unless it gives up the capability.
    OBEY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")

    @pytest.fixture
    def read_only(self, loaded):
        if shutil.which(self.OBEY[0]) is None or subprocess.run([*self.OBEY, "true"], check=False).returncode:
            pytest.skip("setpriv cannot give up root's right to write everywhere")
        catalog = loaded.directory / "catalog.db"
        catalog.chmod(0o444)
        loaded.directory.chmod(0o555)
        yield loaded
        loaded.directory.chmod(0o755)
        catalog.chmod(0o644)

    def test_reading_goes_on(self, read_only):
        done = read_only.octolake("sql", "--format", "json", f"select count(*) n from {BRONZE}", prefix=self.OBEY)
        assert json.loads(done.out) == [{"n": 400}]
        read_only.octolake("tables", prefix=self.OBEY)

    def test_what_writes_says_what_to_do(self, read_only, files):
        before = contents(read_only)
        for command in (["load", files[1]], ["run", "--full-refresh"]):
            done = read_only.octolake(*command, status=1, prefix=self.OBEY)
            assert f"{read_only.directory}/catalog.db" in done.err, done.err
            assert "read-only" in done.err and "make the file and its directory writable" in done.err
        assert differences(contents(read_only), before) == []
        assert leftovers(read_only) == []
