#!/usr/bin/env bash
# Reads the tables of one busy warehouse with PyIceberg, Java Iceberg, Polars, DuckDB, Daft, ClickHouse,
# DataFusion and Spark, compares their rows with `octolake sql`, and checks every table's files against
# the specification. The readers and the checker are no part of this repository: OCTOLAKE_VERIFY names
# their folder (default ../shared/verify). Their environment is made once, in .deps/verify: 10 minutes.
# Needs JDK 17 and Maven.
#
# usage: tests/interop/run_all.sh [--engines a,b]    (OCTOLAKE: the program, default build/release/bin/octolake)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

verify=${OCTOLAKE_VERIFY:-../shared/verify}
if [ ! -e "$verify/setup.sh" ]; then
  echo "interop: no readers at $verify; set OCTOLAKE_VERIFY to the folder that holds their setup.sh" >&2
  exit 1
fi
missing=()
for tool in java javac mvn; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ]; then
  echo "interop: ${missing[*]} not found; Java Iceberg and Spark need JDK 17 and Maven:" >&2
  echo "  sudo apt-get install openjdk-17-jdk-headless maven" >&2
  exit 1
fi

home=$PWD/.deps/verify
stamp=$(cd "$verify" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
if [ "$(cat .deps/.stamp-verify 2>/dev/null)" != "$stamp" ]; then
  echo "interop: making the readers' environment in .deps/verify (10 minutes, once)" >&2
  rm -rf "$home" .deps/.stamp-verify
  "$verify/setup.sh" "$home" >&2
  echo "$stamp" >.deps/.stamp-verify
fi

. tests/environment.sh "synthetic events take its place"
exec .deps/tests/bin/python tests/interop/run_all.py --verify "$home" --scratch build/interop "$@"
