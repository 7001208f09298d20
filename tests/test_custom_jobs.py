"""Jobs of the operator's own: command lines that octolake runs as processes."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from gateway import Up
from lake import BRONZE, Lake
from program import ZONE, generate

# Tells its number, and goes on for ever.
WAITING = """[sh, -c, 'echo $$ > {pid}; exec tail -f /dev/null']"""


@pytest.fixture
def small_files(tmp_path):
    lake = Lake(tmp_path / "warehouse", ZONE)
    for seed in range(3):
        lake.load(generate(tmp_path / "events.json", events=30, seed=seed))
    return lake


class Custom:
    """A warehouse and a configuration file with jobs."""

    def __init__(self, lake, tmp_path, text):
        self.lake, self.file = lake, tmp_path / "octolake.yaml"
        indented = "\n".join("    " + line for line in text.strip().splitlines())
        self.file.write_text("jobs:\n  custom:\n" + indented + "\n")

    def octolake(self, *arguments, status=0):
        return self.lake.octolake("--config", self.file, *arguments, status=status)

    def run(self, name, status=0):
        return self.octolake("--json", "jobs", "run", name, status=status).json()


def test_an_octolake_command_works_on_the_same_warehouse(small_files, tmp_path):
    custom = Custom(small_files, tmp_path, f"""
sort-bronze:
  schedule: 0 5 * * MON
  time_zone: Europe/Berlin
  octolake: [maintain, {BRONZE}, --compact=sort, --columns, "type,event_time", --all-files]
one-type:
  schedule: "off"
  octolake: maintain {BRONZE} --compact --where "type = 'NoSuchEvent'"
""")
    files = len(small_files.octolake("--json", "tables", BRONZE, "--files").json())
    assert files == 3
    listed = {job["name"]: job for job in custom.octolake("--json", "jobs", "list").json()}
    assert listed["sort-bronze"]["zone"] == "Europe/Berlin" and listed["sort-bronze"]["next_due"]
    assert listed["one-type"]["enabled"] is False
    run = custom.run("sort-bronze")
    assert run["state"] == "succeeded" and run["figures"]["peak_memory_bytes"] > 1_000_000
    assert "data files" in run["log"]  # what the command printed
    assert len(small_files.octolake("--json", "tables", BRONZE, "--files").json()) == 1
    in_order = [row["type"] for row in small_files.sql(f"select type from {BRONZE}")]
    assert in_order == sorted(in_order) and len(in_order) == 90
    assert custom.run("one-type")["state"] == "succeeded"
    shown = {row["key"]: row for row in custom.octolake("--json", "config").json()}
    assert shown["jobs.custom.sort-bronze.octolake"]["value"].startswith(f"maintain {BRONZE} --compact=sort --columns type,ev")
    assert shown["jobs.custom.sort-bronze.retries"]["value"] == "3"


def test_any_program_gets_the_warehouse_and_tells_how_it_went(lake, tmp_path):
    custom = Custom(lake, tmp_path, """
good:
  schedule: every 1h
  command: [sh, -c, 'echo "in $OCTOLAKE_WAREHOUSE"; echo "and well" >&2']
bad:
  schedule: every 1h
  command: sh -c 'echo "no such host" >&2; exit 7'
noisy:
  schedule: every 1h
  command: [sh, -c, "printf 'a\\\\033[1m\\\\377'; head -c 3000 /dev/zero | tr '\\\\0' x; exit 1"]
killed:
  schedule: every 1h
  command: sh -c 'kill -KILL $$'
missing:
  schedule: every 1h
  command: [/no/such/program]
""")
    lake.load(generate(tmp_path / "events.json", events=5))
    log = custom.run("good")["log"]
    assert f"in {lake.directory}" in log and "and well" in log
    for name, message in [("bad", "sh ended with exit status 7; its last line: no such host"),
                          ("killed", "sh ended with signal 9 (Killed)"),
                          ("noisy", "its last line: a [1m\N{REPLACEMENT CHARACTER}" + "x" * 994),
                          ("missing", "cannot start /no/such/program")]:
        run = custom.run(name, status=1)
        assert run["state"] == "failed" and message in run["message"]
    assert "a [1m\N{REPLACEMENT CHARACTER}x" in run_log(custom, "noisy")
    assert [run["state"] for run in custom.octolake("--json", "jobs", "runs", "bad").json()] == ["failed"]
    # Whoever started octolake may have ignored what tells of ended processes.
    done = lake.octolake("--config", custom.file, "--json", "jobs", "run", "bad", status=1,
                         prefix=("env", "--ignore-signal=CHLD"))
    assert "sh ended with exit status 7" in done.json()["message"]


def run_log(custom, name):
    (run,) = custom.octolake("--json", "jobs", "runs", name).json()
    return run["log"]


def test_a_command_is_asked_to_end_at_its_time_limit(lake, tmp_path):
    custom = Custom(lake, tmp_path, """
slow:
  schedule: every 1h
  time_limit: 3s
  command: [sh, -c, 'trap "echo tidied up; exit 0" TERM; tail -f /dev/null & wait']
