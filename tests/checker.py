"""The checker of Iceberg's specification, if it is here at all: it is no part of the repository."""

import os
import subprocess
import sys
from pathlib import Path

NO_CHECKER = "no checker of the Iceberg specification: neither OCTOLAKE_VERIFY nor beside the test data"

# One process for all tables; the script keeps its findings in globals, so that it starts afresh for each.
RUN_EACH = """
import runpy, sys
script, failed = sys.argv[1], 0
for location in sys.argv[2:]:
    sys.argv = [script, location, "--strict", "--codec", "zstd"]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        print(f"^ {location}: status {end.code}")
        failed += end.code != 0
sys.exit(1 if failed else 0)
"""


def verify_home():
    places = [os.environ.get("OCTOLAKE_VERIFY")]
    if data := os.environ.get("OCTOLAKE_TEST_DATA"):
        places.append(Path(data).parent / "verify")
    return next((Path(place) for place in places if place and (Path(place) / "check_table.py").exists()), None)


def check(*metadata_locations):
    """What the checker says of the tables, or '' if it finds nothing wrong. Only where there is a checker."""
    paths = [location.removeprefix("file://") for location in metadata_locations]
    done = subprocess.run([sys.executable, "-c", RUN_EACH, str(verify_home() / "check_table.py"), *paths],
                          text=True, capture_output=True, check=False,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    clean = done.stdout.count("OK 0 errors, 0 warnings") == len(paths)
    return "" if done.returncode == 0 and clean else done.stdout + done.stderr


def check_lake(lake):
    """The same of every table of a warehouse; '' as well where there is no checker."""
    if verify_home() is None:
        return ""
    return check(*(lake.metadata_location(table) for table in lake.tables()))
