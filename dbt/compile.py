#!/usr/bin/env python3
"""Compiles the dbt project beside this file into one bundle for the embedded executor.

dbt needs a live connection and existing relations to render incremental forms, so this makes a scratch
DuckDB file named demo.duckdb (the stem is the database name in the SQL) and runs three commands:

1. dbt compile --full-refresh: the full forms, the tests and the sources' columns;
2. dbt run --empty over empty source tables: the relations the incremental forms look at;
3. dbt compile with octolake_changes: the incremental forms.

Everything dbt writes goes to a temporary directory. The bundle has no times and no paths in it: the same
project gives the same bytes. Its format is described in README.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

PROJECT = Path(__file__).resolve().parent
BUNDLE_VERSION = 1
DATABASE = "demo"
SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
# Settings of the caller that would change names in the bundle.
NAMESPACE_VARIABLES = ("BRONZE_NAMESPACE", "SILVER_NAMESPACE", "GOLD_NAMESPACE", "ICEBERG_CATALOG")


class CompileError(Exception):
    """What is wrong with the project, for the person who changed it."""


class Dbt:
    """Runs dbt commands over the project inside one scratch directory."""

    def __init__(self, executable, scratch):
        self.executable = executable
        self.scratch = scratch
        self.target = scratch / "target"
        self.database_file = scratch / f"{DATABASE}.duckdb"

    def run(self, command, *options):
        arguments = [
            self.executable, "--quiet", command, *options,
            "--no-partial-parse", "--no-version-check", "--no-use-colors",
            "--target", "duckdb",
            "--project-dir", PROJECT, "--profiles-dir", PROJECT,
            "--target-path", self.target, "--log-path", self.scratch / "logs",
        ]
        done = subprocess.run(
            [str(argument) for argument in arguments], cwd=self.scratch, env=self._environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise CompileError(
                f"dbt {command} ended with status {done.returncode}, expected 0:\n{done.stdout}")
        return json.loads((self.target / "manifest.json").read_text(encoding="utf-8"))

    def _environment(self):
        kept = {
            name: value for name, value in os.environ.items()
            if not name.startswith("DBT_") and name not in NAMESPACE_VARIABLES
        }
        kept.update(
            DBT_SEND_ANONYMOUS_USAGE_STATS="false",
            OCTOLAKE_DBT_DUCKDB=str(self.database_file),
            PYTHONDONTWRITEBYTECODE="1",
            TZ="UTC",
        )
        return kept


def of_type(nodes, resource_type):
    return sorted(
        (node for node in nodes.values() if node["resource_type"] == resource_type),
        key=lambda node: node["unique_id"])


def data_columns(node):
    """(name, declared type, description) in table order; every column has all three."""
    columns = []
    for column in node["columns"].values():
        if not column.get("data_type") or not column["description"]:
            raise CompileError(
                f"{node['unique_id']}: column {column['name']} lacks a data_type or a description")
        columns.append((column["name"], column["data_type"], column["description"]))
    return columns


def create_sources(connection, sources):
    for source in sources:
        connection.execute(f'create schema if not exists "{source["schema"]}"')
        declared = ", ".join(f'"{name}" {type_}' for name, type_, _ in data_columns(source))
        connection.execute(f'create table {source["relation_name"]} ({declared})')


def described(connection, relation):
    return [(row[0], row[1]) for row in connection.execute(f"describe {relation}").fetchall()]


def required_columns(tests, node):
    """Columns that a not_null test without conditions, of severity error, is attached to."""
    return {
        test["column_name"] for test in tests
        if test.get("attached_node") == node["unique_id"]
        and (test.get("test_metadata") or {}).get("name") == "not_null"
        and not test["config"].get("where") and test["config"]["severity"].lower() == "error"
    }


def bundle_columns(connection, node, required=frozenset()):
    """The columns of the built relation, checked against what the yml declares."""
    declared = data_columns(node)
    connection.execute(
        "create or replace temp table declared_columns ("
        + ", ".join(f'"{name}" {type_}' for name, type_, _ in declared) + ")")
    expected = described(connection, "declared_columns")
    found = described(connection, node["relation_name"])
    if expected != found:
        difference = [pair for pair in zip(expected, found) if pair[0] != pair[1]]
        detail = f"first difference {difference[0]}" if difference else (
            f"{len(expected)} columns declared, {len(found)} found")
        raise CompileError(
            f"{node['unique_id']}: the yml and the query disagree ({detail}); mend the yml or the query")
    return [
        {"name": name, "type": type_, "description": description, "required": name in required}
        for (name, type_), (_, _, description) in zip(found, declared)
    ]


def dependencies(node):
    return sorted(
        unique_id for unique_id in node["depends_on"]["nodes"]
        if unique_id.startswith(("model.", "source.")))


def topological(models):
    """Models after the models they read, by unique id where the order is free."""
    remaining = {model["unique_id"]: model for model in models}
    ordered = []
    while remaining:
        ready = [
            unique_id for unique_id, model in remaining.items()
            if not any(dependency in remaining for dependency in dependencies(model))
        ]
        if not ready:
            raise CompileError(f"models depend on each other: {sorted(remaining)}")
        ordered.append(remaining.pop(min(ready)))
    return ordered


def split_by(node, meta):
    """The expressions of meta.octolake.split_by, by the ids of the relations they are over."""
    known = {unique_id.rsplit(".", 1)[1]: unique_id for unique_id in [*dependencies(node), node["unique_id"]]}
    unknown = set(meta.get("split_by", {})) - set(known)
    if unknown:
        raise CompileError(
            f"{node['unique_id']}: split_by names {sorted(unknown)}; the model reads {sorted(known)}")
    return [
        {"unique_id": known[name], "expression": expression}
        for name, expression in sorted(meta.get("split_by", {}).items())
    ]


def bundle_model(connection, full, incremental, tests):
    unique_id = full["unique_id"]
    config = full["config"]
    materialized = config["materialized"]
    meta = config["meta"].get("octolake", {})
    incremental_sql = None
    if materialized == "incremental":
        missing = {"strategy", "partition_by", "unique_key"} - set(meta)
        if missing:
            raise CompileError(f"{unique_id}: meta.octolake lacks {sorted(missing)}")
        incremental_sql = incremental["compiled_code"].strip()
        if '"octolake_changes"' not in incremental_sql:
            raise CompileError(f"{unique_id}: the incremental form reads no changes(...)")
    return {
        "unique_id": unique_id,
        "name": full["name"],
        "schema": full["schema"],
        "relation_name": full["relation_name"],
        "materialized": materialized,
        "strategy": meta.get("strategy"),
        "partition_by": meta.get("partition_by", []),
        "unique_key": meta.get("unique_key", []),
        "split_by": split_by(full, meta),
        "description": full["description"],
        "columns": bundle_columns(connection, full, required_columns(tests, full)),
        "full_sql": full["compiled_code"].strip(),
        "incremental_sql": incremental_sql,
        "depends_on": dependencies(full),
        "tags": sorted(full["tags"]),
    }


def seconds(threshold):
    if not threshold or threshold.get("count") is None:
        return None
    return threshold["count"] * SECONDS[threshold["period"]]


def bundle_source(connection, source):
    freshness = source.get("freshness") or {}
    field = source.get("loaded_at_field")
    return {
        "unique_id": source["unique_id"],
        "name": source["name"],
        "schema": source["schema"],
        "relation_name": source["relation_name"],
        "description": source["description"],
        "columns": bundle_columns(connection, source),
        "freshness": {
            "loaded_at_field": field,
            "warn_after_seconds": seconds(freshness.get("warn_after")),
            "error_after_seconds": seconds(freshness.get("error_after")),
        } if field else None,
    }


def bundle_test(test):
    config = test["config"]
    return {
        "unique_id": test["unique_id"],
        "name": test["name"],
        "severity": config["severity"].lower(),
        "warn_if": config["warn_if"],
        "error_if": config["error_if"],
        "fail_calc": config["fail_calc"],
        "limit": config["limit"],
        "sql": test["compiled_code"].strip(),
        "depends_on": dependencies(test),
        "description": test["description"],
        "column_name": test.get("column_name"),
    }


def make_bundle(dbt):
    full = dbt.run("compile", "--full-refresh")
    sources = of_type(full["sources"], "source")
    with duckdb.connect(str(dbt.database_file)) as connection:
        create_sources(connection, sources)
    dbt.run("run", "--empty")
    incremental = dbt.run("compile", "--vars", json.dumps({"octolake_changes": True}))
    tests = of_type(full["nodes"], "test")
    with duckdb.connect(str(dbt.database_file)) as connection:
        return {
            "version": BUNDLE_VERSION,
            "models": [
                bundle_model(connection, model, incremental["nodes"][model["unique_id"]], tests)
                for model in topological(of_type(full["nodes"], "model"))
            ],
            "sources": [bundle_source(connection, source) for source in sources],
            "tests": [bundle_test(test) for test in tests],
        }


def main():
    parser = argparse.ArgumentParser(description="Compile the dbt project into one bundle file.")
    parser.add_argument("--dbt", required=True, help="dbt executable of the pinned environment")
    parser.add_argument("--out", required=True, type=Path, help="bundle to write")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="octolake-dbt-") as scratch:
            bundle = make_bundle(Dbt(os.path.abspath(arguments.dbt), Path(scratch)))
    except CompileError as error:
        print(f"compile.py: {error}", file=sys.stderr)
        return 1
    text = json.dumps(bundle, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    partial = arguments.out.with_name(arguments.out.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
