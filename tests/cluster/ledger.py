"""Run by `make cluster-ledger`, not by ./test: whatever is away, stopped or killed between the gateway and Bronze,
every acknowledged event is in Bronze, once.

Starts a cluster of its own in build/cluster-ledger (own_cluster.py), without Airflow and the Thrift server, posts
events to it at a steady rate, and does one thing after another to its components while a batch of the stream is under
way. Prints what it saw of each. That the comparison finds what is lost and what is there twice is shown in
tests/test_gateway.py.

OCTOLAKE_LEDGER_AWAY_SECONDS (60): how long S3, the catalog and the broker are away.
OCTOLAKE_LEDGER_RATE (50): events posted a second.
OCTOLAKE_LEDGER_RECOVERY_SECONDS (600): within which everything has to be ready, and then everything acknowledged in
Bronze, after a fault; after the broker was away it is two minutes from its return.
"""

import http.client
import itertools
import os
import signal
import time
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from gateway import Ledger, Senders
from own_cluster import own_cluster, wait_for
from settings import ADDRESS

AWAY_SECONDS = float(os.environ.get("OCTOLAKE_LEDGER_AWAY_SECONDS", "60"))
RATE = float(os.environ.get("OCTOLAKE_LEDGER_RATE", "50"))
RECOVERY_SECONDS = float(os.environ.get("OCTOLAKE_LEDGER_RECOVERY_SECONDS", "600"))
BROKER_SECONDS = 120
EXECUTOR = "executor"
STOPPED, KILLED = "stopped", "killed"
# SIGTERM tells PostgreSQL to wait until its clients have gone, and these never do.
STOP_SIGNALS = {"postgresql": signal.SIGINT}
EVENTS, REJECTED = "bronze.github_events", "bronze.rejected_events"


class Bronze:
    """The tables as PyIceberg reads them."""

    def __init__(self, settings):
        self._catalog = SqlCatalog(settings.catalog, **{
            # The database is away now and then: a connection of before is looked at before it is used.
            "pool_pre_ping": "true",
            "uri": settings.database("iceberg", "CATALOG_PASSWORD", "iceberg", "postgresql+psycopg2"),
            "warehouse": settings.warehouse, "s3.endpoint": f"http://{settings.at('minio')}", "s3.region": "us-east-1",
            "s3.access-key-id": settings.minio_user, "s3.secret-access-key": settings.secrets["MINIO_ROOT_PASSWORD"]})
        self._seen, self._numbers = None, set()

    def rows(self):
        return self._table().scan(selected_fields=("id", "trace_id", "payload")).to_arrow().to_pylist()

    def numbers(self):
        """Of the events that are there; files are read only if there is a new snapshot."""
        table = self._table()
        found = table.current_snapshot()
        if found is not None and found.snapshot_id != self._seen:
            numbers = list(map(int, table.scan(selected_fields=("id",)).to_arrow()["id"].to_pylist()))
            self._seen, self._numbers = found.snapshot_id, set(numbers)
            assert len(numbers) == len(self._numbers), "no event is there twice"
        return self._numbers

    def rejected(self):
        return self._catalog.load_table(REJECTED).scan().to_arrow().num_rows

    def _table(self):
        return self._catalog.load_table(EVENTS)


class Gateway:
    """What Senders needs of a gateway."""

    def __init__(self, port):
        self._port = port

    def connect(self):
        return http.client.HTTPConnection(ADDRESS, self._port, timeout=60)


def paced(rate):
    """Numbers, so many a second. What a pause has cost is not made up for."""
    due = time.monotonic()
    for number in itertools.count():
        now = time.monotonic()
        due = max(due + 1 / rate, now)
        time.sleep(due - now)
        yield number


class Load:
    """Events posted for as long as the gateway is there, and the ledger of them."""

    def __init__(self, gateway):
        self._gateway = gateway
        self._numbers = paced(RATE)
        self.ledger = Ledger()
        self._senders = None

    def start(self):
        """Also again, after the gateway was away."""
        if self._senders is not None:
            self._senders.join()
        self._senders = Senders(self._gateway, self.ledger, self._numbers, may_refuse=True)

    def stop(self):
        self._senders.stop()

    def acknowledged(self):
        # A copy, made at once: senders go on writing.
        return set(self.ledger.acknowledged.copy())


