"""A Kafka broker in KRaft mode for the tests of Spark's stream."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
JARS = ROOT / ".deps/cluster/kafka"
START_SECONDS = 120
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={directory}/data
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def skip_without_kafka():
    if not any(JARS.glob("kafka_*.jar")):
        pytest.skip("Kafka cannot be run: no .deps/cluster/kafka (deps/cluster/fetch.sh kafka)")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Broker:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.port, controller = free_ports(2)
        self.servers = f"127.0.0.1:{self.port}"
        self._properties = self.directory / "server.properties"
        self._properties.write_text(
            PROPERTIES.format(port=self.port, controller=controller, directory=self.directory), encoding="utf-8")
        self._tool("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", self._properties)
        self._log = (self.directory / "log").open("wb")
        self._process = subprocess.Popen(self._java("kafka.Kafka", self._properties), stdout=self._log,
                                         stderr=subprocess.STDOUT, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, self._said()
            time.sleep(0.1)

    def create_topic(self, name, partitions):
        self._tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", self.servers, "--create",
                   "--topic", name, "--partitions", partitions)

    def delete_topic(self, name):
        """It is gone when this returns."""
        topics = ("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", self.servers)
        self._tool(*topics, "--delete", "--topic", name)
        deadline = time.monotonic() + START_SECONDS
        while name in self._tool(*topics, "--list").split():
            assert time.monotonic() < deadline, f"topic {name} is still there"

    def stop(self):
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _java(self, main, *arguments):
        return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}/*", main,
                *map(str, arguments)]

    def _tool(self, main, *arguments):
        done = subprocess.run(self._java(main, *arguments), capture_output=True, text=True, check=False,
                              timeout=START_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _said(self):
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")[-4000:]
