"""Bronze to parsed Silver on Spark: the rows that octolake makes, and positions that both go on from.

OCTOLAKE_SPARK_LOADS says how many loads commit to Bronze while the step runs again and again (default 25)."""

import json
import os
import threading

import pytest

from lake import BRONZE, LOADED, PARSED, REJECTED, Lake, pyiceberg_rows
from program import PROGRAM, ZONE, generate
from spark_process import Job, environment

POSITION = f"octolake.position.{BRONZE}"
TAG = f"octolake.{BRONZE}"
LOADS = int(os.environ.get("OCTOLAKE_SPARK_LOADS") or 25)


def facts(lake):
    return lake.facts(PARSED)


def assert_consistent(lake):
    """What octolake itself finds of the table that Spark wrote to."""
    lake.octolake("doctor", "--data")
    assert pyiceberg_rows(lake, PARSED) == lake.rows(PARSED)
    keys = [row["event_key"] for row in lake.sql(f"select event_key from {PARSED}")]
    assert len(keys) == len(set(keys))


def position(lake):
    table = lake.catalog().load_table(PARSED)
    return int(table.snapshot_by_name(TAG).summary[POSITION])


def current(lake, table):
    return lake.catalog().load_table(table).current_snapshot().snapshot_id


def branches(lake):
    return [name for name, ref in lake.catalog().load_table(PARSED).metadata.refs.items()
            if ref.snapshot_ref_type == "branch"]


def test_real_events_of_every_era(spark, real_lake, real_files, tmp_path):
    lake = Lake(tmp_path / "warehouse", ZONE)
    lake.load(*real_files)
    report = spark.silver(lake)
    assert report["bronze_rows"] == lake.counts()[BRONZE]
    assert report["added"] == lake.counts()[PARSED] == real_lake.counts()[PARSED] > 10_000
    assert facts(lake) == facts(real_lake)
    assert_consistent(lake)


def test_each_goes_on_where_the_other_ended(spark, synthetic_files, synthetic_lake, lake):
    lake.load(synthetic_files[0])
    first = spark.silver(lake)
    assert position(lake) == current(lake, BRONZE) == first["consumed_snapshot"]

    lake.load(synthetic_files[1])
    ours = lake.run()["silver"]
    assert ours["bronze_rows"] + first["bronze_rows"] == lake.counts()[BRONZE]

    lake.load(synthetic_files[2])
    lake.load(synthetic_files[3])
    second = spark.silver(lake)
    assert second["bronze_rows"] + ours["bronze_rows"] + first["bronze_rows"] == lake.counts()[BRONZE]
    assert second["duplicates"] > 0, "the two files of 2015 overlap"
    assert second["rescan_reason"] == ""
    assert facts(lake) == facts(synthetic_lake)
    assert lake.run()["silver"]["bronze_rows"] == 0
    consumed = lake.catalog().load_table(BRONZE).snapshot_by_name(f"octolake.consumed.{PARSED}")
    assert consumed.snapshot_id == position(lake)
    assert_consistent(lake)


def test_nothing_new_is_no_commit(spark, synthetic_files, lake):
    lake.load(synthetic_files[0])
    spark.silver(lake)
    before = len(lake.snapshots(PARSED))
    report = spark.silver(lake)
    assert (report["bronze_rows"], report["added"]) == (0, 0)
    assert len(lake.snapshots(PARSED)) == before


def test_a_rescan_adds_nothing(spark, synthetic_files, lake):
    lake.load(*synthetic_files)
    spark.silver(lake)
    before = facts(lake)
    report = spark.silver(lake, rescan=True)
    assert report["added"] == 0 and report["duplicates"] == lake.counts()[BRONZE]
    assert report["rescan_reason"] == "asked for"
    assert facts(lake) == before


