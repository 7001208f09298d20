#!/usr/bin/env python3
"""dbt on a Spark session of its own: the arguments are dbt's, such as `build` or `run --select tag:silver`.

For where there is no Thrift server. Runs the project of dbt/ with target spark; what dbt writes beside the tables
goes to a temporary folder. The exit status is dbt's: 0, 1 for a failed model or test, 2 for anything else.
"""

import os
import sys
import tempfile
from pathlib import Path

from octolake_spark import session

PROJECT = Path(__file__).resolve().parents[2] / "dbt"
FAILED, BROKEN = 1, 2


def run(spark, arguments):
    """dbt in this process, with this session, which has to be the active one. dbt's result; what went wrong is
    logged."""
    from dbt.cli.main import dbtRunner

    # dbt makes those of the models that are selected, and looks for relations in those of all.
    names = session.Names.from_environment()
    for namespace in (names.silver, names.gold):
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {names.catalog}.{namespace}")

    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    with tempfile.TemporaryDirectory() as scratch:
        return dbtRunner().invoke([
            *arguments, "--target", "spark", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
            "--target-path", f"{scratch}/target", "--log-path", f"{scratch}/logs"])


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if len(sys.argv) > 1 else BROKEN
    spark = session.start("octolake dbt", **{
        "spark.sql.defaultCatalog": session.Names.from_environment().catalog,
        # Of one run's changes the shuffles are small.
        "spark.sql.adaptive.enabled": "true"})
    try:
        done = run(spark, sys.argv[1:])
    finally:
        spark.stop()
    return 0 if done.success else BROKEN if done.exception else FAILED


if __name__ == "__main__":
    sys.exit(main())
