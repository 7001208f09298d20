#!/usr/bin/env bash
# Spark deletes rows of our tables by position; everybody reads what is left. Needs JDK 17, and the environments
# that run_all.sh (Spark, its Iceberg) and jdbc_catalog.sh (the SQLite driver) make; run it after them.
#
# usage: tests/interop/spark_deletes.sh [PYTEST_ARGUMENT...]  (OCTOLAKE: the program, default build/release/bin/octolake)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python=$PWD/.deps/verify/vspark/bin/python
repository=${HOME}/.m2/repository
iceberg=${ICEBERG_SPARK_JAR:-$(find "$repository/org/apache/iceberg" -name 'iceberg-spark-runtime-*.jar' 2>/dev/null | sort | tail -n 1)}
sqlite=$(find "$repository/org/xerial/sqlite-jdbc" -name 'sqlite-jdbc-*.jar' 2>/dev/null | sort | tail -n 1)
for part in "$python" "$iceberg" "$sqlite"; do
  if [ ! -e "$part" ]; then
    echo "interop: Spark, its Iceberg or the SQLite driver is missing; run tests/interop/jdbc_catalog.sh and" >&2
    echo "  tests/interop/run_all.sh first, which fetch them" >&2
    exit 1
  fi
done

export OCTOLAKE_SPARK_PYTHON=$python OCTOLAKE_SPARK_JARS=$iceberg,$sqlite
export OCTOLAKE=${OCTOLAKE:-$PWD/build/release/bin/octolake}
export TZ=Asia/Kathmandu
exec .deps/tests/bin/python -m pytest -q tests/interop/spark_deletes.py "$@"
