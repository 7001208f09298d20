"""Events through Kafka: `octolake up --sink kafka`, and `octolake ingest --from kafka`, at a real broker."""

import contextlib
import io
import json
import random
import shutil
import signal
import sqlite3
import time
from collections import defaultdict
from datetime import UTC, datetime

import fastavro
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import ConfigResource, ResourceType
from test_avro_message import ORIGINAL

from gateway import event
from kafka_broker import PASSWORD, USER
from kafka_lab import Lab, bronze_rows, count_of_bronze, numbers_in, post
from lake import BRONZE, PARSED, REJECTED, Lake
from program import ZONE, octolake

TRACE_ID = "0198c0de-0000-7000-8000-00000000000"  # and one more digit


def original(number, codec="null", **changes):
    record = {"id": str(number), "type": "PushEvent", "created_at": "2026-01-01T00:00:00Z", "public": True,
              "actor": {"id": 1, "login": "a", "gravatar_id": "", "url": "", "avatar_url": ""},
              "repo": {"id": 2, "name": "a/b", "url": ""}, "payload": json.dumps({"number": number}), **changes}
    out = io.BytesIO()
    fastavro.writer(out, ORIGINAL, [record], codec=codec)
    return out.getvalue()


def rejected_rows(lake):
    return lake.catalog().load_table(REJECTED).scan().to_arrow().to_pylist()


def name_query(lake, table, topic, query):
    """As Spark's stream does before its first row."""
    with lake.catalog().load_table(table).transaction() as change:
        change.set_properties({f"octolake.stream-query.{topic}": query})


def test_events_come_to_bronze_through_kafka(lab, gate, lake):
    with lab.up(gate) as up:
        post(up, range(300))
        status, answer = up.send("POST", "/collect", b'{"type": "WithoutAnId"}')
        assert status == 200
        up.wait_for_kafka()
        assert up.metric("kafka_batches_sent_total") >= 1
        assert up.metric("octolake_kafka_events_total") == 300
        assert up.metric("kafka_batch_size_sum") == 300
        assert up.metric("serialization_errors_total") == 1
        assert up.metric("kafka_worker_active") == 1
        assert up.sink() == {"name": "kafka", "lag_records": 0, "lag_seconds": 0, "failing": False, "stopped": False}
        assert up.stop() < 10
    assert gate.tables() == []
    messages = lab.broker.read(lab.topic)
    partitions = defaultdict(set)
    for message in messages:
        for record in fastavro.reader(io.BytesIO(message.value())):
            partitions[record["repo"]["id"]].add(message.partition())
    assert len(partitions) == 5
    assert all(len(of_one) == 1 for of_one in partitions.values())
    report = lab.ingest_once(lake)
    assert (report["events"], report["rejected"]) == (300, 1)
    rows = bronze_rows(lake, "kafka_partition", "kafka_offset", "source")
    assert numbers_in(rows) == list(range(300))
    assert {row["source"] for row in rows} == {"collect"}
    places = {(row["kafka_partition"], row["kafka_offset"]) for row in rows}
    assert places == {(message.partition(), message.offset()) for message in messages}
    (rejected,) = rejected_rows(lake)
    assert rejected["raw"] == b'{"type": "WithoutAnId"}'
    assert rejected["reason"] == "no created_at"
    assert rejected["trace_id"] == answer["event_id"]
    assert rejected["source_file"] == f"kafka {lab.rejected}/0"
    # Nothing twice, neither by the gateway nor by who reads.
    with lab.up(gate) as up:
        post(up, [300])
        up.wait_for_kafka()
        up.stop()
    assert lab.ingest_once(lake)["events"] == 1
    assert lab.ingest_once(lake) == {"messages": 0, "events": 0, "rejected": 0, "commits": 0}
    assert numbers_in(bronze_rows(lake)) == list(range(301))


