"""What is no HTTP, or what two servers could read in two ways: an error, the end of the connection, and nothing of
the event that is hidden behind it in the journal.
"""

import json
import socket

import pytest

from gateway import Up, event, signature
from lake import BRONZE, REJECTED, Lake

HIDDEN = 666
_BODY = event(HIDDEN)
SMUGGLED = b"POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
LENGTH = b"Content-Length: %d\r\n" % len(_BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"
ONE_CHUNK = b"%x\r\n%s\r\n" % (len(_BODY), _BODY)


def post(fields, body=_BODY, line=b"POST /collect HTTP/1.1"):
    return line + b"\r\nHost: h\r\n" + fields + b"\r\n" + body


def get(line=b"GET /health HTTP/1.1", fields=b"Host: h\r\n"):
    return line + b"\r\n" + fields + b"\r\n"


def chunks(*parts):
    return post(CHUNKED, b"".join(parts))


CASES = {
    # Where the body ends: a length and chunks, several of either.
    "CL.TE": post(b"Content-Length: %d\r\n" % (len(SMUGGLED) + 5) + CHUNKED, END),
    "TE.CL": post(CHUNKED + b"Content-Length: 4\r\n", b"5c\r\n" + SMUGGLED[:0x5C] + b"\r\n0\r\n\r\n"),
    "a length of nothing and chunks": post(b"Content-Length: 0\r\n" + CHUNKED, END),
    "TE.TE": post(CHUNKED + b"Transfer-Encoding: cow\r\n", END),
    "TE.TE, the other way": post(b"Transfer-Encoding: cow\r\n" + CHUNKED, END),
    "chunked and identity": post(CHUNKED + b"Transfer-Encoding: identity\r\n", END),
    "two lengths": post(b"Content-Length: 0\r\n" + LENGTH),
    "two lengths, the other way": post(LENGTH + b"Content-Length: 0\r\n"),
    "the same length twice": post(LENGTH + LENGTH),
    "lengths in a list": post(b"Content-Length: 0, %d\r\n" % len(_BODY)),
    "three lengths": post(LENGTH * 3),
    # A length that is none.
    "+length": post(b"Content-Length: +5\r\n"),
    "-length": post(b"Content-Length: -1\r\n"),
    "-0": post(b"Content-Length: -0\r\n", b""),
    "hexadecimal length": post(b"Content-Length: 0x10\r\n"),
    "length with an exponent": post(b"Content-Length: 1e1\r\n"),
    "length with a point": post(b"Content-Length: 5.0\r\n"),
    "length with an underscore": post(b"Content-Length: 1_0\r\n"),
    "length in quotes": post(b'Content-Length: "5"\r\n'),
    "length with a space inside": post(b"Content-Length: 1 0\r\n"),
    "length with a semicolon": post(b"Content-Length: 5;\r\n"),
    "length with a comma": post(b"Content-Length: 5,\r\n"),
    "length in Arabic digits": post("Content-Length: \u0665\r\n".encode()),
    "length of 2^64": post(b"Content-Length: 18446744073709551616\r\n"),
    "length of 2^63": post(b"Content-Length: 9223372036854775808\r\n"),
    "length of 40 digits": post(b"Content-Length: " + b"9" * 40 + b"\r\n"),
    "empty length": post(b"Content-Length: \r\n"),
    "no length": post(b""),
    # Chunks that other servers may not see as such.
    "space before the colon of Transfer-Encoding": post(b"Transfer-Encoding : chunked\r\n", END),
    "tab before the colon": post(b"Transfer-Encoding\t: chunked\r\n", END),
    "vertical tab before chunked": post(b"Transfer-Encoding: \x0bchunked\r\n", END),
    "form feed behind chunked": post(b"Transfer-Encoding: chunked\x0c\r\n", END),
    "NUL behind chunked": post(b"Transfer-Encoding: chunked\x00\r\n", END),
    "chunked in quotes": post(b"Transfer-Encoding: 'chunked'\r\n", END),
    "chunked with a parameter": post(b"Transfer-Encoding: chunked;q=1\r\n", END),
    "chunked with a comma": post(b"Transfer-Encoding: chunked,\r\n", END),
    "comma before chunked": post(b"Transfer-Encoding: ,chunked\r\n", END),
    "xchunked": post(b"Transfer-Encoding: xchunked\r\n", END),
    "chunk": post(b"Transfer-Encoding: chunk\r\n", END),
    "chunked twice in one": post(b"Transfer-Encoding: chunked, chunked\r\n", END),
    "gzip, chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", END),
    "chunked folded": post(b"Transfer-Encoding:\r\n chunked\r\n", END),
    "chunked folded with a tab": post(b"Transfer-Encoding:\r\n\tchunked\r\n", END),
    "chunked behind a bare LF": post(b"X: y\nTransfer-Encoding: chunked\r\n" + LENGTH, END),
    "chunked behind a bare CR": post(b"X: y\rTransfer-Encoding: chunked\r\n" + LENGTH, END),
    "Transfer-Encoding with an underscore inside": post(b"Transfer Encoding: chunked\r\n", END),
    "chunked in HTTP/1.0": post(CHUNKED, END, b"POST /collect HTTP/1.0"),
    "chunked before the first field": b"POST /collect HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: h\r\n\r\n" + END,
    # Chunks whose ends could be seen elsewhere.
    "chunk size of 2^64": chunks(b"10000000000000000\r\n", _BODY, b"\r\n", END),
    "chunk size of 2^64 and some": chunks(b"1000000000000000%x\r\n" % 5, _BODY, b"\r\n", END),
    "chunk size of 2^63": chunks(b"8000000000000000\r\n", _BODY, b"\r\n", END),
    "chunk size beyond the limit": chunks(b"ffffffff\r\n", _BODY, b"\r\n", END),
    "negative chunk size": chunks(b"-1\r\n", _BODY, b"\r\n", END),
    "chunk size with a plus": chunks(b"+5\r\n", _BODY, b"\r\n", END),
    "chunk size with 0x": chunks(b"0x5\r\n", _BODY, b"\r\n", END),
    "chunk size with an underscore": chunks(b"1_0\r\n", _BODY, b"\r\n", END),
    "no chunk size": chunks(b"\r\n", _BODY, b"\r\n", END),
    "chunk size of letters": chunks(b"xyz\r\n", _BODY, b"\r\n", END),
    "space before a chunk size": chunks(b" 5\r\n", _BODY, b"\r\n", END),
    "chunk size ended by LF": chunks(b"%x\n" % len(_BODY), _BODY, b"\r\n", END),
    "chunk size ended by CR": chunks(b"%x\r" % len(_BODY), _BODY, b"\r\n", END),
    "chunk without its end": chunks(b"%x\r\n" % len(_BODY), _BODY, END),
    "chunk ended by LF": chunks(b"%x\r\n" % len(_BODY), _BODY, b"\n", END),
    "chunk ended by other bytes": chunks(b"%x\r\n" % len(_BODY), _BODY, b"XX", END),
    "chunk longer than said": chunks(b"%x\r\n" % (len(_BODY) - 3), _BODY, b"\r\n", END),
    "last chunk ended by LF": chunks(ONE_CHUNK, b"0\n\n"),
    "chunk extension with LF": chunks(b"%x;a\n\r\n" % len(_BODY), _BODY, b"\r\n", END),
    "chunk extension with CR": chunks(b"%x;a\rb\r\n" % len(_BODY), _BODY, b"\r\n", END),
    "long chunk extension": chunks(b"%x;%s\r\n" % (len(_BODY), b"e" * 20_000), _BODY, b"\r\n", END),
    "trailer with a length": chunks(ONE_CHUNK, b"0\r\n", LENGTH, b"\r\n"),
    "trailer with chunks": chunks(ONE_CHUNK, b"0\r\n", CHUNKED, b"\r\n"),
    "trailer with a NUL": chunks(ONE_CHUNK, b"0\r\nX: y\x00\r\n\r\n"),
    "trailer with a bare CR": chunks(ONE_CHUNK, b"0\r\nX: y\rZ: a\r\n\r\n"),
    "trailer with a bare LF": chunks(ONE_CHUNK, b"0\r\nX: y\nZ: a\r\n\r\n"),
    "trailer ended by LF": chunks(ONE_CHUNK, b"0\r\nX: y\n\n"),
    "trailer without a colon": chunks(ONE_CHUNK, b"0\r\nPOST /collect HTTP/1.1\r\n\r\n"),
    "endless trailer": chunks(ONE_CHUNK, b"0\r\nX: ", b"y" * 40_000),
    # Fields.
    "folded field": post(LENGTH + b"X: y\r\n z\r\n"),
    "NUL in a value": post(LENGTH + b"X: y\x00z\r\n"),
    "NUL in a name": post(LENGTH + b"X\x00: y\r\n"),
    "bare LF": post(LENGTH + b"X: y\nZ: a\r\n"),
    "bare CR": post(LENGTH + b"X: y\rZ: a\r\n"),
    "two CRs": post(LENGTH[:-2] + b"\r\r\n"),
    "field without a colon": post(LENGTH + b"Xyz\r\n"),
    "field without a name": post(LENGTH + b": y\r\n"),
    "name with a space": post(LENGTH + b"X Y: z\r\n"),
    "name with a comma": post(LENGTH + b"X,Y: z\r\n"),
    "name with brackets": post(LENGTH + b"X(Y): z\r\n"),
    "name beyond ASCII": post(LENGTH + "\u00dc: z\r\n".encode()),
    "control character": post(LENGTH + b"X: \x01\r\n"),
    "DEL": post(LENGTH + b"X: \x7f\r\n"),
    "200 fields": post(LENGTH + b"".join(b"X-%d: y\r\n" % n for n in range(200))),
    "100,000 fields": post(LENGTH + b"X:y\r\n" * 100_000),
    "a long field": post(LENGTH + b"X: " + b"y" * 20_000 + b"\r\n"),
    "a long name": post(LENGTH + b"X" * 20_000 + b": y\r\n"),
    "an endless field": post(b"X: " + b"y" * 200_000, b""),
    "two Content-Encodings": post(LENGTH + b"Content-Encoding: gzip\r\nContent-Encoding: zstd\r\n"),
    # Whom it is for.
    "no Host": get(fields=b""),
    "two Hosts": get(fields=b"Host: a\r\nHost: b\r\n"),
    "the same Host twice": get(fields=b"Host: a\r\nHost: a\r\n"),
    "space before the colon of Host": get(fields=b"Host : h\r\n"),
    # The request line.
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "HTTP/0.9 with a version": get(b"GET /health HTTP/0.9"),
    "HTTP/1.2": get(b"GET /health HTTP/1.2"),
    "HTTP/2.0": get(b"GET /health HTTP/2.0"),
    "HTTP/11.1": get(b"GET /health HTTP/11.1"),
    "HTTP/1.": get(b"GET /health HTTP/1."),
    "http/1.1": get(b"GET /health http/1.1"),
    "HTTPS/1.1": get(b"GET /health HTTPS/1.1"),
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "a SOCKS greeting": b"\x05\x01\x00",
    "no target": get(b"GET HTTP/1.1"),
    "two spaces": get(b"GET  /health HTTP/1.1"),
    "space in the target": get(b"GET /a b HTTP/1.1"),
    "tab for a space": get(b"GET\t/health\tHTTP/1.1"),
    "NUL in the target": get(b"GET /\x00 HTTP/1.1"),
    "CR in the target": get(b"GET /\r HTTP/1.1"),
    "LF in the target": get(b"GET /\n HTTP/1.1"),
    "text behind the version": get(b"GET /health HTTP/1.1 x"),
    "space before the method": get(b" GET /health HTTP/1.1"),
    "method with a colon": get(b"GET: /health HTTP/1.1"),
    "LF for CR LF": b"GET /health HTTP/1.1\nHost: h\n\n",
    "CR for CR LF": b"GET /health HTTP/1.1\rHost: h\r\r",
    "a long target": get(b"GET /" + b"a" * 5000 + b" HTTP/1.1"),
    "an endless target": b"GET /" + b"a" * 200_000,
    "an endless method": b"A" * 200_000,
    "an unknown path with a body": post(LENGTH, line=b"POST /nothing HTTP/1.1"),
    "a body where none is taken": post(LENGTH, line=b"GET /health HTTP/1.1"),
    "a body of chunks where none is taken": post(CHUNKED, ONE_CHUNK + END, line=b"GET /health HTTP/1.1"),
    "a path that goes up": post(LENGTH, line=b"POST /collect/../collect HTTP/1.1"),
    "an encoded path": post(LENGTH, line=b"POST /%63ollect HTTP/1.1"),
    "authority-form": post(LENGTH, line=b"CONNECT h:80 HTTP/1.1"),
    "asterisk-form": post(LENGTH, line=b"OPTIONS * HTTP/1.1"),
    "TRACE": post(LENGTH, line=b"TRACE /collect HTTP/1.1"),
}


