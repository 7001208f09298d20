"""Tables that another version of octolake made: older ones are upgraded, newer ones are only read."""

from datetime import datetime, timezone

import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import IntegerType, NestedField

from lake import BRONZE, GOLD, LOADED, PARSED, REJECTED, SILVER, Lake, arrow_rows, duckdb_rows, pyiceberg_rows

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


class TestNewerTables:
    @pytest.mark.parametrize("table, command", [(BRONZE, "load"), (LOADED, "load"), (REJECTED, "load"),
                                                (PARSED, "run"), (SILVER, "run"), (GOLD, "run")])
    def test_are_read_and_not_written(self, lake, synthetic_files, table, command):
        lake.load(synthetic_files[1])
        lake.run()
        with lake.catalog().load_table(table).transaction() as transaction:
            transaction.set_properties({VERSION: "7"})
        before = lake.counts()
        arguments = ["load", synthetic_files[3]] if command == "load" else ["run", "--full-refresh"]
        refused = lake.octolake(*arguments, status=1)
        assert f"table {table} was written by a newer octolake (version 7 of its tables" in refused.err
        assert "upgrade octolake" in refused.err
        assert lake.counts() == before
        assert lake.value(f"select count(*) from {table}") == before[table]
