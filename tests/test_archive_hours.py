"""Hours of GH Archive and other URLs are loaded as files are, however badly the network behaves."""

import gzip
import os
import re
import time
from email.utils import formatdate

import pytest

from archive_server import Archive
from lake import BRONZE, LOADED, Lake
from program import ZONE, generate, octolake

HOURS = ["2015-01-01-9", "2015-01-01-10", "2015-01-01-11"]


def named(hour):
    return f"{hour}.json.gz"


@pytest.fixture(scope="module")
def hours(tmp_path_factory):
    """Three hours of different events, in the size that a cut leaves something of."""
    directory = tmp_path_factory.mktemp("hours")
    return {named(hour): gzip.compress(generate(directory / hour, events=400, seed=seed).read_bytes())
            for seed, hour in enumerate(HOURS, 7)}


@pytest.fixture
def archive(hours):
    with Archive(hours) as archive:
        yield archive


@pytest.fixture
def plain(lake, hours, tmp_path):
    """A warehouse into which the same files were loaded from the disk."""
    for name, body in hours.items():
        (tmp_path / name).write_bytes(body)
    other = Lake(tmp_path / "plain", ZONE)
    other.load(*(tmp_path / name for name in hours))
    return other


def load(lake, archive, *sources, status=0, **env):
    result = octolake("--warehouse", lake.directory, "--json", "load", *sources, status=status,
                      env={**lake.env, **archive.env(), **env})
    return result.json(), result.err


def outcomes(report):
    return [file["outcome"] for file in report["files"]]


def modified_now(archive, name, body):
    archive.files[name] = body
    archive.modified[name] = formatdate(time.time() - 1, usegmt=True)


def ids(lake, name=""):
    return {row["id"] for row in lake.sql(f"SELECT id FROM {BRONZE} WHERE source_file LIKE '%{name}'")}


def facts(lake):
    return lake.rows(BRONZE, without={"ingestion_timestamp", "ingestion_date", "trace_id", "source_file"})


def downloads(lake):
    directory = lake.directory / ".downloads"
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


def test_hours_by_name(lake, archive, plain):
    report, _ = load(lake, archive, "2015-01-01-{9..11}")
    assert [(file["name"], file["outcome"]) for file in report["files"]] == [
        (f"{archive.url}/{named(hour)}", "loaded") for hour in HOURS]
    assert facts(lake) == facts(plain)
    assert lake.sql(f"SELECT DISTINCT source_file FROM {BRONZE} ORDER BY 1") == [
        {"source_file": f"{archive.url}/{named(hour)}"} for hour in sorted(HOURS)]
    assert downloads(lake) == []
    # Again: nothing is sent but what they are.
    archive.requests.clear()
    report, _ = load(lake, archive, "2015-01-{01..01}-{9..11}", f"{archive.url}/{named(HOURS[0])}")
    assert outcomes(report) == ["skipped"] * 4
    assert archive.gets() == []
    assert len(archive.requests) == 3
    # Asked for, they are loaded twice.
    assert outcomes(load(lake, archive, "--again", HOURS[0])[0]) == ["loaded"]


def test_content_is_what_counts(lake, archive, plain, hours, tmp_path):
    report, _ = load(plain, archive, *HOURS)
    assert outcomes(report) == ["skipped"] * 3  # loaded from files before
    archive.files["copy.json.gz"] = hours[named(HOURS[0])]
    report, _ = load(lake, archive, HOURS[0], f"{archive.url}/copy.json.gz", HOURS[1])
    assert outcomes(report) == ["loaded", "skipped", "loaded"]
    assert lake.value(f"SELECT count(*) FROM {LOADED}") == 2
    assert downloads(lake) == [] and downloads(plain) == []


def test_another_file_at_the_same_url(lake, archive, tmp_path):
    load(lake, archive, HOURS[0])
    events = generate(tmp_path / "other", events=5, seed=99).read_bytes()
    modified_now(archive, named(HOURS[0]), gzip.compress(events))
    assert [(file["outcome"], file["events"]) for file in load(lake, archive, HOURS[0])[0]["files"]] == [("loaded", 5)]
    # Of the same size: the date tells.
    again = re.sub(rb'("id":"?)(\d)', rb"\g<1>9", events)
    assert again != events
    archive.files["plain.json"] = events
    assert outcomes(load(lake, archive, f"{archive.url}/plain.json")[0]) == ["loaded"]
    modified_now(archive, "plain.json", again)
    assert len(again) == len(events)
    assert outcomes(load(lake, archive, f"{archive.url}/plain.json")[0]) == ["loaded"]


