"""Maintenance with Spark leaves every row, and what octolake, its positions and the streams go on from."""

import os
import time
from datetime import datetime, timedelta, timezone

import pytest

from comparison import leftovers, local
from lake import BRONZE, GOLD, PARSED, SILVER
from spark_process import Job, environment

FAR_AHEAD = (datetime.now(timezone.utc) + timedelta(days=400)).isoformat()


def files(lake, table):
    return [local(task.file.file_path) for task in lake.catalog().load_table(table).scan().plan_files()]


def refs(lake, table):
    return {name: ref.snapshot_id for name, ref in lake.catalog().load_table(table).metadata.refs.items()}


@pytest.fixture
def many(lake, synthetic_files):
    """A warehouse of several small loads and runs."""
    for file in synthetic_files:
        lake.load(file)
        lake.run()
    return lake


def compact(spark, lake, table, strategy, **more):
    return spark.ask("maintain", lake, table=table, operation="compact", strategy=strategy, min_input_files=2,
                     target_file_bytes=20_000_000, days_back=0, **more)


def test_binpack_makes_one_file_of_a_partition(spark, many):
    before, count = many.rows(BRONZE), len(files(many, BRONZE))
    done = compact(spark, many, BRONZE, "binpack")
    assert count == done["rewritten_data_files_count"] > 1
    assert len(files(many, BRONZE)) == 1
    assert many.rows(BRONZE) == before
    assert many.run()["silver"]["bronze_rows"] == 0, "positions are as they were"


@pytest.mark.parametrize("strategy", ["sort", "zorder"])
def test_rows_are_ordered(spark, many, strategy):
    before = many.rows(PARSED)
    compact(spark, many, PARSED, strategy, columns=["event_type", "created_at"])
    assert many.rows(PARSED) == before
    # The events of 2015 came in two loads.
    types = many.sql(f"select event_type from {PARSED} where created_at between '2015-01-01' and '2016-01-01'")
    changes = sum(a != b for a, b in zip(types, types[1:]))
    assert changes < len(types) / 3, "equal types stand together"
    assert many.run()["silver"]["bronze_rows"] == 0


def test_columns_to_order_by_are_checked(spark, many):
    with pytest.raises(AssertionError, match="has no column payload to order by"):
        compact(spark, many, PARSED, "zorder", columns=["payload"])


def test_old_partitions_are_left(spark, many):
    """The events are of years ago, so none is of the last days."""
    done = spark.ask("maintain", many, table=PARSED, operation="compact", strategy="binpack", min_input_files=1,
                     target_file_bytes=20_000_000, days_back=7)
    assert done["rewritten_data_files_count"] == 0


def test_expired_snapshots_leave_positions_and_rows(spark, many, synthetic_files):
    tables = (BRONZE, PARSED, SILVER, GOLD)
    before = {table: many.rows(table) for table in tables}
    tags = {table: {name: at for name, at in refs(many, table).items() if name != "main"} for table in tables}
    for table in tables:
        compact(spark, many, table, "binpack")
        spark.ask("maintain", many, table=table, operation="expire_snapshots", now=FAR_AHEAD, older_than_days=7, keep=1)
    for table in tables:
        kept = {int(snapshot["snapshot_id"]) for snapshot in many.snapshots(table)}
        assert kept == set(refs(many, table).values()), "only what a tag or a branch names"
        assert tags[table].items() <= refs(many, table).items()
        assert many.rows(table) == before[table]
    report = many.run()
    assert report["silver"]["bronze_rows"] == 0
    many.octolake("doctor", "--data")


def test_orphan_files_go_and_no_others(spark, many):
    before = many.rows(BRONZE)
    data = many.directory / "bronze/github_events/data"
    orphan = data / "orphan.parquet"
    orphan.write_bytes(b"left behind")
    long_ago = time.time() - 5 * 24 * 3600
    os.utime(orphan, (long_ago, long_ago))
    for file in files(many, BRONZE):
        os.utime(file, (long_ago, long_ago))
    listed = spark.ask("maintain", many, table=BRONZE, operation="remove_orphan_files", older_than_days=3,
                       dry_run=True)
    assert listed["examples"] == [f"file:{orphan}"] and orphan.exists()
    done = spark.ask("maintain", many, table=BRONZE, operation="remove_orphan_files", older_than_days=3)
    assert done["orphan_files"] == 1 and not orphan.exists()
    assert many.rows(BRONZE) == before
    assert leftovers(many) == []


def test_young_files_are_no_orphans(spark, many):
    with pytest.raises(AssertionError, match="should be older than 24 hours"):
        spark.ask("maintain", many, table=BRONZE, operation="remove_orphan_files", older_than_days=0)


def test_manifests_are_rewritten(spark, many):
    before = many.rows(BRONZE)
    done = spark.ask("maintain", many, table=BRONZE, operation="rewrite_manifests")
    assert done["rewritten_manifests_count"] == 4 and done["added_manifests_count"] == 1
    assert many.rows(BRONZE) == before


def test_the_job(spark_package, many, tmp_path):
    settings = environment(spark_package, tmp_path, many.directory)
    with Job(settings, "maintenance.py", PARSED, "zorder", "--min-input-files", "2", "--days-back", "0") as job:
        assert '"operation": "zorder"' in job.finish()
    with Job(settings, "maintenance.py", PARSED, "defragment") as job:
        job.finish(status=2)
