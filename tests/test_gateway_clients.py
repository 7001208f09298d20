"""Clients that are slow, greedy or encrypted, many at once.

OCTOLAKE_SLOW_CLIENTS says how many are slow (default 300).
"""

import gzip
import http.client
import json
import os
import socket
import ssl
import statistics
import subprocess
import time

import pytest
from pyarrow import Codec

from gateway import Up, event

SLOW = int(os.environ.get("OCTOLAKE_SLOW_CLIENTS", "300"))
MORE_MB = 64  # that no client may cost


def descriptors(up):
    return len(os.listdir(f"/proc/{up.process.pid}/fd"))


def p99_ms(up, first, count=300):
    connection, times = up.connect(), []
    for number in range(first, first + count):
        start = time.perf_counter()
        connection.request("POST", "/collect", event(number))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        times.append((time.perf_counter() - start) * 1000)
    connection.close()
    return statistics.quantiles(times, n=100)[98]


def test_many_slow_clients(lake):
    begun = [b"P", b"POST /collect HTTP/1.1\r\nHost: h\r\nX-A: ",
             b"POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n{",
             b"POST /collect/batch HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n{"]
    with Up(lake, env={"OCTOLAKE_GATEWAY_HEAD_TIMEOUT": "20s", "OCTOLAKE_GATEWAY_REQUEST_TIMEOUT": "20s"}) as up:
        up.wait_for_first_run()
        alone, memory, files = p99_ms(up, 0), up.peak_mb(from_now=True), descriptors(up)
        slow = []
        for number in range(SLOW):
            client = socket.create_connection(("127.0.0.1", up.port))
            client.sendall(begun[number % len(begun)])
            slow.append(client)
        for client in slow:
            client.sendall(b"x")  # byte by byte
        beside = p99_ms(up, 1000)
        print(f"{SLOW} slow clients: p99 of a good one {beside:.1f} ms, {alone:.1f} ms without them, "
              f"{up.peak_mb() - memory:.0f} MB more")
        assert up.peak_mb() < memory + MORE_MB
        for client in slow:
            client.settimeout(60)
            assert client.recv(64).startswith(b"HTTP/1.1 408 ")
            client.close()
        up.wait_until(lambda: descriptors(up) <= files + 2, "their connections are gone")
        up.stop()


BOMBS = [
    ("gzip", lambda: gzip.compress(b" " * (400 << 20), 9), {"Content-Encoding": "gzip"}, 413),
    ("zstd", lambda: Codec("zstd").compress(b" " * (400 << 20), asbytes=True), {"Content-Encoding": "zstd"}, 413),
    ("an endless line in gzip", lambda: gzip.compress(b'{"a":"' + b"x" * (200 << 20), 9),
     {"Content-Encoding": "gzip"}, 413),
    ("depth", lambda: b"[" * 900_000, {}, 200),
    ("depth of objects", lambda: b'{"a":' * 150_000, {}, 200),
    ("a long number", lambda: b'{"a":' + b"9" * 900_000 + b"}", {}, 200),
    ("many members", lambda: b"{" + b",".join(b'"%d":0' % n for n in range(90_000)) + b"}", {}, 200),
    ("too many members", lambda: b"{" + b",".join(b'"%d":0' % n for n in range(1_000_000)) + b"}", {}, 200),
    ("very many events in gzip", lambda: gzip.compress(b"{}\n" * 20_000_000), {"Content-Encoding": "gzip"}, 413),
    ("many events", lambda: b"{}\n" * 100_000, {}, 200),
    ("many bad events", lambda: b"x\n" * 1_000_000, {}, 200),
]


@pytest.mark.parametrize("what, make, headers, status", BOMBS, ids=[bomb[0] for bomb in BOMBS])
def test_bombs_cost_little(lake, what, make, headers, status):
    body = make()
    with Up(lake) as up:
        up.wait_for_first_run()
        # What is used for the first time is not what this one costs.
        up.send("POST", "/collect/batch", b"".join(event(n) + b"\n{}\n" for n in range(1000)))
        up.wait_for_bronze()
        memory = up.peak_mb(from_now=True)
        found, answer = up.send("POST", "/collect/batch", body, headers)
        assert found == status, answer
        if what.startswith("depth"):
            assert (answer["accepted"], answer["rejected"]) == (0, 1)
            assert up.send("POST", "/collect", body)[0] == 400
        more = up.peak_mb() - memory
        print(f"{what}: {more:.0f} MB more")
        assert more < MORE_MB
        up.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory / "key.pem", "-out",
                    directory / "certificate.pem"], check=True, capture_output=True)
    return directory


class SecureUp(Up):
    def __init__(self, lake, certificate):
        super().__init__(lake, env={"OCTOLAKE_GATEWAY_TLS_CERTIFICATE": str(certificate / "certificate.pem"),
                                    "OCTOLAKE_GATEWAY_TLS_KEY": str(certificate / "key.pem")})
        self.trust = ssl.create_default_context(cafile=certificate / "certificate.pem")

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.trust)


def test_tls(lake, certificate):
    with SecureUp(lake, certificate) as up:
        # Who never ends the handshake keeps nobody out.
        idle = [socket.create_connection(("127.0.0.1", up.port)) for _ in range(20)]
        connection = up.connect()
        for number in range(20):
            connection.request("POST", "/collect", event(number))
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())["status"]) == (200, "success")
        connection.request("POST", "/collect/batch", b"".join(event(n) + b"\n" for n in range(100, 20_100)))
        assert json.loads(connection.getresponse().read())["accepted"] == 20_000
        plain = http.client.HTTPConnection("127.0.0.1", up.port, timeout=60)
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.request("GET", "/health")
            plain.getresponse()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", up.port)) as raw:
            with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):  # the gateway's word
                old.wrap_socket(raw)
        up.process.terminate()
        up.finish()
        for client in idle:
            client.close()
    assert lake.value("SELECT count(*) FROM bronze.github_events") == 20_020
