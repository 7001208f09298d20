"""Whatever is killed, away or started anew between the gateway and Bronze: every acknowledged event is there, once.

OCTOLAKE_KAFKA_AWAY_SECONDS says how long the broker is away under load (default 8), OCTOLAKE_KAFKA_KILLS how often
each of the programs is killed (default 8 for the gateway, 20 for the reader, 5 for the broker), OCTOLAKE_KILL_SEED when. That the
comparison finds what is lost and what is there twice is shown in test_gateway.py.
"""

import itertools
import os
import random
import time

from gateway import Ledger, Senders
from kafka_lab import bronze_rows, count_of_bronze, post

AWAY_SECONDS = float(os.environ.get("OCTOLAKE_KAFKA_AWAY_SECONDS", "8"))
DRAIN_SECONDS = 120
SEED = int(os.environ.get("OCTOLAKE_KILL_SEED", time.time_ns() % 1_000_000))
KILLS = os.environ.get("OCTOLAKE_KAFKA_KILLS")
GATEWAY_KILLS = int(KILLS or 8)
READER_KILLS = int(KILLS or 20)
BROKER_KILLS = int(KILLS or 5)


def check(lab, lake, ledger):
    """Takes what is left to Bronze, and compares."""
    lab.ingest_once(lake)
    assert list(ledger.problems(bronze_rows(lake))) == [], f"seed {SEED}"
    assert len(ledger.acknowledged) > 0


def wait_seconds(up, seconds):
    end = time.monotonic() + seconds
    up.wait_until(lambda: time.monotonic() >= end, f"{seconds} s have passed")


def end(reader):
    """SIGTERM, once it takes signals for what they are."""
    reader.wait_until(lambda: "Ctrl-C ends it" in reader.err, "it has begun")
    reader.process.terminate()
    reader.finish()


def test_the_broker_is_killed_and_away_under_load(lab, gate, lake):
    ledger = Ledger()
    with lab.ingest(lake) as ingest, lab.up(gate) as up:
        senders = Senders(up, ledger, itertools.count())
        up.wait_until(lambda: count_of_bronze(lake) > 100, "events are on their way")
        lab.broker.kill()
        before = len(ledger.acknowledged)
        wait_seconds(up, AWAY_SECONDS)
        assert len(ledger.acknowledged) > before, "events are taken while Kafka is away"
        assert up.sink()["lag_records"] > 0
        lab.broker.start()
        back = time.monotonic()
        senders.stop()
        up.wait_until(lambda: up.sink()["lag_records"] == 0, "the backlog is in Kafka")
        drained = time.monotonic() - back
        assert drained < DRAIN_SECONDS
        ingest.wait_until(lambda: count_of_bronze(lake) >= len(ledger.acknowledged), "it is in Bronze")
        up.stop()
        assert ingest.running()
    check(lab, lake, ledger)
    print(f"away {AWAY_SECONDS} s; {len(ledger.acknowledged) - before} events meanwhile and after, "
          f"in Kafka {drained:.1f} s after its return")


def test_the_broker_is_killed_again_and_again(lab, gate, lake):
    """Also while it writes the marks of a commit, which it can lose."""
    chance = random.Random(SEED + 3)
    ledger = Ledger()
    with lab.ingest(lake) as ingest, lab.up(gate) as up:
        senders = Senders(up, ledger, itertools.count(), count=2)
        for _ in range(BROKER_KILLS):
            sent = up.metric("kafka_batches_sent_total")
            up.wait_until(lambda before=sent: up.metric("kafka_batches_sent_total") > before + 3, "it goes on")
            wait_seconds(up, chance.uniform(0, 0.2))
            lab.broker.kill()
            lab.broker.start()
        senders.stop()
        up.wait_for_kafka()
        ingest.wait_until(lambda: count_of_bronze(lake) >= len(ledger.acknowledged), "it is in Bronze")
        up.stop()
    check(lab, lake, ledger)


def test_the_broker_stops_answering_for_a_while(lab, gate, lake):
    """Connections stay open, and nothing comes."""
    ledger = Ledger()
    with lab.up(gate) as up:
        senders = Senders(up, ledger, itertools.count())
        up.wait_until(lambda: up.metric("kafka_batches_sent_total") > 3, "events are on their way")
        lab.broker.pause()
        try:
            wait_seconds(up, 3)
        finally:
            lab.broker.resume()
        senders.stop()
        up.wait_for_kafka()
        up.stop()
    check(lab, lake, ledger)


