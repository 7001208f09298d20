#!/usr/bin/env python3
"""One operation on one table:

    binpack, sort, zorder     small files together (sort and zorder: ordered by --columns)
    rewrite_manifests         the table's own lists of files
    expire_snapshots          old snapshots, and the files that only they have; tags keep what they are at
    remove_orphan_files       files below the table's location that nothing names

Prints what was done as JSON on standard output. Exit status 0 when done, 1 when it failed.
"""

import argparse
import json
import sys

from octolake_spark import session
from octolake_spark.maintenance import OPERATIONS, Maintenance
from octolake_spark.tables import Tables


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"should be 1 or more, found {text}")
    return value


def not_negative(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"should be 0 or more, found {text}")
    return value


def run(maintenance, options):
    if options.operation in ("binpack", "sort", "zorder"):
        columns = [column for column in options.columns.split(",") if column]
        return maintenance.compact(options.operation, options.target_file_bytes, options.min_input_files,
                                   options.days_back, columns)
    if options.operation == "expire_snapshots":
        return maintenance.expire_snapshots(default(options.older_than_days, 7), options.keep)
    if options.operation == "remove_orphan_files":
        return maintenance.remove_orphan_files(default(options.older_than_days, 3), options.dry_run)
    return maintenance.rewrite_manifests()


def default(value, otherwise):
    return otherwise if value is None else value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="namespace.table")
    parser.add_argument("operation", choices=OPERATIONS)
    parser.add_argument("--target-file-bytes", type=positive, default=20_000_000, help="of a compacted file (20000000)")
    parser.add_argument("--min-input-files", type=positive, default=5,
                        help="small files of a partition that make it worth a rewrite (5)")
    parser.add_argument("--days-back", type=not_negative, default=7,
                        help="partitions of older days are left as they are (7; 0: none are)")
    parser.add_argument("--columns", default="event_type,created_at", help="to order by (event_type,created_at)")
    parser.add_argument("--older-than-days", type=not_negative, default=None,
                        help="of snapshots that expire (7), of orphan files that are removed (3)")
    parser.add_argument("--keep", type=positive, default=5, help="snapshots that stay whatever their age (5)")
    parser.add_argument("--dry-run", action="store_true", help="list orphan files, remove none")
    options = parser.parse_args()
    spark = session.start(f"octolake {options.operation} {options.table}")
    try:
        names = session.Names.from_environment()
        done = run(Maintenance(spark, Tables(spark, names), options.table), options)
        print(json.dumps({"table": options.table, "operation": options.operation, **done}), flush=True)
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
