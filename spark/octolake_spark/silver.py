"""Bronze to parsed Silver: src/lake/silver.h on Spark.

Reads what was appended to Bronze since the position that Silver holds, parses it inside the tasks, drops what
Silver has and what comes twice, and writes the rest to a branch made from the snapshot of Silver that it was
compared with. The branch is published, the position's tag moved and the branch removed in one commit, which
fails if anything else was committed to the table since it was looked at: then the step starts over.
"""

import functools
import operator
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from datetime import time as clock_time

from pyspark.sql import Window
from pyspark.sql import functions as f
from pyspark.sql.types import StructType

from octolake_spark import native
from octolake_spark.appends import StagedRead, plan_appends
from octolake_spark.batches import parse_bronze
from octolake_spark.java import COMMIT_FAILED, is_java
from octolake_spark.positions import (
    position_property,
    position_tag,
    read_position,
    read_selection,
    reason_to_read_again,
    selection_summary,
    set_tag,
    tag_consumed,
)
from octolake_spark.tables import MAIN

# How often a step tries in vain, because somebody else committed, before it gives up. Each time somebody else
# has got on, so that more is a sign of something else.
MAX_LOST_RACES = 10
# More days than this are compared with Silver as one range, or the query's text would grow without end.
MAX_DAYS_APART = 100
BRANCH_PREFIX = "octolake_silver_"
# A branch that a killed job left is of no use; whoever expires snapshots removes it after this time.
BRANCH_AGE_MS = 24 * 3600 * 1000
ORDER = "ingestion_timestamp"  # which of equal events came first; goes along with the parsed rows


class LostRaces(Exception):
    """Somebody else committed to Silver each time."""


@dataclass
class Report:
    bronze_rows: int = 0  # read
    added: int = 0
    duplicates: int = 0
    consumed_snapshot: int | None = None
    rescan_reason: str = ""
    lost_races: int = 0
    seconds: dict = field(default_factory=dict)


class SilverStep:
    """One run. `before_publish` is called between the write and its publication, for tests."""

    def __init__(self, session, tables, sources=(), rescan=False, before_publish=lambda: None):
        self.session = session
        self.tables = tables
        self.bronze_name = tables.names.bronze_events
        self.silver_name = tables.names.parsed_events
        self.sources = list(sources)
        self.rescan = rescan
        self.before_publish = before_publish
        self.report = Report()

    def run(self):
        if not self.tables.exists(self.bronze_name):
            return self.report
        self.tables.create_missing(self.silver_name)
        for attempt in range(MAX_LOST_RACES):
            if self._try():
                if self.report.consumed_snapshot is not None:
                    tag_consumed(self.tables, self.bronze_name, self.silver_name, self.report.consumed_snapshot)
                return self.report
            self.report.lost_races = attempt + 1
        raise LostRaces(f"gave up after {MAX_LOST_RACES} races lost in a row to other commits to "
                        f"{self.silver_name}; run again when they have ended")

    def _try(self):
        """False: somebody else committed to Silver meanwhile, and nothing was done."""
        bronze, silver = self.tables.load(self.bronze_name), self.tables.load(self.silver_name)
        tagged, consumed = read_position(self.tables, silver, self.silver_name, self.bronze_name)
        self.report.consumed_snapshot = consumed
        before = read_selection(self.tables, silver, self.silver_name, self.bronze_name, tagged)
        again = "asked for" if self.rescan else reason_to_read_again(before, self.sources)
        end = self.tables.snapshot_of(bronze)
        if end is None or (end == consumed and not again):
            return True
        plan = plan_appends(bronze, None if again else consumed, end)
        self.report.rescan_reason = plan.reason or (again if consumed else "")
        base = self.tables.snapshot_of(silver)
        branch = BRANCH_PREFIX + uuid.uuid4().hex
        try:
            if not make_branch(silver, branch, base):
                return False
            rows = sum(task.file().recordCount() for task in plan.tasks)
            self._write(bronze, plan.tasks, base, branch, end)
            self.before_publish()
            if not self._publish(branch, base, tagged):
                return False
        finally:
            remove_branch(self.tables, self.silver_name, branch)
        summary = self.tables.summary(self.tables.load(self.silver_name), self._published)
        self.report.bronze_rows = rows
        self.report.added = int(summary.get("added-records", 0))
        self.report.duplicates = self._candidates - self.report.added
        self.report.consumed_snapshot = end
        return True

    def _write(self, bronze, tasks, base, branch, end):
        target = self.session.table(self.tables.sql_name(self.silver_name))
        self._candidates = 0
        if not tasks:
            self._append(target.limit(0), branch, end)
            return
        with StagedRead(self.session, bronze, self.tables.sql_name(self.bronze_name), tasks) as rows:
            if self.sources:
                rows = rows.where(f.col("source").isin(self.sources))
            days = days_of(rows)
            self._candidates = sum(day["events"] for day in days)
            parsed = parsed_rows(rows, target.schema)
            chosen = first_of_each(parsed)
            if base is not None and days:
                known = self._known_keys(base, days)
                chosen = chosen.join(known, ["event_id", "created_at"], "left_anti")
            self._append(chosen.select(*target.columns), branch, end)

    def _known_keys(self, base, days):
        silver = self.session.read.option("snapshot-id", base).table(self.tables.sql_name(self.silver_name))
        return silver.where(where_it_can_be(days)).select("event_id", "created_at")

    def _append(self, rows, branch, end):
        writer = rows.writeTo(f"{self.tables.sql_name(self.silver_name)}.branch_{branch}")
        summary = {position_property(self.bronze_name): str(end), **selection_summary(self.bronze_name, self.sources)}
        for name, value in summary.items():
            writer = writer.option(f"snapshot-property.{name}", value)
        writer.append()

    def _publish(self, branch, base, tagged):
        """Moves main and the tag to the branch's snapshot, in one commit; False if Silver is not what the step
        began with."""
        tag = position_tag(self.bronze_name)

        def is_as_it_was(silver):
            return self.tables.snapshot_of(silver) == base and self.tables.snapshot_of(silver, tag) == tagged

        for _ in range(MAX_LOST_RACES):
            silver = self.tables.load(self.silver_name)
            self._published = self.tables.snapshot_of(silver, branch)
            if self._published is None or not is_as_it_was(silver):
                return False
            try:
                change = silver.manageSnapshots().fastForwardBranch(MAIN, branch)
                set_tag(silver, change, tag, self._published).removeBranch(branch).commit()
                return True
            except Exception as error:
                # Neither an answer that was lost nor a commit that came in between has an error of its own here.
                silver = self.tables.load(self.silver_name)
                if self._is_in_main(silver):
                    return True
                # A commit that concerned something else, such as a property: look again.
                if is_as_it_was(silver) and not is_java(error, COMMIT_FAILED):
                    raise
        return False

    def _is_in_main(self, silver):
        at = self.tables.snapshot_of(silver)
        while at is not None and at != self._published:
            snapshot = silver.snapshot(at)
            at = None if snapshot is None else snapshot.parentId()
        return at is not None


