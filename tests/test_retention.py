"""The history of our tables stays short, whoever shortens it, and no row is lost by it."""

import json
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlparse

import pytest

from lake import BRONZE, GOLD, LOADED, PARSED, SILVER, Lake, pyiceberg_rows
from program import generate

LIMIT = 8
ENV = {"OCTOLAKE_RETENTION_MAX_SNAPSHOTS": str(LIMIT), "OCTOLAKE_RETENTION_MIN_SNAPSHOTS": "2",
       "OCTOLAKE_LOAD_COMMIT_FILES": "1"}


@pytest.fixture
def parts(tmp_path):
    """Forty small files of events."""
    # Not splitlines: texts of events can hold other line separators.
    text = generate(tmp_path / "all.json", events=400, seed=5).read_text()
    lines = [line + "\n" for line in text.rstrip("\n").split("\n")]
    folder = tmp_path / "parts"
    folder.mkdir()
    files = []
    for number in range(40):
        path = folder / f"{number:02}.json"
        path.write_text("".join(lines[10 * number:10 * number + 10]))
        files.append(path)
    return files


def keys_of(files):
    """The distinct (id, instant) of the events in files."""
    events = [json.loads(line) for file in files for line in file.read_text().rstrip("\n").split("\n")]
    return {(event["id"], event["created_at"]) for event in events}


def files_of(table):
    """(present, named): files below a table's folder, and those that its metadata leads to."""
    root = Path(urlparse(table.location()).path)
    present = {str(path) for path in root.rglob("*") if path.is_file()}
    named = {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
    for snapshot in table.snapshots():
        named.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            named.add(manifest.manifest_path)
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                named.add(entry.data_file.file_path)
    return present, {urlparse(name).path for name in named}


def test_steps_go_on_over_a_thinned_history(tmp_path, parts):
    lake = Lake(tmp_path / "warehouse", env=ENV)
    whole = Lake(tmp_path / "whole")
    for begin in range(0, 40, 10):
        lake.load(*parts[begin:begin + 10])
        report = lake.run()
        assert "rescan_reason" not in report["silver"]
        assert report["silver"]["bronze_rows"] == 100
        assert not any("reason" in model for model in report["models"]), report["models"]
    whole.load(*parts)
    whole.run()
    catalog = lake.catalog()
    for name in (BRONZE, LOADED, PARSED, SILVER, GOLD):
        table = catalog.load_table(name)
        tags = {ref.snapshot_id for ref in table.refs().values()}
        assert len(table.snapshots()) <= LIMIT + len(tags), name
        present, named = files_of(table)
        assert present == named, name
        assert pyiceberg_rows(lake, name) == lake.rows(name), name
    for name in (PARSED, SILVER, GOLD):
        assert lake.facts(name) == whole.facts(name), name


def expire_all_but_current(lake, name):
    """As another engine's maintenance might, with the tags of what was consumed."""
    table = lake.catalog().load_table(name)
    for tag in [ref for ref in table.refs() if ref.startswith("octolake.consumed.")]:
        table.manage_snapshots().remove_tag(tag).commit()
    held = {ref.snapshot_id for ref in table.refs().values()}
    old = [one.snapshot_id for one in table.snapshots() if one.snapshot_id not in held]
    assert old
    table.maintenance.expire_snapshots().by_ids(old).commit()


def test_a_start_that_others_expired_is_said_and_made_good(tmp_path, parts):
    lake = Lake(tmp_path / "warehouse")
    whole = Lake(tmp_path / "whole")
    lake.load(*parts[:20])
    lake.run()
    lake.load(*parts[20:30])
    expire_all_but_current(lake, BRONZE)
    report = lake.run("--select", "gold_user_activity")
    assert "expired" in report["silver"]["rescan_reason"]
    assert report["silver"]["bronze_rows"] == 300
    assert report["silver"]["added"] == len(keys_of(parts[:30])) - len(keys_of(parts[:20]))
    expire_all_but_current(lake, PARSED)
    report = lake.run()
    (model,) = [one for one in report["models"] if one["name"] == SILVER]
    assert model["action"] == "full refresh"
    assert "expired" in model["reason"]
    lake.load(*parts[30:])
    lake.run()
    whole.load(*parts)
    whole.run()
    for name in (PARSED, SILVER, GOLD):
        assert lake.facts(name) == whole.facts(name), name


def test_as_of_says_what_it_cannot_know(tmp_path, parts):
    lake = Lake(tmp_path / "warehouse", env=ENV)
    lake.load(*parts)
    table = lake.catalog().load_table(BRONZE)
    assert len(table.snapshots()) <= LIMIT
    query = f"SELECT count(*) AS n FROM {BRONZE}"
    for one in table.snapshots():
        expected = int(one.summary.additional_properties["total-records"])
        assert lake.value(query, "--as-of", str(one.snapshot_id)) == expected
    first = table.snapshots()[0]
    assert first.parent_snapshot_id is not None
    day_before = datetime.fromtimestamp(first.timestamp_ms / 1000 - 86400, timezone.utc)
    failed = lake.octolake("sql", "--as-of", day_before.isoformat(), query, status=1)
    assert "expired" in failed.err
