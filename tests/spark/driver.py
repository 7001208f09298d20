"""A Spark driver that tests talk to: for every line of JSON on standard input one on standard output. Starting
Spark takes seconds, so one driver serves many tests; each warehouse has a session of its own in it.

Requests: {"do": NAME, "warehouse": DIRECTORY, ...}; answers: {"result": ...} or {"error": TEXT}."""

import base64
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import traceback
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "spark/jobs"))

import dbt_session
from pyspark.sql import SparkSession

from octolake_spark import session as sessions
from octolake_spark.maintenance import Maintenance
from octolake_spark.silver import SilverStep
from octolake_spark.tables import Tables


@contextlib.contextmanager
def interrupted(words, command):
    """Runs a command before the first statement with these words that a session executes."""
    execute, left = SparkSession.sql, [command]

    def sql(session, statement, *more, **options):
        if left and all(word in statement for word in words):
            subprocess.run(left.pop(), check=True, stdout=subprocess.DEVNULL)
        return execute(session, statement, *more, **options)

    SparkSession.sql = sql
    try:
        yield
    finally:
        SparkSession.sql = execute
    if left:
        raise RuntimeError(f"no statement had {words}")


class Driver:
    def __init__(self, root):
        self._root = root
        self._sessions = {}

    def session(self, warehouse):
        if warehouse not in self._sessions:
            session = self._root.newSession()
            environment = {**os.environ, "ICEBERG_WAREHOUSE_PATH": warehouse}
            for key, value in sessions.session_settings(environment).items():
                if key.startswith("spark.sql.catalog."):
                    session.conf.set(key, value)
            session.conf.set("spark.sql.defaultCatalog", sessions.Names.from_environment().catalog)
            self._sessions[warehouse] = session
        session = self._sessions[warehouse]
        # A catalog takes its settings from the active session when it is first asked for.
        session._jvm.SparkSession.setActiveSession(session._jsparkSession)
        return session

    def tables(self, warehouse):
        return Tables(self.session(warehouse), sessions.Names.from_environment())

    def sql(self, warehouse, statement):
        rows = self.session(warehouse).sql(statement).collect()
        return [[None if value is None else str(value) for value in row] for row in rows]

    def silver(self, warehouse, sources=(), rescan=False, between=()):
        """`between`: commands, one of which is run before each attempt to publish, while there are some."""
        left = list(between)

        def before_publish():
            if left:
                subprocess.run(left.pop(0), check=True, stdout=subprocess.DEVNULL)

        step = SilverStep(self.session(warehouse), self.tables(warehouse), sources, rescan, before_publish)
        return dataclasses.asdict(step.run())

    def produce(self, warehouse, servers, messages):
        """messages: [topic, partition, value in base64, headers as a dict]."""
        rows = [(topic, partition, base64.b64decode(value), [(key, text.encode()) for key, text in headers.items()])
                for topic, partition, value, headers in messages]
        frame = self.session(warehouse).createDataFrame(
            rows, "topic string, partition int, value binary, headers array<struct<key:string,value:binary>>")
        frame.coalesce(1).write.format("kafka").option("kafka.bootstrap.servers", servers).option(
            "includeHeaders", "true").save()

    def maintain(self, warehouse, table, operation, now=None, **options):
        when = datetime.fromisoformat(now) if now else None
        maintenance = Maintenance(self.session(warehouse), self.tables(warehouse), table, when)
        return getattr(maintenance, operation)(**options)

    def dbt(self, warehouse, arguments, before=None):
        """`before`: [words, command]; the command is run before the first statement that has all of the words.
        [whether all went well, [unique id, status, message] of each node]. dbt takes the session that PySpark calls
        the current one."""
        whole, session = SparkSession._instantiatedSession, self.session(warehouse)
        SparkSession._instantiatedSession = session
        try:
            with interrupted(*before) if before else contextlib.nullcontext():
                done = dbt_session.run(session, arguments)
        finally:
            SparkSession._instantiatedSession = whole
        nodes = getattr(done.result, "results", None) or []  # of an operation they are of no node
        return [done.success and done.exception is None, str(done.exception or ""),
                [[getattr(getattr(result, "node", None), "unique_id", ""), str(getattr(result, "status", "")),
                  getattr(result, "message", None)] for result in nodes]]

    def create_tables(self, warehouse):
        names = sessions.Names.from_environment()
        self.tables(warehouse).create_missing(
            names.bronze_events, names.rejected_events, f"{names.bronze}.loaded_files", names.parsed_events)


def main():
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing but answers goes to standard output, also of the JVM that is started now
    # Of no warehouse: every session of a test brings its own.
    root = sessions.start("octolake tests", {**os.environ, "ICEBERG_WAREHOUSE_PATH": os.environ["SPARK_TEST_SCRATCH"]})
    root.sparkContext.setLogLevel("ERROR")
    driver = Driver(root)
    print(json.dumps({"result": "ready"}), file=out, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(driver, request.pop("do"))(**request)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=out, flush=True)
    root.stop()


main()
