"""A warehouse under test, and its rows as octolake and other engines read them.

Rows are compared as multisets (collections.Counter) of tuples in the order of the table's columns:
None, bool, int, float, str, bytes, date and aware datetime.
"""

import importlib.util
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date, datetime, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

from program import Started, octolake

BRONZE = "bronze.github_events"
REJECTED = "bronze.rejected_events"
LOADED = "bronze.loaded_files"
PARSED = "silver.github_events_parsed"
SILVER = "silver.silver_github_events"
GOLD = "gold.gold_user_activity"
ALL_TABLES = [BRONZE, LOADED, REJECTED, GOLD, PARSED, SILVER]

# Columns that say when and by which run a row was made, not what happened on GitHub.
CIRCUMSTANCES = {
    BRONZE: {"ingestion_timestamp", "ingestion_date", "trace_id"},
    REJECTED: {"received", "trace_id"},
    LOADED: {"loaded_at", "ingestion_date"},
    PARSED: {"processed_at", "ingestion_date", "trace_id"},
    SILVER: {"processing_timestamp"},
    GOLD: {"created_at"},
}


class Lake:
    def __init__(self, directory, env=None):
        self.directory = Path(directory).resolve()
        self.env = env or {}

    def place(self):
        """The arguments that name the warehouse."""
        return ["--warehouse", self.directory]

    def octolake(self, *arguments, **options):
        return octolake(*self.place(), *arguments, env=self.env, **options)

    def load(self, *sources, status=0):
        return self.octolake("--json", "load", *sources, status=status).json()

    def run(self, *options, status=0):
        return self.octolake("--json", "run", *options, status=status).json()

    def sql(self, query, *options):
        """Rows as dicts, values as JSON has them."""
        return self.octolake("sql", "--format", "json", *options, query).json()

    def value(self, query, *options):
        (row,) = self.sql(query, *options)
        (value,) = row.values()
        return value

    def counts(self):
        return {row["table"]: row["rows"] for row in self.octolake("--json", "tables").json()}

    def schema(self, table):
        """(name, Iceberg type) of each column."""
        columns = self.octolake("--json", "tables", table, "--schema").json()
        return [(column["column"], column["type"]) for column in columns]

    def snapshots(self, table):
        return self.octolake("--json", "tables", table, "--snapshots").json()

    def rows(self, table, *options, without=()):
        """All rows of a table as `octolake sql` gives them."""
        schema = self.schema(table)
        kept = [(name, type_) for name, type_ in schema if name not in without]
        return Counter(
            tuple(from_json(type_, row[name]) for name, type_ in kept)
            for row in self.sql(f"select * from {table}", *options))

    def facts(self, table):
        """All rows without the columns that differ between two runs over the same events."""
        return self.rows(table, without=CIRCUMSTANCES[table])

    def all_rows(self):
        return {table: self.rows(table) for table in self.counts()}

    def start(self, *arguments, env=None, **options):
        """The program at work in this warehouse, as a process of its own."""
        return Started(*self.place(), *arguments, env={**self.env, **(env or {})}, **options)

    def has_catalog(self):
        """Whether there is a catalog with its tables; PyIceberg would make one."""
        if not (self.directory / "catalog.db").exists():
            return False
        with closing(sqlite3.connect(self.directory / "catalog.db")) as database:
            found = database.execute("select count(*) from sqlite_master where name = 'iceberg_tables'")
            return found.fetchone() == (1,)

    def catalog(self):
        return sql_catalog(self.directory)

    def jdbc(self):
        """How Java's JdbcCatalog finds it."""
        return {"uri": f"jdbc:sqlite:{self.directory}/catalog.db", "warehouse": f"file://{self.directory}"}

    def tables(self):
        """What PyIceberg finds, without starting the program."""
        catalog = self.catalog()
        return sorted(".".join(identifier) for namespace in catalog.list_namespaces()
                      for identifier in catalog.list_tables(namespace))

    def metadata_location(self, table):
        return self.catalog().load_table(table).metadata_location

    def metadata_path(self, table):
        return self.directory / self.metadata_location(table).removeprefix(f"file://{self.directory}/")


def sql_catalog(directory):
    return SqlCatalog("demo", uri=f"sqlite:///{directory}/catalog.db", warehouse=f"file://{directory}")


def from_json(type_, value):
    if value is None:
        return None
    if type_ in ("timestamptz", "timestamp"):
        return datetime.fromisoformat(value)
    if type_ == "date":
        return date.fromisoformat(value)
    if type_ == "binary":
        return bytes.fromhex(value)
    return value


def utc(value):
    return value.astimezone(timezone.utc) if isinstance(value, datetime) and value.tzinfo else value


def arrow_rows(table: pa.Table):
    columns = [[utc(value) for value in column.to_pylist()] for column in table.columns]
    return Counter(zip(*columns))


def pyiceberg_rows(lake, table, **scan):
    return arrow_rows(lake.catalog().load_table(table).scan(**scan).to_arrow())


def duckdb_with_iceberg():
    connection = duckdb.connect()
    for name in ("avro", "iceberg"):
        package = Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
        (extension,) = package.glob(f"extensions/v{duckdb.__version__}/{name}.duckdb_extension")
        connection.execute(f"load '{extension}'")
    connection.execute("set TimeZone = 'UTC'")
    return connection


def duckdb_rows(lake, table):
    location = lake.metadata_location(table)
    with duckdb_with_iceberg() as connection:
        found = connection.execute(f"select * from iceberg_scan('{location}')").fetchall()
    return Counter(tuple(utc(value) for value in row) for row in found)