def test_ids_that_mean_something_to_sql_are_only_ids(spark, lake, tmp_path):
    """Spark puts its variables into every text that it parses, and backslashes are its escapes."""
    ids = ["${spark.sql.session.timeZone}", "${env:HOME}", "a\\'b", "\\", "' or true or '", "7"]
    event = {"type": "WatchEvent", "actor": {"id": 1, "login": "a"}, "repo": {"id": 2, "name": "o/r"}, "public": True,
             "created_at": "2015-01-02T03:04:05Z", "payload": {"action": "started"}}
    for number, group in enumerate([ids, *([one] for one in ids)]):
        file = tmp_path / f"{number}.json"
        file.write_text("".join(json.dumps({"id": one, **event}) + "\n" for one in group), encoding="utf-8")
        lake.load(file)
        report = spark.silver(lake)
        assert report["added"] == (len(ids) if number == 0 else 0), group
    assert sorted(row["event_id"] for row in lake.sql(f"select event_id from {PARSED}")) == sorted(ids)


def test_sources_that_are_not_asked_for_are_passed_over(spark, synthetic_files, lake):
    lake.load(synthetic_files[0])
    assert spark.silver(lake, sources=["webhook"])["added"] == 0
    assert position(lake) == current(lake, BRONZE)
    assert lake.counts()[PARSED] == 0
    report = spark.silver(lake, sources=["webhook", "gharchive"])
    assert report["rescan_reason"] == "it passed over gharchive before, and takes that now"
    assert report["added"] == lake.counts()[PARSED] > 600
    assert report["added"] + report["duplicates"] == lake.counts()[BRONZE]


def test_each_knows_which_sources_the_other_passed_over(spark, synthetic_files, lake):
    lake.load(synthetic_files[0])
    spark.silver(lake, sources=["webhook", "collect"])
    ours = lake.run()["silver"]
    assert ours["rescan_reason"] == "it took only collect, webhook before, and takes all sources now"
    assert ours["added"] == lake.counts()[PARSED] > 600

    lake.load(synthetic_files[1])
    env = {"OCTOLAKE_SILVER_SOURCES": "webhook"}
    assert Lake(lake.directory, {**ZONE, **env}).run()["silver"]["added"] == 0
    report = spark.silver(lake)
    assert report["rescan_reason"] == "it took only webhook before, and takes all sources now"
    assert report["added"] > 0
    assert spark.silver(lake)["rescan_reason"] == ""
    assert_consistent(lake)


def test_a_step_that_loses_to_octolake_starts_over(spark, synthetic_files, synthetic_lake, lake):
    lake.load(*synthetic_files[:3])
    run = [PROGRAM, "--warehouse", lake.directory, "run"]
    report = spark.silver(lake, between=[run])
    assert report["lost_races"] == 1
    assert (report["bronze_rows"], report["added"]) == (0, 0), "octolake had done it all"
    lake.load(synthetic_files[3])
    spark.silver(lake)
    assert facts(lake) == facts(synthetic_lake)
    assert branches(lake) == ["main"]
    assert_consistent(lake)


def test_a_step_that_loses_to_maintenance_starts_over(spark, synthetic_files, synthetic_lake, lake):
    for file in synthetic_files[:3]:
        lake.load(file)
        spark.silver(lake)
    lake.load(synthetic_files[3])
    compact = [PROGRAM, "--warehouse", lake.directory, "maintain", PARSED, "--compact"]
    report = spark.silver(lake, between=[compact])
    assert report["lost_races"] == 1 and report["added"] > 0
    assert facts(lake) == facts(synthetic_lake)
    assert_consistent(lake)


def test_bronze_that_was_compacted_and_expired(spark, synthetic_files, synthetic_lake, lake):
    for file in synthetic_files[:2]:
        lake.load(file)
    spark.silver(lake)
    for file in synthetic_files[2:]:
        lake.load(file)
    lake.octolake("maintain", BRONZE, "--compact", "--expire")
    report = spark.silver(lake)
    assert report["added"] > 0
    assert facts(lake) == facts(synthetic_lake)
    assert_consistent(lake)


