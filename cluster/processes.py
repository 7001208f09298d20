"""Processes that outlive the program that started them: who they are, what they use, how they end.

A process is known by its id and its start time, so that one that got the id of another later is never taken
for it. A component's processes are those that carry its mark in their environment, descend from one of them,
or are in a session that one of them leads: Airflow and Spark start processes of their own that a signal to
the parent alone leaves behind.
"""

import os
import signal
import time
from dataclasses import dataclass

MARK = "CLUSTER_COMPONENT"
POLL_SECONDS = 0.1
# A process that has had SIGKILL is gone within this, or it hangs in the kernel.
KILL_LIMIT_SECONDS = 10


@dataclass(frozen=True)
class Process:
    pid: int
    started: int  # clock ticks since the machine started

    def running(self):
        found = _stat(self.pid)
        return found is not None and found.started == self.started and found.alive

    def signal(self, number):
        if self.running():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass  # it ended by itself


@dataclass(frozen=True)
class _Stat:
    state: str
    parent: int
    session: int
    started: int
    threads: int

    @property
    def alive(self):
        # Of a process that is killed the first thread may be over while others, and their ports, are still there.
        return self.state != "Z" or self.threads > 1


def _stat(pid):
    """The fields of /proc/PID/stat that are used here; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The second field is the name, in parentheses, and may hold anything.
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return _Stat(fields[0], int(fields[1]), int(fields[3]), int(fields[19]), int(fields[17]))


def boot():
    """What the kernel calls this start of the machine: ids and start times are those of one."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def process(pid):
    """The process with this id; None if there is none."""
    found = _stat(pid)
    return None if found is None else Process(pid, found.started)


def _marked(pid, mark):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{MARK}={mark}".encode() in file.read().split(b"\0")
    except OSError:
        return False  # it has ended, or is another user's


def processes_of(mark, main=None):
    """All running processes of the component with this mark, and those that belong to `main`."""
    table = {int(name): found for name in os.listdir("/proc") if name.isdigit() and (found := _stat(name))}
    mine = {pid for pid in table if _marked(pid, mark)}
    if main is not None and main.running():
        mine.add(main.pid)
    while True:
        more = {pid for pid, stat in table.items()
                if pid not in mine and (stat.parent in mine or stat.session in mine)}
        if not more:
            break
        mine |= more
    mine.discard(os.getpid())
    return {Process(pid, table[pid].started) for pid in mine if table[pid].alive}


def _wait_for_end(processes, seconds):
    """Waits until all have ended; those that have not."""
    deadline = time.monotonic() + seconds
    left = {one for one in processes if one.running()}
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = {one for one in left if one.running()}
    return left


def stop(mark, main, number, seconds):
    """Ends a component: `number` to its main process, after `seconds` SIGTERM and then SIGKILL to what is left.

    Returns how it ended: "stopped", or "killed" if SIGKILL was needed. Raises TimeoutError if a process
    survives even that.
    """
    everything = processes_of(mark, main)
    if main is not None and main.running():
        main.signal(number)
        _wait_for_end({main}, seconds)
    # Children may have been started in the meantime, or have lost their parent.
    everything |= processes_of(mark, main)
    for one in everything:
        one.signal(signal.SIGTERM)
    left = _wait_for_end(everything, seconds)
    for one in left:
        one.signal(signal.SIGKILL)
    stuck = _wait_for_end(left, KILL_LIMIT_SECONDS)
    if stuck:
        raise TimeoutError(f"processes {sorted(one.pid for one in stuck)} did not end on SIGKILL")
    return "killed" if left else "stopped"


@dataclass(frozen=True)
class Memory:
    """In bytes. The resident set counts a shared page in every process, the proportional one a share of it."""

    resident: int
    proportional: int


def memory_of(processes):
    resident = proportional = 0
    for one in processes:
        try:
            with open(f"/proc/{one.pid}/smaps_rollup", encoding="ascii") as file:
                for line in file:
                    name, _, value = line.partition(":")
                    if name == "Rss":
                        resident += int(value.split()[0]) * 1024
                    elif name == "Pss":
                        proportional += int(value.split()[0]) * 1024
        except OSError:
            pass  # it has ended, or is another user's
    return Memory(resident, proportional)
