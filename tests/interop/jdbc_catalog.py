"""Java's JdbcCatalog, octolake and PyIceberg commit to one catalog, a file or in PostgreSQL, in every order. Run by jdbc_catalog.sh,
which builds java/ and says in OCTOLAKE_JDBC_TABLES how to start it.
"""

import json
import os
import shlex
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import count, permutations
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lake import ALL_TABLES, BRONZE, GOLD, PARSED, Lake, pyiceberg_rows  # noqa: E402
from program import PROGRAM, environment, generate  # noqa: E402
from servers import LakeOnPostgres, Postgres  # noqa: E402
from test_interop import bronze_rows  # noqa: E402

ENGINES = ["java", "octolake", "pyiceberg"]
EVENTS = 40
NUMBERS = count()


class Java:
    """A JVM with catalogs open in it."""

    def __init__(self):
        self.process = subprocess.Popen(shlex.split(os.environ["OCTOLAKE_JDBC_TABLES"]), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, do, **arguments):
        print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer

    def open(self, lake, version=None):
        lake.directory.mkdir(exist_ok=True)
        self("open", **lake.jdbc(), **({"version": version} if version else {}))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture(scope="session")
def java():
    process = Java()
    yield process
    process.close()


@pytest.fixture(scope="session")
def definition(tmp_path_factory):
    """The metadata file of a Bronze of ours, of which others take schema and partitions."""
    lake = Lake(tmp_path_factory.mktemp("definition") / "warehouse")
    lake.load(generate(lake.directory.parent / "one.json", events=1))
    return lake.catalog().load_table(BRONZE)


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "warehouse")


@pytest.fixture(scope="session")
def postgres():
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgres"])
def any_lake(request, tmp_path):
    if request.param == "sqlite":
        return Lake(tmp_path / "warehouse")
    postgres = request.getfixturevalue("postgres")
    return LakeOnPostgres(tmp_path / "warehouse", postgres, postgres.new_database(f"lake_{next(NUMBERS)}"))


class Writers:
    """Each engine appends to Bronze, which the first of them makes."""

    def __init__(self, java, lake, definition, scratch):
        self.java, self.lake, self.definition, self.scratch = java, lake, definition, scratch
        self.number = 0
        self.ids = Counter()

    def append(self, engine):
        self.number += 1
        getattr(self, f"by_{engine}")()

    def has_bronze(self):
        catalog = self.lake.catalog()
        return catalog.namespace_exists("bronze") and catalog.table_exists(BRONZE)

    def by_octolake(self):
        path = generate(self.scratch / f"{self.number}.json", events=EVENTS, seed=self.number)
        self.lake.load(path)
        self.ids.update(json.loads(line)["id"] for line in path.read_bytes().splitlines())

    def by_pyiceberg(self):
        catalog = self.lake.catalog()
        if not self.has_bronze():
            catalog.create_namespace_if_not_exists("bronze")
            catalog.create_table(BRONZE, self.definition.schema(), partition_spec=self.definition.spec())
        catalog.load_table(BRONZE).append(bronze_rows(self.lake.catalog(), [self.number]))
        self.ids[f"foreign-{self.number}"] += 1

    def make_by_java(self, **properties):
        if not self.lake.catalog().namespace_exists("bronze"):
            self.java("create_namespace", namespace="bronze")
        self.java("create", table=BRONZE, like=self.definition.metadata_location, properties=properties)

    def java_rows(self, ids):
        path = self.scratch / f"java-{self.number}.jsonl"
        path.write_text("".join(json.dumps({
            "id": id_, "type": "ForkEvent", "actor_id": 5, "actor_login": "duke", "repo_name": "java/boat",
            "payload": "{}", "created_at": "2017-01-02T03:04:05Z", "event_time": "2017-01-02T03:04:05Z",
            "ingestion_timestamp": "2026-01-02T03:04:05.123456Z", "ingestion_date": "2026-01-02",
            "trace_id": id_, "source": "collect"}) + "\n" for id_ in ids))
        return str(path)

    def by_java(self):
        if not self.has_bronze():
            self.make_by_java()
        self.java("append", table=BRONZE, rows=self.java_rows([f"java-{self.number}"]))
        self.ids[f"java-{self.number}"] += 1

    def check(self):
        """All three read the same, and exactly what was written."""
        columns = ["id", "type", "actor_id", "repo_name", "created_at"]
        theirs = Counter(map(tuple, self.java("rows", table=BRONZE, columns=columns)["rows"]))
        ours = Counter(tuple(row.values()) for row in self.lake.sql(f"select {', '.join(columns)} from {BRONZE}"))
        assert theirs == ours
        assert Counter(row[0] for row in ours.elements()) == self.ids
        assert pyiceberg_rows(self.lake, BRONZE) == self.lake.rows(BRONZE)