def test_a_table_of_another_version_is_refused(spark, synthetic_files, lake):
    lake.load(synthetic_files[0])
    spark.sql(lake, f"ALTER TABLE demo.{PARSED} SET TBLPROPERTIES ('octolake.definition-version' = '99')")
    with pytest.raises(AssertionError, match="its definition is of version 99, this package is of version 1"):
        spark.silver(lake)
    assert lake.counts()[PARSED] == 0


def test_a_tag_that_somebody_moved_is_named(spark, synthetic_files, lake):
    lake.load(synthetic_files[0])
    spark.silver(lake)
    spark.sql(lake, f"INSERT INTO demo.{PARSED} SELECT * FROM demo.{PARSED} LIMIT 0")
    spark.sql(lake, f"ALTER TABLE demo.{PARSED} CREATE OR REPLACE TAG `{TAG}`")
    lake.load(synthetic_files[1])
    with pytest.raises(AssertionError, match="the tag was moved by somebody else"):
        spark.silver(lake)


def test_no_event_is_passed_by_while_bronze_commits(spark, lake, tmp_path):
    """Many steps while many small loads commit, each somewhere within a step."""
    files = [generate(tmp_path / f"{seed}.json", events=150, seed=seed) for seed in range(LOADS)]
    lake.load(files[0])
    failures = []

    def load_all():
        try:
            for file in files[1:]:
                lake.load(file)
        except AssertionError as error:
            failures.append(error)

    loading = threading.Thread(target=load_all)
    loading.start()
    steps, overlapped = 0, 0
    while loading.is_alive() and steps < 20 * LOADS:
        before = current(lake, BRONZE)
        report = spark.silver(lake)
        steps += 1
        overlapped += current(lake, BRONZE) != before and report["added"] > 0
    loading.join()
    assert not failures
    spark.silver(lake)
    assert overlapped > 0, "no step overlapped with a load"

    alone = Lake(tmp_path / "alone", ZONE)
    alone.load(*files)
    alone.run()
    found, wanted = facts(lake), facts(alone)
    print(f"{LOADS} loads, {steps} steps, {overlapped} of which added rows while a load committed: "
          f"{wanted.total()} events, {(wanted - found).total()} passed by, {(found - wanted).total()} too many")
    assert found == wanted
    assert_consistent(lake)


def test_a_killed_job_is_repeated(spark, spark_package, synthetic_files, synthetic_lake, lake, tmp_path):
    """kill -9 of the job once it has made its branch; then, of another, as soon as it has a process."""
    lake.load(*synthetic_files)
    settings = environment(spark_package, tmp_path, lake.directory)
    # An empty table has no main.
    for wanted, what in ((lambda: set(branches(lake)) - {"main"}, "it made its branch"), (lambda: True, "anything")):
        with Job(settings, "silver.py") as job:
            job.wait_until(wanted, what)
    assert lake.counts()[PARSED] == 0
    with Job(settings, "silver.py") as job:
        assert json.loads(job.finish())["added"] == lake.counts()[PARSED]
    assert facts(lake) == facts(synthetic_lake)
    assert_consistent(lake)


def test_tables_that_spark_creates_are_octolakes(spark, synthetic_lake, tmp_path):
    lake = Lake(tmp_path / "warehouse", ZONE)
    lake.directory.mkdir()
    spark.ask("create_tables", lake)
    for table in (BRONZE, REJECTED, LOADED, PARSED):
        made, ours = (a_lake.catalog().load_table(table).metadata for a_lake in (lake, synthetic_lake))
        assert made.schema() == ours.schema(), table
        assert made.spec() == ours.spec(), table
        assert made.format_version == ours.format_version == 2
        assert set(made.properties.items()) >= set(ours.properties.items()), table
    assert lake.counts()[BRONZE] == 0
