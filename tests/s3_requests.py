"""Signed requests to an S3 server, for what pyarrow's file system has no call for."""

import hashlib
import hmac
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import requests

REGION = "us-east-1"


def signed(minio, method, path, headers, body=b""):
    """Headers with AWS's signature, version 4; the query is empty."""
    now = datetime.now(timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    every = {**headers, "host": minio.endpoint.removeprefix("http://"), "x-amz-date": stamp,
             "x-amz-content-sha256": digest}
    names = sorted(every)
    canonical = "\n".join([method, path, "", *(f"{name}:{every[name]}" for name in names), "", ";".join(names), digest])
    scope = f"{day}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + minio.password.encode()
    for part in (day, REGION, "s3", "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    every["authorization"] = (f"AWS4-HMAC-SHA256 Credential={minio.user}/{scope}, SignedHeaders={';'.join(names)}, "
                              f"Signature={key.hex()}")
    return every


def put_old_object(minio, location, body, days):
    """Makes an object that is so old, which MinIO allows to who copies from another MinIO."""
    path = "/" + quote(location.removeprefix("s3://"))
    then = datetime.now(timezone.utc) - timedelta(days=days)
    headers = {"x-minio-source-mtime": then.strftime("%Y-%m-%dT%H:%M:%SZ"),
               "x-minio-source-replication-request": "true"}
    answer = requests.put(minio.endpoint + path, data=body, headers=signed(minio, "PUT", path, headers, body), timeout=60)
    answer.raise_for_status()