def test_missing_hours_are_reported(lake, archive):
    del archive.files[named(HOURS[1])]
    report, err = load(lake, archive, "2015-01-01-{8..11}", status=1)
    assert outcomes(report) == ["missing", "loaded", "missing", "loaded"]
    assert "2 of 4 files are not there" in err
    report, _ = load(lake, archive, HOURS[1], HOURS[0], HOURS[1], status=1)
    assert outcomes(report) == ["missing", "skipped", "missing"]
    assert f"{archive.url}/2015-01-01-8.json.gz: the server answers 404: there is no such file" in err
    assert downloads(lake) == []


@pytest.mark.parametrize("fault", ["cut", 503, 429, 500])
def test_what_passes_is_tried_again(lake, archive, plain, fault):
    archive.faults[named(HOURS[1])] = [fault]
    report, _ = load(lake, archive, *HOURS)
    assert outcomes(report) == ["loaded"] * 3
    assert facts(lake) == facts(plain)
    whole = len(archive.files[named(HOURS[1])])
    asked = archive.gets(named(HOURS[1]))
    assert asked == [None, f"bytes={whole // 2}-" if fault == "cut" else None]


def test_a_server_without_ranges_or_lengths(lake, archive, plain):
    archive.ranges = archive.lengths = False
    archive.faults[named(HOURS[0])] = [500]
    assert outcomes(load(lake, archive, *HOURS)[0]) == ["loaded"] * 3
    assert facts(lake) == facts(plain)
    # Sizes are not known, so they come again, and are known by their content then.
    assert outcomes(load(lake, archive, *HOURS)[0]) == ["skipped"] * 3


def test_a_server_without_ranges_starts_over(lake, archive, plain):
    archive.ranges = False
    archive.faults[named(HOURS[0])] = ["cut", "cut"]
    assert outcomes(load(lake, archive, *HOURS)[0]) == ["loaded"] * 3
    assert facts(lake) == facts(plain)


def test_a_file_that_changes_while_it_comes(lake, archive, plain):
    first, other = named(HOURS[0]), archive.files[named(HOURS[1])]
    archive.faults[first] = ["cut", lambda: archive.files.update({first: other})]
    report, _ = load(lake, archive, HOURS[0], HOURS[2])
    assert outcomes(report) == ["loaded"] * 2
    expected = plain.rows(BRONZE, without={"ingestion_timestamp", "ingestion_date", "trace_id"})
    assert ids(lake, "-9.json.gz") == ids(plain, "-10.json.gz")
    assert sum(expected.values()) == 1200


def test_a_file_that_changes_on_a_server_that_does_not_compare(lake, archive, plain):
    archive.if_range = False
    first, other = named(HOURS[0]), archive.files[named(HOURS[1])]
    archive.faults[first] = ["cut", lambda: archive.files.update({first: other})]
    assert outcomes(load(lake, archive, HOURS[0])[0]) == ["loaded"]
    assert ids(lake) == ids(plain, "-10.json.gz")
    asked = archive.gets(first)
    assert len(asked) == 3 and (asked[0], asked[2]) == (None, None) and asked[1].startswith("bytes=")


@pytest.mark.parametrize("etags", [True, False], ids=["etag", "date"])
def test_gone_on_with_after_a_kill(lake, archive, plain, etags):
    archive.etags = etags
    name = named(HOURS[0])
    half = len(archive.files[name]) // 2
    archive.faults[name] = ["hold"]
    with lake.start("load", *HOURS, env=archive.env()) as process:
        process.wait_until(archive.held.is_set, "half of it was sent")
        part = lambda: [path for path in (lake.directory / ".downloads").glob(f"*{name}")
                        if path.stat().st_size == half]
        process.wait_until(part, "half of it has come")
        assert process.kill()
    archive.requests.clear()
    assert outcomes(load(lake, archive, *HOURS)[0]) == ["loaded"] * 3
    assert archive.gets(name) == [f"bytes={half}-"]
    assert facts(lake) == facts(plain)
    assert downloads(lake) == []


