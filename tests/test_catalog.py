"""One catalog file, several programs: octolake and PyIceberg commit in turn to catalogs that either made, or that
Java's JdbcCatalog would have made; tables whose properties ask for something. Java itself is in interop/."""

import contextlib
import sqlite3
import subprocess
import threading
from collections import Counter
from itertools import permutations

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from lake import ALL_TABLES, BRONZE, GOLD, PARSED, Lake, pyiceberg_rows
from program import PROGRAM, environment, generate, unprivileged
from test_interop import bronze_rows

# As JdbcUtil of Iceberg 1.11 has them.
V0_TABLES = ("CREATE TABLE iceberg_tables(catalog_name VARCHAR(255) NOT NULL,table_namespace VARCHAR(255) NOT NULL,"
             "table_name VARCHAR(255) NOT NULL,metadata_location VARCHAR(1000),"
             "previous_metadata_location VARCHAR(1000),PRIMARY KEY (catalog_name, table_namespace, table_name))")
PROPERTIES = ("CREATE TABLE iceberg_namespace_properties(catalog_name VARCHAR(255) NOT NULL,"
              "namespace VARCHAR(255) NOT NULL,property_key VARCHAR(255),property_value VARCHAR(1000),"
              "PRIMARY KEY (catalog_name, namespace, property_key))")
TO_V1 = "ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)"


@contextlib.contextmanager
def database(lake):
    with contextlib.closing(sqlite3.connect(lake.directory / "catalog.db")) as connection, connection:
        yield connection


def as_java_makes_it(lake, version):
    lake.directory.mkdir(exist_ok=True)
    with database(lake) as connection:
        for statement in [V0_TABLES, PROPERTIES, *([TO_V1] if version == "v1" else [])]:
            connection.execute(statement)


def columns(lake):
    with database(lake) as connection:
        return [name for _, name, *_ in connection.execute("pragma table_info(iceberg_tables)")]


def types(lake):
    with database(lake) as connection:
        return dict(connection.execute("select table_name, iceberg_type from iceberg_tables"))


def bronze_ids(lake):
    return Counter(row["id"] for row in lake.sql(f"select id from {BRONZE}"))


def same_in_both(lake, table):
    ours = lake.rows(table)
    assert pyiceberg_rows(lake, table) == ours
    return ours.total()


@pytest.fixture(scope="module")
def bronze_definition(tmp_path_factory):
    """Schema and partitions of our Bronze, for others to make it."""
    lake = Lake(tmp_path_factory.mktemp("definition") / "warehouse")
    lake.load(generate(lake.directory.parent / "one.json", events=1))
    return lake.catalog().load_table(BRONZE).metadata


