#!/usr/bin/env bash
# Java's JdbcCatalog, octolake and PyIceberg at one catalog, a SQLite file and PostgreSQL. Needs JDK 17 and Maven,
# which downloads some fifty jars the first time.
#
# usage: tests/interop/jdbc_catalog.sh [PYTEST_ARGUMENT...]  (OCTOLAKE: the program, default build/release/bin/octolake)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

missing=()
for tool in java javac mvn; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ]; then
  echo "interop: ${missing[*]} not found; Java Iceberg needs JDK 17 and Maven:" >&2
  echo "  sudo apt-get install openjdk-17-jdk-headless maven" >&2
  exit 1
fi

out=$PWD/build/interop-java
source=tests/interop/java
stamp=$(cat "$source/pom.xml" "$source/src/JdbcTables.java" | sha256sum | cut -c1-16)
if [ "$(cat "$out/stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$out"
  mkdir -p "$out/classes"
  mvn -q -B -f "$source/pom.xml" dependency:build-classpath -Dmdep.outputFile="$out/classpath"
  javac -d "$out/classes" -cp "$(cat "$out/classpath")" "$source/src/JdbcTables.java"
  echo "$stamp" >"$out/stamp"
fi

export OCTOLAKE_JDBC_TABLES="java -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp $out/classes:$(cat "$out/classpath") JdbcTables"
export OCTOLAKE=${OCTOLAKE:-$PWD/build/release/bin/octolake}
export TZ=Asia/Kathmandu
exec .deps/tests/bin/python -m pytest -q tests/interop/jdbc_catalog.py "$@"
