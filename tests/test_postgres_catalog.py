"""A catalog in PostgreSQL: what `load` and `doctor` advise where it is damaged."""

import subprocess
from pathlib import Path

import pytest

from lake import BRONZE, Lake
from program import ZONE, generate
from servers import Postgres


@pytest.fixture(scope="module")
def database():
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def loaded(database, tmp_path):
    uri = database.uri("octolake") + "?application_name=it's"
    lake = Lake(tmp_path / "warehouse", {**ZONE, "OCTOLAKE_CATALOG_URI": uri, "OCTOLAKE_CATALOG_NAME": tmp_path.name})
    lake.load(generate(tmp_path / "events.json", events=20))
    return lake


def problems(lake, status=1):
    checks = lake.octolake("--json", "doctor", status=status).json()
    return {check["check"]: check["finding"] for check in checks if check["result"] != "ok"}


def row_of_bronze(lake):
    return f"catalog_name = '{lake.env['OCTOLAKE_CATALOG_NAME']}' and table_name = 'github_events'"


def test_bronze_goes_back_to_the_version_before(database, loaded):
    ((newest,),) = database.run(f"select metadata_location from iceberg_tables where {row_of_bronze(loaded)}")
    path = Path(newest.removeprefix("file://"))
    path.write_bytes(path.read_bytes()[:-5])
    finding = problems(loaded)[f"table {BRONZE}"]
    subprocess.run(finding[finding.index("psql "):], shell=True, check=True, timeout=60)
    assert problems(loaded, status=0) == {}
    assert database.run(f"select metadata_location from iceberg_tables where {row_of_bronze(loaded)}") != [(newest,)]
    assert BRONZE in loaded.counts()


def test_the_database_is_what_is_to_be_restored(database, loaded, tmp_path):
    database.run(f"delete from iceberg_tables where {row_of_bronze(loaded)}")
    restore = f"restore {database.uri('octolake')} from a backup"
    ((what, finding),) = problems(loaded).items()
    assert what == f"directory file://{loaded.directory}/bronze/github_events"
    assert restore in finding
    assert restore in loaded.octolake("load", tmp_path / "events.json", status=1).err