class TestCommitsInTurn:
    @pytest.mark.parametrize("version", ["v0", "v1"])
    def test_in_a_catalog_as_java_makes_it(self, lake, synthetic_files, version):
        as_java_makes_it(lake, version)
        lake.load(synthetic_files[0])
        expected = bronze_ids(lake)
        for turn in range(2):
            catalog = lake.catalog()
            catalog.load_table(BRONZE).append(bronze_rows(catalog, [10 * turn, 10 * turn + 1]))
            expected.update({f"foreign-{10 * turn}": 1, f"foreign-{10 * turn + 1}": 1})
            assert bronze_ids(lake) == expected
            lake.run()
            before = lake.counts()[BRONZE]
            lake.load(synthetic_files[1 + turn])
            assert same_in_both(lake, BRONZE) == lake.counts()[BRONZE] > before
            expected = bronze_ids(lake)
        lake.run()
        for table in (PARSED, GOLD):
            same_in_both(lake, table)
        assert ("iceberg_type" in columns(lake)) == (version == "v1")
        if version == "v1":
            assert set(types(lake).values()) == {"TABLE"}
        lake.octolake("doctor")

    @pytest.mark.parametrize("first", ["octolake", "pyiceberg"])
    @pytest.mark.parametrize("version", ["v0", "v1"])
    def test_bronze_made_by_either(self, lake, synthetic_files, bronze_definition, version, first):
        """Each makes the table or finds it, then both append twice."""
        as_java_makes_it(lake, version)
        order = ["octolake", "pyiceberg"] if first == "octolake" else ["pyiceberg", "octolake"]
        files = iter(synthetic_files)
        numbers = iter(range(100))
        for engine in order * 2:
            catalog = lake.catalog()
            if engine == "octolake":
                lake.load(next(files))
                continue
            if not catalog.namespace_exists("bronze") or not catalog.table_exists(BRONZE):
                catalog.create_namespace_if_not_exists("bronze")
                catalog.create_table(BRONZE, bronze_definition.schema(), partition_spec=bronze_definition.spec())
            catalog.load_table(BRONZE).append(bronze_rows(catalog, [next(numbers)]))
        total = same_in_both(lake, BRONZE)
        loaded = sum(row["events"] for row in lake.sql("select events from bronze.loaded_files"))
        assert total == loaded + 2
        lake.run()
        assert lake.counts().keys() == set(ALL_TABLES)
        same_in_both(lake, GOLD)

    def test_rows_without_a_type(self, lake, synthetic_files):
        """As they are after an upgrade to version 1; new tables get a type."""
        lake.load(synthetic_files[0])
        with database(lake) as connection:
            connection.execute("update iceberg_tables set iceberg_type = null")
        catalog = lake.catalog()
        catalog.load_table(BRONZE).append(bronze_rows(catalog, [1]))
        lake.load(synthetic_files[1])
        lake.run()
        same_in_both(lake, BRONZE)
        assert types(lake) == {"github_events": None, "rejected_events": None, "loaded_files": None,
                               "github_events_parsed": None, "silver_github_events": "TABLE",
                               "gold_user_activity": "TABLE"}

    def test_an_upgrade_while_octolake_has_it_open(self, lake, synthetic_files):
        """`load -` opens the catalog, then waits for input; meanwhile PyIceberg upgrades it and commits."""
        as_java_makes_it(lake, "v0")
        lake.load(synthetic_files[0])
        before = bronze_ids(lake)
        text = synthetic_files[1].read_bytes()
        with subprocess.Popen([PROGRAM, "--warehouse", lake.directory, "load", "-"], env=environment(),
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as loading:
            loading.stdin.write(text[:200_000])
            loading.stdin.flush()
            catalog = SqlCatalog("demo", uri=f"sqlite:///{lake.directory}/catalog.db",
                                 warehouse=f"file://{lake.directory}", schema_version="v1")
            assert "iceberg_type" in columns(lake)
            catalog.load_table(BRONZE).append(bronze_rows(catalog, [7]))
            loading.stdin.write(text[200_000:])
            loading.stdin.close()
            error = loading.stderr.read().decode()
            assert loading.wait() == 0, error
        after = bronze_ids(lake)
        assert after.total() == before.total() + 1 + len(text.splitlines())
        same_in_both(lake, BRONZE)

    def test_two_programs_in_a_loop(self, lake, synthetic_files, tmp_path):
        """octolake loads ten files while PyIceberg appends: every row is there once, nothing else."""
        lake.load(synthetic_files[0])
        before = bronze_ids(lake)
        files = [generate(tmp_path / f"{seed}.json", events=20, seed=seed) for seed in range(100, 110)]
        failures = []

        def append():
            for number in range(10):
                # PyIceberg gives up at the first lost race; the caller tries again.
                for _ in range(200):
                    catalog = lake.catalog()
                    try:
                        catalog.load_table(BRONZE).append(bronze_rows(catalog, [number]))
                        break
                    except Exception as error:  # whatever it raises for a conflict or a busy database
                        failures.append(error)
                else:
                    return

        thread = threading.Thread(target=append)
        thread.start()
        for path in files:
            lake.load(path)
        thread.join()
        after = bronze_ids(lake)
        assert after.total() == before.total() + 10 * 20 + 10, failures[-3:]
        assert {f"foreign-{number}" for number in range(10)} <= after.keys()
        same_in_both(lake, BRONZE)
        lake.octolake("doctor")


class TestOtherThingsInTheCatalog:
    def test_views_and_other_catalogs_are_left_alone(self, lake, synthetic_files):
        lake.load(synthetic_files[0])
        rows = [("demo", "works", "a_view", "/views/1.json", None, "VIEW"),
                ("other", "bronze", "github_events", "/other/1.json", None, "TABLE"),
                ("other", "theirs", "t", "/other/2.json", None, None)]
        with database(lake) as connection:
            connection.executemany("insert into iceberg_tables values (?, ?, ?, ?, ?, ?)", rows)
        lake.run()
        assert lake.counts().keys() == set(ALL_TABLES)
        assert "a_view" in lake.octolake("sql", "select * from works.a_view", status=1).err
        lake.octolake("doctor")
        with database(lake) as connection:
            kept = connection.execute("select * from iceberg_tables where catalog_name = 'other' or "
                                      "iceberg_type = 'VIEW' order by 1, 2").fetchall()
        assert kept == rows

    def test_a_view_where_a_table_belongs(self, lake, synthetic_files):
        as_java_makes_it(lake, "v1")
        with database(lake) as connection:
            connection.execute("insert into iceberg_tables values "
                               "('demo', 'bronze', 'loaded_files', '/views/1.json', null, 'VIEW')")
        error = lake.octolake("load", synthetic_files[0], status=1).err
        assert "bronze.loaded_files" in error and "view" in error

    def test_another_catalog_name(self, tmp_path, synthetic_files):
        lake = Lake(tmp_path / "warehouse", {"ICEBERG_CATALOG": "theirs"})
        lake.load(synthetic_files[0])
        catalog = SqlCatalog("theirs", uri=f"sqlite:///{lake.directory}/catalog.db")
        assert catalog.load_table(BRONZE).scan().count() == lake.counts()[BRONZE]
        assert Lake(lake.directory).counts() == {}

    def test_names_that_need_quoting(self, lake):
        lake.directory.mkdir()
        catalog = lake.catalog()
        catalog.create_namespace("it's")
        table = catalog.create_table(("it's", 'a "table"'), pa.schema([("a; b", pa.int64())]))
        table.append(pa.table({"a; b": [1, 2, 3]}))
        assert lake.counts() == {"it's.a \"table\"": 3}
        assert lake.value('select sum("a; b") from "it\'s"."a ""table"""') == 6
        lake.octolake("doctor", "--data")


class TestProperties:
    """Bronze made by PyIceberg with properties; octolake writes to it, both read it."""

    def make(self, lake, definition, properties):
        lake.directory.mkdir(exist_ok=True)
        catalog = lake.catalog()
        catalog.create_namespace_if_not_exists("bronze")
        return catalog.create_table(BRONZE, definition.schema(), partition_spec=definition.spec(),
                                    properties=properties)

    @pytest.mark.parametrize("properties", [
        {"write.metadata.compression-codec": "gzip"},
        {"write.object-storage.enabled": "true"},
        {"commit.manifest-merge.enabled": "false"},
        {"write.metadata.previous-versions-max": "2", "write.metadata.delete-after-commit.enabled": "true"},
        {"write.parquet.compression-codec": "gzip", "write.target-file-size-bytes": "1000"},
        {"write.metadata.metrics.default": "none"},
    ], ids=lambda properties: next(iter(properties)))
    def test_both_write_and_read(self, lake, bronze_definition, synthetic_files, properties):
        self.make(lake, bronze_definition, properties)
        for turn in range(2):
            lake.load(synthetic_files[turn])
            catalog = lake.catalog()
            catalog.load_table(BRONZE).append(bronze_rows(catalog, [turn]))
        total = same_in_both(lake, BRONZE)
        loaded = sum(row["events"] for row in lake.sql("select events from bronze.loaded_files"))
        assert total == loaded + 2
        table = lake.catalog().load_table(BRONZE)
        assert properties.items() <= table.properties.items()
        if "write.metadata.previous-versions-max" in properties:
            assert len(table.metadata.metadata_log) == 2
        if properties.get("commit.manifest-merge.enabled") == "false":
            assert len(table.current_snapshot().manifests(table.io)) == 4
        lake.run()
        same_in_both(lake, GOLD)

    def test_places_of_their_own(self, lake, bronze_definition, synthetic_files):
        data, metadata = lake.directory / "elsewhere/data", lake.directory / "elsewhere/metadata"
        self.make(lake, bronze_definition, {"write.data.path": f"file://{data}",
                                            "write.metadata.path": f"file://{metadata}"})
        lake.load(synthetic_files[0])
        table = lake.catalog().load_table(BRONZE)
        assert table.metadata_location.startswith(f"file://{metadata}/")
        assert table.current_snapshot().manifest_list.startswith(f"file://{metadata}/")
        for task in table.scan().plan_files():
            assert task.file.file_path.startswith(f"file://{data}/")
        assert same_in_both(lake, BRONZE) == 700
        lake.octolake("doctor")

    def test_format_version_1_is_refused_by_name_and_the_others_go_on(self, lake, bronze_definition, synthetic_files):
        self.make(lake, bronze_definition, {"format-version": "1"})
        catalog = lake.catalog()
        catalog.create_namespace("works")
        catalog.create_table("works.t", pa.schema([("n", pa.int64())])).append(pa.table({"n": [1, 2]}))
        error = lake.octolake("load", synthetic_files[0], status=1).err
        assert BRONZE in error and "format-version: expected 2, found 1" in error and "upgrade" in error
        assert lake.value("select sum(n) from works.t") == 3
        assert lake.catalog().load_table(BRONZE).metadata.snapshots == []


@pytest.mark.parametrize("mode", ["file", "directory"])
def test_what_cannot_be_written_is_read(lake, synthetic_files, mode):
    lake.load(synthetic_files[0])
    locked = lake.directory / "catalog.db" if mode == "file" else lake.directory
    before = locked.stat().st_mode
    locked.chmod(0o444 if mode == "file" else 0o555)
    try:
        read = lake.octolake("sql", "--format", "csv", f"select count(*) as n from {BRONZE}", prefix=unprivileged())
        assert read.text.split() == ["n", "700"]
        done = lake.octolake("load", synthetic_files[1], status=1, prefix=unprivileged())
    finally:
        locked.chmod(before)
    assert str(lake.directory) in done.err
    assert lake.counts()[BRONZE] == 700


@pytest.mark.parametrize("order", list(permutations(["load", "append", "upgrade"])), ids="-".join)
def test_any_order_of_load_append_and_upgrade(lake, bronze_definition, synthetic_files, order):
    as_java_makes_it(lake, "v0")
    for step in order:
        catalog = lake.catalog()
        if step == "load":
            lake.load(synthetic_files[0])
        elif step == "append":
            catalog.create_namespace_if_not_exists("bronze")
            catalog.create_table_if_not_exists(BRONZE, bronze_definition.schema(),
                                               partition_spec=bronze_definition.spec())
            catalog.load_table(BRONZE).append(bronze_rows(catalog, [1, 2, 3]))
        else:
            SqlCatalog("demo", uri=f"sqlite:///{lake.directory}/catalog.db", schema_version="v1")
    assert same_in_both(lake, BRONZE) == 703
    assert "iceberg_type" in columns(lake)
