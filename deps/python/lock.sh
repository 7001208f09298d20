#!/usr/bin/env bash
# Writes dbt.txt, tests.txt and bench.txt anew from their .in files: every package with the hashes of all its
# wheels, for Python 3.11 and later on any machine. Needs uv; run it only to change a version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for name in dbt tests bench; do
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: \
    --no-emit-index-url --no-emit-find-links --custom-compile-command deps/python/lock.sh \
    --output-file "$name.txt" "$name.in"
done
