"""Just enough of S3 to make a bucket, with nothing but the standard library."""

import datetime
import hashlib
import hmac
import urllib.error
import urllib.request

NO_BODY = hashlib.sha256(b"").hexdigest()


def make_bucket(endpoint, bucket, user, password, region="us-east-1"):
    """Makes the bucket unless it is there. Signature Version 4, as AWS's documentation has it."""
    host = endpoint.partition("://")[2]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    headers = {"host": host, "x-amz-content-sha256": NO_BODY, "x-amz-date": now}
    names = ";".join(headers)
    request = "\n".join(["PUT", f"/{bucket}", "", *(f"{name}:{value}" for name, value in headers.items()), "",
                         names, NO_BODY])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{password}".encode()
    for part in (now[:8], region, "s3", "aws4_request", text):
        key = hmac.digest(key, part.encode(), "sha256")
    authorization = f"AWS4-HMAC-SHA256 Credential={user}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    put = urllib.request.Request(f"{endpoint}/{bucket}", method="PUT",
                                 headers={**headers, "authorization": authorization})
    try:
        urllib.request.urlopen(put, timeout=30).close()
    except urllib.error.HTTPError as error:
        answer = error.read().decode(errors="replace")
        if error.code != 409 or "BucketAlreadyOwnedByYou" not in answer:
            raise OSError(f"{endpoint}: making the bucket {bucket} was answered with {error.code}: {answer}") from None
