"""Spark deletes and updates rows of our tables by position (merge-on-read); octolake, Spark, PyIceberg and DuckDB
then have the same rows, and Silver and Gold those that are left. Run by spark_deletes.sh, which says in
OCTOLAKE_SPARK_PYTHON and OCTOLAKE_SPARK_JARS how to start Spark."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lake import BRONZE, GOLD, PARSED, SILVER, Lake, duckdb_rows, pyiceberg_rows  # noqa: E402
from program import generate  # noqa: E402

HERE = Path(__file__).resolve().parent


def spark(lake, *statements):
    """The rows that each statement gives, values as texts."""
    python = Path(os.environ["OCTOLAKE_SPARK_PYTHON"])
    done = subprocess.run(
        [python, HERE / "spark_sql.py", lake.directory, os.environ["OCTOLAKE_SPARK_JARS"]],
        input="".join(statement + "\n" for statement in statements), text=True, capture_output=True, check=False,
        env={**os.environ, "PYSPARK_PYTHON": str(python), "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "UTC"})
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def merge_on_read(table, granularity):
    return (f"ALTER TABLE demo.{table} SET TBLPROPERTIES ('write.delete.mode'='merge-on-read',"
            f" 'write.update.mode'='merge-on-read', 'write.delete.granularity'='{granularity}')")


@pytest.fixture(scope="module", params=["file", "partition"])
def changed(request, tmp_path_factory):
    """Five loads and two runs; then Spark deletes and updates, twice where it deleted before."""
    directory = tmp_path_factory.mktemp("spark")
    lake = Lake(directory / "warehouse")
    for seed in range(5):
        lake.load(generate(directory / f"{seed}.json", events=400, seed=seed))
        if seed in (2, 4):
            lake.run()
    answers = spark(
        lake, *(merge_on_read(table, request.param) for table in (BRONZE, PARSED, GOLD)),
        f"DELETE FROM demo.{BRONZE} WHERE crc32(id) % 5 = 0",
        f"DELETE FROM demo.{BRONZE} WHERE crc32(id) % 7 = 0",
        f"DELETE FROM demo.{PARSED} WHERE crc32(event_id) % 5 = 0 AND event_type = 'PushEvent'",
        f"UPDATE demo.{PARSED} SET actor_login = 'someone' WHERE crc32(event_id) % 11 = 0",
        f"DELETE FROM demo.{GOLD} WHERE total_events > 1",
        *(f"SELECT sum(added_delete_files_count + existing_delete_files_count) FROM demo.{table}.manifests"
          for table in (BRONZE, PARSED, GOLD)),
        *(f"SELECT {key} FROM demo.{table}" for table, key in
          ((BRONZE, "id"), (PARSED, "event_key"), (GOLD, "concat(actor_key, ' ', activity_date)"))))
    return lake, answers[-6:-3], answers[-3:]


def test_everybody_has_the_same_rows(changed):
    lake, delete_files, keys = changed
    assert all(int(count) > 0 for ((count,),) in delete_files), "Spark rewrote the data files"
    for table, key, theirs in ((BRONZE, "id", keys[0]), (PARSED, "event_key", keys[1]),
                               (GOLD, "actor_key || ' ' || activity_date", keys[2])):
        ours = lake.rows(table)
        assert Counter(row["key"] for row in lake.sql(f"select {key} as key from {table}")) == Counter(
            key for (key,) in theirs), table
        assert pyiceberg_rows(lake, table) == ours, table
        assert duckdb_rows(lake, table) == ours, table
    assert lake.value(f"select count(*) from {PARSED} where actor_login = 'someone'") > 0
    lake.octolake("doctor", "--data")


def test_a_new_silver_has_the_rows_that_are_left(changed):
    lake, _, keys = changed
    lake.octolake("tables", PARSED, "--drop")
    lake.run()
    assert {row["event_id"] for row in lake.sql(f"select event_id from {PARSED}")} == {key for (key,) in keys[0]}
    assert lake.facts(SILVER).total() == lake.counts()[PARSED]
    assert pyiceberg_rows(lake, GOLD) == lake.rows(GOLD)
