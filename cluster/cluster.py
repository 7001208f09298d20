#!/usr/bin/env python3
"""The cluster on one machine, without containers: real components on loopback, in one directory.

usage: cluster.py up [COMPONENT...]      start what is not running, wait until all of it is ready
       cluster.py down [COMPONENT...]    end what `up` started, all its processes
       cluster.py status [--json]        what is running, and the memory it uses
       cluster.py run COMMAND...         run octolake, a job, dbt or Airflow with the cluster's environment
       cluster.py keep                   start again what ends by itself, for ever (`up` starts this)
       cluster.py again COMPONENT        start it if it has ended by itself (the keeper calls this)

The directory is $OCTOLAKE_CLUSTER_DIRECTORY, by default build/cluster. In it: cluster.env (addresses, names and
secrets, for octolake as well), logs/, and the data of each component. Ports are those of settings.py
plus $OCTOLAKE_CLUSTER_PORT_OFFSET.
"""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time

from component import STEP_SECONDS, ClusterError, Running
from components import KEEPER, PROGRAM, components
from keeper import Keeper, Outcome
from processes import POLL_SECONDS, memory_of
from settings import Settings, directory, write_environment

MIB = 1 << 20
# That an `up` or `down` waits for the keeper, which holds the lock for as long as it starts a component: for longer
# than the longest step before a start takes.
LOCK_SECONDS = STEP_SECONDS + 60
KEEPER_SECONDS = 1  # between its looks
# What `again` ends with where it did not try, by what the keeper makes of it.
BUSY_STATUS = os.EX_TEMPFAIL
OUTCOMES = {0: Outcome.STARTED, BUSY_STATUS: Outcome.BUSY}


class Busy(ClusterError):
    """Somebody else changes the cluster."""


def cluster(settings):
    return {one.name: Running(one, settings.directory) for one in components(settings)}


def chosen(everything, names):
    unknown = [name for name in names if name not in everything]
    if unknown:
        raise ClusterError(f"no component {unknown[0]}; there are: {', '.join(everything)}")
    return names or list(everything)


@contextlib.contextmanager
def alone(at, seconds=LOCK_SECONDS):
    """One change at a time; another one is waited for so long."""
    deadline = time.monotonic() + seconds
    is_told = False
    with open(at / "lock", "w", encoding="ascii") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Busy(f"another up or down of {at} is at work, or its keeper starts a component "
                               f"({at}/logs/keeper.log); wait for it") from None
                if not is_told:
                    print(f"cluster: another up or down, or the keeper, is at work; waiting {seconds} s at most",
                          file=sys.stderr, flush=True)
                    is_told = True
            time.sleep(POLL_SECONDS)
        yield


def with_needs(everything, names):
    """These components with all they need, in the order of starting."""
    wanted, left = set(), list(names)
    while left:
        name = left.pop()
        if name not in wanted:
            wanted.add(name)
            left += everything[name].component.needs
    return [name for name in everything if name in wanted]


def up(settings, names):
    everything = cluster(settings)
    waiting = with_needs(everything, [KEEPER, *chosen(everything, names)])
    was_running, ready = set(), set()
    started = []
    while waiting or started:
        for name in [name for name in waiting if ready.issuperset(everything[name].component.needs)]:
            if not everything[name].start():
                was_running.add(name)
            waiting.remove(name)
            started.append(name)
        for name in list(started):
            seconds = everything[name].look()
            if seconds is not None:
                print(f"{name:<22} " + ("was running" if name in was_running else f"ready after {seconds:.1f} s"), flush=True)
                started.remove(name)
                ready.add(name)
        time.sleep(POLL_SECONDS)


def down(settings, names):
    everything = cluster(settings)
    errors = []
    for name in reversed(chosen(everything, names)):
        try:
            how = everything[name].stop()
        except TimeoutError as error:
            errors.append(f"{name}: {error}")
            continue
        if how:
            print(f"{name:<22} {how}", flush=True)
    if errors:
        raise ClusterError("\n".join(errors))


