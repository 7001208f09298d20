"""Kafka to Bronze on Spark: every event once, whatever is killed when.

OCTOLAKE_SPARK_KILLS says how often the stream is killed (default 5)."""

import base64
import io
import json
import os
import random
import re
import shutil
import time
from collections import Counter
from pathlib import Path

import fastavro
import pytest

from lake import BRONZE, CIRCUMSTANCES, PARSED, REJECTED, Lake
from program import ZONE, generate, octolake
from spark_process import Job, environment

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads(re.search(r"```json\n(.+?)\n```", (ROOT / "docs/formats/avro_message.md").read_text(), re.S)[1])
# The original collector's: the first seven fields, without what was added to them.
ORIGINAL = {"type": "record", "name": "GitHubEvent", "fields": [
    {"name": "id", "type": "string"}, {"name": "type", "type": "string"},
    {"name": "actor", "type": {"type": "record", "name": "A", "fields": [
        {"name": "id", "type": "long"}, *({"name": name, "type": "string"}
                                          for name in ("login", "gravatar_id", "url", "avatar_url"))]}},
    {"name": "repo", "type": {"type": "record", "name": "R", "fields": [
        {"name": "id", "type": "long"}, {"name": "name", "type": "string"}, {"name": "url", "type": "string"}]}},
    {"name": "payload", "type": ["null", "string"]}, {"name": "public", "type": "boolean"},
    {"name": "created_at", "type": "string"}]}
EVENTS_OF_A_MESSAGE = 200
KILLS = int(os.environ.get("OCTOLAKE_SPARK_KILLS") or 5)
MESSAGES_OF_A_TRIGGER = 3
EVENT = {"id": "7", "type": "WatchEvent", "payload": "{}", "public": True, "created_at": "2015-01-01T00:00:00Z",
         "actor": {"id": 1, "login": "a", "gravatar_id": "", "url": "", "avatar_url": ""},
         "repo": {"id": 2, "name": "o/r", "url": ""}}
# What a message does not carry, or what says where it was read.
NOT_CARRIED = {"source_file", "kafka_partition", "kafka_offset"}


def container(records, schema=SCHEMA, codec="deflate"):
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records, codec=codec)
    return out.getvalue()


def record_of(row):
    """A row of Bronze as a record of a message."""
    def part(prefix, *names):
        return {name: row[f"{prefix}_{name}"] for name in names}

    org = part("org", "id", "login")
    return {"id": row["id"], "type": row["type"], "payload": row["payload"], "public": row["public"],
            "actor": part("actor", "id", "login", "gravatar_id", "url", "avatar_url"),
            "repo": part("repo", "id", "name", "url"), "created_at": row["created_at"],
            "org": org if any(value is not None for value in org.values()) else None,
            "trace_id": row["trace_id"], "source": row["source"], "delivery_id": row["delivery_id"],
            "received_at": row["ingestion_timestamp"], "extra": row["extra"]}


def messages_of(lake):
    rows = lake.catalog().load_table(BRONZE).scan().to_arrow().to_pylist()
    return [container([record_of(row) for row in rows[begin:begin + EVENTS_OF_A_MESSAGE]])
            for begin in range(0, len(rows), EVENTS_OF_A_MESSAGE)]


def encoded(topic, partition, value, headers=None):
    return [topic, partition, base64.b64encode(value).decode(), headers or {}]


class Stream:
    """The job on one topic, into one warehouse."""

    def __init__(self, package, broker, directory, topic):
        self.lake = Lake(directory / "warehouse", ZONE)
        self.topic = topic
        self.checkpoint = directory / "checkpoint"
        self._settings = {**environment(package, directory, self.lake.directory),
                          "KAFKA_BOOTSTRAP_SERVERS": broker.address, "KAFKA_TOPIC": topic}
        self.lake.directory.mkdir()

    def job(self, *options):
        return Job(self._settings, "bronze_stream.py", "--checkpoint", self.checkpoint, *options)

    def take_all(self, *options):
        with self.job("--available-now", *options) as job:
            job.finish()

    def refuse(self, *options):
        """What it says as it refuses to start."""
        with self.job("--available-now", *options) as job:
            return job.refuse()


