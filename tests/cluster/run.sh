#!/usr/bin/env bash
# Events through every component of a cluster of its own, started without containers. Needs what
# `make cluster-test` fetches.
#
# usage: tests/cluster/run.sh [PYTEST_ARGUMENT...]  (OCTOLAKE: the program, default build/release/bin/octolake)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. tests/environment.sh "synthetic events take its place"
exec .deps/tests/bin/python -m pytest -q tests/cluster/whole_pipeline.py "$@"