STILL_OPEN = b"(the connection is still open)"
PATIENCE_SECONDS = 10
MORE_MB = 64


def exchange(port, sent):
    """All that comes back until the gateway ends the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
        try:
            client.sendall(sent)
            while piece := client.recv(65_536):
                answer += piece
        except (BrokenPipeError, ConnectionResetError):
            pass  # the rest of what was sent did not interest it
        except TimeoutError:
            answer += STILL_OPEN
    return answer


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each case was answered; the warehouse and the number of the journal's records afterwards; the memory that
    all of them took."""
    lake = Lake(tmp_path_factory.mktemp("malformed") / "warehouse")
    # No case waits for the gateway's patience: each ends because of what it is.
    with Up(lake, env={"OCTOLAKE_GATEWAY_IDLE_TIMEOUT": "1h", "OCTOLAKE_GATEWAY_HEAD_TIMEOUT": "1h",
                       "OCTOLAKE_GATEWAY_BODY_TIMEOUT": "1h", "OCTOLAKE_GATEWAY_REQUEST_TIMEOUT": "1h"}) as up:
        up.wait_for_first_run()
        before = up.peak_mb(from_now=True)
        found = {what: exchange(up.port, sent + SMUGGLED) for what, sent in CASES.items()}
        more_mb = up.peak_mb() - before
        # The hidden one in the open: what arrives would be seen.
        assert exchange(up.port, get() + post(LENGTH + b"Connection: close\r\n")).count(b" 200 ") == 2
        up.wait_for_bronze()
        records = up.send("GET", "/api/v1/status")[1]["journal"]["durable_sequence"]
        up.stop()
    return found, lake, records, more_mb