def test_rows_are_those_of_the_embedded_way(lab, gate, lake, synthetic_files):
    """Events of every era: the same rows of Bronze, through Kafka and without it."""
    direct = Lake(gate.directory.parent / "direct", ZONE)
    lines = b"".join(file.read_bytes() for file in synthetic_files)
    with lab.up(gate) as up:
        assert up.send("POST", "/collect/batch", lines)[0] == 200
        up.wait_for_kafka()
        up.stop()
    lab.ingest_once(lake)
    octolake("--warehouse", direct.directory, "load", *synthetic_files, env=ZONE)
    without = {"ingestion_timestamp", "ingestion_date", "trace_id", "source", "source_file", "kafka_partition",
               "kafka_offset"}
    assert lake.rows(BRONZE, without=without) == direct.rows(BRONZE, without=without)


@pytest.mark.parametrize("codec", ["null", "deflate", "zstandard"])
def test_messages_in_the_original_schema_are_read(lab, lake, codec):
    lab.broker.create(lab.topic)
    lab.send(*[original(number, codec) for number in range(20)])
    assert lab.ingest_once(lake)["events"] == 20
    rows = bronze_rows(lake, "source", "actor_login", "kafka_offset")
    assert numbers_in(rows) == list(range(20))
    assert {row["kafka_offset"] for row in rows} == set(range(20))
    assert len({row["trace_id"] for row in rows}) == 20


def test_a_poisoned_message_is_kept_beside_the_others(lab, lake):
    lab.broker.create(lab.topic, 1)
    lab.send(original(1), b"\x00 poison", original(2), b"", None, original(3, created_at="never"), original(4))
    report = lab.ingest_once(lake)
    assert (report["messages"], report["events"], report["rejected"]) == (7, 3, 4)
    assert numbers_in(bronze_rows(lake)) == [1, 2, 4]
    rejected = {row["ordinal"]: row for row in rejected_rows(lake)}
    assert sorted(rejected) == [1, 3, 4, 5]
    assert rejected[1]["raw"] == b"\x00 poison"
    assert "no Avro container file" in rejected[1]["reason"]
    assert rejected[3]["reason"] == "an empty message"
    assert rejected[5]["reason"] == "created_at is not a date"
    assert json.loads(rejected[5]["raw"])["id"] == "3"


def test_a_message_of_a_time_that_no_calendar_has(lab, lake):
    """Its writer says when it was; as microseconds this is more than 64 bits hold."""
    lab.broker.create(lab.topic, 1, message_timestamp_after_max_ms=2**63 - 1)
    begun = datetime.now(UTC)
    lab.send(original(1), timestamp=2**60)
    assert lab.ingest_once(lake)["events"] == 1
    [row] = bronze_rows(lake, "ingestion_timestamp")
    assert begun <= row["ingestion_timestamp"] <= datetime.now(UTC)


def test_what_is_not_committed_to_kafka_is_not_read(lab, lake):
    lab.broker.create(lab.topic, 1)
    lab.send(original(1))
    aborted = Producer({"bootstrap.servers": lab.broker.address, "transactional.id": lab.topic, "log_level": 0})
    aborted.init_transactions(60)
    aborted.begin_transaction()
    aborted.produce(lab.topic, original(2), partition=0)
    aborted.flush(60)
    lab.send(original(3))
    # Under way: what is behind it waits, so that the order is kept.
    assert lab.ingest_once(lake)["events"] == 1
    aborted.abort_transaction(60)
    assert lab.ingest_once(lake)["events"] == 1
    assert numbers_in(bronze_rows(lake)) == [1, 3]


