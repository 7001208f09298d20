"""The models by dbt on Spark have the rows of octolake's own executor, increment by increment; the write stores the
position."""

import pytest

from lake import GOLD, PARSED, SILVER, Lake
from program import PROGRAM, ZONE


def dbt(spark, lake, *arguments):
    succeeded, error, nodes = spark.ask("dbt", lake, arguments=list(arguments))
    assert succeeded, (error, [node for node in nodes if node[1] not in ("success", "pass", "warn")])
    return {node[0]: node[1] for node in nodes}


def head(lake, table):
    return lake.catalog().load_table(table).current_snapshot()


def position(lake, table, source):
    """What the table's newest snapshot says of its source."""
    (found,) = [word.split("=")[1] for word in head(lake, table).summary["wap.id"].split("/")
                if word.startswith(f"octolake.position.{source}=")]
    return int(found)


def assert_models_equal(lake, expected):
    for table in (SILVER, GOLD):
        facts = expected.facts(table)
        assert facts.total() > 500
        assert lake.facts(table) == facts, table


def assert_positions(lake):
    assert position(lake, SILVER, PARSED) == head(lake, PARSED).snapshot_id
    assert position(lake, GOLD, SILVER) == head(lake, SILVER).snapshot_id


def test_real_events_of_every_era(spark, real_lake, real_files, tmp_path):
    lake = Lake(tmp_path / "warehouse", ZONE)
    lake.load(*real_files)
    spark.silver(lake)
    nodes = dbt(spark, lake, "build")
    assert sum(status == "pass" for status in nodes.values()) > 20, "the data tests ran"
    assert_models_equal(lake, real_lake)
    assert_positions(lake)
    lake.octolake("doctor", "--data")


def test_increments(spark, synthetic_files, lake, tmp_path):
    """The second half of a stream comes before the first, so that days that are there change."""
    expected = Lake(tmp_path / "expected", ZONE)
    for a_lake in (lake, expected):
        a_lake.load(synthetic_files[0], synthetic_files[2])
    expected.run()
    spark.silver(lake)
    # One by one, as Airflow does, where there is no namespace for Gold yet.
    dbt(spark, lake, "run", "--select", "tag:silver")
    dbt(spark, lake, "run", "--select", "tag:gold")
    assert_models_equal(lake, expected)
    assert_positions(lake)

    for a_lake in (lake, expected):
        a_lake.load(synthetic_files[1], synthetic_files[3])
    expected.run()
    added = spark.silver(lake)["added"]
    partitions = {row["day"] for row in lake.sql(
        f"select distinct event_date::varchar as day from {SILVER}")}
    dbt(spark, lake, "run")
    assert_models_equal(lake, expected)
    assert_positions(lake)
    assert head(lake, SILVER).summary.operation.value == "append"
    assert int(head(lake, SILVER).summary["added-records"]) == added, "only what is new was written"
    changed = int(head(lake, GOLD).summary["changed-partition-count"])
    assert 0 < changed < len(partitions | {row["day"] for row in lake.sql(
        f"select distinct activity_date::varchar as day from {GOLD}")}), "2011 was left as it is"

    before = [len(lake.snapshots(table)) for table in (SILVER, GOLD)]
    dbt(spark, lake, "run")
    assert [len(lake.snapshots(table)) for table in (SILVER, GOLD)] == before, "nothing new, nothing written"


def test_octolake_and_dbt_take_turns(spark, synthetic_files, synthetic_lake, lake):
    """dbt goes on from what octolake wrote, also after compaction; octolake computes anew what dbt wrote."""
    for file in synthetic_files[:2]:
        lake.load(file)
        lake.run()
    for table in (PARSED, SILVER):
        lake.octolake("maintain", table, "--compact")
    begin = lake.counts()[SILVER]
    lake.load(synthetic_files[2])
    spark.silver(lake)
    dbt(spark, lake, "run")
    assert int(head(lake, SILVER).summary["added-records"]) == lake.counts()[SILVER] - begin
    assert_positions(lake)

    lake.load(synthetic_files[3])
    actions = [model["action"] for model in lake.run()["models"]]
    assert actions == ["full refresh", "full refresh"], "octolake does not trust positions of before"
    assert_models_equal(lake, synthetic_lake)
    dbt(spark, lake, "run", "--full-refresh")
    assert_models_equal(lake, synthetic_lake)
    assert_positions(lake)


@pytest.mark.parametrize("table, words, said", [
    # Before the rows are written, that is on another snapshot than the run began with.
    (SILVER, ["merge into"], "somebody else committed"),
    # Before it is looked at who has committed meanwhile.
    (GOLD, ["summary['wap.id'] = "], "somebody else committed"),
    # After that: nothing is left but that Iceberg refuses.
    (SILVER, ["system.fast_forward"], "main is not an ancestor"),
], ids=["before the write", "before the look", "before the publication"])
def test_a_lost_race_changes_nothing(spark, synthetic_files, synthetic_lake, lake, table, words, said):
    """octolake computes the models while dbt does. The rows that dbt wrote would be there twice, or in place of
    octolake's."""
    lake.load(*synthetic_files[:2])
    spark.silver(lake)
    dbt(spark, lake, "run")
    lake.load(*synthetic_files[2:])
    spark.silver(lake)
    model = table.split(".")[1]
    succeeded, _, nodes = spark.ask("dbt", lake, arguments=["run"], before=[
        [f'"node_id": "model.octolake.{model}"', *words], [PROGRAM, "--warehouse", lake.directory, "run"]])
    assert not succeeded
    (failed,) = [message for name, status, message in nodes if status == "error" and name.endswith(model)]
    assert said in failed
    assert "wap.id" not in head(lake, table).summary.additional_properties, "octolake's commit is the last one"
    assert_models_equal(lake, synthetic_lake)
    lake.octolake("doctor", "--data")

    dbt(spark, lake, "run")
    assert_models_equal(lake, synthetic_lake)


def test_tables_that_dbt_creates_are_octolakes(spark, synthetic_lake, lake, synthetic_files):
    lake.load(synthetic_files[0])
    spark.silver(lake)
    dbt(spark, lake, "run")
    for table in (SILVER, GOLD):
        made, ours = (a_lake.catalog().load_table(table).metadata for a_lake in (lake, synthetic_lake))
        assert [(field.name, field.field_type) for field in made.schema().fields] == [
            (field.name, field.field_type) for field in ours.schema().fields], table
        assert made.spec() == ours.spec(), table
        assert made.format_version == ours.format_version == 2
        # It tells what the rows are up to, which dbt does by itself.
        wanted = {key: value for key, value in ours.properties.items() if not key.startswith("octolake.model.")}
        assert wanted and set(made.properties.items()) >= set(wanted.items()), table


def test_a_table_of_another_version_is_refused(spark, synthetic_files, lake):
    lake.load(synthetic_files[0])
    spark.silver(lake)
    dbt(spark, lake, "run")
    before = head(lake, SILVER)
    for version, advice in ((99, "use the models of the octolake that wrote it"), (0, "octolake run upgrades it")):
        spark.sql(lake, f"ALTER TABLE demo.{SILVER} SET TBLPROPERTIES ('octolake.definition-version' = '{version}')")
        lake.load(synthetic_files[1])
        spark.silver(lake)
        succeeded, _, nodes = spark.ask("dbt", lake, arguments=["run"])
        assert not succeeded
        (said,) = [message for _, status, message in nodes if status == "error"]
        assert f"its definition is of version {version}, these models are of version 1; {advice}" in said
    assert head(lake, SILVER) == before