@pytest.fixture
def stream(spark_package, broker, tmp_path, request):
    topic = re.sub(r"\W", "_", request.node.name)[:60]
    return Stream(spark_package, broker, tmp_path, topic)


def test_real_events_of_every_era(spark, broker, stream, real_lake):
    broker.create(stream.topic, 3)
    messages = [encoded(stream.topic, i % 3, value) for i, value in enumerate(messages_of(real_lake))]
    spark.ask("produce", stream.lake, servers=broker.address, messages=messages)
    stream.take_all()
    assert stream.lake.rows(BRONZE, without=NOT_CARRIED) == real_lake.rows(BRONZE, without=NOT_CARRIED)
    assert stream.lake.counts()[REJECTED] == 0
    assert stream.lake.value(f"select count(distinct (kafka_partition, kafka_offset)) from {BRONZE}") == len(messages)
    spark.silver(stream.lake)
    assert stream.lake.facts(PARSED) == real_lake.facts(PARSED)
    stream.lake.octolake("doctor", "--data")


def test_what_is_no_event_is_rejected_and_the_rest_is_not(spark, broker, stream):
    broker.create(stream.topic, 1)
    broker.create(stream.topic + ".rejected", 1)
    whole = container([EVENT], ORIGINAL)
    messages = [
        encoded(stream.topic, 0, whole),
        encoded(stream.topic, 0, b"poison"),
        encoded(stream.topic, 0, whole[:-20]),
        encoded(stream.topic, 0, container([EVENT, {**EVENT, "created_at": "never"}], ORIGINAL, "null")),
        encoded(stream.topic + ".rejected", 0, b"{", {
            "octolake-reason": "no JSON", "octolake-source": "collect", "octolake-received-at": "1420070400000000",
            "octolake-trace-id": "0198c0de-0000-7000-8000-000000000001"}),
        encoded(stream.topic + ".rejected", 0, b"half", {"octolake-reason": "too large", "octolake-part": "1/2",
                                                         "octolake-received-at": "never"}),
        encoded(stream.topic + ".rejected", 0, b"bare"),
    ]
    spark.ask("produce", stream.lake, servers=broker.address, messages=messages)
    stream.take_all()
    assert stream.lake.counts()[BRONZE] == 2
    assert stream.lake.value(f"select count(*) from {BRONZE} where source = 'collect' and id = '7'") == 2
    rejected = {bytes.fromhex(row["raw"]): row for row in stream.lake.sql(f"select * from {REJECTED}")}
    assert len(rejected) == 6
    assert rejected[b"poison"]["ordinal"] == 1
    assert rejected[b"poison"]["source_file"] == f"kafka {stream.topic}/0"
    assert rejected[whole[:-20]]["ordinal"] == 2
    assert rejected[b"{"]["reason"] == "no JSON"
    assert rejected[b"{"]["trace_id"] == "0198c0de-0000-7000-8000-000000000001"
    assert rejected[b"{"]["received"].startswith("2015-01-01T00:00:00")
    assert rejected[b"half"]["reason"] == "too large (part 1/2)"
    assert rejected[b"bare"]["reason"] == "no header octolake-reason says why it was rejected"
    assert any(b"never" in raw for raw in rejected)
    stream.take_all()
    assert (stream.lake.counts()[BRONZE], stream.lake.counts()[REJECTED]) == (2, 6), "nothing is taken twice"