def test_events_near_and_over_the_size_of_a_message(lab, gate, lake):
    lab.broker.create(lab.topic, 1, max_message_bytes=20_000)
    lab.broker.create(lab.rejected, 1, max_message_bytes=20_000)

    def event_of(number, size):
        # Decimal digits of chance compress to a bit less than half.
        noise = "".join(map(str, random.Random(number).choices(range(10), k=size)))
        return json.dumps({**json.loads(event(number)), "payload": {"number": number, "noise": noise}}).encode()

    sizes = [10, 30_000, 200, 34_000, 38_000, 39_000, 40_000, 41_000, 42_000, 43_000, 44_000, 60_000, 500_000, 20]
    events = {number: event_of(number, size) for number, size in enumerate(sizes)}
    with lab.up(gate) as up:
        for number, body in events.items():
            assert up.send("POST", "/collect", body)[0] == 200, number
        up.wait_for_kafka()
        too_large = up.metric("octolake_kafka_too_large_total")
        up.stop()
    assert 2 <= too_large <= 9
    report = lab.ingest_once(lake)
    assert (report["events"], report["rejected"]) == (len(events) - too_large, too_large)
    kept = {int(row["id"]): json.loads(row["payload"]) for row in bronze_rows(lake)}
    rejected = {int(json.loads(row["raw"])["id"]): row for row in rejected_rows(lake)}
    assert sorted([*kept, *rejected]) == sorted(events)
    for number, body in events.items():
        sent = json.loads(body)
        assert (kept[number] if number in kept else json.loads(rejected[number]["raw"])["payload"]) == sent["payload"]
    assert all("where the topic takes" in row["reason"] for row in rejected.values())


def test_parts_of_a_document_between_those_of_another_gateway(lab, lake):
    lab.broker.create(lab.topic, 1)
    lab.broker.create(lab.rejected, 1)
    senders = {}
    for name in ("a", "b"):
        senders[name] = Producer({"bootstrap.servers": lab.broker.address, "transactional.id": f"{lab.topic}-{name}",
                                  "log_level": 0})
        senders[name].init_transactions(60)
        senders[name].begin_transaction()

    def send(name, part, value):
        senders[name].produce(lab.rejected, value, partition=0, headers={
            "octolake-reason": "too large", "octolake-trace-id": f"{TRACE_ID}{name}", "octolake-part": f"{part}/3",
            "octolake-received-at": "1420070400000000"})
        assert senders[name].flush(60) == 0

    send("a", 1, "a lon")
    send("b", 1, "anoth")
    send("a", 2, "g doc")
    send("b", 2, "er on")
    send("a", 3, "ument")
    lab.send(b"behind", topic=lab.rejected)
    senders["a"].commit_transaction(60)
    lab.send(original(1))
    # Committed readers see the first part of a, and nothing behind it, since b may be aborted.
    assert lab.ingest_once(lake) == {"messages": 2, "events": 1, "rejected": 0, "commits": 1}
    with lab.ingest(lake) as ingest:
        lab.send(original(2))
        ingest.wait_until(lambda: count_of_bronze(lake) == 2, "events come while parts are waited for")
        assert rejected_rows(lake) == []
        send("b", 3, "e")
        senders["b"].commit_transaction(60)
        ingest.wait_until(lambda: len(rejected_rows(lake)) == 3, "the rest has come")
        ingest.process.terminate()
        ingest.finish()
    rows = {row["raw"]: row for row in rejected_rows(lake)}
    assert set(rows) == {b"a long document", b"another one", b"behind"}
    assert {rows[raw]["trace_id"] for raw in (b"a long document", b"another one")} == {f"{TRACE_ID}a", f"{TRACE_ID}b"}
    assert rows[b"a long document"]["reason"] == "too large"
    assert lab.ingest_once(lake)["messages"] == 0


def locked_catalog(lake):
    """Nobody can commit until it is closed."""
    catalog = sqlite3.connect(lake.directory / "catalog.db", isolation_level=None)
    catalog.execute("BEGIN IMMEDIATE")
    return contextlib.closing(catalog)


def start_to_read(lab, lake):
    """Has read five messages, and commits when it is stopped."""
    lab.broker.create(lab.topic, 1)
    payloads = [json.dumps({"number": number, "noise": "x" * 600_000}) for number in range(5)]
    lab.send(*[original(number, payload=payload) for number, payload in enumerate(payloads)])
    ingest = lab.ingest(lake, bronze_commit_interval="1h")
    ingest.wait_until(lambda: any(lake.directory.rglob("*.parquet")), "it has read")
    return ingest


def test_a_stop_commits_nothing_of_topics_that_are_not_confirmed(lab, lake):
    with start_to_read(lab, lake) as ingest:
        lab.broker.pause()
        try:
            ingest.process.terminate()
            result = ingest.finish()
        finally:
            lab.broker.resume()
    assert "is left for the next start" in result.err
    assert count_of_bronze(lake) == 0
    assert lab.ingest_once(lake)["events"] == 5


