"""A running `octolake up`, and a ledger of what it acknowledged."""

import hashlib
import hmac
import http.client
import json
import random
import re
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from program import Started

ADDRESS = re.compile(r"POST https?://127\.0\.0\.1:(\d+)/collect")


class Up(Started):
    """The gateway over a warehouse, on a free port. A context manager; at its end the process is gone."""

    def __init__(self, lake, *options, env=None, config=None):
        self.warehouse = lake.directory
        settings = {"OCTOLAKE_BRONZE_COMMIT_INTERVAL": "200ms", **lake.env, **(env or {})}
        files = [] if config is None else ["--config", config]
        super().__init__(*lake.place(), *files, "up", "--listen", "127.0.0.1:0", *options, env=settings)
        try:
            self.wait_until(lambda: ADDRESS.search(self.err), "it said its address")
        except BaseException:
            self.kill()
            raise
        self.port = int(ADDRESS.search(self.err).group(1))

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(self, method, path, body=b"", headers=None):
        """Status and decoded answer, on a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            text = answer.read()
            kind = answer.headers.get_content_type()
            return answer.status, json.loads(text) if kind == "application/json" else text.decode()
        finally:
            connection.close()

    def deliver(self, secret, body, delivery, event="push"):
        return self.send("POST", "/webhooks/github", body,
                         {"Content-Type": "application/json", "X-GitHub-Event": event,
                          "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": signature(secret, body)})

    def lag(self):
        _, status = self.send("GET", "/api/v1/status")
        return status["lake"]["bronze"]["lag_records"]

    def wait_for_bronze(self):
        """Until everything durable is in Bronze."""
        self.wait_until(lambda: self.lag() == 0, "Bronze has everything")

    def wait_for_first_run(self):
        """Of the pipeline, at the start."""
        self.wait_until(lambda: self.send("GET", "/api/v1/status")[1]["lake"]["pipeline"]["runs"] > 0, "the first run")

    def peak_mb(self, *, from_now=False):
        """The most memory that it had, forgetting what it had before if from_now."""
        if from_now:
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE).group(1)) / 1024

    def stop(self, status=0):
        """SIGTERM; what it took, in seconds."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.finish(status)
        return time.monotonic() - start


def signature(secret, body):
    """As GitHub signs a delivery."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def payload(number, filler=0):
    """Of an event; with so many characters more, others for each event."""
    content = {"number": number}
    if filler:
        content["filler"] = random.Random(number).randbytes(filler // 2).hex()
    return content


def event(number, filler=0):
    return json.dumps({"id": str(number), "type": "PushEvent", "created_at": "2026-01-01T00:00:00Z",
                       "actor": {"id": number % 7, "login": f"actor-{number % 7}"},
                       "repo": {"id": number % 5, "name": f"org/repo-{number % 5}"},
                       "payload": payload(number, filler)}).encode()


# A journal whose segments are full after a few events, so that many are begun, and written over, in a short life.
SMALL_SEGMENTS = {"OCTOLAKE_JOURNAL_SEGMENT_SIZE": "1MiB", "OCTOLAKE_GATEWAY_MAX_WEBHOOK_SIZE": "512KiB",
                  "OCTOLAKE_GATEWAY_MAX_EVENT_SIZE": "512KiB"}
FILLER = 40_000


def reused_segments(lake):
    """How many of the journal's segments are in files that were segments before: their headers say so."""
    count = 0
    for path in (lake.directory / "journal").glob("*.segment"):
        try:
            count += path.read_bytes()[72:80] == (1).to_bytes(8, "little")
        except FileNotFoundError:
            pass  # passed meanwhile
    return count


@dataclass
class Ledger:
    """What a client knows: events by their number, with the id that was acknowledged for them."""
    acknowledged: dict = field(default_factory=dict)
    unknown: set = field(default_factory=set)  # sent, but no answer came
    filler: int = 0  # of the payloads

    def problems(self, bronze):
        """What is wrong with the rows of Bronze: dicts of id, trace_id and payload."""
        found = {}
        for row in bronze:
            found.setdefault(int(row["id"]), []).append(row)
        for number, trace_id in self.acknowledged.items():
            rows = found.pop(number, [])
            if len(rows) != 1:
                yield f"event {number}: acknowledged, {len(rows)} times in Bronze"
            elif rows[0]["trace_id"] != trace_id:
                yield f"event {number}: acknowledged as {trace_id}, in Bronze as {rows[0]['trace_id']}"
            elif json.loads(rows[0]["payload"]) != payload(number, self.filler):
                yield f"event {number}: its payload is {rows[0]['payload'][:100]}"
        for number, rows in found.items():
            if number not in self.unknown:
                yield f"event {number}: never sent"
            elif len(rows) != 1:
                yield f"event {number}: sent once without an answer, {len(rows)} times in Bronze"


class Senders:
    """Clients that post event after event, each number once, until they are stopped or the gateway is gone.
    With may_refuse an answer of 503 is one: the event may be there all the same, once. Any other answer fails the test
    when they are joined."""

    def __init__(self, up, ledger, numbers, count=4, *, may_refuse=False):
        self._up, self._ledger, self._numbers, self._may_refuse = up, ledger, numbers, may_refuse
        self.refused, self.slowest_refusal = 0, 0.0
        self._unexpected = []
        self._lock = threading.Lock()
        self._stopping = False
        self._threads = [threading.Thread(target=self._work) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping = True
        self.join()

    def join(self):
        for thread in self._threads:
            thread.join()
        assert self._unexpected == []

    def _work(self):
        connection = self._up.connect()
        try:
            while not self._stopping:
                with self._lock:
                    number = next(self._numbers)
                    self._ledger.unknown.add(number)
                start = time.monotonic()
                connection.request("POST", "/collect", body=event(number, self._ledger.filler))
                answer = connection.getresponse()
                body = answer.read()
                if self._may_refuse and answer.status == 503:
                    self.slowest_refusal = max(self.slowest_refusal, time.monotonic() - start)
                    self.refused += 1
                    continue
                if answer.status != 200:
                    self._unexpected.append((answer.status, body))
                    return
                with self._lock:
                    self._ledger.acknowledged[number] = json.loads(body)["event_id"]
                    self._ledger.unknown.discard(number)
        except (OSError, http.client.HTTPException):
            pass  # killed: the event at hand has no answer
        finally:
            connection.close()