class Lab:
    def __init__(self, cluster):
        self.cluster = cluster
        self.components = {name: one for name, one in cluster.components().items() if one.process()}
        self.bronze = Bronze(cluster.settings)
        self.load = Load(Gateway(cluster.settings.port("gateway")))
        self._checkpoint = cluster.directory / "spark" / "checkpoint" / "events"

    def target(self, name):
        """The process that a signal goes to; None while there is none."""
        if name != EXECUTOR:
            return self.components[name].process()
        found = [one for one in self.components["spark-worker"].processes()
                 if b"CoarseGrainedExecutorBackend" in command_of(one)]
        return found[0] if found else None

    def wait_for_target(self, name):
        return wait_for(lambda: self.target(name), RECOVERY_SECONDS, f"a process of {name}")

    def wait_for_batch(self):
        """Until the stream works on a batch: it has written down what belongs to it, and not yet that it is done."""
        def under_way():
            return newest(self._checkpoint / "offsets") > newest(self._checkpoint / "commits")
        wait_for(under_way, RECOVERY_SECONDS, "a batch of the stream")

    def wait_until_ready(self):
        """Until everything runs and is ready, by nobody's help but the keeper's."""
        def trouble():
            return [name for name, one in self.components.items()
                    if one.process() is None or one.component.ready() is not None]
        wait_for(lambda: not trouble(), RECOVERY_SECONDS, "all components ready again")

    def wait_until_drained(self, seconds):
        """Until Bronze has what is acknowledged by now."""
        expected = self.load.acknowledged()
        wait_for(lambda: expected <= self.bronze.numbers(), seconds, f"{len(expected)} events in Bronze")


def command_of(process):
    """Its command line; empty if it has ended."""
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def newest(directory):
    """The highest number of a file of a checkpoint; -1 without any."""
    return max((int(path.name) for path in directory.glob("[0-9]*")), default=-1)


@pytest.fixture(scope="module")
def lab():
    with own_cluster("cluster-ledger", "gateway", "bronze-stream") as cluster:
        made = Lab(cluster)
        made.load.start()
        try:
            yield made
        finally:
            made.load.stop()


@pytest.fixture
def say(capsys):
    def print_at_once(text):
        with capsys.disabled():
            print(text, flush=True)
    return print_at_once


@pytest.mark.parametrize("name", ["minio", "postgresql", "kafka"])
def test_away_for_a_while(lab, say, name):
    lab.wait_for_batch()
    stream = lab.wait_for_target("bronze-stream")
    lab.wait_for_target(name).signal(signal.SIGKILL)
    lab.cluster.down(name)
    before = len(lab.load.acknowledged())
    end = time.monotonic() + AWAY_SECONDS
    wait_for(lambda: time.monotonic() >= end, AWAY_SECONDS * 2, f"{AWAY_SECONDS} s have passed")
    meanwhile = len(lab.load.acknowledged()) - before
    assert meanwhile > 0, f"events are taken while {name} is away"
    back = time.monotonic()
    lab.cluster.up(name)
    lab.wait_until_drained(BROKER_SECONDS if name == "kafka" else RECOVERY_SECONDS)
    drained = time.monotonic() - back
    lab.wait_until_ready()
    say(f"{name} away for {AWAY_SECONDS:g} s: {meanwhile} events meanwhile, in Bronze {drained:.0f} s after its return; "
        f"the stream {'went on' if stream.running() else 'was started again'}")


@pytest.mark.parametrize("how", [STOPPED, KILLED])
@pytest.mark.parametrize("name", ["gateway", "kafka", "minio", "postgresql", "spark-master", "spark-worker", EXECUTOR,
                                  "bronze-stream"])
def test_ended_once(lab, say, name, how):
    lab.wait_for_batch()
    target = lab.wait_for_target(name)
    number = signal.SIGKILL if how == KILLED else STOP_SIGNALS.get(name, signal.SIGTERM)
    begun = time.monotonic()
    target.signal(number)
    wait_for(lambda: not target.running(), RECOVERY_SECONDS, f"{name} has ended")
    lab.wait_until_ready()
    ready = time.monotonic() - begun
    if name == "gateway":
        lab.load.start()
    lab.wait_until_drained(RECOVERY_SECONDS)
    say(f"{name} {number.name}: all ready after {ready:.0f} s, drained after {time.monotonic() - begun:.0f} s")


def test_every_acknowledged_event_is_in_bronze_once(lab, say):
    lab.load.stop()
    lab.wait_until_drained(RECOVERY_SECONDS)
    ledger, rows = lab.load.ledger, lab.bronze.rows()
    assert list(ledger.problems(rows)) == []
    assert lab.bronze.rejected() == 0
    say(f"{len(ledger.acknowledged)} events acknowledged, {len(ledger.unknown)} sent without an answer; "
        f"{len(rows)} rows in Bronze")
