"""What each stage from the gateway to tested Gold costs at a real Kafka broker, octolake's own and Spark's; see
bench/README.md.

Every stage runs on the same events at two sizes, so that what a start costs is told from what an event costs. The
stages of one size are octolake's and Spark's in turn; Spark runs in one process with two threads.
"""

import argparse
import gzip
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import inflate

TOP = Path(__file__).resolve().parents[1]
for folder in (TOP / "tests", TOP / "tests/spark"):
    sys.path.insert(0, str(folder))

from gateway import Up  # noqa: E402
from kafka_broker import Broker, broker_jars  # noqa: E402
from kafka_lab import Gateway  # noqa: E402
from lake import BRONZE, GOLD, PARSED, SILVER, Lake  # noqa: E402
from program import PROGRAM, environment as own_environment  # noqa: E402
from spark_process import PYTHON, environment as spark_environment, make_package  # noqa: E402

EVENTS_OF_A_REQUEST = 500
PARTITIONS = 4
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Watched:
    """What processes took between entering and leaving."""

    def __init__(self, **pids):
        self._pids = pids

    def __enter__(self):
        self._cpu = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        self._start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.wall = time.monotonic() - self._start
        self.cpu = {name: cpu_seconds(pid) - self._cpu[name] for name, pid in self._pids.items()}


def command(environment, *words):
    """(wall, CPU) seconds of a command and of all that it starts."""
    done = subprocess.run([sys.executable, TOP / "bench/process_tree.py", *map(str, words)], env=environment,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr[-4000:])
    took = json.loads(done.stdout)
    if took["status"] != 0:
        sys.exit(f"{' '.join(map(str, words))}: status {took['status']}\n{done.stderr[-4000:]}")
    return took["wall"], took["cpu"]