def test_the_broker_is_away_when_all_begin(lab, gate, lake):
    ledger = Ledger()
    lab.broker.stop()
    with lab.up(gate) as up, lab.ingest(lake) as ingest:
        senders = Senders(up, ledger, itertools.count())
        up.wait_until(lambda: len(ledger.acknowledged) > 200 and up.sink()["failing"], "it has tried")
        assert up.send("GET", "/readyz")[0] == 200
        senders.stop()
        lab.broker.start()
        up.wait_for_kafka()
        ingest.wait_until(lambda: count_of_bronze(lake) >= len(ledger.acknowledged), "it is in Bronze")
        up.stop()
    check(lab, lake, ledger)


def test_a_stop_while_the_broker_is_away_is_quick(lab, gate, lake):
    ledger = Ledger()
    with lab.up(gate) as up:
        senders = Senders(up, ledger, itertools.count())
        up.wait_until(lambda: up.metric("kafka_batches_sent_total") > 3, "events are on their way")
        lab.broker.kill()
        wait_seconds(up, 1)
        assert up.stop() < 10
        senders.join()
    lab.broker.start()
    with lab.up(gate) as up:
        up.wait_for_kafka()
        up.stop()
    check(lab, lake, ledger)


def test_the_gateway_is_killed_under_load(lab, gate, lake):
    chance = random.Random(SEED)
    ledger, numbers = Ledger(), itertools.count()
    for kill in range(GATEWAY_KILLS):
        with lab.up(gate) as up:
            before = len(ledger.acknowledged)
            senders = Senders(up, ledger, numbers)
            up.wait_until(lambda seen=before: len(ledger.acknowledged) > seen, "an event was acknowledged")
            wait_seconds(up, chance.uniform(0, 2.5))
            if kill % 4 == 3:
                up.stop()
            else:
                assert up.kill()
            senders.join()
    with lab.up(gate) as up:
        up.wait_for_kafka()
        up.stop()
    check(lab, lake, ledger)


def test_the_reader_is_killed_under_load(lab, gate, lake):
    chance = random.Random(SEED + 1)
    ledger = Ledger()
    committed = 0
    with lab.up(gate) as up:
        senders = Senders(up, ledger, itertools.count(), count=2)
        up.wait_for_kafka()
        for kill in range(READER_KILLS):
            with lab.ingest(lake, bronze_commit_interval="50ms") as ingest:
                wait_seconds(ingest, chance.uniform(0.1, 1.5))
                if kill % 4 == 3:  # so that there is progress, and something to double
                    seen = count_of_bronze(lake)
                    ingest.wait_until(lambda before=seen: count_of_bronze(lake) > before, "it has committed")
                if kill % 5 == 4:
                    end(ingest)
                else:
                    assert ingest.kill()
                committed = max(committed, count_of_bronze(lake))
        senders.stop()
        up.wait_for_kafka()
        up.stop()
    assert committed > 0
    check(lab, lake, ledger)


def test_readers_come_and_go(lab, gate, lake):
    """Each rebalance ends at another moment of what the others do; partitions go from one to the other."""
    chance = random.Random(SEED + 2)
    lab.broker.create(lab.topic, 6)
    ledger = Ledger()
    with lab.up(gate) as up:
        senders = Senders(up, ledger, itertools.count(), count=2)
        readers = [lab.ingest(lake, bronze_commit_interval="100ms")]
        try:
            for turn in range(8):
                readers.append(lab.ingest(lake, bronze_commit_interval="100ms"))
                before = count_of_bronze(lake)
                readers[-1].wait_until(lambda seen=before: count_of_bronze(lake) > seen, "they go on")
                wait_seconds(up, chance.uniform(0.2, 1.5))
                if len(readers) == 3:
                    leaving = readers.pop(chance.randrange(3))
                    if turn % 2:
                        end(leaving)
                    leaving.kill()
            assert all(reader.running() for reader in readers), [reader.err[-2000:] for reader in readers]
            senders.stop()
            up.wait_for_kafka()
            readers[0].wait_until(lambda: count_of_bronze(lake) >= len(ledger.acknowledged), "all is in Bronze")
        finally:
            for reader in readers:
                reader.kill()
        up.stop()
    check(lab, lake, ledger)


def test_two_readers_of_everything_at_once(lab, gate, lake):
    """--once takes all partitions, whoever else reads: of two commits from one offset, one holds."""
    with lab.up(gate) as up:
        post(up, range(3000))
        up.wait_for_kafka()
        up.stop()
    readers = [lab.ingest(lake, "--once", bronze_commit_interval="10ms") for _ in range(3)]
    for reader in readers:
        reader.finish()
    assert count_of_bronze(lake) == 3000
