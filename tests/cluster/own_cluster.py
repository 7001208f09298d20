"""A cluster of a test's own: cluster/cluster.py on a directory below build/, ports moved by
$OCTOLAKE_CLUSTER_PORT_OFFSET. The directory is made anew, and left for its logs."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "cluster"))

import cluster as cluster_program  # noqa: E402
from components import PROGRAM  # noqa: E402
from settings import Settings  # noqa: E402

POLL_SECONDS = 2


class OwnCluster:
    def __init__(self, directory):
        self.directory = directory
        self._environment = {**os.environ, "OCTOLAKE_CLUSTER_DIRECTORY": str(directory)}

    @property
    def settings(self):
        return Settings(self.directory)

    def up(self, *names):
        """Returns when all is ready."""
        self._call("up", *names)

    def down(self, *names):
        self._call("down", *names)

    def components(self):
        """component.Running by name."""
        return cluster_program.cluster(self.settings)

    def _call(self, *arguments):
        subprocess.run([sys.executable, PROGRAM, *arguments], env=self._environment, check=True)


@contextlib.contextmanager
def own_cluster(name, *components):
    """With these components and what they need; with all if none is named."""
    cluster = OwnCluster(REPOSITORY / "build" / name)
    cluster.down()
    shutil.rmtree(cluster.directory, ignore_errors=True)
    try:
        cluster.up(*components)
        yield cluster
    finally:
        cluster.down()


def wait_for(condition, seconds, what, poll_seconds=POLL_SECONDS):
    """What condition() is once it holds; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(poll_seconds)
    return found
