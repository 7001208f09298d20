"""Starts again what has ended by itself, as Compose does with `restart: unless-stopped`: without looking at anything
else, and after a wait that doubles from one time to the next. What `down` ended stays down.
"""

import time
from dataclasses import dataclass

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1, 60
# What has run for this long counts as well: the next wait is the first again.
WELL_SECONDS = 60


@dataclass
class _Record:
    wait: float = FIRST_WAIT_SECONDS  # before the next start
    due: float | None = None  # when that is; None while the component runs
    started: float | None = None  # when it was last started again


class Keeper:
    """`everything`: what has ended(), by name. `start(name)` starts it, in vain perhaps. `now`: seconds."""

    def __init__(self, everything, start, now=time.monotonic):
        self._everything = everything
        self._start = start
        self._now = now
        self._records = {name: _Record() for name in everything}

    def look(self):
        """To be called again and again: starts what is due."""
        for name, one in self._everything.items():
            record = self._records[name]
            if not one.ended():
                record.due = None
            elif record.due is None:
                self._plan(record)
            elif self._now() >= record.due:
                record.started, record.due = self._now(), None
                self._start(name)

    def _plan(self, record):
        if record.started is not None and self._now() - record.started >= WELL_SECONDS:
            record.wait = FIRST_WAIT_SECONDS
        record.due = self._now() + record.wait
        record.wait = min(record.wait * 2, LONGEST_WAIT_SECONDS)
