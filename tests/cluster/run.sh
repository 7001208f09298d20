#!/usr/bin/env bash
# Events through every component of a cluster of its own, started without containers. Needs what
# `make cluster-test` fetches.
#
# usage: tests/cluster/run.sh [PYTEST_ARGUMENT...]  (OCTOLAKE: the program, default build/release/bin/octolake)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

data=${OCTOLAKE_TEST_DATA:-../shared/data}
if [ -d "$data" ]; then
  OCTOLAKE_TEST_DATA=$(cd "$data" && pwd)
  export OCTOLAKE_TEST_DATA
else
  unset OCTOLAKE_TEST_DATA
  echo "cluster-test: no real event data at $data; synthetic events take its place" >&2
fi
export OCTOLAKE=${OCTOLAKE:-$PWD/build/release/bin/octolake}
export TZ=Asia/Kathmandu
exec .deps/tests/bin/python -m pytest -q tests/cluster/whole_pipeline.py "$@"
