#!/usr/bin/env bash
# The tests of kills, power cuts, races and failing writes at full size. OCTOLAKE_KILLS, OCTOLAKE_POWER_CUTS and
# OCTOLAKE_RACE_SECONDS say how large that is; OCTOLAKE_KILL_SEED repeats the kills of an earlier run, whose seed it printed.
#
# usage: tests/crash.sh [PYTEST-OPTION...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. tests/environment.sh "the tests that read it are skipped"
export OCTOLAKE_KILLS=${OCTOLAKE_KILLS:-200} OCTOLAKE_RACE_SECONDS=${OCTOLAKE_RACE_SECONDS:-120}
export OCTOLAKE_POWER_CUTS=${OCTOLAKE_POWER_CUTS:-20}
exec .deps/tests/bin/python -m pytest -ra -s "$@" tests/test_kill.py tests/test_race.py tests/test_full_disk.py \
  tests/test_catalog_trouble.py tests/test_poll.py tests/test_gateway.py tests/test_gateway_faults.py
