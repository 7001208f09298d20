"""What was appended to a table between two of its snapshots."""

import uuid
from dataclasses import dataclass

APPEND, REPLACE = "append", "replace"


@dataclass(frozen=True)
class Appends:
    """Files to read; `reason` says why they are all of the table's, if they are."""

    tasks: list
    reason: str = ""


def plan_appends(table, begin, end):
    """What to read for the rows appended after snapshot `begin` (None: all) up to `end`. The rows are exact, or
    all of the table's with the reason: the same cases as src/iceberg/scan.h has."""
    if begin is None:
        return Appends(all_tasks(table, end))
    if table.snapshot(begin) is None:
        return Appends(all_tasks(table, end), f"snapshot {begin}, the last one read, is not known any more")
    operations = operations_between(table, begin, end)
    if operations is not None and operations <= {APPEND, REPLACE}:
        scan = table.newIncrementalAppendScan().fromSnapshotExclusive(begin).toSnapshot(end)
        return Appends(closed(scan.planFiles()))
    # Snapshots between the two are gone, or rows were deleted: what is there may tell it all the same.
    before = {path_of(task): deletes_of(task) for task in all_tasks(table, begin)}
    after = all_tasks(table, end)
    kept = {path_of(task): deletes_of(task) for task in after if path_of(task) in before}
    if kept == before:
        return Appends([task for task in after if path_of(task) not in before])
    why = "snapshots in between have expired" if operations is None else f"it was changed by {sorted(operations)}"
    return Appends(after, f"rows of snapshot {begin}, the last one read, are not where they were, and {why}")


def operations_between(table, begin, end):
    """Operations of the snapshots after `begin` up to `end`; None if `begin` is no known ancestor."""
    operations = set()
    at = end
    while at != begin:
        snapshot = table.snapshot(at) if at is not None else None
        if snapshot is None:
            return None
        operations.add(snapshot.operation())
        at = snapshot.parentId()
    return operations


def all_tasks(table, snapshot_id):
    return closed(table.newScan().useSnapshot(snapshot_id).planFiles())


def closed(files):
    """A closeable iterable of Java's as a list."""
    found = []
    try:
        iterator = files.iterator()
        while iterator.hasNext():
            found.append(iterator.next())
    finally:
        files.close()
    return found


def path_of(task):
    return task.file().location()


def deletes_of(task):
    return frozenset(delete.location() for delete in task.deletes())


class StagedRead:
    """The rows of scan tasks as a DataFrame, while the context lasts."""

    def __init__(self, session, table, sql_name, tasks):
        self._session, self._table, self._sql_name, self._tasks = session, table, sql_name, tasks
        self._set_id = str(uuid.uuid4())

    def __enter__(self):
        staged = self._session._jvm.java.util.ArrayList()
        for task in self._tasks:
            staged.add(task)
        self._manager().stageTasks(self._table, self._set_id, staged)
        reader = self._session.read.format("iceberg").option("scan-task-set-id", self._set_id)
        return reader.load(self._sql_name)

    def __exit__(self, *_):
        self._manager().removeTasks(self._table, self._set_id)

    def _manager(self):
        return self._session._jvm.org.apache.iceberg.spark.ScanTaskSetManager.get()
