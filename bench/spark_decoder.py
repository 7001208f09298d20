#!/usr/bin/env python3
"""Times a Spark job with octolake's decoder against the same job with a decoder in Python; see bench/README.md.

The job: messages of Kafka, as the gateway sends them, to the columns of parsed Silver. Ours decodes and parses in
mapInArrow with liboctolake_spark.so; the other reads containers with fastavro in mapInArrow and payloads with Spark's
from_json. Both read the same messages from a Parquet file and write to Spark's noop sink, in turn, after a warm-up
each. Run by the Python of .deps/spark, with PYTHONPATH naming the package (build/spark/package).
"""

import argparse
import functools
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pyspark.sql import functions as f

from octolake_spark import decode_messages, parse_bronze, session
from octolake_spark.native import bronze_columns

EVENTS_OF_A_MESSAGE = 500
MESSAGES_OF_A_BATCH = 64
# What parsed Silver takes of payloads, as a schema for from_json.
PAYLOAD = """action string, ref string, ref_type string, size long, distinct_size long, head string, before string,
 number long, pull_request struct<id: long, number: long, state: string, title: string, merged: boolean,
 merged_at: timestamp, user: struct<login: string>, created_at: timestamp, closed_at: timestamp, additions: long,
 deletions: long, changed_files: long, commits: long, base: struct<ref: string>>,
 issue struct<number: long, title: string, state: string, user: struct<login: string>, created_at: timestamp,
 closed_at: timestamp, comments: long, pull_request: struct<url: string>>,
 review struct<state: string>, comment struct<id: long>, forkee struct<id: long, full_name: string>,
 release struct<tag_name: string>, member struct<login: string>"""
FLAT = """id string, type string, public boolean, actor_id long, actor_login string, actor_url string,
 actor_avatar_url string, repo_id long, repo_name string, repo_url string, payload string, created_at string,
 org_id long, org_login string, trace_id string, source string"""
# Columns that are compared, so that both are known to have done the work.
CHECKS = ["count(*)", "sum(push_size)", "sum(pull_request_number)", "count(issue_title)", "count(release_tag)"]


def containers(batches, schema):
    """Bronze rows as messages."""
    import fastavro
    import pyarrow as pa

    parsed = fastavro.parse_schema(json.loads(schema))
    for batch in batches:
        rows = batch.to_pylist()
        values = []
        for begin in range(0, len(rows), EVENTS_OF_A_MESSAGE):
            out = io.BytesIO()
            fastavro.writer(out, parsed, map(record_of, rows[begin:begin + EVENTS_OF_A_MESSAGE]), codec="zstandard")
            values.append(out.getvalue())
        yield pa.RecordBatch.from_arrays([pa.array(values, pa.binary())], names=["value"])


def record_of(row):
    def part(prefix, *names):
        return {name: row[f"{prefix}_{name}"] for name in names}

    return {**{name: row[name] for name in ("id", "type", "payload", "public", "created_at", "trace_id", "source",
                                            "delivery_id", "extra")},
            "actor": part("actor", "id", "login", "gravatar_id", "url", "avatar_url"),
            "repo": part("repo", "id", "name", "url"), "org": part("org", "id", "login"),
            "received_at": row["ingestion_timestamp"]}


def with_fastavro(batches):
    import fastavro
    import pyarrow as pa

    names = [part.split()[0] for part in FLAT.replace("\n", " ").split(",")]
    for batch in batches:
        for value in batch.column("value").to_pylist():
            columns = {name: [] for name in names}
            for record in fastavro.reader(io.BytesIO(value)):
                actor, repo, org = record["actor"], record["repo"], record["org"] or {}
                for name in names:
                    part, _, rest = name.partition("_")
                    owner = {"actor": actor, "repo": repo, "org": org}.get(part)
                    columns[name].append(record[name] if owner is None else owner.get(rest))
            longs = {"actor_id", "repo_id", "org_id"}
            yield pa.RecordBatch.from_arrays(
                [pa.array(columns[name], pa.int64() if name in longs else pa.bool_() if name == "public" else pa.string())
                 for name in names], names=names)


