"""The compiled models against a plain Python computation, against themselves, and against dbt.

OCTOLAKE_DBT names the dbt executable (default: the one beside this interpreter). OCTOLAKE_MODELS names a
bundle that the build has made already; without it the project is compiled first.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import expected
import synthetic

PROJECT = Path(__file__).resolve().parents[2] / "dbt"
DBT = os.environ.get("OCTOLAKE_DBT", str(Path(sys.executable).with_name("dbt")))
PARSED = '"demo"."silver"."github_events_parsed"'
SILVER = '"demo"."silver"."silver_github_events"'
GOLD = '"demo"."gold"."gold_user_activity"'
SILVER_CHANGES = '"demo"."octolake_changes"."silver__github_events_parsed"'
GOLD_CHANGES = '"demo"."octolake_changes"."silver__silver_github_events"'
PROPERTY_SEEDS = 50


@pytest.fixture(scope="session")
def bundle_file(tmp_path_factory):
    if "OCTOLAKE_MODELS" in os.environ:
        return Path(os.environ["OCTOLAKE_MODELS"])
    out = tmp_path_factory.mktemp("bundle") / "models.json"
    subprocess.run(
        [sys.executable, PROJECT / "compile.py", "--dbt", DBT, "--out", out], check=True,
        # The bundle must not depend on the caller's namespaces or zone.
        env={**os.environ, "SILVER_NAMESPACE": "other", "TZ": "America/New_York"})
    return out


@pytest.fixture(scope="session")
def bundle(bundle_file):
    return json.loads(bundle_file.read_text(encoding="utf-8"))


def model(bundle, name):
    return next(entry for entry in bundle["models"] if entry["name"] == name)


def parsed_columns(bundle):
    source = next(entry for entry in bundle["sources"] if entry["name"] == "github_events_parsed")
    return [(column["name"], column["type"]) for column in source["columns"]]


def declare(columns):
    return ", ".join(f'"{name}" {type_}' for name, type_ in columns)


def insert(connection, relation, columns, rows):
    """One JSON text for all rows: a statement for each row, or a parameter for each value, is slow."""
    shape = json.dumps([dict(columns)])
    document = json.dumps([{name: row[name] for name, _ in columns} for row in rows], default=str)
    connection.execute(
        f"insert into {relation} select unnest(from_json(cast(? as json), '{shape}'), max_depth := 2)",
        [document])


class Lake:
    """What the embedded executor does, by hand: tables, views of changes, append and overwrite."""

    def __init__(self, bundle, connection=None, zone="UTC"):
        self.bundle = bundle
        self.columns = parsed_columns(bundle)
        self.connection = connection or duckdb.connect()
        if connection is None:
            self.connection.execute("attach ':memory:' as demo")
        self.connection.execute(f"set TimeZone = '{zone}'")
        for schema in ("bronze", "silver", "gold", "octolake_changes"):
            self.connection.execute(f'create schema if not exists "demo"."{schema}"')
        self.connection.execute(f"create table {PARSED} ({declare(self.columns)})")

    def create_models(self):
        for entry in self.bundle["models"]:
            columns = [(column["name"], column["type"]) for column in entry["columns"]]
            self.connection.execute(f"create table {entry['relation_name']} ({declare(columns)})")
        self.connection.execute(
            f"create table {SILVER_CHANGES} as from {PARSED} limit 0;"
            f"create table {GOLD_CHANGES} as from {SILVER} limit 0")

    def append_parsed(self, rows, table=PARSED):
        insert(self.connection, table, self.columns, rows)

    def run_full(self):
        for name, relation in (("silver_github_events", SILVER), ("gold_user_activity", GOLD)):
            self.connection.execute(
                f"create or replace table {relation} as {model(self.bundle, name)['full_sql']}")

    def run_incremental(self, rows):
        """Appends a batch and runs both models; the partitions of Gold that were overwritten."""
        self.connection.execute(f"delete from {SILVER_CHANGES}; delete from {GOLD_CHANGES}")
        self.append_parsed(rows)
        self.append_parsed(rows, SILVER_CHANGES)
        silver = model(self.bundle, "silver_github_events")
        assert silver["strategy"] == "append"
        self.connection.execute(f"insert into {GOLD_CHANGES} {silver['incremental_sql']}")
        self.connection.execute(f"insert into {SILVER} from {GOLD_CHANGES}")
        gold = model(self.bundle, "gold_user_activity")
        assert gold["strategy"] == "overwrite_partitions"
        self.connection.execute(f"create or replace temp table step as {gold['incremental_sql']}")
        self.connection.execute(
            f"delete from {GOLD} where activity_date in (select activity_date from step);"
            f"insert into {GOLD} from step")
        days = self.connection.execute("select distinct activity_date from step").fetchall()
        return {day for (day,) in days}

    def rows(self, relation, without):
        cursor = self.connection.execute(f"from {relation}")
        names = [column[0] for column in cursor.description]
        return [
            {name: value for name, value in zip(names, values) if name not in without}
            for values in cursor.fetchall()
        ]

    def gold(self, relation=GOLD):
        rows = self.rows(relation, {"created_at"})
        keyed = {(row["actor_key"], row["activity_date"]): row for row in rows}
        assert len(keyed) == len(rows)
        return keyed

    def silver(self):
        return {row["event_key"]: row for row in self.rows(SILVER, {"processing_timestamp"})}


def names_of(bundle):
    return [name for name, _ in parsed_columns(bundle)]


@pytest.mark.parametrize("seed,zone", [(1, "UTC"), (2, "Asia/Tokyo"), (3, "America/Los_Angeles")])
def test_full_form_equals_plain_computation(bundle, seed, zone):
    lake = Lake(bundle, zone=zone)
    rows = synthetic.events(seed, 1500, names_of(bundle))
    lake.append_parsed(rows)
    lake.run_full()
    silver = lake.silver()
    assert len(silver) == len(rows)
    for row in rows:
        wanted = expected.silver_row(row)
        found = silver[row["event_key"]]
        assert {name: found[name] for name in wanted} == wanted
    gold = lake.gold()
    wanted = expected.gold(rows)
    assert gold.keys() == wanted.keys()
    for key, row in wanted.items():
        assert gold[key] == row
    # The generator is of use only while it makes the hard cases.
    assert any(row["top_repo"] is None for row in wanted.values())
    assert any(row["unique_events"] < row["total_events"] for row in wanted.values())
    assert any(row["merged_pull_requests"] for row in wanted.values())
    assert any(row["pushes_of_unknown_size"] for row in wanted.values())
    assert {row["user_activity_level"] for row in wanted.values()} == {
        "highly_active", "active", "moderate", "low_activity"}


@pytest.mark.parametrize("seed", range(PROPERTY_SEEDS))
def test_incremental_equals_full_after_every_batch(bundle, seed):
    lake = Lake(bundle)
    lake.create_models()
    rows = synthetic.events(1000 + seed, 20 + 7 * (seed % 20), names_of(bundle))
    seen = []
    for batch in synthetic.batches(seed, rows):
        before = lake.gold()
        touched = lake.run_incremental(batch)
        seen += batch
        assert touched == expected.touched_partitions(seen, batch)
        incremental = lake.gold()
        lake.connection.execute(
            "create or replace temp table full_gold as "
            + model(lake.bundle, "gold_user_activity")["full_sql"])
        assert incremental == lake.gold("full_gold")
        for (key, day), row in before.items():
            if day not in touched:
                assert incremental[key, day] == row
    assert incremental == expected.gold(rows)


def test_rows_outside_the_touched_actors_are_copied_as_they_are(bundle):
    lake = Lake(bundle)
    lake.create_models()
    rows = synthetic.events(5, 200, names_of(bundle))
    last = [row for row in rows if expected.actor_key(row) == "id:1"][-1]
    lake.run_incremental([row for row in rows if row is not last])
    made = dict(lake.connection.execute(
        f"select actor_key || activity_date, created_at from {GOLD}").fetchall())
    lake.run_incremental([last])
    day = expected.silver_row(last)["event_date"]
    for key, date, created_at in lake.connection.execute(
            f"select actor_key, activity_date, created_at from {GOLD}").fetchall():
        recomputed = key == "id:1" and date >= day
        assert (created_at == made.get(f"{key}{date}")) == (not recomputed)


def test_a_batch_of_nobody_touches_nothing(bundle):
    lake = Lake(bundle)
    lake.create_models()
    rows = synthetic.events(6, 300, names_of(bundle))
    nobody = [row for row in rows if expected.actor_key(row) is None]
    assert nobody
    lake.run_incremental([row for row in rows if expected.actor_key(row) is not None])
    assert lake.run_incremental(nobody) == set()


def failing_tests(bundle, connection):
    failing = set()
    for test in bundle["tests"]:
        (failures,) = connection.execute(
            f"select {test['fail_calc']} from ({test['sql']}) t").fetchone()
        if failures:
            failing.add(test["name"])
    return failing


def test_data_tests_find_what_they_are_for(bundle):
    lake = Lake(bundle)
    good = synthetic.events(7, 50, names_of(bundle))
    lake.append_parsed(good)
    lake.run_full()
    ids = {}
    for row in good:
        ids.setdefault(row["event_id"], set()).add(row["created_at"].date())
    reused = any(len(days) > 1 for days in ids.values())
    expected_failures = {"event_id_unique_across_dates"} if reused else set()
    assert failing_tests(bundle, lake.connection) == expected_failures

    lake.append_parsed([
        good[0],
        {**good[1], "event_key": None, "processed_at": None, "event_type": None},
        {**good[2], "event_key": "a@1", "source": "gharchive", "actor_login": None, "repo_name": None},
        {**good[3], "event_key": "b@1", "event_type": "ForeignEvent"},
        {**good[4], "event_key": "c@1", "event_type": "PushEvent", "push_size": -5, "actor_id": 77},
    ])
    lake.connection.execute(
        f"update {PARSED} set created_at = now() + interval 2 hours where event_key = 'b@1'")
    lake.run_full()
    lake.connection.execute(f"insert into {GOLD} from {GOLD}")
    lake.connection.execute(
        f"update {GOLD} set user_activity_level = 'x', user_specialization = 'y', total_events = -1")
    assert failing_tests(bundle, lake.connection) >= {
        "source_unique_silver_github_events_parsed_event_key",
        "unique_silver_github_events_event_key",
        "source_not_null_silver_github_events_parsed_event_key",
        "source_not_null_silver_github_events_parsed_processed_at",
        "source_not_null_silver_github_events_parsed_event_type",
        "actor_login_known_from_2015_on",
        "repo_name_known_from_2015_on",
        "event_type_is_known",
        "no_event_in_the_future",
        "accepted_range_silver_github_events_activity_score__0",
        "accepted_range_gold_user_activity_total_commits__0",
        "accepted_range_gold_user_activity_total_events__0",
        "one_row_per_actor_and_day",
        "user_activity_level_is_known",
        "user_specialization_is_known",
    }


def test_bundle_describes_models_sources_and_tests(bundle):
    assert bundle["version"] == 1
    assert [entry["name"] for entry in bundle["models"]] == [
        "silver_github_events", "gold_user_activity"]
    gold = model(bundle, "gold_user_activity")
    assert gold["relation_name"] == GOLD
    assert gold["depends_on"] == ["model.octolake.silver_github_events"]
    assert gold["partition_by"] == [{"column": "activity_date", "transform": "identity"}]
    assert gold["unique_key"] == ["actor_key", "activity_date"]
    assert GOLD_CHANGES in gold["incremental_sql"] and GOLD_CHANGES not in gold["full_sql"]
    silver = model(bundle, "silver_github_events")
    assert SILVER_CHANGES in silver["incremental_sql"] and PARSED in silver["full_sql"]
    freshness = {entry["name"]: entry["freshness"] for entry in bundle["sources"]}
    assert freshness == {
        "github_events": {
            "loaded_at_field": "ingestion_timestamp",
            "warn_after_seconds": 7200,
            "error_after_seconds": 21600,
        },
        "github_events_parsed": None,
    }
    warnings = {test["name"] for test in bundle["tests"] if test["severity"] == "warn"}
    assert warnings == {"event_type_is_known", "event_id_unique_across_dates"}


def test_the_source_tree_is_left_as_it_was(bundle):
    made = {path.name for path in PROJECT.rglob("*")} & {"target", "logs", "demo.duckdb", ".user.yml"}
    assert made == set()


def dbt(command, scratch, database):
    subprocess.run(
        [DBT, "--quiet", command, "--no-partial-parse", "--project-dir", PROJECT,
         "--profiles-dir", PROJECT, "--target", "duckdb",
         "--target-path", scratch / "target", "--log-path", scratch / "logs"],
        check=True, cwd=scratch,
        env={**os.environ, "OCTOLAKE_DBT_DUCKDB": str(database),
             "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"})


def test_dbt_build_gives_the_same_rows(bundle, tmp_path):
    database = tmp_path / "demo.duckdb"
    columns = parsed_columns(bundle)
    rows = synthetic.events(8, 800, [name for name, _ in columns])
    for part, command in ((rows[:500], "build"), (rows[500:], "run")):
        with duckdb.connect(str(database)) as connection:
            if command == "build":
                connection.execute(f"create schema silver; create table {PARSED} ({declare(columns)})")
            connection.execute("set TimeZone = 'UTC'")
            insert(connection, PARSED, columns, part)
        dbt(command, tmp_path, database)
    by_bundle = Lake(bundle)
    by_bundle.append_parsed(rows)
    by_bundle.run_full()
    by_dbt = Lake.__new__(Lake)
    by_dbt.bundle, by_dbt.columns = bundle, columns
    with duckdb.connect(str(database)) as by_dbt.connection:
        by_dbt.connection.execute("set TimeZone = 'UTC'")
        assert by_dbt.silver() == by_bundle.silver()
        assert by_dbt.gold() == by_bundle.gold()
