"""A webhook is sent when a job has failed for good: by `octolake up` and by `octolake jobs run`, whatever becomes of
the server that takes it."""

import hashlib
import hmac
import json
import re
import socket
import threading
import time

import pytest

from gateway import Up
from lake import Lake
from local_server import Handler, LocalServer
from program import ZONE, generate

SECRET = "It's a Secret to Everybody"


class Receiver(LocalServer):
    """Answers with the statuses given, the last one again and again, and keeps what it was sent."""

    def __init__(self, statuses=(200,), slow=False):
        super().__init__(Take)
        self.statuses = list(statuses)
        self.taken = []
        self.open = threading.Event()  # an answer waits for it if `slow` is set
        self.slow = slow

    def __exit__(self, *arguments):
        self.open.set()
        super().__exit__(*arguments)


class Take(Handler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.site.taken.append((self.path, dict(self.headers), body))
        if self.site.slow:
            self.site.open.wait()
        statuses = self.site.statuses
        self.send(statuses.pop(0) if len(statuses) > 1 else statuses[0], {"Location": "/elsewhere"})


@pytest.fixture
def broken(tmp_path):
    """A warehouse in which compaction fails: a data file is gone."""
    lake = Lake(tmp_path / "warehouse", ZONE)
    for seed in range(6):
        lake.load(generate(tmp_path / "events.json", events=20, seed=seed))
    next((lake.directory / "bronze/github_events/data").rglob("*.parquet")).unlink()
    return lake


def settings(url, **more):
    return {**ZONE, "OCTOLAKE_JOBS_FAILURE_WEBHOOK": url + "/T0/very-secret?key=hidden",
            "OCTOLAKE_JOBS_FAILURE_WEBHOOK_RETRIES": "1", "OCTOLAKE_JOBS_FAILURE_WEBHOOK_TIMEOUT": "20s",
            **{"OCTOLAKE_" + name: value for name, value in more.items()}}


def run_compact(lake):
    """A run by hand, which fails whatever becomes of its report."""
    done = lake.octolake("--json", "jobs", "run", "compact", status=1)
    assert done.json()["state"] == "failed"
    assert "very-secret" not in done.err and "hidden" not in done.err
    return done


def test_a_failed_run_is_reported_and_signed(broken):
    with Receiver() as receiver:
        broken.env = settings(receiver.url, JOBS_FAILURE_WEBHOOK_SECRET=SECRET)
        run = run_compact(broken).json()
        # What succeeds is not reported.
        broken.octolake("jobs", "run", "expire")
    ((path, headers, body),) = receiver.taken
    assert path == "/T0/very-secret?key=hidden"
    assert headers["Content-Type"] == "application/json" and headers["X-Octolake-Event"] == "job_failed"
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == "sha256=" + expected
    report = json.loads(body)
    assert {name: report[name] for name in ("event", "id", "job", "state", "reason", "attempt", "message", "started_at",
                                            "ended_at", "warehouse")} == {
        "event": "job_failed", "id": run["id"], "job": "compact", "state": "failed", "reason": "manual", "attempt": 1,
        "message": run["message"], "started_at": run["started_at"], "ended_at": run["ended_at"],
        "warehouse": str(broken.directory)}
    assert "does not exist" in report["message"]
    assert report["host"] and "log" not in report
    assert report["text"] == f"octolake on {report['host']}: job compact failed: {report['message']}"


@pytest.mark.parametrize("statuses, sent, message", [
    ([500, 204], 2, None),
    ([500], 2, "answered with status 500; sent 2 times"),
    ([404], 1, "answered with status 404; sent 1 times"),
    ([302], 1, "answered with status 302; sent 1 times"),
])
def test_a_server_that_refuses(broken, statuses, sent, message):
    with Receiver(statuses) as receiver:
        broken.env = settings(receiver.url)
        err = run_compact(broken).err
    assert len(receiver.taken) == sent
    assert len({headers["X-Octolake-Delivery"] for _, headers, _ in receiver.taken}) == 1
    assert all("X-Hub-Signature-256" not in headers for _, headers, _ in receiver.taken)
    assert (message in err) if message else ("is given up" not in err)


def test_a_server_that_is_away_or_never_answers(broken):
    # A port that nobody else can take, and at which nobody listens.
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        broken.env = settings(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        err = run_compact(broken).err
    assert "is given up" in err and "Failed to connect" in err and "sent 2 times" in err
    with Receiver(slow=True) as receiver:
        broken.env = settings(receiver.url, JOBS_FAILURE_WEBHOOK_TIMEOUT="1s")
        err = run_compact(broken).err
        assert "is given up" in err and "sent 2 times" in err
        # It may read a body after the sender has gone.
        deadline = time.monotonic() + 60
        while len(receiver.taken) < 2:
            assert time.monotonic() < deadline, "only one attempt came"
            time.sleep(0.01)
        assert len(receiver.taken) == 2


def test_what_is_no_url_is_refused_without_showing_it(broken):
    broken.env = settings("ftp://127.0.0.1")
    for command in (["jobs", "run", "expire"], ["up", "--listen", "127.0.0.1:0"]):
        done = broken.octolake(*command, status=2)
        assert "jobs.failure_webhook: expected a URL" in done.err and "very-secret" not in done.err
    broken.env = settings("http://127.0.0.1:1", JOBS_FAILURE_WEBHOOK_SECRET=SECRET)
    shown = broken.octolake("config").text
    assert "very-secret" not in shown and "hidden" not in shown and SECRET not in shown
    assert "********" in shown


def report_count(up, outcome):
    _, metrics = up.send("GET", "/metrics")
    (line,) = (line for line in metrics.splitlines()
               if line.startswith(f'octolake_job_failure_reports_total{{outcome="{outcome}"}}'))
    return int(line.split()[-1])


def last_run(up, name):
    _, listed = up.send("GET", "/api/v1/jobs")
    (run,) = (job["last_run"] for job in listed["jobs"] if job["name"] == name)
    return run["id"]


def test_up_reports_the_last_attempt_and_runs_on_while_the_server_hangs(lake, tmp_path):
    config = tmp_path / "octolake.yaml"
    config.write_text("jobs: {tidy: 'off', custom: {broken: {schedule: every 1s, command: [sh, -c, 'echo $$; exit 3'],"
                      " retries: 0}}}")
    with Receiver(slow=True) as receiver, Up(lake, env=settings(receiver.url), config=config) as up:
        up.wait_until(lambda: receiver.taken, "the first failure was reported")
        # Its answer is waited for by nobody but the reports.
        first = last_run(up, "broken")
        up.wait_until(lambda: last_run(up, "broken") >= first + 2, "the job was run again")
        assert report_count(up, "delivered") == 0
        receiver.open.set()
        up.wait_until(lambda: report_count(up, "delivered") >= 2, "reports were delivered")
        report = json.loads(receiver.taken[0][2])
        assert (report["job"], report["reason"], report["attempt"]) == ("broken", "scheduled", 1)
        assert report["message"].startswith("sh ended with exit status 3; its last line: ")
        assert up.stop() < 10


def test_what_a_stop_leaves_is_logged(lake, tmp_path):
    config = tmp_path / "octolake.yaml"
    config.write_text("jobs: {tidy: 'off', custom: {broken: {schedule: every 1s, command: ['false'], retries: 0}}}")
    with Receiver(slow=True) as receiver:
        with Up(lake, env=settings(receiver.url), config=config) as up:
            up.wait_until(lambda: receiver.taken, "the first failure was reported")
            first = last_run(up, "broken")
            up.wait_until(lambda: last_run(up, "broken") >= first + 2, "another failure waits")
            assert up.stop() < 10
            err = up.err
        assert "is given up: the program ends" in err  # what waited
        assert re.search(r"delivery \S+ is given up: http://127.0.0.1:\d+: given up", err), err  # what was sent
        assert len(receiver.taken) == 1