def python_job(messages):
    rows = messages.select("value").mapInArrow(with_fastavro, FLAT)
    p = f.from_json("payload", PAYLOAD)
    return rows.withColumn("p", p).selectExpr(
        "id as event_id", "type as event_type", "to_timestamp(created_at) as created_at", "public", "actor_id",
        "actor_login", "actor_url", "actor_avatar_url", "repo_id", "repo_name", "repo_url", "p.action as payload_action",
        "p.ref as payload_ref", "p.ref_type as payload_ref_type", "p.size as push_size",
        "p.distinct_size as push_distinct_size", "p.head as push_head_sha", "p.before as push_before_sha",
        "p.pull_request.id as pull_request_id",
        "coalesce(p.pull_request.number, case when type like 'PullRequest%' then p.number end) as pull_request_number",
        "p.pull_request.state as pull_request_state", "p.pull_request.title as pull_request_title",
        "p.pull_request.merged as pull_request_merged", "p.pull_request.merged_at as pull_request_merged_at",
        "p.pull_request.user.login as pull_request_author_login", "p.pull_request.created_at as pull_request_created_at",
        "p.pull_request.closed_at as pull_request_closed_at", "p.pull_request.additions as pull_request_additions",
        "p.pull_request.deletions as pull_request_deletions", "p.pull_request.changed_files as pull_request_changed_files",
        "p.pull_request.commits as pull_request_commits", "p.pull_request.base.ref as pull_request_base_ref",
        "p.issue.number as issue_number", "p.issue.title as issue_title", "p.issue.state as issue_state",
        "p.issue.user.login as issue_author_login", "p.issue.created_at as issue_created_at",
        "p.issue.closed_at as issue_closed_at", "p.issue.comments as issue_comments",
        "p.issue.pull_request is not null as issue_is_pull_request", "p.review.state as review_state",
        "p.comment.id as comment_id", "p.forkee.id as fork_id", "p.forkee.full_name as fork_full_name",
        "p.release.tag_name as release_tag", "p.member.login as member_login", "org_id", "org_login",
        "concat(id, '@', unix_micros(to_timestamp(created_at))) as event_key", "endswith(actor_login, '[bot]') as is_bot",
        "trace_id", "source")


def decode_and_parse(batches, processed_at):
    """One call of mapInArrow for both, as the Python decoder has one."""
    needed = bronze_columns()
    decoded = decode_messages(batches, "bench")
    yield from parse_bronze((batch.select(needed) for batch in decoded), processed_at)


def our_job(messages, silver_schema):
    decode = functools.partial(decode_and_parse, processed_at=time.time_ns() // 1000)
    return messages.mapInArrow(decode, silver_schema)


def make_messages(spark, warehouse, copies, target):
    """The events of the warehouse's Bronze, so many times, as messages with a place each."""
    text = (Path(__file__).resolve().parents[1] / "docs/formats/avro_message.md").read_text(encoding="utf-8")
    schema = text.split("```json")[1].split("```")[0]
    rows = spark.table("demo.bronze.github_events").where("source = 'gharchive'")
    values = rows.mapInArrow(functools.partial(containers, schema=schema), "value binary")
    messages = values.crossJoin(spark.range(copies)).select(
        "value", f.lit(0).alias("partition"), f.monotonically_increasing_id().alias("offset"),
        f.current_timestamp().alias("timestamp"))
    messages.repartition(4).write.parquet(target)
    return spark.read.parquet(target)


def timed(job):
    start = time.perf_counter()
    job().write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--copies", type=int, default=10, help="times that the events are taken (10)")
    parser.add_argument("files", nargs="+", help="of GH Archive")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "ICEBERG_WAREHOUSE_PATH": f"{scratch}/warehouse"}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OCTOLAKE")}
        subprocess.run([options.octolake, "--warehouse", f"{scratch}/warehouse", "load", *options.files], check=True,
                       env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        spark = session.start("octolake bench", environment, **{
            "spark.sql.execution.arrow.maxRecordsPerBatch": "10000"})
        spark.sparkContext.setLogLevel("ERROR")
        messages = make_messages(spark, f"{scratch}/warehouse", options.copies, f"{scratch}/messages")
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(MESSAGES_OF_A_BATCH))
        silver = spark.table("demo.silver.github_events_parsed").schema
        jobs = {"octolake": lambda: our_job(messages, silver), "python": lambda: python_job(messages)}
        found = {name: job().selectExpr(*CHECKS).first() for name, job in jobs.items()}
        if found["octolake"] != found["python"]:
            sys.exit(f"the jobs disagree: {found}")
        seconds = {name: [] for name in jobs}
        for name, job in jobs.items():
            timed(job)
        for _ in range(options.runs):
            for name in random.sample(sorted(jobs), len(jobs)):
                seconds[name].append(timed(jobs[name]))
        spark.stop()
    events = found["octolake"][0]
    for name, times in seconds.items():
        print(f"{name}: {statistics.median(times):.2f} s, {events / statistics.median(times):,.0f} events/s")
    ratios = [slow / fast for fast, slow in zip(seconds["octolake"], seconds["python"])]
    print(f"{events:,} events; python / octolake: {statistics.median(ratios):.1f} (median of pairs)")


if __name__ == "__main__":
    main()