def make_branch(table, branch, snapshot_id):
    """False if somebody else committed at the same time."""
    snapshots = table.manageSnapshots()
    snapshots = snapshots.createBranch(branch) if snapshot_id is None else snapshots.createBranch(branch, snapshot_id)
    try:
        snapshots.setMaxRefAgeMs(branch, BRANCH_AGE_MS).commit()
        return True
    except Exception as error:
        if is_java(error, COMMIT_FAILED):
            return False
        raise


def remove_branch(tables, name, branch):
    """Of a step that did not publish it; of no consequence if it stays, since it is given an age."""
    for _ in range(MAX_LOST_RACES):
        table = tables.load(name)
        if table.refs().get(branch) is None:
            return
        try:
            table.manageSnapshots().removeBranch(branch).commit()
            return
        except Exception as error:
            if not is_java(error, COMMIT_FAILED):
                raise


def days_of(rows):
    """Of each UTC day of events: how many there are, and the least and greatest id."""
    return (rows.groupBy(f.to_date("event_time").alias("day"))
            .agg(f.count("*").alias("events"), f.min("id").alias("least"), f.max("id").alias("greatest"))
            .orderBy("day").collect())


def where_it_can_be(days):
    """A condition on Silver's rows that those with the events' keys fulfil, in terms of what files have bounds of.

    Never as text: ids are their senders', and Spark puts variables of its own into every text of SQL."""
    def between(first, last, least, greatest):
        begin = datetime.combine(first, clock_time.min, timezone.utc)
        end = datetime.combine(last, clock_time.max, timezone.utc)  # to the microsecond, as Silver's
        return f.col("created_at").between(f.lit(begin), f.lit(end)) & f.col("event_id").between(f.lit(least), f.lit(greatest))

    if len(days) > MAX_DAYS_APART:
        return between(days[0]["day"], days[-1]["day"], min(day["least"] for day in days),
                       max(day["greatest"] for day in days))
    return functools.reduce(operator.or_, (between(day["day"], day["day"], day["least"], day["greatest"]) for day in days))


def parsed_rows(rows, silver_schema):
    """Parsed Silver's columns, in the parser's order, and ORDER."""
    needed = [*native.bronze_columns(), ORDER]
    definition = next(table for table in native.table_definitions() if table["name"] == "github_events_parsed")
    schema = StructType([silver_schema[column["name"]] for column in definition["schema"]["fields"]]
                        + [rows.schema[ORDER]])
    parse = functools.partial(parse_bronze, processed_at=time.time_ns() // 1000, kept=(ORDER,))
    return rows.select(*needed).mapInArrow(parse, schema)


def first_of_each(parsed):
    """Of equal events the one that was received first."""
    by_key = Window.partitionBy("event_id", "created_at").orderBy(f.col(ORDER).asc(), f.col("trace_id").asc())
    return parsed.withColumn("place", f.row_number().over(by_key)).where("place = 1").drop("place", ORDER)
