"""The compiled models against a plain Python computation, against themselves, and against dbt.

OCTOLAKE_DBT names the dbt executable (default: the one beside this interpreter). OCTOLAKE_MODELS names a
bundle that the build has made already; without it the project is compiled first.
"""

import json
import os
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
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
    """The tables that the full forms read and make."""

    def __init__(self, bundle, connection=None, zone="UTC"):
        self.bundle = bundle
        self.columns = parsed_columns(bundle)
        self.connection = connection or duckdb.connect()
        if connection is None:
            self.connection.execute("attach ':memory:' as demo")
        self.connection.execute(f"set TimeZone = '{zone}'")
        for schema in ("bronze", "silver", "gold"):
            self.connection.execute(f'create schema if not exists "demo"."{schema}"')
        self.connection.execute(f"create table {PARSED} ({declare(self.columns)})")

    def append_parsed(self, rows):
        insert(self.connection, PARSED, self.columns, rows)

    def run_full(self):
        for name, relation in (("silver_github_events", SILVER), ("gold_user_activity", GOLD)):
            self.connection.execute(
                f"create or replace table {relation} as {model(self.bundle, name)['full_sql']}")

    def rows(self, relation, without):
        cursor = self.connection.execute(f"from {relation}")
        names = [column[0] for column in cursor.description]
        return [
            {name: value for name, value in zip(names, values) if name not in without}
            for values in cursor.fetchall()
        ]

    def gold(self):
        rows = self.rows(GOLD, {"created_at"})
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


def written(number, kind, instant, **values):
    """A row of parsed Silver written by hand."""
    row = {"event_id": str(number), "event_type": kind, "created_at": instant, "actor_id": 5, "public": True}
    row["event_key"] = f"{number}@{instant.timestamp():.0f}"
    return {**row, **values}


def gold_of(bundle, rows):
    lake = Lake(bundle, zone="America/Los_Angeles")
    columns = names_of(bundle)
    lake.append_parsed([{**dict.fromkeys(columns), **row} for row in rows])
    lake.run_full()
    return lake.gold()


@pytest.mark.parametrize("kinds,specialization", [
    (["PushEvent"] * 3 + ["GistEvent"] * 2, "generalist"),  # 60 % exactly
    (["PushEvent"] * 2 + ["GistEvent"], "developer"),
    (["PullRequestEvent"] * 2 + ["GistEvent"] * 3, "generalist"),  # 40 % exactly
    (["PullRequestReviewThreadEvent"] * 3 + ["IssuesEvent"] * 3 + ["GistEvent"], "reviewer"),
    (["IssueCommentEvent"] * 2 + ["GistEvent"] * 3, "generalist"),
    (["IssueCommentEvent"] * 3 + ["WatchEvent"] * 3 + ["GistEvent"], "issue_manager"),
    (["ForkEvent"] * 2 + ["GistEvent"] * 3, "generalist"),
    (["ForkEvent", "WatchEvent", "GistEvent"], "community_member"),
])
def test_shares_decide_only_when_greater(bundle, kinds, specialization):
    noon = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
    rows = [written(number, kind, noon) for number, kind in enumerate(kinds)]
    assert [row["user_specialization"] for row in gold_of(bundle, rows).values()] == [specialization]


@pytest.mark.parametrize("commits,singles,level", [
    (2, 0, "low_activity"), (2, 1, "moderate"), (9, 1, "moderate"), (10, 0, "active"), (24, 1, "active"),
    (25, 0, "highly_active"),
])
def test_levels_begin_at_their_score(bundle, commits, singles, level):
    noon = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
    rows = [written(0, "PushEvent", noon, push_size=commits)]
    rows += [written(1 + number, "WatchEvent", noon) for number in range(singles)]
    (row,) = gold_of(bundle, rows).values()
    assert (row["total_activity_score"], row["user_activity_level"]) == (2 * commits + singles, level)


def test_days_are_of_utc_and_averages_reach_six_of_them_back(bundle):
    first = datetime(2024, 2, 26, 23, 59, 59, tzinfo=timezone.utc)
    rows = [
        written(1, "PushEvent", first, push_size=14),
        written(2, "PushEvent", first + timedelta(seconds=1)),  # the next day
        written(3, "WatchEvent", first + timedelta(days=6)),
        written(4, "WatchEvent", first + timedelta(days=7)),
    ]
    gold = gold_of(bundle, rows)
    found = {
        day: (row["events_7day_avg"], row["commits_7day_avg"], row["cumulative_events"],
              row["cumulative_commits"], row["total_commits"], row["pushes_of_unknown_size"])
        for (_, day), row in gold.items()
    }
    assert found == {
        date(2024, 2, 26): (1 / 7, 2, 1, 14, 14, 0),
        date(2024, 2, 27): (2 / 7, 2, 2, 14, 0, 1),
        date(2024, 3, 3): (3 / 7, 2, 3, 14, 0, 0),
        date(2024, 3, 4): (3 / 7, 0, 4, 14, 0, 0),
    }


def test_who_an_actor_is(bundle):
    noon = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
    rows = [
        written(1, "WatchEvent", noon, actor_id=7, actor_login="Ann"),
        written(2, "WatchEvent", noon, actor_id=7, actor_login="ann-later"),  # the greater id of one instant
        written(3, "WatchEvent", noon, actor_id=None, actor_login=" 7 "),
        written(4, "WatchEvent", noon, actor_id=None, actor_login="ANN"),
        written(5, "WatchEvent", noon, actor_id=None, actor_login="  "),
        written(6, "WatchEvent", noon, actor_id=None),
    ]
    found = {key: (row["actor_id"], row["actor_login"], row["total_events"])
             for (key, _), row in gold_of(bundle, rows).items()}
    assert found == {"id:7": (7, "ann-later", 2), "login:7": (None, "7", 1), "login:ann": (None, "ann", 1)}


def test_ties_are_broken(bundle):
    day = datetime(2024, 2, 29, tzinfo=timezone.utc)
    rows = [
        written(9, "WatchEvent", day + timedelta(hours=20), repo_name="o/z", repo_id=1, actor_login="nine"),
        written(10, "WatchEvent", day + timedelta(hours=20), repo_name="o/z", repo_id=1, actor_login="ten"),
        written(11, "WatchEvent", day + timedelta(hours=3), repo_name="o/B", repo_id=2, actor_login="x"),
        written(12, "WatchEvent", day + timedelta(hours=3), repo_name="o/B", repo_id=None, actor_login="y"),
        written(12, "WatchEvent", day + timedelta(hours=4), repo_name=None, repo_id=2, actor_login="z"),
    ]
    (row,) = gold_of(bundle, rows).values()
    assert row["most_active_hour"] == 3
    assert (row["top_repo"], row["top_repo_event_count"]) == ("o/B", 2)
    assert row["actor_login"] == "ten"
    assert (row["total_events"], row["unique_events"], row["repos_contributed_to"]) == (5, 4, 3)


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
    assert gold["strategy"] == "replace_rows"
    assert [entry["unique_id"] for entry in gold["split_by"]] == [
        "model.octolake.gold_user_activity", "model.octolake.silver_github_events"]
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
