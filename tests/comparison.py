"""Compares what a warehouse holds after something has happened to it with what one holds that nothing
happened to, and lists the files that no table knows of. Tables are read by PyIceberg."""

import os
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa
from pyiceberg.manifest import ManifestEntryStatus

from lake import BRONZE, CIRCUMSTANCES, LOADED, REJECTED

MAX_SHOWN = 3


def contents(lake):
    """The rows of every table, as Arrow tables."""
    catalog = lake.catalog()
    return {table: catalog.load_table(table).scan().to_arrow() for table in lake.tables()}


def differences(found, wanted):
    """A line for each table whose rows, as a multiset, are not those wanted; circumstances (when and by
    which run a row was made) are left aside. Both are contents()."""
    lines = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    lines += [f"{name} is there" for name in found.keys() - wanted.keys()]
    for name in sorted(wanted.keys() & found.keys()):
        lines += table_differences(name, found[name], wanted[name])
    return lines


def table_differences(name, found, wanted):
    if found.schema.names != wanted.schema.names:
        return [f"{name}: columns {found.schema.names}, expected {wanted.schema.names}"]
    found, wanted = facts(name, found), facts(name, wanted)
    lines = []
    for what, rows in (("lost", wanted - found), ("too many", found - wanted)):
        if rows:
            shown = "; ".join(str(row)[:300] for row in list(rows)[:MAX_SHOWN])
            lines.append(f"{name}: {rows.total()} rows {what}, such as {shown}")
    return lines


def facts(name, table):
    """The rows as a multiset of tuples, without circumstances. Instants as numbers: those are quick to make."""
    kept = [column for column in table.schema.names if column not in CIRCUMSTANCES[name]]
    columns = [table.column(column) for column in kept]
    return Counter(zip(*(
        (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for column in columns)))


def repeated_trace_ids(bronze):
    """How many rows of Bronze share their trace id with another."""
    return bronze.num_rows - len(set(bronze.column("trace_id").to_pylist()))


def partly_loaded(lake):
    """Files of which Bronze and rejected_events hold other counts than loaded_files says, or that are not
    in loaded_files at all. Always empty: the three tables are committed together. Rows of no file are left aside."""
    catalog = lake.catalog()
    tables = {}
    for name, fields in ((BRONZE, ("source_file",)), (REJECTED, ("source_file",)),
                         (LOADED, ("name", "events", "rejected"))):
        if not catalog.table_exists(name):
            # A table that is not there has no rows.
            tables[name] = pa.table({field: pa.array([], pa.string()) for field in fields})
            continue
        tables[name] = catalog.load_table(name).scan(selected_fields=fields).to_arrow()
    with duckdb.connect() as connection:
        for name, table in zip(("bronze", "rejected", "loaded"), tables.values()):
            connection.register(name, table)
        return connection.execute("""
            with counted as (
              select source_file as name, 1 as events, 0 as rejected from bronze where source_file is not null
              union all select source_file, 0, 1 from rejected
            ), held as (
              select name, sum(events)::bigint as events, sum(rejected)::bigint as rejected
              from counted group by name
            ), said as (
              select name, sum(events::bigint)::bigint as events, sum(rejected::bigint)::bigint as rejected
              from loaded group by name having sum(events::bigint) + sum(rejected::bigint) > 0
            )
            select * from held full join said using (name)
            where held.events is distinct from said.events or held.rejected is distinct from said.rejected
            """).fetchall()


def local(location):
    return location.removeprefix("file://")


def live_files(lake):
    """Every file that a table names: its metadata, the log of its metadata, and what any of its snapshots
    holds; and the catalog."""
    catalog = lake.catalog()
    files = {str(lake.directory / "catalog.db")}
    for name in lake.tables():
        table = catalog.load_table(name)
        files.add(local(table.metadata_location))
        files.update(local(entry.metadata_file) for entry in table.metadata.metadata_log)
        for snapshot in table.snapshots():
            files.add(local(snapshot.manifest_list))
            for manifest in snapshot.manifests(table.io):
                if local(manifest.manifest_path) in files:
                    continue
                files.add(local(manifest.manifest_path))
                files.update(
                    local(entry.data_file.file_path)
                    for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)
                    if entry.status != ManifestEntryStatus.DELETED)
    return files


def files_below(directory):
    return {os.path.join(folder, name) for folder, _, names in os.walk(directory) for name in names}


def leftovers(lake):
    """Files in the warehouse that nothing names, and whatever is in its directory for temporary files."""
    found = sorted(files_below(lake.directory) - live_files(lake))
    temporary = Path(lake.directory) / "tmp"
    if temporary.is_dir():
        # The directory of write records stays; what is in it would be found above.
        found += sorted(str(path) for path in temporary.rglob("*")
                        if path.is_dir() and path != temporary / "writes")
    return [path.removeprefix(f"{lake.directory}/") for path in found]


def missing_files(lake):
    """Files that a table names and that are not there."""
    return sorted(path for path in live_files(lake) if not os.path.exists(path))
