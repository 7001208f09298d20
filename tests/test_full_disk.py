"""Writes that fail for want of room: a full disk, a limit on the size of files. The error names the file and
what to do, nothing is there in part, and with room the same command does what it would have done.

The disk is a small tmpfs, which takes root, or a user namespace of its own; without either the tests of it are
skipped.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest

from checker import check_lake
from comparison import contents, differences, leftovers, missing_files, partly_loaded
from lake import BRONZE, GOLD, LOADED, PARSED, SILVER, Lake
from program import ZONE, generate
from small_disk import NO_MOUNT, disk  # noqa: F401 (a fixture)

PAGE = 4096
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
INSIDE = "OCTOLAKE_TEST_INSIDE_NAMESPACE"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("disk-events")
    return [generate(directory / f"{seed}.json", events=1500, seed=seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def wanted(files, tmp_path_factory):
    """After a load of each file and a run after each."""
    lake = Lake(tmp_path_factory.mktemp("disk-clean") / "warehouse", ZONE)
    for file in files:
        lake.load(file)
        lake.run()
    return contents(lake)


def assert_names_file_and_advice(lake, error):
    assert f"{lake.directory}/" in error, error
    assert re.search("free space|make room", error), error


def growth(files, disk):
    """How much more room the warehouse takes after the second load, found in one that goes away again."""
    rehearsal = Lake(disk.path / "rehearsal", ZONE)
    rehearsal.load(files[0])
    rehearsal.run()
    before = disk.free()
    rehearsal.load(files[1])
    needed = before - disk.free()
    shutil.rmtree(rehearsal.directory)
    return needed


class TestFullDisk:
    @pytest.fixture
    def lake(self, disk, files):
        lake = Lake(disk.path / "warehouse", ZONE)
        lake.load(files[0])
        lake.run()
        return lake

    def test_load(self, disk, lake, files, wanted):
        needed = growth(files, disk)
        before = contents(lake)
        # Ever more room, at the end page by page: the last to find none is the catalog's rollback journal.
        errors = []
        for room in (0, needed // 4, needed // 2, *range(needed - 3 * PAGE, needed + 100 * PAGE, PAGE)):
            error = self.failure(disk, lake, ["load", files[1]], room)
            if error is None:
                break
            assert differences(contents(lake), before) == []
            errors.append(error)
        assert any(".parquet" in error for error in errors)
        assert "catalog.db" in errors[-1]

        disk.make_room()
        assert contents(lake)[BRONZE].num_rows == 3000
        assert lake.load(files[1])["files"][0]["outcome"] == "skipped"
        lake.run()
        assert differences(contents(lake), wanted) == []
        assert check_lake(lake) == ""

    def test_run(self, disk, lake, files, wanted):
        lake.load(files[1])
        bronze = contents(lake)[BRONZE]
        errors, commits, room = [], None, 0
        while (error := self.failure(disk, lake, ["run"], room)) is not None:
            errors.append(error)
            assert contents(lake)[BRONZE].equals(bronze)
            assert len(errors) < 100, error
            # Each table finds none at first: what was committed before it stays.
            found = [lake.metadata_location(table) for table in (PARSED, SILVER, GOLD)]
            room = 0 if found != commits else max(2 * room, 4 * PAGE)
            commits = found
        for table in ("silver/github_events_parsed", "silver/silver_github_events", "gold/gold_user_activity"):
            assert any(f"/{table}/" in error for error in errors), table

        disk.make_room()
        assert differences(contents(lake), wanted) == []
        assert check_lake(lake) == ""
        assert leftovers(lake) == []

    def test_the_first_load_of_all(self, disk, files):
        errors = []
        for room in (0, PAGE, 6 * PAGE, 16 * PAGE, 32 * PAGE, 64 * PAGE):
            lake = Lake(disk.path / f"warehouse-{room}", ZONE)
            disk.leave(room)
            done = lake.octolake("load", files[0], status=1)
            assert_names_file_and_advice(lake, done.err)
            errors.append(done.err)
            disk.make_room()
            assert lake.load(files[0])["events"] == 1500
            assert lake.counts()[BRONZE] == 1500
            assert leftovers(lake) == []
            shutil.rmtree(lake.directory)
        assert any("catalog.db" in error for error in errors)

    @staticmethod
    def failure(disk, lake, command, room):
        """What the command says with so much room on the disk, which stays full; None if it got done."""
        disk.leave(room)
        with lake.start(*command) as process:
            done = process.finish(status=None)
        if done.status == 0:
            return None
        assert done.status == 1, done
        assert_names_file_and_advice(lake, done.err)
        assert partly_loaded(lake) == []
        assert leftovers(lake) == [], done.err
        assert missing_files(lake) == []
        return done.err


@pytest.mark.skipif(os.geteuid() == 0 or INSIDE in os.environ, reason="root needs no namespace")
def test_on_a_small_disk_in_a_namespace():
    """The tests of this file again where this user may mount."""
    if shutil.which(NAMESPACE[0]) is None or subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip(NO_MOUNT)
    done = subprocess.run([*NAMESPACE, sys.executable, "-m", "pytest", "-q", f"{__file__}::TestFullDisk"],
                          capture_output=True, text=True, env={**os.environ, INSIDE: "1"}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class TestFileSizeLimit:
    """A write can fail for other reasons than a full disk: here no file may be larger than so much."""

    @pytest.fixture
    def lake(self, tmp_path, files):
        lake = Lake(tmp_path / "warehouse", ZONE)
        lake.load(files[0])
        lake.run()
        return lake

    def fail_until_files_may_be_large_enough(self, lake, command):
        errors = []
        limit = PAGE
        while True:
            with lake.start(*command, prefix=("prlimit", f"--fsize={limit}")) as process:
                done = process.finish(status=None)
            if done.status == 0:
                return errors
            assert done.status == 1, done
            assert f"{lake.directory}/" in done.err, done.err
            assert "ulimit -f" in done.err, done.err
            errors.append(done.err)
            assert partly_loaded(lake) == []
            assert leftovers(lake) == [], done.err
            limit *= 2
            assert limit < 1 << 30

    def test_load(self, lake, files, wanted):
        before = contents(lake)
        errors = self.fail_until_files_may_be_large_enough(lake, ["load", files[1]])
        assert len(errors) >= 2
        assert contents(lake)[LOADED].num_rows == before[LOADED].num_rows + 1
        lake.run()
        assert differences(contents(lake), wanted) == []

    def test_run(self, lake, files, wanted):
        lake.load(files[1])
        errors = self.fail_until_files_may_be_large_enough(lake, ["run"])
        assert len(errors) >= 2
        assert differences(contents(lake), wanted) == []
        assert check_lake(lake) == ""
