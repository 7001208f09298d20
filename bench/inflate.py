"""Makes a large input out of a few files of real events: each file is written COPIES times, every copy
with ids and hashes of its own, so that nothing repeats and nothing compresses better than it does in
life. Deterministic. usage: inflate.py COPIES OUT_DIRECTORY FILE.json.gz..."""

import gzip
import hashlib
import re
import sys
from pathlib import Path

# Commit hashes and gravatar ids; event, user and other ids.
HASH = re.compile(rb"\b[0-9a-f]{32,40}\b")
NUMBER = re.compile(rb'"id":(\s*"?)(\d{6,})')
BETWEEN_COPIES = 1_000_000_007


def copy_of(text, number):
    def new_hash(match):
        digest = hashlib.sha1(match.group() + b"%d" % number).hexdigest()
        return digest[: len(match.group())].encode()

    def new_number(match):
        moved = int(match.group(2)) + number * BETWEEN_COPIES
        return b'"id":' + match.group(1) + b"%d" % moved

    return NUMBER.sub(new_number, HASH.sub(new_hash, text)) if number else text


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    copies, directory, files = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    directory.mkdir(parents=True, exist_ok=True)
    for path in map(Path, files):
        text = gzip.decompress(path.read_bytes())
        for number in range(copies):
            target = directory / f"{path.name.removesuffix('.json.gz')}-{number}.json.gz"
            target.write_bytes(gzip.compress(copy_of(text, number), 6, mtime=0))


if __name__ == "__main__":
    main()