def test_messages_that_decompress_to_much(spark, broker, stream):
    """Sixteen in one slice, each of many batches of rows, half of them with their bytes in a login; and records in
    greater number than one batch has."""
    broker.create(stream.topic, 1)
    large = json.dumps({"a": "x" * (3 << 20)})
    bomb = container([{**EVENT, "id": str(number), "payload": large} for number in range(6)], ORIGINAL)
    login = {**EVENT["actor"], "login": large}
    of_logins = container([{**EVENT, "id": str(number), "actor": login} for number in range(6)], ORIGINAL)
    many = container([{**EVENT, "id": str(number)} for number in range(20_000)], ORIGINAL)
    assert 8 * (len(bomb) + len(of_logins)) + len(many) < 1 << 20, "they are decoded together"
    messages = [encoded(stream.topic, 0, value) for value in [bomb, of_logins] * 8 + [b"poison", many]]
    spark.ask("produce", stream.lake, servers=broker.address, messages=messages)
    stream.take_all()
    (found,) = stream.lake.sql(f"""
        select count(*) as events, count(distinct (kafka_offset, id)) as different,
               count(*) filter (where kafka_offset < 16
                                and greatest(length(payload), length(actor_login)) = {len(large)}) as large,
               count(*) filter (where kafka_offset = 17 and payload = '{{}}') as small
        from {BRONZE}""")
    assert found == {"events": 20_096, "different": 20_096, "large": 96, "small": 20_000}
    assert stream.lake.value(f"select ordinal from {REJECTED}") == 16
    stream.lake.octolake("doctor", "--data")


def test_a_killed_stream_loses_and_repeats_nothing(spark, broker, stream, tmp_path):
    """Killed between any two steps of a trigger, beginning before its topic exists."""
    source = Lake(tmp_path / "source")
    # Two triggers for each time that it is killed: in one it commits, in the other it may be.
    source.load(generate(tmp_path / "events.json", seed=5,
                         events=2 * KILLS * MESSAGES_OF_A_TRIGGER * EVENTS_OF_A_MESSAGE))
    values = messages_of(source) + [b"poison %d" % i for i in range(KILLS)]
    random.Random(7).shuffle(values)
    options = ("--trigger", "100 milliseconds", "--max-offsets-per-trigger", MESSAGES_OF_A_TRIGGER)
    with stream.job(*options) as job:
        job.wait_until(lambda: stream.lake.has_catalog() and REJECTED in stream.lake.tables(), "it made its tables")
        broker.create(stream.topic, 2)
        spark.ask("produce", stream.lake, servers=broker.address,
                  messages=[encoded(stream.topic, i % 2, value) for i, value in enumerate(values)])
        job.wait_until(lambda: committed(stream.lake) > 0, "the first commit")
    chance = random.Random(11)
    killed_before_the_end = 0
    for _ in range(KILLS - 1):
        before, has_all = committed(stream.lake), everything(stream.lake, source)
        with stream.job(*options) as job:
            job.wait_until(lambda: has_all or committed(stream.lake) > before, "a commit")
            time.sleep(chance.random() / 2)  # somewhere in the trigger that follows
        killed_before_the_end += not everything(stream.lake, source)
    assert killed_before_the_end > 0
    stream.take_all()
    found, sent = stream.lake.rows(BRONZE, without=NOT_CARRIED), source.rows(BRONZE, without=NOT_CARRIED)
    print(f"{KILLS} kills, {killed_before_the_end + 1} of them before the last commit: {sent.total()} events sent, "
          f"{found.total()} in Bronze, {(sent - found).total()} lost, {(found - sent).total()} too many")
    assert found == sent
    assert Counter(row["raw"] for row in stream.lake.sql(f"select raw from {REJECTED}")) == Counter(
        value.hex() for value in values if value.startswith(b"poison"))


def committed(lake):
    """Snapshots of Bronze with rows of the stream."""
    return len(lake.catalog().load_table(BRONZE).snapshots())


def everything(lake, source):
    return lake.counts()[BRONZE] == source.counts()[BRONZE]


