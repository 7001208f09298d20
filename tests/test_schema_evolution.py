"""Tables that another version of octolake made: older ones are upgraded, newer ones are only read."""

import os

import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import IntegerType, NestedField

from lake import BRONZE, GOLD, LOADED, PARSED, REJECTED, SILVER, Lake, arrow_rows, duckdb_rows, pyiceberg_rows
from program import generate

VERSION = "octolake.definition-version"
# What the older version did not have.
LATER_COLUMNS = {
    BRONZE: ["org_id", "org_login", "source_file"],
    PARSED: ["org_id", "org_login", "push_before_sha"],
    SILVER: ["issue_title"],
    GOLD: ["total_events"],
}


def as_older(catalog, table):
    """Makes a table what an older version would have left: the later columns are gone, rows are not."""
    found = catalog.load_table(table)
    with found.transaction() as transaction:
        with transaction.update_schema(allow_incompatible_changes=True) as update:
            for column in LATER_COLUMNS[table]:
                update.delete_column(column)
        transaction.set_properties({VERSION: "0"})


def without(lake, table, columns):
    """Its rows as dicts of texts, without some columns, sorted."""
    excluded = ", ".join(columns)
    return sorted(map(repr, lake.sql(f"select * exclude ({excluded}) from {table}")))


CIRCUMSTANCES = {
    BRONZE: ["ingestion_timestamp", "ingestion_date", "trace_id"],
    PARSED: ["processed_at", "ingestion_date", "trace_id"],
}


class TestOlderTables:
    def test_are_upgraded_and_used(self, tmp_path, synthetic_files):
        old, new = synthetic_files[2], synthetic_files[1]
        fresh = Lake(tmp_path / "fresh")
        fresh.load(old)
        fresh.load(new)
        fresh.run()

        lake = Lake(tmp_path / "older")
        lake.load(old)
        lake.run()
        old_rows = lake.counts()
        for table in LATER_COLUMNS:
            as_older(lake.catalog(), table)
        lake.load(new)
        report = lake.run()
        assert all(test["outcome"] == "pass" for test in report["tests"])

        for table, added in LATER_COLUMNS.items():
            # The order of the definition, whatever came later.
            assert lake.schema(table) == fresh.schema(table)
            assert lake.catalog().load_table(table).properties[VERSION] == "1"
        for table in (BRONZE, PARSED):
            left_out = CIRCUMSTANCES[table] + LATER_COLUMNS[table]
            assert without(lake, table, left_out) == without(fresh, table, left_out)
        # Rows from before have no value, also where their files have one of the dropped column.
        assert lake.value(f"select count(*) from {BRONZE} where source_file is null") == old_rows[BRONZE]
        assert lake.value(f"select count(*) from {BRONZE} where source_file is not null") > 0
        # Gold is computed anew, and does not depend on what Silver has no more.
        assert lake.facts(GOLD) == fresh.facts(GOLD)
        # Other engines see the same.
        for table in LATER_COLUMNS:
            ours = lake.rows(table)
            assert pyiceberg_rows(lake, table) == ours
            assert duckdb_rows(lake, table) == ours
        assert [model["action"] for model in lake.run()["models"]] == ["up to date", "up to date"]

    def test_narrower_columns_are_widened(self, tmp_path, synthetic_files):
        lake = Lake(tmp_path / "older")
        lake.load(synthetic_files[1])
        definition = lake.catalog().load_table(BRONZE)
        schema, spec = definition.schema(), definition.spec()
        rows = definition.scan().to_arrow()
        narrow = Schema(*[
            NestedField(field.field_id, field.name,
                        IntegerType() if field.name in ("actor_id", "repo_id") else field.field_type)
            for field in schema.fields if field.name != "delivery_id"])
        catalog = lake.catalog()
        catalog.drop_table(BRONZE)
        older = catalog.create_table(BRONZE, narrow, partition_spec=spec, properties={VERSION: "0"},
                                     location=definition.location() + "-older")
        older.append(rows.drop_columns(["delivery_id"]).cast(narrow.as_arrow()))
        before = lake.sql(f"select id, actor_id, repo_id from {BRONZE} order by all")
        assert ("actor_id", "int") in lake.schema(BRONZE)

        lake.load(synthetic_files[3])
        assert ("actor_id", "long") in lake.schema(BRONZE)
        assert ("delivery_id", "string") in lake.schema(BRONZE)
        after = lake.sql(f"select id, actor_id, repo_id from {BRONZE} order by all")
        assert len(after) > len(before)
        assert [row for row in after if row in before]
        one = before[0]["actor_id"]
        assert (lake.value(f"select count(*) from {BRONZE} where actor_id = {one}")
                == sum(row["actor_id"] == one for row in after))
        lake.run()
        ours = lake.rows(BRONZE)
        assert pyiceberg_rows(lake, BRONZE) == ours
        assert duckdb_rows(lake, BRONZE) == ours