@pytest.mark.parametrize("signals, at_least, at_most", [
    ((signal.SIGINT,), 15, 60), ((signal.SIGINT, signal.SIGTERM), 0, 10)])
def test_a_stop_does_not_wait_for_a_commit_forever(lab, lake, signals, at_least, at_most):
    with start_to_read(lab, lake) as ingest:
        with locked_catalog(lake):
            began = time.monotonic()
            for one in signals:
                ingest.process.send_signal(one)
            result = ingest.finish(status=1)
            assert at_least <= time.monotonic() - began < at_most
    assert "the last commit was not waited for" in result.err
    assert count_of_bronze(lake) == 0
    assert lab.ingest_once(lake)["events"] == 5


def test_a_topic_that_is_made_again_is_noticed(lab, lake):
    lab.broker.create(lab.topic, 1)
    lab.send(*map(original, range(5)))
    assert lab.ingest_once(lake)["events"] == 5
    lab.broker.delete(lab.topic)
    lab.broker.create(lab.topic, 1)
    lab.send(*map(original, range(5, 25)))
    failed = lab.ingest_once(lake, status=1)
    assert "the topic was made again" in failed.err
    assert "--accept-loss" in failed.err
    assert count_of_bronze(lake) == 5
    assert lab.ingest_once(lake, "--accept-loss")["events"] == 20
    assert numbers_in(bronze_rows(lake)) == list(range(25))
    assert lab.ingest_once(lake)["events"] == 0


def test_a_topic_made_again_while_it_is_read(lab, lake):
    lab.broker.create(lab.topic, 1)
    lab.send(*map(original, range(5)))
    with lab.ingest(lake) as ingest:
        ingest.wait_until(lambda: count_of_bronze(lake) == 5, "the first events are in Bronze")
        lab.broker.delete(lab.topic)
        lab.broker.create(lab.topic, 1)
        lab.send(*map(original, range(5, 25)))
        result = ingest.finish(status=1)
    assert "the topic was made again" in result.err
    assert count_of_bronze(lake) == 5


def test_offsets_that_are_gone_are_named(lab, lake):
    lab.broker.create(lab.topic, 1)
    lab.send(*map(original, range(5)))
    assert lab.ingest_once(lake)["events"] == 5
    lab.send(*map(original, range(5, 15)))
    admin = lab.broker.admin()
    partition = TopicPartition(lab.topic, 0, 12)
    next(iter(admin.delete_records([partition]).values())).result(60)
    failed = lab.ingest_once(lake, status=1)
    assert f"{lab.topic}/0: offsets 5 to 11 are gone" in failed.err
    assert count_of_bronze(lake) == 5
    assert lab.ingest_once(lake, "--accept-loss")["events"] == 3
    assert numbers_in(bronze_rows(lake)) == [*range(5), 12, 13, 14]


@pytest.mark.parametrize("table", [BRONZE, REJECTED])
def test_what_a_stream_reads_is_not_read_once_more(lab, lake, table):
    lab.broker.create(lab.topic, 1)
    assert lab.ingest_once(lake)["events"] == 0  # makes the tables
    lab.send(*map(original, range(5)))
    name_query(lake, table, f"{lab.topic}.another", "of another topic")
    assert lab.ingest_once(lake)["events"] == 5
    name_query(lake, table, lab.topic, "4f0c")
    failed = lab.ingest_once(lake, status=1)
    assert f"table {table} is filled from topic {lab.topic} by Spark's stream" in failed.err
    assert "query 4f0c" in failed.err and "--after-stream" in failed.err
    lab.send(*map(original, range(5, 8)))
    assert lab.ingest_once(lake, "--after-stream")["events"] == 3
    assert numbers_in(bronze_rows(lake)) == list(range(8))


