#!/usr/bin/env bash
# Writes the .txt files anew from their .in files: every package with the hashes of all its files, for
# Python 3.11 and later on any machine. Needs uv; run it only to change a version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for name in dbt tests bench build spark airflow; do
  # Some of Spark's packages are published as sources only; bootstrap.sh names them.
  wheels_only=(--only-binary :all:)
  [ "$name" != spark ] || wheels_only=()
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes "${wheels_only[@]}" \
    --no-emit-index-url --no-emit-find-links --custom-compile-command deps/python/lock.sh \
    --output-file "$name.txt" "$name.in"
done