@pytest.mark.parametrize("what", CASES)
def test_it_is_refused_once_and_the_connection_ends(answers, what):
    answer = answers[0][what]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), answer
    assert b"\r\nConnection: close" in head
    assert STILL_OPEN not in answer
    # One answer, and only one.
    assert list(json.loads(body)) == ["detail"]


def test_nothing_of_what_was_hidden_arrived(answers):
    _, lake, records, _ = answers
    assert len(CASES) >= 60
    assert lake.sql(f"SELECT id FROM {BRONZE}") == [{"id": str(HIDDEN)}]  # the good one's
    assert lake.value(f"SELECT count(*) FROM {REJECTED}") == 0
    assert records == 1


def test_they_cost_little_memory(answers):
    more_mb = answers[3]
    print(f"{len(CASES)} malformed requests: {more_mb:.1f} MB more")
    assert more_mb < MORE_MB


@pytest.mark.parametrize("path, field, refused", [
    (b"/collect", b"Authorization: Bearer a-token", b" 401 "),
    (b"/webhooks/github", b"X-Hub-Signature-256: " + signature("s", _BODY).encode(), b" 401 "),
    (b"/collect/batch", b"Content-Encoding: gzip", b" 200 "),
], ids=["a token", "a signature", "an encoding"])
def test_a_trailer_forges_nothing(lake, path, field, refused):
    """Nobody between may have looked at it."""
    env = {"OCTOLAKE_GATEWAY_WEBHOOK_SECRETS": "s", "OCTOLAKE_GATEWAY_TOKENS": "a-token"}
    known = b"" if path == b"/collect" else b"Authorization: Bearer a-token\r\n"
    fields = known + b"Content-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: d\r\n"
    trailer = b"0\r\n" + field + b"\r\n\r\n"
    with Up(lake, env=env) as up:
        sent = post(fields + b"Connection: close\r\n" + CHUNKED, ONE_CHUNK + trailer, b"POST " + path + b" HTTP/1.1")
        answer = exchange(up.port, sent)
        assert refused in answer.partition(b"\r\n")[0], answer
        up.stop()
