"""Starts again what has ended by itself, as Compose does with `restart: unless-stopped`: without looking at anything
else, and after a wait that doubles from one time to the next. What `down` ended stays down.
"""

import enum
import time
from dataclasses import dataclass

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1, 60
# Before it asks again whether an `up` or `down` is at work.
BUSY_SECONDS = 5
# What has run for this long counts as well: the next wait is the first again.
WELL_SECONDS = 60


class Outcome(enum.Enum):
    """Of an attempt to start something."""

    STARTED = enum.auto()
    FAILED = enum.auto()
    BUSY = enum.auto()  # it was not tried: an `up` or `down` is at work


@dataclass
class _Record:
    wait: float = FIRST_WAIT_SECONDS  # before the next start
    due: float | None = None  # when that is; None while the component runs
    started: float | None = None  # since when it runs, if the last attempt started it


class Keeper:
    """`everything`: what has ended(), by name. `start(name)`: the Outcome. `say(text)`: to the log. `now`: seconds.

    An OSError of one of them, such as that of a full disk, is said; what could not be looked at or started comes again.
    """

    def __init__(self, everything, start, say, now=time.monotonic):
        self._everything = everything
        self._start = start
        self._say = say
        self._now = now
        self._records = {name: _Record() for name in everything}

    def look(self):
        """To be called again and again: starts what is due, one after another."""
        for name, one in self._everything.items():
            record = self._records[name]
            if record.due is not None and self._now() < record.due:
                continue
            try:
                self._look_at(name, one, record)
            except OSError as error:
                self._say(f"{name}: {error}")
                record.started = None
                self._plan(record)

    def _look_at(self, name, one, record):
        if not one.ended():
            record.due = None
        elif record.due is None:
            self._plan(record)
        else:
            outcome = self._start(name)
            if outcome is Outcome.BUSY:
                record.due = self._now() + BUSY_SECONDS
                return
            # How long it took to start, or to fail, is none of the time that it ran.
            record.started = self._now() if outcome is Outcome.STARTED else None
            record.due = None

    def _plan(self, record):
        if record.started is not None and self._now() - record.started >= WELL_SECONDS:
            record.wait = FIRST_WAIT_SECONDS
        record.due = self._now() + record.wait
        record.wait = min(record.wait * 2, LONGEST_WAIT_SECONDS)
