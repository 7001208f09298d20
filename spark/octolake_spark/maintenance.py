"""Keeps tables fast and tidy, with Iceberg's procedures."""

import re
from datetime import datetime, timedelta, timezone

from octolake_spark.tables import TableError

OPERATIONS = ("binpack", "sort", "zorder", "expire_snapshots", "remove_orphan_files", "rewrite_manifests")
# Fixed by Iceberg: younger files may be of a commit that is under way.
LEAST_ORPHAN_HOURS = 24
QUERY_ID = "spark.sql.streaming.queryId"  # in the summaries of Iceberg's streaming sink
STREAM_TAG = "octolake.stream."
COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Maintenance:
    """Of one table, "namespace.table". Every operation returns what the procedure says, as a dict."""

    def __init__(self, session, tables, name, now=None):
        self.session = session
        self.tables = tables
        self.name = name
        self.now = now or datetime.now(timezone.utc)

    def compact(self, strategy, target_file_bytes, min_input_files, days_back, columns=()):
        """Small files together. `columns`: what sort and zorder order by. Only partitions of the last `days_back`
        days, of a table that has a partition by day; 0: all."""
        arguments = {"table": quoted(self.name), "strategy": quoted("binpack" if strategy == "binpack" else "sort"),
                     "options": options({"target-file-size-bytes": target_file_bytes,
                                         "min-input-files": min_input_files,
                                         "partial-progress.enabled": "false"})}
        if strategy != "binpack":
            arguments["sort_order"] = quoted(self._order(strategy, columns))
        if days_back and (condition := self._recent(days_back)):
            arguments["where"] = quoted(condition)
        return self._call("rewrite_data_files", arguments)

    def rewrite_manifests(self):
        return self._call("rewrite_manifests", {"table": quoted(self.name)})

    def expire_snapshots(self, older_than_days, keep):
        """Tags the snapshot that holds a stream's last epoch first, and keeps those after it: without them a stream
        that starts again would not find how far it came, and could take an epoch twice."""
        self.tag_stream()
        keep = max(int(keep), self._since_stream())
        return self._call("expire_snapshots", {
            "table": quoted(self.name), "older_than": self._before(days=older_than_days), "retain_last": keep,
            "stream_results": "true"})

    def remove_orphan_files(self, older_than_days, dry_run=False):
        hours = older_than_days * 24
        if hours < LEAST_ORPHAN_HOURS:
            raise TableError(f"{self.name}: orphan files should be older than {LEAST_ORPHAN_HOURS} hours to be removed, "
                             f"found {hours}: younger ones may be of a commit that is under way")
        arguments = {"table": quoted(self.name), "older_than": self._before(days=older_than_days),
                     "dry_run": "true" if dry_run else "false",
                     "equal_schemes": options({"s3a,s3n": "s3"})}
        if self.tables.load(self.name).location().startswith(("s3:", "s3a:", "s3n:")):
            # Through the table's own S3; otherwise Hadoop's is asked, which may not be there.
            arguments["prefix_listing"] = "true"
        return self._call("remove_orphan_files", arguments)

    def tag_stream(self):
        """The tags that were set: of every query, the snapshot with its last epoch."""
        table = self.tables.load(self.name)
        last = last_epochs(self.tables, table)
        snapshots, moved = table.manageSnapshots(), {}
        for query, snapshot_id in last.items():
            tag = STREAM_TAG + query
            at = self.tables.snapshot_of(table, tag)
            if at == snapshot_id:
                continue
            snapshots = (snapshots.createTag if at is None else snapshots.replaceTag)(tag, snapshot_id)
            moved[tag] = snapshot_id
        if moved:
            snapshots.commit()
        return moved

    def _since_stream(self):
        """How many snapshots of main there are from the current one to the newest of a stream: Iceberg's sink looks
        for it from parent to parent. 0 if there is none."""
        table = self.tables.load(self.name)
        for depth, snapshot in enumerate(ancestors(self.tables, table), 1):
            if snapshot.summary().get(QUERY_ID) is not None:
                return depth
        return 0

    def _order(self, strategy, columns):
        if not columns:
            raise TableError(f"{self.name}: {strategy} needs columns to order by")
        known = set(self.session.table(self.tables.sql_name(self.name)).columns)
        for column in columns:
            if not COLUMN.fullmatch(column) or column not in known:
                raise TableError(f"{self.name}: has no column {column} to order by; it has {', '.join(sorted(known))}")
        if strategy == "zorder":
            return f"zorder({', '.join(columns)})"
        return ", ".join(f"{column} ASC NULLS FIRST" for column in columns)

    def _recent(self, days):
        """A condition that leaves out partitions of older days; '' if the table has none by day."""
        table = self.tables.load(self.name)
        first = (self.now - timedelta(days=days)).date()
        for field in table.spec().fields():
            column = table.schema().findColumnName(field.sourceId())
            kind = table.schema().findType(field.sourceId()).toString()
            if field.transform().toString() == "identity" and kind == "date":
                return f"{column} >= DATE '{first}'"
            if field.transform().toString() == "day":
                return f"{column} >= TIMESTAMP '{first} 00:00:00'"
        return ""

    def _before(self, days):
        return f"TIMESTAMP '{self.now - timedelta(days=days):%Y-%m-%d %H:%M:%S}'"

    def _call(self, procedure, arguments):
        listed = ", ".join(f"{name} => {value}" for name, value in arguments.items())
        rows = self.session.sql(f"CALL {self.tables.names.catalog}.system.{procedure}({listed})").collect()
        if procedure in ("remove_orphan_files", "expire_snapshots"):
            return summed(rows)
        return rows[0].asDict() if rows else {}


def summed(rows):
    """What comes as one row a file is counted; what comes as counts is taken as it is."""
    if rows and "orphan_file_location" in rows[0].asDict():
        return {"orphan_files": len(rows), "examples": [row[0] for row in rows[:10]]}
    return rows[0].asDict() if rows else {"orphan_files": 0, "examples": []}


def last_epochs(tables, table):
    """Of each streaming query that wrote to main, the snapshot with its greatest epoch, as far as is known."""
    last = {}
    for snapshot in ancestors(tables, table):
        query = snapshot.summary().get(QUERY_ID)
        if query is not None:
            last.setdefault(query, snapshot.snapshotId())
    return last


def ancestors(tables, table):
    """The snapshots of main that are known, from the current one on."""
    at = tables.snapshot_of(table)
    while at is not None:
        snapshot = table.snapshot(at)
        if snapshot is None:
            return
        yield snapshot
        at = snapshot.parentId()


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def options(values):
    return "map(" + ", ".join(f"{quoted(key)}, {quoted(str(value))}" for key, value in values.items()) + ")"
