"""Times `octolake maintain --compact` against Spark's rewrite_data_files on the same files; see bench/README.md.

The table is loaded in many small files and compacted by one after the other; after each it is rolled back to the
snapshot before, so that both find the same files. Spark is started once a run; its time is told with and without that.
--spark-python and --spark-jars say how to start it (tests/interop/spark_deletes.sh shows how to find them); without
them only octolake is timed.
"""

import argparse
import gzip
import itertools
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from load import timed

SPARK_SQL = Path(__file__).resolve().parents[1] / "tests/interop/spark_sql.py"
TABLES = {
    "bronze.github_events": (["--compact=binpack"], ""),
    "silver.github_events_parsed": (
        ["--compact=zorder", "--columns", "event_type,created_at"],
        "strategy => 'sort', sort_order => 'zorder(event_type, created_at)', "),
}


def split(files, pieces, folder):
    """The lines of the files in about so many pieces. Never all in memory: a process is said to take at least what its
    parent has taken (see load.timed)."""
    total = sum(1 for name in files for _ in gzip.open(name))
    size = -(-total // pieces)
    lines = (line for name in files for line in gzip.open(name))
    for start in range(0, total, size):
        path = folder / f"{start:09}.json"
        with open(path, "wb") as piece:
            piece.writelines(itertools.islice(lines, size))
        yield path


class Lake:
    def __init__(self, octolake, directory):
        self.octolake, self.directory = octolake, directory

    def run(self, *arguments):
        done = subprocess.run([self.octolake, "--warehouse", self.directory, "--json", *arguments],
                              check=True, capture_output=True)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def files(self, table):
        return self.run("tables", table, "--files")

    def head(self, table):
        return next(row["snapshot_id"] for row in self.run("tables", table, "--snapshots") if "main" in (row["refs"] or ""))


def cpu_seconds(pid):
    """Of a process and its descendants that live."""
    parents, seconds = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        parents[int(stat.parent.name)] = int(fields[1])
        seconds[int(stat.parent.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    def total(process):
        return seconds.get(process, 0) + sum(total(child) for child, parent in parents.items() if parent == process)
    return total(pid)


def spark_seconds(spark, directory, statement):
    """Until it is ready, for the statement, and the CPU time of the statement."""
    python, jars = spark
    start = time.monotonic()
    with subprocess.Popen(
            [python, SPARK_SQL, directory, jars], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYSPARK_PYTHON": python, "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "UTC"}) as process:
        def execute(sql):
            process.stdin.write(sql + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line, f"Spark ended at {sql}"
            return json.loads(line)
        execute("SELECT 1")
        ready = time.monotonic()
        cpu = cpu_seconds(process.pid)
        execute(statement)
        done = time.monotonic()
        cpu = cpu_seconds(process.pid) - cpu
        process.stdin.close()
    return ready - start, done - ready, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--pieces", type=int, default=200, help="loads, and files of Bronze")
    parser.add_argument("--spark-python", help="a Python that has PySpark")
    parser.add_argument("--spark-jars", help="Iceberg's runtime and the SQLite driver, with a comma between")
    parser.add_argument("--warehouse", help="a directory that an earlier run has filled, or that is to be filled and kept")
    parser.add_argument("files", nargs="*", help="gzip files of events, where there is something to fill")
    arguments = parser.parse_args()
    spark = (arguments.spark_python, arguments.spark_jars) if arguments.spark_python else None
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        scratch = Path(folder).resolve()
        lake = Lake(str(Path(arguments.octolake).resolve()), Path(arguments.warehouse or folder).resolve() / "warehouse")
        if not lake.directory.exists():
            (scratch / "pieces").mkdir()
            for piece in split(arguments.files, arguments.pieces, scratch / "pieces"):
                lake.run("load", str(piece))
                # A commit of Silver each.
                lake.run("run", "--select", "silver_github_events")
        for table, (ours, theirs) in TABLES.items():
            measure(lake, table, ours, theirs, arguments.runs, spark)


def measure(lake, table, ours, theirs, runs, spark):
    files = lake.files(table)
    megabytes = sum(row["bytes"] for row in files) / 1e6
    head = lake.head(table)
    print(f"{table}: {len(files)} files, {megabytes:.1f} MB")
    own, started, call, spark_cpu = [], [], [], []
    statement = (f"CALL demo.system.rewrite_data_files(table => '{table}', {theirs}"
                 "options => map('target-file-size-bytes', '20000000', 'min-input-files', '2'))")
    for _ in range(runs):
        own.append(timed([lake.octolake, "--warehouse", str(lake.directory), "--quiet", "maintain", table, *ours,
                          "--min-input-files", "2"]))
        after = lake.files(table)
        lake.run("tables", table, "--rollback-to", str(head))
        if spark:
            start, seconds, used = spark_seconds(spark, lake.directory, statement)
            spark_cpu.append(used)
            started.append(start + seconds)
            call.append(seconds)
            theirs_after = lake.files(table)
            lake.run("tables", table, "--rollback-to", str(head))
    wall, cpu, memory = (statistics.median(column) for column in zip(*own))
    print(f"octolake {wall:7.2f} s wall {cpu:7.2f} s CPU {memory:6.0f} MB {megabytes / wall:8.1f} MB/s,"
          f" {len(after)} files, {sum(row['bytes'] for row in after) / 1e6:.1f} MB")
    if not spark:
        return
    seconds = statistics.median(call)
    print(f"Spark    {seconds:7.2f} s wall {statistics.median(spark_cpu):7.2f} s CPU {megabytes / seconds:18.1f} MB/s,"
          f" {len(theirs_after)} files, {sum(row['bytes'] for row in theirs_after) / 1e6:.1f} MB")
    ratio = statistics.median(theirs / ours[0] for theirs, ours in zip(call, own))
    with_start = statistics.median(theirs / ours[0] for theirs, ours in zip(started, own))
    of_cpu = statistics.median(theirs / ours[1] for theirs, ours in zip(spark_cpu, own))
    print(f"ratio {ratio:.1f}, with Spark's start {with_start:.1f}, of CPU time {of_cpu:.1f}; medians of {runs}")


if __name__ == "__main__":
    main()