def test_a_stopped_stream_ends_with_status_0(stream):
    with stream.job() as job:
        job.wait_until(lambda: stream.lake.has_catalog() and REJECTED in stream.lake.tables(), "it made its tables")
        job.terminate()
        job.finish()


def test_expiry_keeps_how_far_the_stream_came(spark, broker, stream):
    broker.create(stream.topic, 1)
    message = encoded(stream.topic, 0, container([EVENT], ORIGINAL))
    spark.ask("produce", stream.lake, servers=broker.address, messages=[message])
    stream.take_all()
    # Somebody else commits, so that the stream's snapshot is no branch's.
    spark.sql(stream.lake, f"INSERT INTO demo.{BRONZE} SELECT * FROM demo.{BRONZE} LIMIT 0")
    spark.ask("maintain", stream.lake, table=BRONZE, operation="expire_snapshots", older_than_days=7, keep=1,
              now="2099-01-01T00:00:00+00:00")
    table = stream.lake.catalog().load_table(BRONZE)
    (tag,) = [name for name in table.metadata.refs if name.startswith("octolake.stream.")]
    assert table.snapshot_by_name(tag).summary["spark.sql.streaming.epochId"] == "0"
    spark.ask("produce", stream.lake, servers=broker.address, messages=[message])
    stream.take_all()
    assert stream.lake.counts()[BRONZE] == 2


def test_weekly_maintenance_of_what_was_rejected(spark, broker, stream):
    """As airflow/dags has it. Every trigger commits, mostly without rows."""
    broker.create(stream.topic, 1)
    for _ in range(2):
        produce(spark, broker, stream, 1)
        stream.take_all()
    table = stream.lake.catalog().load_table(REJECTED)
    assert len(table.snapshots()) == 2
    for operation, options in {
            "rewrite_manifests": {}, "remove_orphan_files": {"older_than_days": 3},
            "expire_snapshots": {"older_than_days": 7, "keep": 1, "now": "2099-01-01T00:00:00+00:00"}}.items():
        spark.ask("maintain", stream.lake, table=REJECTED, operation=operation, **options)
    assert len(table.refresh().snapshots()) == 1
    produce(spark, broker, stream, 1)
    stream.take_all()
    assert (stream.lake.counts()[BRONZE], stream.lake.counts()[REJECTED]) == (3, 0)


def produce(spark, broker, stream, messages):
    """Each of one event."""
    spark.ask("produce", stream.lake, servers=broker.address,
              messages=[encoded(stream.topic, 0, container([EVENT], ORIGINAL))] * messages)


def test_another_checkpoint_than_the_tables_know_is_refused(spark, broker, stream):
    broker.create(stream.topic, 1)
    produce(spark, broker, stream, 1)
    stream.take_all()
    first = stream.checkpoint
    stream.checkpoint = first.with_name("mistyped")
    said = stream.refuse()
    assert f"{stream.checkpoint}/events should be of it, and it has none" in said
    assert "--new-checkpoint" in said
    assert not stream.checkpoint.exists(), "what was refused leaves nothing"
    assert stream.lake.counts()[BRONZE] == 1
    stream.take_all("--new-checkpoint")
    assert stream.lake.counts()[BRONZE] == 2, "the topic was read from its beginning"
    stream.take_all("--new-checkpoint")
    assert stream.lake.counts()[BRONZE] == 2, "now it is the one that the tables know"
    stream.checkpoint = first
    assert "it is of query " in stream.refuse()


def topic_id_of(stream, table):
    return stream.lake.catalog().load_table(table).properties.get(f"octolake.stream-topic-id.{stream.topic}")


