#!/usr/bin/env python3
"""Download the source archives of a pin file as plain files and check their SHA-256.

`pip download --no-binary` would run each archive's build back end, with requirements outside our
hashes, only to read its metadata. So this asks the index that pip is configured for and takes the
file itself.

usage: fetch_sdists.py PINS DIRECTORY
"""

import hashlib
import html
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

ATTEMPTS = 4
CHUNK = 1 << 20


def index_url():
    """The index pip uses here: pip's help shows its default after configuration and environment."""
    out = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--help"],
        check=True, capture_output=True, text=True, env={**os.environ, "COLUMNS": "400"},
    ).stdout
    found = re.search(r"--index-url.*?\(default\s+(\S+?)\)", out, re.S)
    if not found:
        sys.exit("fetch_sdists: cannot tell which package index pip uses; set PIP_INDEX_URL")
    return found.group(1).rstrip("/") + "/"


def get(url):
    """Open `url`, trying again when the network fails for the moment."""
    for attempt in range(ATTEMPTS):
        try:
            return urllib.request.urlopen(url, timeout=120)
        except OSError as error:
            if attempt + 1 == ATTEMPTS:
                sys.exit(f"fetch_sdists: {url}: {error}")
            time.sleep(2**attempt)
    raise AssertionError("unreachable")


def fetch(index, name, version, sha256, directory):
    file_name = f"{name}-{version}.tar.gz"
    with get(urllib.parse.urljoin(index, name + "/")) as page:
        base, text = page.geturl(), page.read().decode()
    for href in re.findall(r'href="([^"]+)"', text):
        url = urllib.parse.urljoin(base, html.unescape(href))
        if urllib.parse.urlsplit(url).path.endswith("/" + file_name):
            break
    else:
        sys.exit(f"fetch_sdists: the package index lists no {file_name}")
    digest = hashlib.sha256()
    with get(url) as source, open(os.path.join(directory, file_name), "wb") as target:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            target.write(chunk)
    if digest.hexdigest() != sha256:
        sys.exit(f"fetch_sdists: {file_name}: expected SHA-256 {sha256}, found {digest.hexdigest()}")


def main():
    pins, directory = sys.argv[1:]
    index = index_url()
    with open(pins) as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                requirement, sha256 = line.split()
                fetch(index, *requirement.split("=="), sha256, directory)


main()
