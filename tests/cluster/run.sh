#!/usr/bin/env bash
# Tests on a cluster of their own, started without containers. Need what `make cluster-test` fetches.
#   whole_pipeline   events through every component, the rows compared with the embedded program's
#   ledger           every acknowledged event in Bronze once, whatever ends or is away
#
# usage: tests/cluster/run.sh (whole_pipeline|ledger) [PYTEST_ARGUMENT...]
#        (OCTOLAKE: the program, default build/release/bin/octolake)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

case ${1-} in
  whole_pipeline | ledger) test=$1 && shift ;;
  *) echo "usage: tests/cluster/run.sh (whole_pipeline|ledger) [PYTEST_ARGUMENT...]" >&2 && exit 2 ;;
esac
. tests/environment.sh "synthetic events take its place"
exec .deps/tests/bin/python -m pytest -q "tests/cluster/$test.py" "$@"
