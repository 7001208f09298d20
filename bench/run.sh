#!/usr/bin/env bash
# Runs the benchmarks; see README.md beside this file.
# usage: bench/run.sh [--runs N] [--input FILE...]
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
octolake=$top/build/release/bin/octolake
runs=5 files=()
while [ $# -gt 0 ]; do
  case $1 in
    --runs) runs=$2; shift 2 ;;
    --input) shift; files=("$@"); set -- ;;
    *) echo "usage: bench/run.sh [--runs N] [--input FILE...]" >&2; exit 2 ;;
  esac
done

"$top/deps/bootstrap.sh" --bench
# An input is made once: of real hours where they are at hand, else of synthetic events.
real=(${OCTOLAKE_TEST_DATA:-$top/../shared/data}/gharchive/2015-*.json.gz)
if [ ${#files[@]} -eq 0 ] && [ -e "${real[0]}" ]; then
  input=$top/build/bench-input-real
  [ -e "$input/done" ] || { python3 "$top/bench/inflate.py" 10 "$input" "${real[@]}" && touch "$input/done"; }
  files=("$input"/*.json.gz)
elif [ ${#files[@]} -eq 0 ]; then
  input=$top/build/bench-input
  if [ ! -e "$input/done" ]; then
    mkdir -p "$input"
    for seed in $(seq 1 20); do
      "$octolake" generate --quiet --events 9500 --era 2015 --seed "$seed" | gzip >"$input/$seed.json.gz"
    done
    touch "$input/done"
  fi
  files=("$input"/*.json.gz)
fi
for benchmark in "load.py --tenfold 3" run_pipeline.py; do
  # Unquoted: a file and its flags.
  python3 "$top/bench/"$benchmark --octolake "$octolake" --peer-python "$top/.deps/bench/bin/python" \
    --runs "$runs" "${files[@]}"
done
python3 "$top/bench/commits.py" --octolake "$octolake"

cmake --build "$top/build/release" --target many_commits
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$top/build/release/bin/many_commits" "$scratch"
# What files a query reads can only be seen where strace is, the pages in them where pyarrow is.
if command -v strace >/dev/null && [ -x "$top/.deps/tests/bin/python" ]; then
  "$top/.deps/tests/bin/python" "$top/bench/zorder.py" --octolake "$octolake"
fi