def status(settings, as_json):
    """What runs, as text or JSON; whether all of it does and is ready."""
    rows, good = [], True
    for name, running in cluster(settings).items():
        main, reason = running.process(), None
        if main:
            reason = running.component.ready()
        good = good and main is not None and reason is None
        memory = memory_of(running.processes())
        rows.append({"name": name, "pid": main.pid if main else None,
                     "state": "stopped" if not main else "ready" if reason is None else f"not ready: {reason}",
                     "resident_bytes": memory.resident, "proportional_bytes": memory.proportional})
    if as_json:
        print(json.dumps(rows, indent=2))
        return good
    print(f"{'component':<22} {'pid':>8} {'RSS MiB':>8} {'PSS MiB':>8}  state")
    for row in rows:
        print(f"{row['name']:<22} {row['pid'] or '-':>8} {row['resident_bytes'] // MIB:>8} "
              f"{row['proportional_bytes'] // MIB:>8}  {row['state']}")
    print(f"{'together':<22} {'':>8} {sum(row['resident_bytes'] for row in rows) // MIB:>8} "
          f"{sum(row['proportional_bytes'] for row in rows) // MIB:>8}")
    return good


def log(text):
    """A line of the keeper's log. A disk that is full, where it cannot be written, ends nobody."""
    line = f"{time.strftime('%FT%TZ', time.gmtime())} {text}\n"
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), line.encode())


def keep(settings):
    def start(name):
        # In a process that ends, so that what it starts is not the keeper's child and does not end with it.
        done = subprocess.run([sys.executable, PROGRAM, "again", name], check=False)
        return OUTCOMES.get(done.returncode, Outcome.FAILED)

    keeper = Keeper(cluster(settings), start, log)
    while True:
        keeper.look()
        time.sleep(KEEPER_SECONDS)


def again(settings, name):
    """Starts a component that has ended, without what it needs and without waiting until it is ready; the status to
    end with."""
    everything = cluster(settings)
    chosen(everything, [name])
    try:
        # While an up or down is at work, the component is theirs.
        with alone(settings.directory, 0):
            if everything[name].ended():
                log(f"{name} has ended; starting it again")
                everything[name].start()
    except Busy:
        return BUSY_STATUS
    return 0


def usage():
    print(__doc__.partition("usage: ")[2].partition("\n\n")[0], file=sys.stderr)
    return 2


def main(arguments):
    command, *rest = arguments or [""]
    if command not in ("up", "down", "status", "run", "keep", "again") or (command == "again" and len(rest) != 1):
        return usage()
    at = directory()
    if command == "up":
        for name in ("", "logs", "run"):
            (at / name).mkdir(parents=True, exist_ok=True)
    elif not (at / "cluster.env").exists():
        print(f"cluster: there is none in {at}", file=sys.stderr)
        return 0 if command == "down" else 1
    # The keeper has the variables of the `up` that started it; a later one may have been given others.
    settings = Settings(at, {}) if command in ("keep", "again") else Settings(at)
    if command == "run":
        if not rest:
            return usage()
        # octolake would refuse the variables that are this program's own.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OCTOLAKE_CLUSTER_")}
        os.execvpe(rest[0], rest, {**environment, **settings.environment()})
    if command == "keep":
        keep(settings)
    if command == "again":
        return again(settings, *rest)
    if command == "status":
        return 0 if status(settings, rest == ["--json"]) else 1
    with alone(at):
        started = time.monotonic()
        if command == "up":
            write_environment(settings.file, "Written by cluster.py up; holds secrets.", settings.environment())
            up(settings, rest)
            print(f"the cluster is up after {time.monotonic() - started:.0f} s; its settings: {settings.file}")
        else:
            down(settings, rest)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ClusterError, OSError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        sys.exit(1)
