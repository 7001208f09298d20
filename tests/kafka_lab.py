"""A gateway that sends to Kafka, and what brings Kafka's messages to Bronze, for the tests of both."""

import io
import itertools
import json

import fastavro
from confluent_kafka import Producer

from gateway import Up, event
from lake import BRONZE
from program import octolake

TOPIC_NUMBERS = itertools.count(1)


class Lab:
    """A topic of a broker, with a name of its own unless one is given, and the programs at both ends."""

    def __init__(self, broker, topic=None):
        self.broker = broker
        self.topic = topic or f"events-{next(TOPIC_NUMBERS)}"
        self.rejected, self.positions = f"{self.topic}.rejected", f"{self.topic}.positions"

    def env(self, **more):
        """Quick in everything; `more` are configuration keys, with underscores."""
        return {"TZ": "Asia/Kathmandu", "KAFKA_BOOTSTRAP_SERVERS": self.broker.address, "KAFKA_TOPIC": self.topic,
                "KAFKA_RETRY_BACKOFF_BASE_S": "0.1", "OCTOLAKE_KAFKA_REQUEST_TIMEOUT": "5s", "OCTOLAKE_KAFKA_BATCH_TIME": "50ms",
                "OCTOLAKE_BRONZE_COMMIT_INTERVAL": "200ms",
                **{f"OCTOLAKE_{name.upper()}": str(value) for name, value in more.items()}}

    def up(self, lake, *options, **more):
        return Gateway(lake, "--sink", "kafka", *options, env=self.env(**more))

    def ingest_once(self, lake, *options, status=0, **more):
        """What `ingest --once` reports, or how it failed."""
        result = octolake("--warehouse", lake.directory, "--json", "ingest", "--from", "kafka", "--once", *options,
                          status=status, env=self.env(**more))
        return result.json() if status == 0 else result

    def ingest(self, lake, *options, **more):
        """A process that goes on until it is stopped."""
        return lake.start("ingest", "--from", "kafka", *options, env=self.env(**more))

    def send(self, *values, topic=None, partition=0, timestamp=0):
        """Messages of somebody else; returns when the broker has them. timestamp: milliseconds; 0: now."""
        producer = Producer({"bootstrap.servers": self.broker.address, "log_level": 0})
        for value in values:
            producer.produce(topic or self.topic, value=value, partition=partition, timestamp=timestamp)
        assert producer.flush(60) == 0

    def events(self):
        """Records of all messages that committed readers see."""
        return [record for message in self.broker.read(self.topic)
                for record in fastavro.reader(io.BytesIO(message.value()))]


class Gateway(Up):
    def sink(self):
        return self.send("GET", "/health")[1]["sink"]

    def wait_for_kafka(self):
        """Until everything durable is in Kafka."""
        self.wait_until(lambda: self.sink()["lag_records"] == 0, "Kafka has everything")

    def metric(self, name):
        lines = self.send("GET", "/metrics")[1].splitlines()
        (value,) = [line.split()[1] for line in lines if line.split(" ")[0] == name]
        return float(value)


def bronze_rows(lake, *more):
    table = lake.catalog().load_table(BRONZE)
    return table.scan(selected_fields=("id", "trace_id", "payload", *more)).to_arrow().to_pylist()


def count_of_bronze(lake):
    """Without opening a data file."""
    if BRONZE not in (lake.tables() if lake.has_catalog() else []):
        return 0
    snapshot = lake.catalog().load_table(BRONZE).current_snapshot()
    return int(snapshot.summary["total-records"]) if snapshot else 0


def post(up, numbers):
    """Events by number as one batch; all must be accepted."""
    numbers = list(numbers)
    status, answer = up.send("POST", "/collect/batch", b"\n".join(map(event, numbers)))
    assert (status, answer["accepted"]) == (200, len(numbers)), answer


def numbers_in(rows):
    return sorted(json.loads(row["payload"])["number"] for row in rows)
