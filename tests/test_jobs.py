"""`octolake jobs`, and the jobs that `octolake up` runs by itself."""

import itertools
import json
import re
import signal

import pytest

from checker import check_lake
from gateway import Ledger, Senders, Up
from lake import BRONZE, Lake
from program import ZONE, generate, octolake
from test_gateway import bronze_rows

NAMES = ["pipeline", "tidy", "compact", "expire", "orphans"]


@pytest.fixture
def lake(tmp_path):
    """A warehouse with a few events."""
    lake = Lake(tmp_path / "warehouse", ZONE)
    lake.load(generate(tmp_path / "events.json", events=50, seed=7))
    return lake


def jobs(lake, *arguments, status=0):
    return lake.octolake("--json", "jobs", *arguments, status=status).json()


def test_they_are_listed_run_by_hand_and_remembered(lake):
    assert [job["name"] for job in jobs(lake, "list")] == NAMES
    assert all(job["last_run"] is None and job["next_due"] for job in jobs(lake, "list"))
    run = jobs(lake, "run", "compact")
    assert (run["state"], run["reason"]) == ("succeeded", "manual")
    assert jobs(lake, "run", "pipeline")["figures"]["tests"] > 10
    assert [run["job"] for run in jobs(lake, "runs")] == ["pipeline", "compact"]
    assert [run["job"] for run in jobs(lake, "runs", "compact", "--limit", "5")] == ["compact"]
    last = {job["name"]: job["last_run"] for job in jobs(lake, "list")}
    assert last["compact"]["id"] == run["id"] and last["expire"] is None
    assert b"compact" in lake.octolake("jobs", "list").out
    assert b"succeeded" in lake.octolake("jobs", "runs").out


def test_what_is_wrong_is_said(lake, tmp_path):
    done = lake.octolake("jobs", "run", "sweep", status=2)
    assert "no job 'sweep'" in done.err and "orphans" in done.err
    for key, value, message in [("JOBS_COMPACT", "0 25 * * *", "jobs.compact"), ("JOBS_TIDY", "every now and then", "jobs.tidy"),
                                ("MAINTAIN_ORPHAN_AGE", "1h", "maintain.orphan_age")]:
        lake.env = {**ZONE, "OCTOLAKE_" + key: value}
        assert message in lake.octolake("jobs", "list", status=2).err
    lake.env = {**ZONE, "OCTOLAKE_JOBS_TIME_ZONE": "Mars/Olympus"}
    assert "jobs.time_zone" in lake.octolake("jobs", "list", status=2).err
    lake.env = {**ZONE, "OCTOLAKE_JOBS_COMPACT": "off"}
    assert [job["name"] for job in jobs(lake, "list") if not job["enabled"]] == ["compact"]
    assert "no warehouse" in octolake("--warehouse", tmp_path / "none", "jobs", "list", status=1).err.lower()


def test_up_compacts_while_events_come(lake):
    """Small files do not gather: commits make many, and the job tidy brings them together beside them."""
    env = {"OCTOLAKE_BRONZE_COMMIT_INTERVAL": "50ms", "OCTOLAKE_JOBS_TIDY": "every 1s",
           "OCTOLAKE_MAINTAIN_TIDY_FILES": "10"}
    ledger = Ledger()
    with Up(lake, env=env) as up:
        senders = Senders(up, ledger, itertools.count(), count=2)
        try:
            up.wait_until(lambda: state_of(up, "tidy")["files_before"] > 30, "small files were compacted")
        finally:
            senders.stop()
        up.wait_for_bronze()
        _, listed = up.send("GET", "/api/v1/jobs")
        assert [job["name"] for job in listed["jobs"]] == NAMES
        _, metrics = up.send("GET", "/metrics")
        assert 'octolake_job_runs_total{job="tidy",state="succeeded"}' in metrics
        figures = {name: int(value) for name, value in re.findall(r'^octolake_(small_\w+){table="' + re.escape(BRONZE) +
                                                                  r'"} (\d+)$', metrics, re.M)}
        assert set(figures) == {"small_files", "small_file_bytes", "small_file_scan_cost_bytes"}
        assert figures["small_files"] > 0 and figures["small_file_bytes"] > 0
        # What is more than one file of a partition costs what opening it does.
        files = lake.octolake("--json", "tables", BRONZE, "--files").json()
        most = len({json.dumps(file["partition"], sort_keys=True) for file in files})
        cost, rest = divmod(figures["small_file_scan_cost_bytes"], 262_144)
        assert rest == 0 and 1 <= figures["small_files"] - cost <= most
        up.stop()
    rows = [row for row in bronze_rows(lake) if int(row["id"]) < 1_000_000_000]
    assert list(ledger.problems(rows)) == []
    operations = [snapshot["operation"] for snapshot in lake.snapshots(BRONZE)]
    assert "replace" in operations and "append" in operations
    assert check_lake(lake) == ""


def state_of(up, job):
    """Figures of all runs of a job that are remembered, added up."""
    runs = [run for run in json.loads(octolake_runs(up, job)) if run["state"] == "succeeded"]
    return {"files_before": sum(run["figures"].get("files_before", 0) for run in runs)}


def octolake_runs(up, job):
    return octolake("--json", "--warehouse", up.warehouse, "jobs", "runs", job, "--limit", "100").out


def test_what_costs_more_to_rewrite_than_reads_save_is_left_alone(lake, tmp_path):
    for seed in range(4):
        lake.load(generate(tmp_path / "events.json", events=5, seed=seed))
    files = len(lake.octolake("--json", "tables", BRONZE, "--files").json())
    cheap = {**ZONE, "OCTOLAKE_MAINTAIN_TIDY_FILES": "2", "OCTOLAKE_MAINTAIN_OPEN_COST": "1B"}
    lake.env = cheap
    figures = jobs(lake, "run", "tidy")["figures"]
    assert figures["small_files"] >= files and "files_before" not in figures
    lake.env = {**cheap, "OCTOLAKE_MAINTAIN_TIDY_READS": "1000000"}
    assert jobs(lake, "run", "tidy")["figures"]["files_before"] >= files
    assert len(lake.octolake("--json", "tables", BRONZE, "--files").json()) == 1


def test_a_killed_run_is_known_as_interrupted(lake):
    with Up(lake, env={"OCTOLAKE_JOBS_TIDY": "every 1s"}) as up:
        up.wait_until(lambda: "running" in {run["state"] for run in json.loads(octolake_runs(up, "pipeline"))},
                      "the first run of the pipeline goes on")
        up.process.send_signal(signal.SIGKILL)
        up.process.wait()
    states = [run["state"] for run in jobs(lake, "runs", "pipeline")]
    # It may have ended between the look and the kill.
    assert set(states) <= {"interrupted", "succeeded"} and states
    assert jobs(lake, "run", "pipeline")["state"] == "succeeded"