def test_a_damaged_table_keeps_back_only_what_it_needs(lab, lake):
    lab.broker.create(lab.topic, 1)
    lab.send(*map(original, range(5)))
    assert lab.ingest_once(lake)["events"] == 5
    lake.metadata_path(PARSED).unlink()
    path = lake.metadata_path(REJECTED)
    metadata = path.read_bytes()
    path.unlink()
    lab.send(*map(original, range(5, 8)))
    assert lab.ingest_once(lake)["events"] == 3
    lab.send(b"\x00 poison", original(8))
    assert str(path) in lab.ingest_once(lake, status=1).err
    assert numbers_in(bronze_rows(lake)) == list(range(8))
    path.write_bytes(metadata)
    report = lab.ingest_once(lake)
    assert (report["events"], report["rejected"]) == (1, 1)


def test_what_a_stream_rejects_is_not_taken_from_a_table_that_was_damaged_before(lab, lake):
    lab.broker.create(lab.topic, 1)
    assert lab.ingest_once(lake)["events"] == 0
    name_query(lake, REJECTED, lab.topic, "4f0c")
    path = lake.metadata_path(REJECTED)
    metadata = path.read_bytes()
    path.unlink()
    with lab.ingest(lake) as ingest:
        lab.send(original(1))
        ingest.wait_until(lambda: count_of_bronze(lake) == 1, "the event is in Bronze")
        path.write_bytes(metadata)
        lab.send(b"\x00 poison")
        result = ingest.finish(status=1)
    assert f"table {REJECTED} is filled from topic {lab.topic} by Spark's stream" in result.err
    assert rejected_rows(lake) == []


def test_a_stream_that_begins_stops_ingest(lab, lake):
    lab.broker.create(lab.topic, 1)
    lab.send(*map(original, range(5)))
    with lab.ingest(lake) as ingest:
        ingest.wait_until(lambda: count_of_bronze(lake) == 5, "the first events are in Bronze")
        name_query(lake, BRONZE, lab.topic, "4f0c")
        lab.send(*map(original, range(5, 25)))
        result = ingest.finish(status=1)
    assert f"table {BRONZE} is filled from topic {lab.topic} by Spark's stream" in result.err
    assert count_of_bronze(lake) == 5


def test_marks_of_transactions_are_no_loss(lab, gate, lake):
    """A topic whose retention removes everything, up to a transaction's mark, has lost nothing that was read."""
    with lab.up(gate) as up:
        post(up, range(10))
        up.wait_for_kafka()
        up.stop()
    assert lab.ingest_once(lake)["events"] == 10
    admin = lab.broker.admin()
    partitions = [TopicPartition(lab.topic, partition, -1) for partition in range(lab.broker.topics()[lab.topic])]
    for deleted in admin.delete_records(partitions).values():
        deleted.result(60)
    assert lab.ingest_once(lake)["events"] == 0


def test_a_second_gateway_with_a_copy_of_the_journal_stops_the_first(lab, gate, tmp_path):
    copy = Lake(tmp_path / "copy", ZONE)
    with lab.up(gate) as first:
        post(first, range(5))
        first.wait_for_kafka()
        shutil.copytree(gate.directory, copy.directory)
        with lab.up(copy) as second:
            post(second, [100])
            second.wait_for_kafka()
            post(first, [5])
            first.wait_until(lambda: first.sink()["stopped"], "it has noticed")
            status, answer = first.send("GET", "/readyz")
            assert status == 503
            assert "another producer" in answer["detail"]
            second.stop()
        first.stop()
    assert ids_sent(lab) == [0, 1, 2, 3, 4, 100]
    with lab.up(gate) as first:
        first.wait_until(lambda: first.sink()["stopped"], "it does not pass over what it has accepted")
        first.stop()
    go_on(lab, gate)
    assert ids_sent(lab) == [0, 1, 2, 3, 4, 5, 100]


