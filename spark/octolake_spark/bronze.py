"""Kafka to Bronze, as Structured Streaming.

Two queries read the same messages, one for bronze.github_events, one for bronze.rejected_events, since a query
has one table. Each is exactly-once by itself: the checkpoint fixes which offsets an epoch has, and Iceberg's sink
writes the epoch into the snapshot that holds its rows, and passes over an epoch that the table has. Only records
of committed transactions are read. Topics are named by patterns, so that one that does not exist yet is waited
for, and new partitions are read from their beginning.

Checkpoint, table and topic belong together; stream_record.py has what tells a wrong one. A stream with another
checkpoint does not start, unless that is asked for, nor with a topic that was made again since. While it runs, topics
are looked at from time to time: what it reads before it notices a new topic under an old name is kept.
"""

import functools
import re

from pyspark.sql import functions as f

from octolake_spark.batches import decode_messages, rejected_rows
from octolake_spark.stream_record import Filled, StreamRecord

# Messages that are in memory together on their way to a Python worker; each has up to a broker's limit of bytes.
MESSAGES_OF_A_BATCH = 64
REJECTED_SUFFIX = ".rejected"
# Headers of messages of the topic of what was rejected (docs/kafka.md).
HEADERS = {"reason": "octolake-reason", "source": "octolake-source", "trace_id": "octolake-trace-id",
           "received_at": "octolake-received-at", "part": "octolake-part"}
NO_REASON = "no header octolake-reason says why it was rejected"


def stream_settings():
    """Settings that the session of the stream needs."""
    return {"spark.sql.execution.arrow.maxRecordsPerBatch": str(MESSAGES_OF_A_BATCH)}


class BronzeStream:
    """`kafka_options`: further options of the Kafka source, such as kafka.security.protocol."""

    def __init__(self, session, tables, servers, topic, checkpoint, max_offsets, kafka_options=None):
        self.session = session
        self.tables = tables
        self.topic = topic
        self.checkpoint = checkpoint.rstrip("/")
        self._source = {"kafka.bootstrap.servers": servers, "kafka.isolation.level": "read_committed",
                        "startingOffsets": "earliest", "maxOffsetsPerTrigger": str(max_offsets),
                        "includeHeaders": "true", **(kafka_options or {})}
        names = tables.names
        self._events = Filled(names.bronze_events, f"{self.checkpoint}/events", (topic,))
        self._rejected = Filled(names.rejected_events, f"{self.checkpoint}/rejected", (topic, topic + REJECTED_SUFFIX))
        self._record = StreamRecord(session, tables, [self._events, self._rejected], self._client_options())

    def start(self, trigger, new_checkpoint=False, after_ingest=False):
        """Both queries, started. `trigger`: arguments of DataStreamWriter.trigger. StreamError if the tables were
        filled with another checkpoint, unless `new_checkpoint`, or by `octolake ingest`, unless `after_ingest`."""
        self.tables.create_missing(self._events.name, self._rejected.name)
        self._record.begin(new_checkpoint, after_ingest)
        return [self._query(self._events, "events", self.events(), trigger),
                self._query(self._rejected, "rejected", self.rejected(), trigger)]

    def look_again(self):
        """To be called from time to time while the queries run. StreamError if a topic was made again."""
        self._record.look_again()

    def events(self):
        messages = self._messages(self.topic).select("value", "partition", "offset", "timestamp")
        decode = functools.partial(decode_messages, origin=f"kafka {self.topic}")
        return messages.mapInArrow(decode, self._schema(self.tables.names.bronze_events))

    def rejected(self):
        messages = with_headers(self._messages(self.topic, self.topic + REJECTED_SUFFIX))
        rows = functools.partial(rejected_rows, topic=self.topic)
        return messages.mapInArrow(rows, self._schema(self.tables.names.rejected_events))

    def _messages(self, *topics):
        # Spark looks for the pattern anywhere in a name.
        pattern = "^(?:" + "|".join(re.escape(topic) for topic in topics) + ")$"
        return self.session.readStream.format("kafka").options(**self._source, subscribePattern=pattern).load()

    def _schema(self, table):
        return self.session.table(self.tables.sql_name(table)).schema

    def _client_options(self):
        prefix = "kafka."
        return {key.removeprefix(prefix): value for key, value in self._source.items() if key.startswith(prefix)}

    def _query(self, filled, name, rows, trigger):
        writer = rows.writeStream.format("iceberg").outputMode("append").queryName(f"octolake {name}")
        writer = writer.option("fanout-enabled", "true").option("checkpointLocation", filled.checkpoint)
        return writer.trigger(**trigger).toTable(self.tables.sql_name(filled.name))


def with_headers(messages):
    """The columns that batches.rejected_rows reads, of messages with headers."""
    def text(name):
        # The last one of a name, as Kafka's own lastHeader takes it.
        named = f.filter("headers", lambda header: header["key"] == HEADERS[name])
        return f.element_at(named, -1)["value"].cast("string")

    reason = f.coalesce(text("reason"), f.lit(NO_REASON))
    part = f.when(text("part").isNotNull(), f.concat(f.lit(" (part "), text("part"), f.lit(")"))).otherwise("")
    return messages.select(
        "topic", "value", "partition", "offset", "timestamp", f.concat(reason, part).alias("reason"),
        text("source").alias("source"), text("trace_id").alias("trace_id"),
        # NULL where the text is no number.
        f.timestamp_micros(text("received_at").cast("long")).alias("received_at"))