def test_two_processes_at_once(lake, archive, plain):
    name = named(HOURS[0])
    archive.faults[name] = ["hold"]
    with lake.start("load", *HOURS, env=archive.env()) as slow:
        slow.wait_until(archive.held.is_set, "half of it was sent")
        assert "loaded" in outcomes(load(lake, archive, *HOURS)[0])
        archive.go_on.set()
        slow.finish()
    assert facts(lake) == facts(plain)
    assert downloads(lake) == []


def test_what_is_damaged_or_refused(lake, archive):
    archive.files["bad.json.gz"] = archive.files[named(HOURS[0])][:-10]
    archive.faults["teapot.json.gz"] = [403]
    report, err = load(lake, archive, f"{archive.url}/bad.json.gz", f"{archive.url}/teapot.json.gz", HOURS[1],
                       status=1)
    assert outcomes(report) == ["partial", "failed", "loaded"]
    assert "the server answers 403" in report["files"][1]["error"]
    assert f"{archive.url}/bad.json.gz" in report["files"][0]["error"]
    assert downloads(lake) == []


def test_a_file_that_does_not_fit(lake, archive):
    archive.files["large.json"] = os.urandom(3 << 20)
    with lake.start("--json", "load", f"{archive.url}/large.json", HOURS[0], env=archive.env(),
                    prefix=("prlimit", f"--fsize={2 << 20}")) as process:
        report = process.finish(status=1).json()
    assert outcomes(report) == ["failed", "loaded"]
    assert "cannot write" in report["files"][0]["error"] and "ulimit -f" in report["files"][0]["error"]
    assert downloads(lake) == []


def test_what_nobody_goes_on_with_is_removed_by_any_load(lake, tmp_path):
    directory = lake.directory / ".downloads"
    directory.mkdir(parents=True)
    for name, days in (("0-old.json.gz", 8), ("0-old.json.gz.validator", 8), ("0-new.json.gz", 6)):
        (directory / name).write_bytes(b"x")
        os.utime(directory / name, (time.time() - days * 86400,) * 2)
    lake.load(generate(tmp_path / "events.json", events=3))
    assert downloads(lake) == ["0-new.json.gz"]


@pytest.mark.parametrize("source, message", [
    ("2015-02-30-1", "there is no such day; the month has 28"),
    ("2015-13-01-1", "there is no month 13"),
    ("2015-01-01-24", "hours go from 0 to 23"),
    ("2015-01-01-{5..3}", "hours go from 0 to 23"),
    ("2015-01-{02..01}-1", "there is no such day"),
])
def test_hours_that_cannot_be(lake, source, message):
    result = lake.octolake("load", source, status=2)
    assert message in result.err and source in result.err


@pytest.mark.parametrize("source, message", [
    ("ftp://127.0.0.1/x.json", "ftp://127.0.0.1/x.json: expected a URL that begins with http"),
    ("file:///etc/passwd", "expected a URL that begins with http"),
    ("http://ada:secret@127.0.0.1/x.json", "http://…@127.0.0.1/x.json: expected a URL without user and password"),
])
def test_urls_that_are_not_taken(lake, source, message):
    result = lake.octolake("load", source, status=2)
    assert message in result.err and "secret" not in result.err


def test_an_archive_url_that_is_none(lake, tmp_path):
    result = octolake("--warehouse", lake.directory, "load", HOURS[0], status=2, cwd=tmp_path,
                      env={"OCTOLAKE_LOAD_ARCHIVE_URL": "data.gharchive.org"})
    assert "load.archive_url: data.gharchive.org: expected a URL" in result.err


def test_a_file_of_that_name_comes_first(lake, archive, tmp_path):
    (tmp_path / HOURS[0]).write_bytes(archive.files[named(HOURS[0])])
    result = octolake("--warehouse", lake.directory, "--json", "load", HOURS[0], cwd=tmp_path,
                      env={**lake.env, **archive.env()}).json()
    assert [(file["name"], file["outcome"]) for file in result["files"]] == [(HOURS[0], "loaded")]
    assert archive.requests == []
