"""A real Kafka broker (KRaft, one node, on loopback) that tests start, stop, kill and start again.

Its jars are those of deps/cluster/kafka/pom.xml: $OCTOLAKE_KAFKA_JARS names a directory that has them, else
.deps/cluster/kafka is looked at, else Maven gets them into build/kafka-broker. Tests that need a broker are skipped,
saying so, where there is no JDK, or neither the jars nor Maven.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

ROOT = Path(__file__).resolve().parents[1]
POM = ROOT / "deps/cluster/kafka/pom.xml"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
START_SECONDS = 120  # a JVM on a busy machine
USER, PASSWORD = "gateway", "not a real one"

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  user_{user}="{password}";
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={directory}/server.pem
log.dirs={directory}/data
num.partitions=2
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=16777216
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=1000
"""

LOGGING = """status=error
rootLogger.level=warn
rootLogger.appenderRef.c.ref=C
appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=[%d] %p %m (%c)%n
logger.s.name=kafka.server.KafkaRaftServer
logger.s.level=info
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def broker_jars():
    """The directory of the broker's jars; skips the test if they cannot be had."""
    if shutil.which("java") is None:
        pytest.skip("no Kafka broker: java (JDK 17) is not installed")
    for directory in (os.environ.get("OCTOLAKE_KAFKA_JARS"), ROOT / ".deps/cluster/kafka", ROOT / "build/kafka-broker"):
        if directory and any(Path(directory).glob("kafka_2.13-*.jar")):
            return Path(directory)
    if shutil.which("mvn") is None:
        pytest.skip("no Kafka broker: Maven is not installed, and OCTOLAKE_KAFKA_JARS names no directory with its jars")
    # Into a place of its own first: a directory that exists has all of them.
    target, scratch = ROOT / "build/kafka-broker", ROOT / f"build/kafka-broker.{os.getpid()}"
    done = subprocess.run(["mvn", "--quiet", "--batch-mode", "--file", str(POM), COPY, "-DincludeScope=runtime",
                           f"-DoutputDirectory={scratch}"], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        pytest.skip(f"no Kafka broker: Maven did not get its jars: {(done.stdout + done.stderr)[-500:]}")
    if target.exists():
        shutil.rmtree(scratch)
    else:
        scratch.rename(target)
    return target


class Broker:
    """A context manager; at its end the process is gone. What topics hold outlives the process."""

    def __init__(self, directory, jars):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._jars = jars
        self.port, secure, controller = free_ports(3)
        self.address = f"127.0.0.1:{self.port}"
        # TLS with a certificate that self.authority signs, and a user's password.
        self.secure_address, self.authority = f"127.0.0.1:{secure}", self.directory / "authority.pem"
        self._make_certificate()
        (self.directory / "log4j2.properties").write_text(LOGGING)
        self._properties = self.directory / "server.properties"
        self._properties.write_text(PROPERTIES.format(
            port=self.port, secure=secure, controller=controller, directory=self.directory, user=USER,
            password=PASSWORD))
        self._log = self.directory / "broker.log"
        self._process = None
        self._java("kafka.tools.StorageTool", "format", "-t", urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22],
                   "-c", str(self._properties))

    def __enter__(self):
        try:
            return self.start()
        except BaseException:  # then nobody calls __exit__
            self.kill()
            raise

    def __exit__(self, *_):
        self.kill()

    def _make_certificate(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.directory, capture_output=True, check=True, timeout=60)

        new_key = ["-newkey", "rsa:2048", "-nodes"]
        openssl("req", "-x509", *new_key, "-keyout", "authority.key", "-out", "authority.pem", "-days", "2",
                "-subj", "/CN=an authority")
        openssl("req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=broker")
        (self.directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key",
                "-CAcreateserial", "-out", "server.crt", "-days", "2", "-extfile", "names")
        parts = [(self.directory / name).read_text() for name in ("server.key", "server.crt")]
        (self.directory / "server.pem").write_text("".join(parts))

    def _command(self, *arguments):
        return ["java", "-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                f"{self._jars}/*", f"-Dlog4j2.configurationFile={self.directory}/log4j2.properties", *arguments]

    def _java(self, *arguments):
        done = subprocess.run(self._command(*arguments), capture_output=True, text=True, timeout=START_SECONDS,
                              check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self):
        """Starts it, and returns when it answers."""
        assert self._process is None
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self._command("kafka.Kafka", str(self._properties)), stdout=log,
                                             stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self._process.poll() is None, self._log.read_text()[-4000:]
            assert time.monotonic() < deadline, self._log.read_text()[-4000:]
            try:
                self.admin().list_topics(timeout=1)
                return self
            except Exception:  # not there yet, which confluent_kafka says in several ways
                time.sleep(0.05)

    def running(self):
        return self._process is not None

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        """SIGTERM, and waits for its end."""
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, how):
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(START_SECONDS)
        self._process = None

    def pause(self):
        """It holds its connections, and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def admin(self):
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def create(self, topic, partitions=2, **config):
        """A topic with settings whose dots are written as underscores."""
        config = {name.replace("_", "."): str(value) for name, value in config.items()}
        admin = self.admin()  # has to live until the answer is there
        made = admin.create_topics([NewTopic(topic, partitions, 1, config=config)], operation_timeout=30)
        made[topic].result(60)

    def alter(self, topic, **config):
        resource = ConfigResource(ResourceType.TOPIC, topic,
                                  {name.replace("_", "."): str(value) for name, value in config.items()})
        admin = self.admin()
        admin.alter_configs([resource])[resource].result(60)

    def delete(self, topic):
        admin = self.admin()
        admin.delete_topics([topic], operation_timeout=30)[topic].result(60)
        deadline = time.monotonic() + START_SECONDS
        while topic in self.topics():
            assert time.monotonic() < deadline, f"{topic} is still there"
            time.sleep(0.05)

    def topics(self):
        """Partitions by topic, without Kafka's own topics."""
        found = self.admin().list_topics(timeout=30).topics
        return {name: len(topic.partitions) for name, topic in found.items() if not name.startswith("__")}

    def read(self, topic, isolation="read_committed"):
        """All messages of a topic, in the order of each partition. An independent reader: librdkafka as Python has it."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "test", "enable.auto.commit": False,
                             "isolation.level": isolation, "enable.partition.eof": True,
                             "auto.offset.reset": "earliest", "log_level": 0})
        try:
            partitions = range(self.topics().get(topic, 0))
            consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
            messages, ended, deadline = [], set(), time.monotonic() + START_SECONDS
            while len(ended) < len(partitions):
                assert time.monotonic() < deadline, f"{topic} has no end"
                message = consumer.poll(1)
                if message is None:
                    continue
                if message.error() is None:
                    messages.append(message)
                elif message.error().name() == "_PARTITION_EOF":
                    ended.add(message.partition())
                else:
                    raise AssertionError(str(message.error()))
            return messages
        finally:
            consumer.close()
