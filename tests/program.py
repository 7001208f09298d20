"""Runs the octolake program under test."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAM = os.environ.get("OCTOLAKE", str(Path(__file__).parents[1] / "build/release/bin/octolake"))
# Far above what any one command of these tests takes; a hang fails, not the whole run.
TIME_LIMIT_SECONDS = 120
# Neither UTC nor whole hours from it: a use of local time shows.
ZONE = {"TZ": "Asia/Kathmandu"}

# Configuration of whoever runs the tests must not reach the program.
CONFIGURATION_PREFIXES = ("OCTOLAKE", "GITHUB_TOKEN", "ICEBERG_", "BRONZE_", "SILVER_", "GOLD_", "KAFKA_", "MINIO_")

# Runs a command and writes the peak resident set of it alone, in KiB, to a file. It has to be started
# by a small process: what a process used before exec counts as its child's.
MEASURE = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as out:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=out)
sys.exit(status)
"""


@dataclass
class Completed:
    status: int
    out: bytes
    err: str

    @property
    def text(self):
        return self.out.decode("utf-8")

    def json(self):
        return json.loads(self.out)


def unprivileged():
    """What to put before a command so that permissions bind it, as they bind everybody but root."""
    if os.geteuid() != 0:
        return ()
    command = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    if shutil.which(command[0]) is None or subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        import pytest  # which programs that use the rest of this need not have

        pytest.skip("root cannot give up its right to pass permissions here (setpriv)")
    return command


def environment(changes=None):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(CONFIGURATION_PREFIXES)}
    return {**kept, **(changes or {})}


def octolake(*arguments, status=0, stdin=b"", cwd=None, env=None, prefix=()):
    """Runs the program and asserts on its exit status, if one is given."""
    command = [*prefix, PROGRAM, *arguments]
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, cwd=cwd,
                          env=environment(env), timeout=TIME_LIMIT_SECONDS, check=False)
    result = Completed(done.returncode, done.stdout, done.stderr.decode("utf-8"))
    assert status in (None, result.status), (
        f"{' '.join(map(str, arguments))}: status {result.status}, expected {status}\n"
        f"stdout: {result.out[-2000:]!r}\nstderr: {result.err[-4000:]}")
    return result


class Started:
    """The program as a process that a test stops, kills or waits for. What it prints goes to files, so that
    it never waits for a reader. A context manager: at its end the process is gone."""

    def __init__(self, *arguments, env=None, stdin=subprocess.DEVNULL, prefix=()):
        self.arguments = [str(part) for part in arguments]
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen([*map(str, prefix), PROGRAM, *self.arguments], stdin=stdin, stdout=self._out,
                                        stderr=self._err, env=environment(env))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self._out.close()
        self._err.close()

    def running(self):
        return self.process.poll() is None

    def wait_until(self, condition, what):
        """Waits until condition() holds; fails if the process ends before."""
        deadline = time.monotonic() + TIME_LIMIT_SECONDS
        while not condition():
            assert self.running(), f"ended before {what}: status {self.process.returncode}, {self.err[-4000:]}"
            assert time.monotonic() < deadline, f"{TIME_LIMIT_SECONDS} s have passed before {what}"
            time.sleep(0.001)

    def kill(self):
        """kill -9, unless it has ended; whether it was killed."""
        if self.running():
            self.process.kill()
        return self.process.wait(TIME_LIMIT_SECONDS) == -signal.SIGKILL

    def finish(self, status=0):
        """Waits for its end and asserts on its exit status."""
        found = self.process.wait(TIME_LIMIT_SECONDS)
        result = Completed(found, self._read(self._out), self.err)
        assert status is None or found == status, (
            f"{' '.join(self.arguments)}: status {found}, expected {status}\n"
            f"stdout: {result.out[-2000:]!r}\nstderr: {result.err[-4000:]}")
        return result

    @property
    def err(self):
        return self._read(self._err).decode("utf-8")

    @staticmethod
    def _read(file):
        # The program shares the offset of the file, so that it must not be moved.
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


def octolake_measured(scratch, *arguments, status=0):
    """As octolake(), with the peak resident set in MiB."""
    report = Path(scratch) / "peak-rss"
    prefix = (sys.executable, "-c", MEASURE, report)
    result = octolake(*arguments, status=status, prefix=prefix)
    return result, int(report.read_text()) / 1024


def generate(target, *, events, seed=1, era="2015"):
    octolake("generate", "--events", events, "--seed", seed, "--era", era, "--to", target)
    return Path(target)
