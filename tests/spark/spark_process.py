"""Spark as tests start it: which parts it needs, a driver to talk to, and the jobs as processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPS = ROOT / ".deps"
PYTHON = DEPS / "spark/bin/python"
JAR_FOLDERS = (DEPS / "cluster/spark", DEPS / "cluster/spark-tests")
LIBRARY = Path(os.environ.get("LIBOCTOLAKE_SPARK", ROOT / "build/release/lib/liboctolake_spark.so"))
# Far above what any one request of these tests takes; a hang fails, not the whole run.
TIME_LIMIT_SECONDS = 1200
# A JVM here lives for minutes: most of them would go into compiling for speed that it does not live to see. The room
# for compiled code is what it would be otherwise; many tests of one driver fill the 48 MB that stand for this level.
SUBMIT = ("--master local[2] --driver-memory 1g --driver-java-options"
          " '-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC'"
          " --conf spark.ui.enabled=false --conf spark.driver.bindAddress=127.0.0.1"
          " --conf spark.driver.host=127.0.0.1 --conf spark.sql.shuffle.partitions=2 pyspark-shell")


def skip_without_spark():
    missing = []
    if shutil.which("java") is None:
        missing.append("a JDK 17 (openjdk-17-jdk-headless)")
    if not PYTHON.exists():
        missing.append(".deps/spark (deps/bootstrap.sh --spark)")
    if not all(any(folder.glob("*.jar")) for folder in JAR_FOLDERS):
        missing.append("its jars (deps/cluster/fetch.sh spark spark-tests)")
    if not LIBRARY.exists():
        missing.append(f"{LIBRARY} (deps/build.sh release octolake_spark)")
    if missing:
        pytest.skip("Spark cannot be run, these are missing: " + "; ".join(missing))


def make_package(directory):
    """The package as it is sent to workers, unpacked."""
    subprocess.run([sys.executable, ROOT / "spark/make_package.py", "--library", LIBRARY, "--out", directory],
                   check=True, stdout=subprocess.DEVNULL)
    return Path(directory) / "package"


def environment(package, directory, warehouse):
    """What a job of Spark is started with. `directory` is for files of the test's."""
    jars = Path(directory) / "jars"
    if not jars.exists():
        jars.mkdir(parents=True)
        for folder in JAR_FOLDERS:
            for jar in folder.glob("*.jar"):
                (jars / jar.name).symlink_to(jar)
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("OCTOLAKE", "ICEBERG_", "BRONZE_", "SILVER_", "GOLD_", "KAFKA_", "MINIO_", "AWS_",
                                    "SPARK", "LIBOCTOLAKE"))}
    return {**kept, "PYTHONPATH": str(package), "PYSPARK_PYTHON": str(PYTHON), "SPARK_LOCAL_IP": "127.0.0.1",
            "ICEBERG_SPARK_JARS": str(jars), "PYSPARK_SUBMIT_ARGS": SUBMIT, "TZ": "Asia/Kathmandu",
            "ICEBERG_WAREHOUSE_PATH": str(warehouse), "PYTHONDONTWRITEBYTECODE": "1"}


class SparkDriver:
    """driver.py as a process."""

    def __init__(self, package, directory):
        scratch = Path(directory) / "no-warehouse"
        scratch.mkdir(parents=True, exist_ok=True)
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [PYTHON, Path(__file__).with_name("driver.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True, cwd=directory,
            env={**environment(package, directory, scratch), "SPARK_TEST_SCRATCH": str(scratch)})
        self._answer()

    def ask(self, do, lake, **more):
        print(json.dumps({"do": do, "warehouse": str(lake.directory), **more}, default=str),
              file=self._process.stdin, flush=True)
        return self._answer()

    def silver(self, lake, **more):
        return self.ask("silver", lake, **more)

    def sql(self, lake, statement):
        return self.ask("sql", lake, statement=statement)

    def stop(self):
        try:
            self._process.stdin.close()
            self._process.wait(TIME_LIMIT_SECONDS)
        except BrokenPipeError:
            pass  # it has ended already, which a test has said
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()

    def _answer(self):
        watch = threading.Timer(TIME_LIMIT_SECONDS, self._process.kill)
        watch.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise AssertionError("the Spark driver ended: " + self._logged())
        answer = json.loads(line)
        assert "error" not in answer, answer["error"][-6000:]
        return answer["result"]

    def _logged(self):
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), 8000, max(0, size - 8000)).decode("utf-8", "replace")


class Job:
    """A job of spark/jobs/ as a process of its own, with the JVM that it starts. A context manager: at its end
    both are gone."""

    def __init__(self, settings, name, *arguments):
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [PYTHON, ROOT / "spark/jobs" / name, *map(str, arguments)], env=settings, stdout=subprocess.PIPE,
            stderr=self._log, text=True, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self._log.close()

    def wait_until(self, condition, what):
        deadline = time.monotonic() + TIME_LIMIT_SECONDS
        while not condition():
            assert self._process.poll() is None, f"ended before {what}: {self._logged()}"
            assert time.monotonic() < deadline, f"{TIME_LIMIT_SECONDS} s have passed before {what}: {self._logged()}"
            time.sleep(0.05)  # a condition that opens a table costs as much

    def kill(self):
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._process.stdout.close()

    def terminate(self):
        self._process.terminate()

    def finish(self, status=0):
        """What it printed."""
        out, _ = self._process.communicate(timeout=TIME_LIMIT_SECONDS)
        assert self._process.returncode == status, self._logged()
        return out

    def refuse(self):
        """What it said as it ended with status 1."""
        self.finish(status=1)
        return self._logged()

    def _logged(self):
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), 8000, max(0, size - 8000)).decode("utf-8", "replace")
