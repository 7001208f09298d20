"""One component of the cluster: how it is started, known to be ready, and ended."""

import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import processes
from settings import write_private

# A step of a component may take so long.
STEP_SECONDS = 300
# Lines of a log that an error shows.
LOG_END_LINES = 25


class ClusterError(Exception):
    """What went wrong with which component, and what to do."""


def nothing():
    """The default of a component's steps."""


@dataclass
class Component:
    name: str
    command: list
    # Why it is not ready, or None if it is. Asked until `start_seconds` have passed.
    ready: Callable[[], str | None]
    ports: list = field(default_factory=list)
    # Names of the components that have to be ready before it is started.
    needs: list = field(default_factory=list)
    environment: dict = field(default_factory=dict)
    # Done before each start and after each time it is found ready; both may be repeated.
    prepare: Callable[[], None] = nothing
    complete: Callable[[], None] = nothing
    # The user that it runs as, where root starts it; None: the same user.
    user: str | None = None
    start_seconds: float = 90
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 20


class Running:
    """A component in a cluster's directory: its process, its log, its mark."""

    def __init__(self, component, directory):
        self.component = component
        self.name = component.name
        self.log = directory / "logs" / f"{component.name}.log"
        self._file = directory / "run" / f"{component.name}.json"
        # The directory tells this cluster's processes from another's.
        self._mark = f"{directory}:{component.name}"
        self._begun_at = self._started_at = time.monotonic()

    def _kept(self):
        """What was written of the process that was started; None if there was none since the machine started."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return kept if kept.get("boot") == processes.boot() else None

    def _keep(self, process, is_to_end):
        write_private(self._file, json.dumps({"boot": processes.boot(), "pid": process.pid,
                                              "started": process.started, "is_to_end": is_to_end}))

    def process(self):
        """The main process; None if it is not running."""
        kept = self._kept()
        if kept is None:
            return None
        found = processes.Process(kept["pid"], kept["started"])
        return found if found.running() else None

    def ended(self):
        """Whether it was started since the machine was, and has ended without stop()."""
        kept = self._kept()
        return kept is not None and not kept["is_to_end"] and self.process() is None

    def processes(self):
        return processes.processes_of(self._mark, self.process())

    def start(self):
        """Starts it, unless it is running."""
        component = self.component
        self._begun_at = self._started_at = time.monotonic()
        if main := self.process():
            self._keep(main, is_to_end=False)  # a stop() may have been in vain
            return False
        # What an earlier main process left would be in the way of the new one. That it has ended stays known: what
        # follows may fail.
        if self.processes():
            processes.stop(self._mark, None, component.stop_signal, component.stop_seconds)
        component.prepare()
        for port in component.ports:
            if answers(port):
                raise ClusterError(
                    f"{self.name}: port {port} is taken by a process that is not of this cluster; end it, or set "
                    "OCTOLAKE_CLUSTER_PORT_OFFSET to use other ports")
        # One earlier log is kept: it tells why the last process ended.
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with open(self.log, "wb") as log:
            started = subprocess.Popen(
                [str(part) for part in component.command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.log.parents[1], start_new_session=True, **as_user(component.user),
                env={**inherited(), **component.environment, processes.MARK: self._mark})
        self._started_at = time.monotonic()
        self._keep(processes.process(started.pid), is_to_end=False)
        return True

    def look(self):
        """The seconds that it took to become ready since start(), what it prepared included; None if it is not yet.

        Raises ClusterError, with the end of its log, if it has ended or takes too long.
        """
        component = self.component
        reason = component.ready()
        if reason is None:
            component.complete()
            return time.monotonic() - self._begun_at
        if not self.process():
            raise ClusterError(f"{self.name} ended before it was ready. {self.log_end()}")
        if time.monotonic() > self._started_at + component.start_seconds:
            raise ClusterError(f"{self.name} was not ready within {component.start_seconds:g} s: {reason}. "
                               f"{self.log_end()}")
        return None

    def stop(self):
        """Ends all of its processes; how it ended, or None if there was none."""
        main = self.process()
        if not main and not self.processes():
            self._file.unlink(missing_ok=True)
            return None
        if main:
            self._keep(main, is_to_end=True)  # before it has ended, and also if this does not come to its end
        else:
            self._file.unlink(missing_ok=True)
        how = processes.stop(self._mark, main, self.component.stop_signal, self.component.stop_seconds)
        self._file.unlink(missing_ok=True)
        return how

    def log_end(self):
        if not self.log.exists():
            return "It has no log."
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_END_LINES:]
        return f"The end of {self.log}:\n" + "\n".join(f"  {line}" for line in lines)


def inherited():
    """The environment without the caller's configuration of octolake, which is not the cluster's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OCTOLAKE_")}


def as_user(name):
    """What makes subprocess run as that user; nothing where that is who we are, or cannot become."""
    if name is None or os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ClusterError(f"no user {name}, whom a server that does not run as root should run as; make one, or do not "
                           "start the cluster as root") from None
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def answers(port):
    """Whether something listens there."""
    import socket

    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(name, command, seconds=STEP_SECONDS, environment=None, user=None, given=None, cwd=None):
    """Runs a step of a component to its end; what it printed. Raises ClusterError if it fails."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=seconds, check=False,
                              cwd=cwd, env={**inherited(), **(environment or {})}, **as_user(user))
    except subprocess.TimeoutExpired:
        raise ClusterError(f"{name}: {Path(command[0]).name} did not end within {seconds} s") from None
    if done.returncode != 0:
        raise ClusterError(f"{name}: {Path(command[0]).name} failed with status {done.returncode}:\n"
                           f"{(done.stderr or done.stdout)[-3000:]}")
    return done.stdout
