"""Loaded by schemathesis (test_gateway_api.py): sends what a description cannot say. A body is compressed as its
Content-Encoding has it, and a signature is the body's; signatures that are none stay as they are.
"""

import gzip
import os
import re

import schemathesis
from pyarrow import Codec

from gateway import signature

SIGNATURE = re.compile("sha256=[0-9a-f]{64}")


def text(header):
    return header.decode("latin-1") if isinstance(header, bytes) else header or ""


def finish(request):
    body = request.body or b""
    if isinstance(body, str):
        body = body.encode()
    encoding = text(request.headers.get("Content-Encoding"))
    if body and encoding in ("gzip", "x-gzip", "zstd"):
        body = Codec("zstd").compress(body, asbytes=True) if encoding == "zstd" else gzip.compress(body)
        request.prepare_body(body, None)
    if SIGNATURE.fullmatch(text(request.headers.get("X-Hub-Signature-256"))):
        request.headers["X-Hub-Signature-256"] = signature(os.environ["OCTOLAKE_TEST_SECRET"], body)
    return request


@schemathesis.hook
def before_call(context, case, kwargs):
    kwargs["auth"] = finish