def columns(lake):
    if isinstance(lake, LakeOnPostgres):
        return [name for name, in lake.postgres.run("select attname from pg_attribute where attnum > 0 and attrelid = "
                                                    "'iceberg_tables'::regclass", database=lake.name)]
    with closing(sqlite3.connect(lake.directory / "catalog.db")) as connection:
        return [name for _, name, *_ in connection.execute("pragma table_info(iceberg_tables)")]


@pytest.mark.parametrize("order", list(permutations(ENGINES)), ids="-".join)
@pytest.mark.parametrize("version", ["V0", "V1"])
def test_all_three_in_turn(java, any_lake, definition, tmp_path, version, order):
    lake = any_lake
    java.open(lake, version)
    writers = Writers(java, lake, definition, tmp_path)
    for engine in order * 2:
        writers.append(engine)
        writers.check()
    lake.run()
    java("append", table=BRONZE, rows=writers.java_rows(["late"]))
    lake.run()
    assert lake.value(f"select count(*) from {PARSED} where event_id = 'late'") == 1
    assert sorted(java("list")["tables"]) == sorted(ALL_TABLES)
    rows = java("rows", table=GOLD, columns=["actor_key", "total_events"])["rows"]
    assert Counter(map(tuple, rows)) == Counter(
        tuple(row.values()) for row in lake.sql(f"select actor_key, total_events from {GOLD}"))
    assert ("iceberg_type" in columns(lake)) == (version == "V1")
    lake.octolake("doctor", "--data")


@pytest.mark.parametrize("maker", ["octolake", "pyiceberg"])
def test_a_catalog_file_that_java_did_not_make(java, lake, definition, tmp_path, maker):
    if maker == "pyiceberg":
        lake.directory.mkdir()
    writers = Writers(java, lake, definition, tmp_path)
    writers.append(maker)
    java.open(lake)
    for engine in ["java", "octolake", "pyiceberg", "java"]:
        writers.append(engine)
        writers.check()
    lake.run()
    java("set", table=GOLD, key="owner", value="java")
    assert lake.catalog().load_table(GOLD).properties["owner"] == "java"
    lake.run("--full-refresh")
    assert lake.catalog().load_table(GOLD).properties["owner"] == "java"