def test_an_older_copy_of_the_journal_is_not_passed_over(lab, gate, tmp_path):
    """Although it gets more events than Kafka has until it reaches Kafka."""
    with lab.up(gate) as up:
        post(up, range(5))
        up.wait_for_kafka()
        up.stop()
        shutil.copytree(gate.directory, tmp_path / "copy")
    with lab.up(gate) as up:
        post(up, range(5, 8))
        up.wait_for_kafka()
        up.stop()
    copy = Lake(tmp_path / "copy", ZONE)
    lab.broker.stop()
    with lab.up(copy) as up:
        post(up, range(10, 20))
        up.wait_until(lambda: up.sink()["failing"], "it has tried")
        up.stop()
    with lab.up(copy) as up:
        lab.broker.start()
        assert str(stop_of(copy)) in reason_of_stop(up)
        post(up, [20])
        up.stop()
    assert ids_sent(lab) == list(range(8))
    go_on(lab, copy)
    assert ids_sent(lab) == [*range(8), *range(10, 21)]


def test_topics_are_not_made_where_that_is_forbidden(lab, gate, lake):
    with lab.ingest(lake) as ingest, lab.up(gate, kafka_create_topics="false") as up:
        post(up, range(3))
        up.wait_until(lambda: up.sink()["failing"], "it has tried")
        assert f"no topic {lab.topic}, and kafka.create_topics is false" in up.err
        ingest.wait_until(lambda: f"no topic {lab.topic}; waiting for it" in ingest.err, "it waits")
        for topic in (lab.topic, lab.rejected):
            lab.broker.create(topic, 1)
        lab.broker.create(lab.positions, 1, cleanup_policy="compact")
        up.wait_for_kafka()
        ingest.wait_until(lambda: count_of_bronze(lake) == 3, "the events are in Bronze")
        up.stop()
    failed = Lab(lab.broker).ingest_once(lake, status=1)
    assert "has no topic" in failed.err


def test_positions_are_kept_or_nothing_is_sent(lab, gate):
    """A topic of positions with retention would forget what is in Kafka; once it is altered, sending begins by itself."""
    lab.broker.create(lab.positions, 1)
    with lab.up(gate) as up:
        post(up, range(3))
        up.wait_until(lambda: up.sink()["failing"], "it has tried")
        assert f"topic {lab.positions} has cleanup.policy 'delete', expected 'compact'" in up.err
        assert lab.events() == []
        lab.broker.alter(lab.positions, cleanup_policy="compact")
        up.wait_for_kafka()
        up.stop()
    assert len(lab.events()) == 3


def test_positions_are_soon_compacted(lab, gate):
    """They are read from the first one on with each connection."""
    with lab.up(gate) as up:
        post(up, range(3))
        up.wait_for_kafka()
        up.stop()
    resource = ConfigResource(ResourceType.TOPIC, lab.positions)
    admin = lab.broker.admin()
    settings = admin.describe_configs([resource])[resource].result(60)
    assert {name: settings[name].value for name in ("cleanup.policy", "segment.bytes", "segment.ms")} == {
        "cleanup.policy": "compact", "segment.bytes": str(1 << 20), "segment.ms": "3600000"}
    assert float(settings["min.cleanable.dirty.ratio"].value) < 0.1


def ids_sent(lab):
    return sorted(int(record["id"]) for record in lab.events())


def notes(gate):
    """The files in which a gateway notes how far Kafka has its journal."""
    return list((gate.directory / "journal").glob("kafka.[0-9]*"))


def stop_of(gate):
    """Which says that nothing is sent."""
    return gate.directory / "journal" / "kafka.stopped"


def reason_of_stop(up):
    """Why it sends nothing any more, once it does not."""
    up.wait_until(lambda: up.sink()["stopped"], "it sends nothing any more")
    return up.send("GET", "/readyz")[1]["detail"]


def go_on(lab, gate):
    """As a person has it who has read why sending stopped."""
    stop_of(gate).unlink()
    with lab.up(gate) as up:
        up.wait_for_kafka()
        up.stop()


def test_what_kafka_has_is_not_sent_again_for_a_lost_topic_of_positions(lab, gate):
    with lab.up(gate) as up:
        post(up, range(10))
        up.wait_for_kafka()
        assert up.kill()
    lab.broker.delete(lab.positions)
    with lab.up(gate) as up:
        post(up, range(10, 15))
        up.wait_for_kafka()
        assert f"topic {lab.positions} has no position of journal" in up.err
        # While the gateway runs, as well.
        lab.broker.delete(lab.positions)
        post(up, range(15, 20))
        up.wait_for_kafka()
        up.stop()
    assert ids_sent(lab) == list(range(20))
    assert len(notes(gate)) == 1


