"""Rows that another engine deleted by position (merge-on-read): every reader and step leaves them out."""

from collections import Counter

import pytest

from checker import NO_CHECKER, check, verify_home
from lake import BRONZE, GOLD, PARSED, SILVER, arrow_rows, duckdb_rows, pyiceberg_rows
from position_deletes import delete_rows


def every(nth):
    """Picks every n-th row that it is asked about."""
    count = iter(range(10**9))
    return lambda row: next(count) % nth == 0


@pytest.fixture
def loaded(lake, synthetic_files):
    for path in synthetic_files[1:]:
        lake.load(path)
    return lake


@pytest.mark.parametrize("by_file", [False, True])
@pytest.mark.parametrize("table", [BRONZE, PARSED, GOLD])
def test_all_readers_give_the_same_rows(loaded, table, by_file):
    loaded.run()
    before = loaded.rows(table)
    theirs = loaded.catalog().load_table(table)
    deleted = delete_rows(theirs, every(7), by_file)
    deleted += delete_rows(theirs, lambda row: str(row[theirs.schema().fields[0].name]).endswith("3"), by_file)
    ours = loaded.rows(table)
    assert not ours - before
    assert 0 < ours.total() < before.total()
    assert ours.total() >= before.total() - deleted
    assert pyiceberg_rows(loaded, table) == ours
    assert duckdb_rows(loaded, table) == ours
    assert loaded.value(f"select count(*) from {table}") == ours.total()
    # as it was
    parent = theirs.metadata.snapshot_by_id(theirs.current_snapshot().parent_snapshot_id)
    assert loaded.rows(table, "--as-of", str(parent.parent_snapshot_id)) == before
    loaded.octolake("doctor", "--data")


def test_conditions_see_only_what_is_left(loaded):
    loaded.run()
    table = loaded.catalog().load_table(PARSED)
    delete_rows(table, lambda row: row["event_type"] == "WatchEvent" and int(row["actor_id"] or 0) % 2 == 0)
    theirs = arrow_rows(table.scan().to_arrow().select(["event_type"]))
    for event_type in ("WatchEvent", "PushEvent"):
        assert loaded.value(f"select count(*) from {PARSED} where event_type = '{event_type}'") == theirs[
            (event_type,)]
    assert loaded.value(f"select count(*) from {PARSED} where event_type = 'WatchEvent' and actor_id % 2 = 0") == 0


def test_silver_and_gold_know_nothing_of_rows_deleted_before(loaded):
    table = loaded.catalog().load_table(BRONZE)
    delete_rows(table, every(3))
    bronze = loaded.sql(f"select distinct id, event_time from {BRONZE}")
    report = loaded.run()
    assert report["silver"]["bronze_rows"] == table.scan().count()
    assert loaded.counts()[PARSED] == len(bronze)
    ids = Counter(row["id"] for row in bronze)
    assert Counter(row["event_id"] for row in loaded.sql(f"select event_id from {PARSED}")) == ids
    assert all(test["outcome"] == "pass" for test in report["tests"])
    assert loaded.facts(SILVER).total() == len(bronze)


def test_models_follow_and_replace_partitions_with_deletes(loaded, synthetic_files):
    loaded.run()
    gold_before = loaded.facts(GOLD)
    # Gold loses rows; the partitions that a run rewrites get theirs back, others stay as they are.
    gold = loaded.catalog().load_table(GOLD)
    delete_rows(gold, every(2))
    assert loaded.facts(GOLD).total() < gold_before.total()
    loaded.load(synthetic_files[0])
    report = loaded.run()
    assert report["models"][-1]["action"] == "partitions rewritten"
    assert pyiceberg_rows(loaded, GOLD) == loaded.rows(GOLD)
    # Silver's deletes are no append: Gold is computed from what is left.
    silver = loaded.catalog().load_table(SILVER)
    delete_rows(silver, lambda row: row["event_type"] == "PushEvent")
    loaded.run()
    assert loaded.value(f"select sum(push_events)::bigint from {GOLD}") == 0
    assert loaded.value(f"select sum(total_events)::bigint from {GOLD}") == arrow_rows(
        silver.scan(row_filter="actor_id is not null or actor_login is not null").to_arrow()).total()
    report = loaded.run("--full-refresh")
    assert loaded.value(f"select sum(push_events)::bigint from {GOLD}") > 0
    summary = loaded.catalog().load_table(GOLD).current_snapshot().summary
    assert summary["total-delete-files"] == "0"
    assert pyiceberg_rows(loaded, GOLD) == loaded.rows(GOLD)


@pytest.mark.skipif(verify_home() is None, reason=NO_CHECKER)
def test_the_tables_follow_the_specification(loaded, synthetic_files):
    loaded.run()
    for table in (BRONZE, PARSED, SILVER, GOLD):
        delete_rows(loaded.catalog().load_table(table), every(5))
    loaded.load(synthetic_files[0])
    loaded.run()
    findings = check(*(loaded.metadata_location(table) for table in (BRONZE, PARSED, SILVER, GOLD)))
    assert findings == ""