""")
    lake.load(generate(tmp_path / "events.json", events=5))
    run = custom.run("slow", status=1)
    assert run["state"] == "timed_out" and "tidied up" in run["log"] and "of 3s" in run["message"]


def alive(pid):
    try:
        # A process that nobody has waited for is dead all the same.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_command_ends_with_the_program_that_runs_it(lake, tmp_path, how):
    pid_file = tmp_path / "pid"
    custom = Custom(lake, tmp_path, f"""
waiting:
  schedule: every 1s
  command: {WAITING.format(pid=pid_file)}
""")
    with Up(lake, config=custom.file) as up:
        up.wait_until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"), "the command runs")
        pid = int(pid_file.read_text())
        assert alive(pid)
        _, listed = up.send("GET", "/api/v1/jobs")
        assert "waiting" in [job["name"] for job in listed["jobs"] if job["running"]]
        _, metrics = up.send("GET", "/metrics")
        assert 'octolake_job_runs_total{job="waiting",state="succeeded"} 0' in metrics
        # The port and the lock are not the command's, also while it lives.
        descriptors = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.exists()}
        assert not any("socket" in name or "lock" in name or "warehouse" in name for name in descriptors)
        os.kill(up.process.pid, how)
        up.process.wait(60)
        up_ended = up.process.returncode
    assert up_ended == (-signal.SIGKILL if how == signal.SIGKILL else 0)
    deadline = time.monotonic() + 60
    while alive(pid):
        assert time.monotonic() < deadline, "the command goes on without the program"
        time.sleep(0.01)
    states = [run["state"] for run in custom.octolake("--json", "jobs", "runs", "waiting").json()]
    assert states == ["interrupted"]


def test_a_command_that_was_asked_to_end_has_not_done_its_work(lake, tmp_path):
    """Whatever it says: it is run again at the next start."""
    began, ended = tmp_path / "began", tmp_path / "ended"
    custom = Custom(lake, tmp_path, f"""
polite:
  schedule: every 1s
  command: [sh, -c, 'trap "echo tidied up; touch {ended}; exit 0" TERM; tail -f /dev/null & touch {began}; wait']
""")
    lake.load(generate(tmp_path / "events.json", events=5))
    with Up(lake, config=custom.file) as up:
        up.wait_until(began.exists, "the command runs")
        up.stop()
    assert ended.exists()
    (run,) = custom.octolake("--json", "jobs", "runs", "polite").json()
    assert run["state"] == "interrupted"
    assert "sh was asked to end, and ended with exit status 0; its last line: tidied up" in run["message"]


@pytest.mark.parametrize("text, message", [
    ("nightly: {octolake: [maintain]}", "jobs.custom.nightly.schedule: a schedule is missing"),
    ("nightly: {schedule: '0 25 * * *', octolake: [maintain]}", "jobs.custom.nightly.schedule: "),
    ("nightly: {schedule: every 1h}", "expected this, the arguments of an octolake command, or jobs.custom.nightly.command"),
    ("nightly: {schedule: every 1h, octolake: [run], command: [ls]}", "expected this, the arguments of an octolake command"),
    ("nightly: {schedule: every 1h, octolake: [maintian]}", "there is no command 'maintian' (did you mean 'maintain'?)"),
    ("nightly: {schedule: every 1h, octolake: [up]}", "'up' never ends"),
    ("nightly: {schedule: every 1h, command: ['', x]}", "found a program without a name"),
    ("nightly: {}", "'jobs.custom.nightly' is an empty map"),
    ("nightly: {schedule: every 1h, command: ls | wc}", "there is a | outside quotes"),
    ("nightly: {schedule: every 1h, command: [ls], retries: -1}", "jobs.custom.nightly.retries"),
    ("nightly: {schedule: every 1h, command: [ls], catch_up: two}", "expected none, one or always, found 'two'"),
    ("nightly: {schedule: every 1h, command: [ls], time_zone: Mars/Olympus}", "jobs.custom.nightly.time_zone"),
    ("nightly: {schedule: every 1h, comand: [ls]}", "unknown key 'jobs.custom.nightly.comand' (did you mean"),
    ("Nightly: {schedule: every 1h, command: [ls]}", "jobs.custom.Nightly: expected a name of at most 64 lower-case letters"),
    ("compact: {schedule: every 1h, command: [ls]}", "octolake has a job of that name"),
])
def test_what_is_wrong_in_the_file_is_said(wrong, tmp_path, text, message):
    custom = Custom(wrong, tmp_path, text)
    assert message in custom.octolake("jobs", "list", status=2).err


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wrong")
    lake = Lake(directory / "warehouse", ZONE)
    lake.load(generate(directory / "events.json", events=5))
    return lake


def test_the_environment_changes_what_the_file_names(wrong, tmp_path):
    custom = Custom(wrong, tmp_path, "nightly: {schedule: every 1h, command: [ls]}")
    wrong.env = {**ZONE, "OCTOLAKE_JOBS_CUSTOM_NIGHTLY_SCHEDULE": "off"}
    jobs = {job["name"]: job for job in json.loads(custom.octolake("--json", "jobs", "list").out)}
    assert jobs["nightly"]["enabled"] is False
    wrong.env = {**ZONE, "OCTOLAKE_JOBS_CUSTOM_WEEKLY_SCHEDULE": "off"}
    assert "unknown environment variable OCTOLAKE_JOBS_CUSTOM_WEEKLY_SCHEDULE" in custom.octolake("jobs", "list", status=2).err
    wrong.env = ZONE