def test_a_cluster_that_has_lost_all_is_told(lab, gate):
    with lab.up(gate) as up:
        post(up, range(10))
        up.wait_for_kafka()
        up.stop()
    for topic in (lab.topic, lab.positions):
        lab.broker.delete(topic)
    with lab.up(gate) as up:
        post(up, [10])
        detail = reason_of_stop(up)
        assert f"topic {lab.topic} is not the one it was" in detail
        assert f"remove {stop_of(gate)} and start octolake again" in detail
        up.stop()
    assert len(notes(gate)) == 1
    assert lab.events() == []
    with lab.up(gate) as up:
        assert f"topic {lab.topic} is not the one it was" in reason_of_stop(up)
        up.stop()
    go_on(lab, gate)
    assert ids_sent(lab) == list(range(11))


def test_a_cluster_that_has_lost_its_logs_is_told(lab, gate):
    """The topics are the same ones by their ids, which the broker's metadata has, and their logs are empty."""
    with lab.up(gate) as up:
        post(up, range(10))
        up.wait_for_kafka()
        up.stop()
    lab.broker.stop()
    for topic in (lab.topic, lab.rejected, lab.positions):
        for log in (lab.broker.directory / "data").glob(f"{topic}-[0-9]*"):
            shutil.rmtree(log)
    lab.broker.start()
    assert lab.events() == []
    with lab.up(gate) as up:
        assert "they have lost messages, too" in reason_of_stop(up)
        up.stop()
    go_on(lab, gate)
    assert ids_sent(lab) == list(range(10))


def test_what_waits_is_known_before_kafka_has_answered(lab, gate):
    with lab.up(gate) as up:
        post(up, range(10))
        up.wait_for_kafka()
        up.stop()
    lab.broker.stop()
    with lab.up(gate) as up:
        post(up, range(10, 13))
        up.wait_until(lambda: up.sink()["failing"], "it has tried")
        assert up.sink()["lag_records"] == 3
        assert up.metric("octolake_kafka_lag_records") == 3
        lab.broker.start()
        up.wait_for_kafka()
        up.stop()
    assert ids_sent(lab) == list(range(13))


def test_tls_and_a_password(lab, gate, lake):
    secure = {"kafka_bootstrap_servers": lab.broker.secure_address, "kafka_security_protocol": "sasl_ssl",
              "kafka_sasl_mechanism": "PLAIN", "kafka_sasl_username": USER, "kafka_sasl_password": PASSWORD,
              "kafka_tls_ca": lab.broker.authority}
    with lab.up(gate, **secure) as up:
        post(up, range(5))
        up.wait_for_kafka()
        up.stop()
        assert PASSWORD not in up.err
    assert lab.ingest_once(lake, **secure)["events"] == 5
    shown = octolake("config", env=lab.env(**secure)).text
    assert USER in shown and PASSWORD not in shown
    # Not to a broker that nobody vouches for, and not with another password.
    for change, why in (({"kafka_tls_ca": ""}, "certificate verify failed"),
                        ({"kafka_sasl_password": "another one"}, "uthentication")):
        failed = lab.ingest_once(lake, status=1, **{**secure, **change, "kafka_request_timeout": "2s"})
        assert why in failed.err
        assert "another one" not in failed.err


@pytest.mark.parametrize("arguments, env, message", [
    (["up", "--sink", "kafka"], {}, "kafka.bootstrap_servers"),
    (["up", "--sink", "rabbit"], {}, "expected bronze or kafka"),
    (["ingest", "--from", "kafka"], {}, "kafka.bootstrap_servers"),
    (["ingest", "--from", "kafka", "--once"],
     {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "OCTOLAKE_KAFKA_SECURITY_PROTOCOL": "smoke"}, "security.protocol"),
])
def test_wrong_usage(tmp_path, arguments, env, message):
    result = octolake("--warehouse", tmp_path / "w", *arguments, status=2, env={**ZONE, **env})
    assert message in result.err