def test_java_upgrades_while_octolake_has_it_open(java, lake, definition, tmp_path):
    java.open(lake, "V0")
    writers = Writers(java, lake, definition, tmp_path)
    writers.append("java")
    text = generate(tmp_path / "events.json", events=400, seed=9).read_bytes()
    with subprocess.Popen([PROGRAM, "--warehouse", lake.directory, "load", "-"], env=environment(),
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as loading:
        loading.stdin.write(text[:200_000])
        loading.stdin.flush()
        java.open(lake, "V1")
        assert "iceberg_type" in columns(lake)
        writers.append("java")
        loading.stdin.write(text[200_000:])
        loading.stdin.close()
        error = loading.stderr.read().decode()
        assert loading.wait() == 0, error
    writers.ids.update(json.loads(line)["id"] for line in text.splitlines())
    writers.check()
    # Rows from before have no type, Java's and PyIceberg's later ones have.
    writers.append("pyiceberg")
    writers.append("java")
    lake.run()
    writers.check()
    with closing(sqlite3.connect(lake.directory / "catalog.db")) as connection:
        types = dict(connection.execute("select table_name, iceberg_type from iceberg_tables"))
    assert types["github_events"] is None and types["gold_user_activity"] == "TABLE"


def test_views_of_java(java, lake, definition, tmp_path):
    java.open(lake, "V1")
    java("create_namespace", namespace="works")
    java("create_view", table="works.v")
    writers = Writers(java, lake, definition, tmp_path)
    writers.append("octolake")
    lake.run()
    assert lake.counts().keys() == set(ALL_TABLES)
    assert "works.v\" does not exist" in lake.octolake("sql", "select * from works.v", status=1).err
    lake.octolake("doctor")
    java("create_namespace", namespace="other")
    java("create_view", table="other.github_events")
    blocked = Lake(lake.directory, {"BRONZE_NAMESPACE": "other"})
    error = blocked.octolake("load", tmp_path / "1.json", status=1).err
    assert "other.github_events" in error and "view" in error


@pytest.mark.parametrize("properties", [
    {"write.metadata.compression-codec": "gzip"},
    {"write.object-storage.enabled": "true"},
    {"commit.manifest-merge.enabled": "false"},
    {"write.metadata.previous-versions-max": "2", "write.metadata.delete-after-commit.enabled": "true"},
    {"write.avro.compression-codec": "zstd", "write.parquet.compression-codec": "snappy"},
], ids=lambda properties: next(iter(properties)))
def test_properties_of_java(java, lake, definition, tmp_path, properties):
    java.open(lake, "V1")
    writers = Writers(java, lake, definition, tmp_path)
    writers.make_by_java(**properties)
    for engine in ["octolake", "java", "pyiceberg", "octolake", "java"]:
        writers.append(engine)
        writers.check()
    lake.run()
    lake.octolake("doctor", "--data")
    assert properties.items() <= lake.catalog().load_table(BRONZE).properties.items()


@pytest.mark.parametrize("version", ["1", "3"])
def test_format_versions_of_java_are_refused_by_name(java, lake, definition, tmp_path, version):
    java.open(lake, "V1")
    writers = Writers(java, lake, definition, tmp_path)
    writers.make_by_java(**{"format-version": version})
    java("append", table=BRONZE, rows=writers.java_rows(["1", "2"]))
    error = lake.octolake("load", generate(tmp_path / "x.json", events=3), status=1).err
    assert BRONZE in error and f"expected 2, found {version}" in error
    assert len(java("rows", table=BRONZE, columns=["id"])["rows"]) == 2


def test_a_delete_of_java_is_read(java, lake, definition, tmp_path):
    java.open(lake, "V1")
    writers = Writers(java, lake, definition, tmp_path)
    for engine in ["octolake", "java"]:
        writers.append(engine)
    java("delete_all", table=BRONZE)
    writers.ids.clear()
    writers.check()
    writers.append("octolake")
    writers.check()


def test_two_catalog_names_of_java(java, lake, definition, tmp_path):
    java.open(lake, "V1")
    java("open", **{"as": "second", "name": "second"}, database=str(lake.directory / "catalog.db"),
         warehouse=f"file://{lake.directory}/second")
    java("create_namespace", **{"in": "second"}, namespace="bronze")
    java("create", **{"in": "second"}, table=BRONZE, like=definition.metadata_location)
    writers = Writers(java, lake, definition, tmp_path)
    for engine in ["octolake", "java", "pyiceberg"]:
        writers.append(engine)
    writers.check()
    assert java("rows", **{"in": "second"}, table=BRONZE, columns=["id"])["rows"] == []
    assert java("list", **{"in": "second"})["tables"] == [BRONZE]
    second = SqlCatalog("second", uri=f"sqlite:///{lake.directory}/catalog.db")
    assert second.load_table(BRONZE).scan().count() == 0