def test_a_topic_that_was_made_again_is_refused(spark, broker, stream):
    """The stream begins before there is a topic, and learns its id while it runs."""
    with stream.job("--trigger", "100 milliseconds") as job:
        job.wait_until(lambda: stream.lake.has_catalog() and REJECTED in stream.lake.tables(), "it made its tables")
        broker.create(stream.topic, 1)
        produce(spark, broker, stream, 1)
        job.wait_until(lambda: stream.lake.counts()[BRONZE] == 1, "the event was in Bronze")
        job.wait_until(lambda: topic_id_of(stream, BRONZE) and topic_id_of(stream, REJECTED), "the topic's id")
    before = topic_id_of(stream, BRONZE)
    broker.delete(stream.topic)
    broker.create(stream.topic, 1)
    produce(spark, broker, stream, 3)  # past the offset in the checkpoint: Spark sees nothing amiss
    assert f"topic {stream.topic} was made again" in stream.refuse()
    assert f"topic {stream.topic} was made again" in stream.refuse("--new-checkpoint"), "it is not new"
    assert stream.lake.counts()[BRONZE] == 1
    stream.checkpoint = stream.checkpoint.with_name("new")
    stream.take_all("--new-checkpoint")
    assert stream.lake.counts()[BRONZE] == 4, "the new topic from its beginning"
    assert topic_id_of(stream, BRONZE) == topic_id_of(stream, REJECTED) != before
    stream.take_all()
    assert stream.lake.counts()[BRONZE] == 4


def test_a_running_stream_stops_when_its_topic_is_made_again(spark, broker, stream):
    broker.create(stream.topic, 1)
    produce(spark, broker, stream, 1)
    # Between two triggers the queries do not look at the topic.
    with stream.job("--trigger", "1 hour") as job:
        job.wait_until(lambda: stream.lake.has_catalog() and REJECTED in stream.lake.tables()
                       and committed(stream.lake) > 0 and topic_id_of(stream, REJECTED), "the first commit")
        broker.delete(stream.topic)
        broker.create(stream.topic, 1)
        said = job.refuse()
    assert f"topic {stream.topic} was made again" in said


def test_what_the_stream_reads_ingest_does_not(spark, broker, stream):
    broker.create(stream.topic, 1)
    produce(spark, broker, stream, 2)
    stream.take_all()
    kafka = {**ZONE, "KAFKA_BOOTSTRAP_SERVERS": broker.address, "KAFKA_TOPIC": stream.topic}
    ingest = (*stream.lake.place(), "ingest", "--from", "kafka", "--once")
    refused = octolake(*ingest, status=1, env=kafka)
    assert f"is filled from topic {stream.topic} by Spark's stream" in refused.err
    assert stream.lake.counts()[BRONZE] == 2
    octolake(*ingest, "--after-stream", env=kafka)
    assert stream.lake.counts()[BRONZE] == 4, "the topic was read from its beginning"


def test_what_ingest_reads_is_not_read_once_more(spark, broker, stream):
    broker.create(stream.topic, 1)
    produce(spark, broker, stream, 2)
    kafka = {**ZONE, "KAFKA_BOOTSTRAP_SERVERS": broker.address, "KAFKA_TOPIC": stream.topic}
    octolake(*stream.lake.place(), "ingest", "--from", "kafka", "--once", env=kafka)
    assert stream.lake.counts()[BRONZE] == 2
    said = stream.refuse()
    assert f"octolake.kafka.{stream.topic}.0" in said
    assert "--after-ingest" in said
    assert not stream.checkpoint.exists(), "what was refused leaves nothing"
    stream.take_all("--after-ingest")
    assert stream.lake.counts()[BRONZE] == 4, "the topic was read from its beginning"
    assert "--after-ingest" in stream.refuse()
    assert topic_id_of(stream, BRONZE), "the tables are still the stream's"
    # As a start leaves it that is killed before it looks for ingest once more.
    for query in ("events", "rejected"):
        shutil.rmtree(stream.checkpoint / query / "offsets")
    assert "--after-ingest" in stream.refuse()
    assert topic_id_of(stream, BRONZE) is None and topic_id_of(stream, REJECTED) is None