def set_version(lake, table, version):
    with lake.catalog().load_table(table).transaction() as transaction:
        transaction.set_properties({VERSION: version})


def states(lake):
    """What the catalog names, and all files of the tables."""
    files = sorted(str(path) for name in ("bronze", "silver", "gold") for path in (lake.directory / name).rglob("*"))
    return {table: lake.metadata_location(table) for table in lake.tables()}, files


def refusal(table):
    return f"table {table} was written by a newer octolake (version 7 of its tables"


class TestNewerTables:
    @pytest.mark.parametrize("options", [[], ["--full-refresh"]], ids=["increment", "full-refresh"])
    @pytest.mark.parametrize("table, command", [(BRONZE, "load"), (LOADED, "load"), (REJECTED, "load"),
                                                (PARSED, "run"), (SILVER, "run"), (GOLD, "run")])
    def test_are_read_and_not_written(self, lake, synthetic_files, table, command, options):
        if command == "load" and options:
            pytest.skip("of run alone")
        lake.load(synthetic_files[1])
        lake.run()
        if command == "run":
            lake.load(synthetic_files[3])  # so that every table has something to come
        before = lake.counts()
        set_version(lake, table, "7")
        found = states(lake)
        arguments = ["load", synthetic_files[3]] if command == "load" else ["run", *options]
        refused = lake.octolake(*arguments, status=1)
        assert refusal(table) in refused.err
        assert "upgrade octolake" in refused.err
        assert states(lake) == found
        assert lake.value(f"select count(*) from {table}") == before[table]
        # It was only for the version.
        set_version(lake, table, "1")
        lake.octolake(*arguments)
        assert table == REJECTED or lake.counts()[table] > before[table]

    def test_a_run_looks_at_the_tables_of_the_models_it_runs(self, lake, synthetic_files):
        lake.load(synthetic_files[1])
        lake.run()
        lake.load(synthetic_files[3])
        set_version(lake, GOLD, "7")
        gold = lake.metadata_location(GOLD)
        before = lake.counts()
        lake.run("--select", SILVER.split(".")[1])
        assert lake.counts()[SILVER] > before[SILVER]
        assert lake.metadata_location(GOLD) == gold
        set_version(lake, SILVER, "7")
        set_version(lake, GOLD, "1")
        found = states(lake)
        assert refusal(SILVER) in lake.octolake("run", "--select", GOLD.split(".")[1], status=1).err
        assert states(lake) == found

    @pytest.fixture
    def crumbled(self, lake, tmp_path):
        """Tables with small files, old snapshots, and a file in each that nothing names."""
        for seed in range(6):
            lake.load(generate(tmp_path / f"{seed}.json", events=30, seed=seed))
            lake.run()
        for table in (BRONZE, PARSED):
            orphan = lake.directory / table.replace(".", "/") / "data" / "orphan.parquet"
            orphan.write_bytes(b"x")
            os.utime(orphan, (0, 0))
        return lake

    @pytest.mark.parametrize("steps", [["--compact", "--min-input-files", "2"], ["--rewrite-manifests"], ["--expire"],
                                       ["--orphans"], []],
                             ids=["compact", "manifests", "expire", "orphans", "all"])
    @pytest.mark.parametrize("newer", [BRONZE, PARSED])
    def test_are_not_maintained_and_others_are(self, crumbled, newer, steps):
        lake = crumbled
        set_version(lake, newer, "7")
        before, files = states(lake)
        done = lake.octolake("maintain", *steps, status=1)
        assert done.err.count(refusal(newer)) == 1
        after, files_after = states(lake)
        theirs = f"/{newer.replace('.', '/')}/"
        assert after[newer] == before[newer]
        assert [path for path in files_after if theirs in path] == [path for path in files if theirs in path]
        other = PARSED if newer == BRONZE else BRONZE
        if steps not in (["--rewrite-manifests"], ["--expire"]):  # there is nothing so old, and few manifests
            assert other in done.text
            assert files_after != files

    def test_are_not_rolled_back_nor_given_back_what_was_taken(self, crumbled):
        lake = crumbled
        lake.octolake("maintain", BRONZE, "--orphans")
        first = lake.snapshots(BRONZE)[0]["snapshot_id"]
        set_version(lake, BRONZE, "7")
        found = states(lake)
        for command in (["tables", BRONZE, "--rollback-to", str(first)], ["maintain", BRONZE, "--undo"],
                        ["maintain", BRONZE, "--compact", "--dry-run"]):
            assert refusal(BRONZE) in lake.octolake(*command, status=1).err
            assert states(lake) == found
        set_version(lake, BRONZE, "1")
        lake.octolake("maintain", BRONZE, "--undo")
        assert states(lake)[1] != found[1]
