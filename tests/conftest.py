"""Warehouses that tests share. A shared one is only read; a test that writes makes its own."""

import os
from pathlib import Path

import pytest

from lake import Lake
from program import PROGRAM, ZONE, generate

# For the tests of the dbt project: dbt has an environment of its own, and the build has compiled the
# project already.
os.environ.setdefault("OCTOLAKE_DBT", str(Path(__file__).resolve().parents[1] / ".deps/dbt/bin/dbt"))
MODELS = Path(PROGRAM).resolve().parents[1] / "src/model/models.json"
if MODELS.exists():
    os.environ.setdefault("OCTOLAKE_MODELS", str(MODELS))


@pytest.fixture(scope="session")
def real_data():
    """Where the real events are; they are no part of the repository."""
    path = os.environ.get("OCTOLAKE_TEST_DATA")
    if not path or not Path(path).is_dir():
        pytest.skip("no real event data: OCTOLAKE_TEST_DATA is not set")
    return Path(path)


@pytest.fixture(scope="session")
def real_files(real_data):
    """In the order of the figures that the tests know."""
    names = [
        "gharchive/2012-04-01-12.json.gz", "gharchive/2015-01-01-0.json.gz",
        "gharchive/2015-01-01-15.json.gz", "gharchive/2021-07-21-few-hours.json.gz",
        "events_api/2023-04-repo-page.json.gz", "events_api/2025-12-user-page.json",
        "events_api/2026-07-user-page.json",
    ]
    return [real_data / name for name in names]


@pytest.fixture(scope="session")
def real_lake(real_files, tmp_path_factory):
    """The real events, loaded and run once. Read-only."""
    lake = Lake(tmp_path_factory.mktemp("real") / "warehouse", ZONE)
    lake.load(*real_files)
    lake.run()
    return lake


@pytest.fixture(scope="session")
def synthetic_files(tmp_path_factory):
    """Events of all eras in four files; the two of 2015 are of one stream, so events come again."""
    directory = tmp_path_factory.mktemp("events")
    generate(directory / "2011.json", events=700, seed=11, era="2011")
    generate(directory / "2025.json", events=700, seed=25, era="2025")
    lines = generate(directory / "2015", events=1600, seed=15).read_bytes().splitlines(keepends=True)
    (directory / "2015-a.json").write_bytes(b"".join(lines[:900]))
    (directory / "2015-b.json").write_bytes(b"".join(lines[700:]))
    return [directory / f"{name}.json" for name in ("2011", "2015-a", "2015-b", "2025")]


@pytest.fixture(scope="session")
def synthetic_lake(synthetic_files, tmp_path_factory):
    """Synthetic events in several loads and runs. Read-only."""
    lake = Lake(tmp_path_factory.mktemp("synthetic") / "warehouse", ZONE)
    lake.load(*synthetic_files[:2])
    lake.run()
    lake.load(synthetic_files[2])
    lake.load(synthetic_files[3])
    lake.run()
    return lake


@pytest.fixture
def lake(tmp_path):
    """An empty warehouse of one test's own."""
    return Lake(tmp_path / "warehouse", ZONE)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A Kafka broker; skips the test where there can be none."""
    from kafka_broker import Broker, broker_jars

    with Broker(tmp_path_factory.mktemp("kafka") / "broker", broker_jars()) as running:
        yield running


@pytest.fixture
def lab(broker):
    """A topic of its own. A test may leave the broker stopped."""
    from kafka_lab import Lab

    yield Lab(broker)
    if not broker.running():
        broker.start()


@pytest.fixture
def gate(tmp_path):
    """The directory of a gateway that sends to Kafka: it has a journal and no tables."""
    return Lake(tmp_path / "gateway", ZONE)