def post(port, lines):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for begin in range(0, len(lines), EVENTS_OF_A_REQUEST):
        body = b"".join(lines[begin:begin + EVENTS_OF_A_REQUEST])
        connection.request("POST", "/collect/batch", body=body, headers={"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"the gateway answered {answer.status}: {text[:500]!r}")
    connection.close()


def size_of(directory, pattern="**/*"):
    return sum(path.stat().st_size for path in Path(directory).glob(pattern) if path.is_file())


def data_bytes(lake, table):
    """Of the data files of the present snapshot."""
    return sum(task.file.file_size_in_bytes for task in lake.catalog().load_table(table).scan().plan_files())


class Round:
    """All stages once over the same events. `figures`: stage → (wall, CPU) seconds; `bytes`: place → bytes."""

    def __init__(self, broker, package, scratch, topic, lines):
        self._broker, self._package, self._scratch, self._topic = broker, package, scratch, topic
        self._kafka = {"KAFKA_BOOTSTRAP_SERVERS": broker.address, "KAFKA_TOPIC": topic}
        self.figures, self.bytes = {}, {"JSON as posted": sum(map(len, lines))}
        self.native, self.spark = Lake(scratch / "native/warehouse"), Lake(scratch / "spark/warehouse")
        self._without_kafka(lines)
        broker.create(topic, PARTITIONS)
        self._fill(lines)

    def _without_kafka(self, lines):
        lake = Lake(self._scratch / "alone/warehouse")
        with Up(lake, env={"OCTOLAKE_BRONZE_COMMIT_INTERVAL": "1s"}) as up, Watched(gateway=up.process.pid) as watched:
            post(up.port, lines)
            up.wait_for_bronze()
        self.figures["HTTP → Bronze: octolake alone"] = watched.wall, watched.cpu["gateway"]

    def _fill(self, lines):
        """The events to the journal while the broker is away, then to the topic."""
        gateway = Lake(self._scratch / "gateway/warehouse")
        self._broker.stop()
        with Gateway(gateway, "--sink", "kafka", env={**self._kafka, "KAFKA_RETRY_BACKOFF_BASE_S": "0.1"}) as up:
            with Watched(gateway=up.process.pid) as watched:
                post(up.port, lines)
            self.figures["gateway: HTTP → journal"] = watched.wall, watched.cpu["gateway"]
            self._broker.start()
            with Watched(gateway=up.process.pid, broker=self._broker.pid) as watched:
                up.wait_for_kafka()
            self.figures["gateway: journal → Kafka"] = watched.wall, watched.cpu["gateway"]
            self.figures["Kafka broker: taking them"] = watched.wall, watched.cpu["broker"]
            up.stop()
        self.bytes["Kafka topic"] = size_of(self._broker.directory / "data", f"{self._topic}-?/*.log")

    def bronze(self):
        self._own("Kafka → Bronze: octolake", self._kafka, "ingest", "--from", "kafka", "--once")
        self._of_spark("Kafka → Bronze: Spark", "bronze_stream.py", "--checkpoint", self._scratch / "checkpoint",
                       "--available-now")
        self._compare(BRONZE)
        self.bytes["Bronze"] = data_bytes(self.native, BRONZE)

    def gold(self):
        self._own("Bronze → tested Gold: octolake", {}, "run")
        self._of_spark("Bronze → parsed Silver: Spark", "silver.py")
        self._of_spark("parsed Silver → Silver: dbt on Spark", "dbt_session.py", "run", "--select", "tag:silver")
        self._of_spark("Silver → Gold: dbt on Spark", "dbt_session.py", "run", "--select", "tag:gold")
        self._of_spark("data tests: dbt on Spark", "dbt_session.py", "test")
        for name, table in (("parsed Silver", PARSED), ("Silver", SILVER), ("Gold", GOLD)):
            self._compare(table)
            self.bytes[name] = data_bytes(self.native, table)

    def _own(self, stage, changes, *words):
        self.figures[stage] = command(own_environment(changes), PROGRAM, *self.native.place(), *words)

    def _of_spark(self, stage, job, *words):
        self.spark.directory.mkdir(parents=True, exist_ok=True)
        settings = {**spark_environment(self._package, self._scratch, self.spark.directory), **self._kafka}
        self.figures[stage] = command(settings, PYTHON, TOP / "spark/jobs" / job, *words)

    def _compare(self, table):
        own, other = self.native.counts()[table], self.spark.counts()[table]
        if own != other:
            sys.exit(f"{table}: octolake has {own} rows, Spark has {other}")


def events_of(files, copies):
    """Lines of JSON; every copy has ids of its own."""
    lines = []
    for path in files:
        text = gzip.decompress(Path(path).read_bytes())
        for number in range(copies):
            lines += inflate.copy_of(text, number).splitlines(keepends=True)
    return [line if line.endswith(b"\n") else line + b"\n" for line in lines if line.strip()]


def medians(rounds):
    return {stage: tuple(statistics.median(one.figures[stage][kind] for one in rounds) for kind in (0, 1))
            for stage in rounds[0].figures}


def print_stages(small, large, counts):
    few, many = counts
    print(f"{'stage':42} {'wall s':>8} {'CPU s':>8} | {'fixed CPU s':>11} {'CPU µs/event':>13} {'wall µs/event':>14}")
    for stage, (wall, cpu) in large.items():
        wall_of_one, cpu_of_one = ((large[stage][kind] - small[stage][kind]) / (many - few) for kind in (0, 1))
        print(f"{stage:42} {wall:8.2f} {cpu:8.2f} | {max(0, cpu - cpu_of_one * many):11.2f} {cpu_of_one * 1e6:13.1f} "
              f"{wall_of_one * 1e6:14.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=10, help="times that the events are taken at the greater size (10)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only-bronze", action="store_true", help="stop at Bronze")
    parser.add_argument("files", nargs="+", help="of GH Archive")
    options = parser.parse_args()
    sizes = [events_of(options.files, copies) for copies in (1, options.copies)]
    rounds = [[], []]
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        scratch = Path(folder)
        package = make_package(scratch / "package")
        with Broker(scratch / "broker", broker_jars()) as broker:
            for run in range(options.runs):
                for rounds_of_size, lines in zip(rounds, sizes):
                    name = f"run-{run}-{len(lines)}"
                    one = Round(broker, package, scratch / name, name, lines)
                    one.bronze()
                    if not options.only_bronze:
                        one.gold()
                    rounds_of_size.append(one)
                    print(f"{name}: " + ", ".join(f"{stage} {wall:.1f} s" for stage, (wall, _) in one.figures.items()),
                          file=sys.stderr, flush=True)
    small, large = map(medians, rounds)
    events = [len(lines) for lines in sizes]
    print(f"{events[1]:,} events; what one event costs is from {events[0]:,} to {events[1]:,}; medians of {options.runs}")
    print_stages(small, large, events)
    for place, size in rounds[1][0].bytes.items():
        print(f"{place:42} {size / events[1]:8.0f} bytes/event")
    own, other = large["Kafka → Bronze: octolake"], large["Kafka → Bronze: Spark"]
    print(f"Kafka → Bronze: octolake {events[1] / own[0]:,.0f} events/s, Spark {events[1] / other[0]:,.0f}; "
          f"Spark / octolake {other[0] / own[0]:.1f} in wall time, {other[1] / own[1]:.1f} in CPU time")


if __name__ == "__main__":
    main()
