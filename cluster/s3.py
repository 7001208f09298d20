#!/usr/bin/env python3
"""Just enough of S3 to look for a bucket and to make it, with nothing but the standard library.

usage: s3.py ENDPOINT BUCKET     make the bucket unless it is there (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)
"""

import datetime
import hashlib
import hmac
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass

NO_BODY = hashlib.sha256(b"").hexdigest()
LIMIT_SECONDS = 10


@dataclass(frozen=True)
class Store:
    endpoint: str  # http://host:port
    user: str
    password: str
    region: str = "us-east-1"

    def bucket_trouble(self, bucket):
        """Why the store does not answer for the bucket; None if it does, be the bucket there or not."""
        try:
            status, _ = self._send("HEAD", bucket)
        except OSError as error:
            return f"{self.endpoint}: {error}"
        return None if status in (200, 404) else f"{self.endpoint} answered {status} for the bucket {bucket}"

    def make_bucket(self, bucket):
        """Makes the bucket unless it is there. Raises OSError."""
        status, answer = self._send("PUT", bucket)
        if status != 200 and not (status == 409 and "BucketAlreadyOwnedByYou" in answer):
            raise OSError(f"{self.endpoint}: making the bucket {bucket} was answered with {status}: {answer}")

    def _send(self, method, bucket):
        """A signed request: status and body. Signature Version 4, as AWS's documentation has it."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        headers = {"host": self.endpoint.partition("://")[2], "x-amz-content-sha256": NO_BODY, "x-amz-date": now}
        names = ";".join(headers)
        request = "\n".join([method, f"/{bucket}", "", *(f"{name}:{value}" for name, value in headers.items()), "",
                             names, NO_BODY])
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = f"AWS4{self.password}".encode()
        for part in (now[:8], self.region, "s3", "aws4_request", text):
            key = hmac.digest(key, part.encode(), "sha256")
        authorization = f"AWS4-HMAC-SHA256 Credential={self.user}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
        sent = urllib.request.Request(f"{self.endpoint}/{bucket}", method=method,
                                      headers={**headers, "authorization": authorization})
        try:
            with urllib.request.urlopen(sent, timeout=LIMIT_SECONDS) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.partition("usage: ")[2].strip(), file=sys.stderr)
        return 2
    endpoint, bucket = arguments
    try:
        Store(endpoint, os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]).make_bucket(bucket)
    except KeyError as error:
        print(f"s3: {error.args[0]} is not set", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"s3: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
