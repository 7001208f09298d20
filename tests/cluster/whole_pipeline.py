"""Run by `make cluster-test` and `./test --cluster`, not by ./test alone: events go through every real component, and
Bronze, Silver and Gold have the rows that the embedded program makes of the same events.

Starts a cluster of its own in build/cluster-test (own_cluster.py), and ends it. Prints how long each stage took and
how much memory each component used at most.
"""

import gzip
import json
import os
import threading
import time
import urllib.request

import pytest

from airflow_api import Airflow
from own_cluster import POLL_SECONDS, own_cluster, wait_for
from processes import memory_of
from program import octolake

PIPELINE = "github_events_pipeline"
BATCH_BYTES = 8 << 20  # of a request; the gateway takes 64 MB
# Several times what docs/cluster.md has of a busy machine.
BRONZE_SECONDS, DAG_SECONDS = 600, 2400

# Of a row everything but when and how it came.
ROWS = {
    "bronze.github_events": "* EXCLUDE (ingestion_timestamp, ingestion_date, kafka_partition, kafka_offset, trace_id, "
                            "source, source_file)",
    "silver.github_events_parsed": "* EXCLUDE (processed_at, ingestion_date, trace_id, source)",
    "silver.silver_github_events": "* EXCLUDE (processing_timestamp)",
    "gold.gold_user_activity": "* EXCLUDE (created_at)",
}


class Peaks:
    """The most memory that each component had, looked at in a thread of its own."""

    def __init__(self, running):
        self._running = running
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.of_each, self.together = {}, 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        while not self._ended.wait(POLL_SECONDS):
            now = {name: memory_of(one.processes()).proportional for name, one in self._running.items()}
            for name, size in now.items():
                self.of_each[name] = max(self.of_each.get(name, 0), size)
            self.together = max(self.together, sum(now.values()))


@pytest.fixture(scope="module")
def cluster():
    if problem := os.environ.get("OCTOLAKE_CLUSTER_PROBLEM"):
        pytest.skip(problem)
    with own_cluster("cluster-test") as started:
        yield started


@pytest.fixture(scope="module")
def files(request, tmp_path_factory):
    """Real events of every era, or synthetic ones where there are none."""
    if os.environ.get("OCTOLAKE_TEST_DATA"):
        return request.getfixturevalue("real_files")
    return request.getfixturevalue("synthetic_files")


def bodies(path):
    """What is posted of a file: whole lines, at most so many bytes at once; a file of one document as it is."""
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")
    with opened as file:
        while lines := file.readlines(BATCH_BYTES):
            yield b"".join(lines)


def post(url, body):
    with urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=120) as answer:
        return json.load(answer)


def rows(table, *where, env=None):
    columns = ROWS[table]
    return octolake(*where, "sql", "--format", "csv", f"SELECT {columns} FROM {table} ORDER BY ALL", env=env).text


def count(env, table):
    return int(octolake("sql", "--format", "csv", f"SELECT count(*) FROM {table}", env=env).text.split()[1])


def dag_run_ended(airflow):
    """The run's tasks once it has succeeded; fails at once when a task did, instead of waiting for retries."""
    for run in airflow.runs(PIPELINE):
        tasks = airflow.tasks(PIPELINE, run["dag_run_id"])
        for task in tasks:
            assert task["state"] not in ("failed", "up_for_retry", "upstream_failed"), (
                f"{task['task_id']}: {airflow.log_end(PIPELINE, run['dag_run_id'], task)}")
        if run["state"] == "success":
            return tasks
    return None


def test_cluster_makes_the_rows_of_the_embedded_program(cluster, files, tmp_path, capsys):
    report = []
    settings = cluster.settings
    env = settings.environment()
    with Peaks(cluster.components()) as peaks:
        begun = time.monotonic()
        accepted = 0
        for path in files:
            for body in bodies(path):
                accepted += post(f"http://{settings.at('gateway')}/collect/batch", body)["accepted"]
        assert accepted > 2000
        report.append(("events accepted by the gateway", time.monotonic() - begun))

        def in_bronze():
            listed = {one["table"] for one in octolake("tables", "--json", env=env).json()}
            return "bronze.github_events" in listed and count(env, "bronze.github_events") >= accepted
        wait_for(in_bronze, BRONZE_SECONDS, f"{accepted} events in Bronze")
        report.append(("all of them in Bronze", time.monotonic() - begun))
        assert count(env, "bronze.github_events") == accepted
        assert count(env, "bronze.rejected_events") == 0

        airflow = Airflow(f"http://{settings.at('airflow')}", "admin", settings.secrets["AIRFLOW_ADMIN_PASSWORD"])
        wait_for(lambda: PIPELINE in airflow.dag_ids(), BRONZE_SECONDS, f"Airflow knows {PIPELINE}")
        airflow.switch_on(PIPELINE)
        tasks = wait_for(lambda: dag_run_ended(airflow), DAG_SECONDS, f"{PIPELINE} has succeeded")
        report.append(("Gold tested, by Airflow", time.monotonic() - begun))
        report += [(f"  {task['task_id']}", task["duration"]) for task in tasks]

    embedded = tmp_path / "warehouse"
    begun = time.monotonic()
    octolake("load", "--warehouse", embedded, *files)
    octolake("run", "--warehouse", embedded)
    report.append(("the same by the embedded program", time.monotonic() - begun))
    for table in ROWS:
        expected = rows(table, "--warehouse", embedded)
        assert expected.count("\n") > 500, table
        assert rows(table, env=env) == expected, table

    with capsys.disabled():
        print(f"\n{accepted} events")
        for what, seconds in report:
            print(f"  {what:<40} {seconds:>8.1f} s")
        for name, size in peaks.of_each.items():
            print(f"  {name:<40} {size >> 20:>8} MiB")
        print(f"  {'together, at one time':<40} {peaks.together >> 20:>8} MiB")
