"""The models' rows equal those of `dbt build` with dbt-duckdb over the same parsed Silver rows."""

import os
import subprocess
from pathlib import Path

import duckdb

from lake import CIRCUMSTANCES, GOLD, PARSED, SILVER, Lake, arrow_rows
from program import environment

ROOT = Path(__file__).resolve().parents[1]
DBT = Path(os.environ.get("OCTOLAKE_DBT", ROOT / ".deps/dbt/bin/dbt"))


class DbtProject:
    """A copy of the source tables in a DuckDB file of dbt's own, named as the compiled SQL has it."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.database = scratch / "demo.duckdb"

    def connect(self):
        connection = duckdb.connect(str(self.database))
        connection.execute("set TimeZone = 'UTC'")
        return connection

    def take_sources(self, lake):
        """What is new in our Silver, appended as our own step appended it."""
        with self.connect() as connection:
            connection.execute("create schema if not exists silver; create schema if not exists bronze")
            parsed = lake.catalog().load_table(PARSED).scan().to_arrow()  # noqa: F841 - used in the SQL
            connection.execute(f"create table if not exists {PARSED} as from parsed limit 0")
            connection.execute(f"insert into {PARSED} from parsed"
                               f" where event_key not in (select event_key from {PARSED})")

    def build(self):
        done = subprocess.run(
            [DBT, "--quiet", "build", "--no-partial-parse", "--no-version-check", "--no-use-colors",
             "--target", "duckdb", "--project-dir", ROOT / "dbt", "--profiles-dir", ROOT / "dbt",
             "--target-path", self.scratch / "target", "--log-path", self.scratch / "logs"],
            cwd=self.scratch, text=True, capture_output=True, check=False,
            env=environment({"OCTOLAKE_DBT_DUCKDB": str(self.database), "PYTHONDONTWRITEBYTECODE": "1",
                             "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}))
        assert done.returncode == 0, done.stdout + done.stderr

    def facts(self, lake, table):
        columns = ", ".join(f'"{name}"' for name, _ in lake.schema(table) if name not in CIRCUMSTANCES[table])
        with self.connect() as connection:
            return arrow_rows(connection.execute(f"select {columns} from {table}").arrow().read_all())


def assert_equal(dbt, lake):
    for table in (SILVER, GOLD):
        ours = lake.facts(table)
        assert ours.total() > 500
        assert dbt.facts(lake, table) == ours


def test_full_refresh_of_real_events(real_lake, tmp_path):
    dbt = DbtProject(tmp_path)
    dbt.take_sources(real_lake)
    dbt.build()
    assert_equal(dbt, real_lake)


def test_full_then_incremental(synthetic_files, tmp_path):
    """The second half of a stream comes before the first, so that days that are there change."""
    lake, dbt = Lake(tmp_path / "warehouse"), DbtProject(tmp_path)
    lake.load(synthetic_files[0], synthetic_files[2])
    lake.run()
    dbt.take_sources(lake)
    dbt.build()
    assert_equal(dbt, lake)

    lake.load(synthetic_files[1], synthetic_files[3])
    report = lake.run()
    assert [model["action"] for model in report["models"]] == ["appended", "partitions rewritten"]
    dbt.take_sources(lake)
    dbt.build()
    assert_equal(dbt, lake)
