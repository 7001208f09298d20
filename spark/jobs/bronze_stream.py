#!/usr/bin/env python3
"""Kafka to Bronze: reads the events' topic (KAFKA_TOPIC, raw_metrics_avro) and what was rejected, for ever.

Every event is in Bronze once, whatever is killed when, as long as the checkpoint is kept: it and the tables
belong together, and the stream does not start with one that the tables do not know. Ends with status 0 on SIGTERM or, with --available-now, when what was there is in the tables.

KAFKA_BOOTSTRAP_SERVERS names the brokers. KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME,
KAFKA_SASL_PASSWORD and KAFKA_SSL_CA_LOCATION (a PEM file) say how to talk to them.
"""

import argparse
import os
import signal
import sys
import threading
import time

from octolake_spark import session
from octolake_spark.bronze import BronzeStream, stream_settings
from octolake_spark.tables import Tables

LOGIN_MODULES = {"PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule"}
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
SIGNAL_SECONDS = 1  # within which a signal is seen
TOPICS_SECONDS = 10  # between looks at whether the topics are still the same


def kafka_options(environment):
    options = {}
    if protocol := environment.get("KAFKA_SECURITY_PROTOCOL"):
        options["kafka.security.protocol"] = protocol.upper()
    if location := environment.get("KAFKA_SSL_CA_LOCATION"):
        options["kafka.ssl.truststore.type"] = "PEM"
        options["kafka.ssl.truststore.location"] = location
    if mechanism := environment.get("KAFKA_SASL_MECHANISM"):
        options["kafka.sasl.mechanism"] = mechanism
        name, password = (environment.get(f"KAFKA_SASL_{what}") or "" for what in ("USERNAME", "PASSWORD"))
        module = LOGIN_MODULES.get(mechanism, SCRAM)
        options["kafka.sasl.jaas.config"] = f"{module} required username={quoted(name)} password={quoted(password)};"
    return options


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def run(streams, queries, stopping, look_again):
    """Until all queries have ended, or one has failed, or `look_again` does, or `stopping` is set; the others are
    then stopped."""
    looked = time.monotonic()
    try:
        while any(query.isActive for query in queries) and not stopping.is_set():
            # Raises what made a query end.
            if streams.awaitAnyTermination(SIGNAL_SECONDS):
                streams.resetTerminated()
            if time.monotonic() - looked >= TOPICS_SECONDS:
                look_again()
                looked = time.monotonic()
        for query in queries:
            if query.exception() is not None:
                raise query.exception()
    finally:
        for query in queries:
            query.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, metavar="DIR",
                        help="a directory or a URL of Hadoop's file systems, such as s3a://bucket/path")
    parser.add_argument("--new-checkpoint", action="store_true",
                        help="the checkpoint is new, though the tables were filled with another one: the topic is read "
                             "from its beginning, and what it still has of what Bronze has comes again")
    parser.add_argument("--after-ingest", action="store_true",
                        help="`octolake ingest` has read the topic into the same tables and has ended for good: what "
                             "the topic still has of that comes again")
    parser.add_argument("--trigger", default="30 seconds", metavar="INTERVAL", help="between commits (30 seconds)")
    parser.add_argument("--max-offsets-per-trigger", type=int, default=5000, metavar="N",
                        help="messages of one commit; each holds a batch of events (5000)")
    parser.add_argument("--available-now", action="store_true", help="take what is there, then end")
    options = parser.parse_args()
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not servers:
        parser.error("KAFKA_BOOTSTRAP_SERVERS should name the brokers, and is not set")
    trigger = {"availableNow": True} if options.available_now else {"processingTime": options.trigger}
    spark = session.start("octolake bronze stream", **stream_settings())
    # A flag, since an exception would fall into a call to the JVM. Spark has set a handler of its own.
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        stream = BronzeStream(
            spark, Tables(spark, session.Names.from_environment()), servers,
            os.environ.get("KAFKA_TOPIC") or "raw_metrics_avro", options.checkpoint, options.max_offsets_per_trigger,
            kafka_options(os.environ))
        queries = stream.start(trigger, options.new_checkpoint, options.after_ingest)
        run(spark.streams, queries, stopping, stream.look_again)
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
