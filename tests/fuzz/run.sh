#!/usr/bin/env bash
# Runs fuzz targets one after another, each for FUZZ_SECONDS (60), on what they found before and on
# their inputs in the repository. New inputs that reach new code stay in build/fuzz/corpus; what ends
# a target (crash, hang, too much memory) goes to build/fuzz/findings and makes the run fail.
#
# usage: tests/fuzz/run.sh [NAME...]            (default: all; the NAME of src/*/NAME_fuzz.cc)
#        tests/fuzz/run.sh --minimise NAME...   (rewrite tests/fuzz/NAME with as few inputs as reach
#                                                the code that all known inputs reach)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=$PWD/build/fuzz
seconds=${FUZZ_SECONDS:-60}
minimise=
if [ "${1-}" = --minimise ]; then
  minimise=1
  shift
fi
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for source in src/*/*_fuzz.cc; do names+=("$(basename "$source" _fuzz.cc)"); done
fi

# An input is small; what takes longer or more memory than this for one is a finding.
limits=(-max_len=8192 -timeout=10 -rss_limit_mb=1024)
# The address sanitizer sees the bounds of Arrow's buffers only if malloc hands them out.
export ARROW_DEFAULT_MEMORY_POOL=system TZ=Asia/Kathmandu
# Freed memory is kept from reuse for a while; at the default size that alone takes 256 MB, and most
# of the time goes into new pages.
export ASAN_OPTIONS=quarantine_size_mb=16

minimise_corpus() {
  local name=$1 reduced
  reduced=$(mktemp -d "$build/minimise.XXXXXX")
  # Without counters, an input must reach new code to be kept: those are few.
  "$build/bin/${name}_fuzz" -set_cover_merge=1 -use_counters=0 "${limits[@]}" -max_len=2048 \
    "$reduced" "tests/fuzz/$name" "$build/corpus/$name" 2>"$reduced.log" ||
    { cat "$reduced.log" >&2; return 1; }
  # Regressions keep their names and stay, whatever else reaches the same code.
  find "tests/fuzz/$name" -type f ! -name 'regression-*' -delete
  mv "$reduced"/* "tests/fuzz/$name/"
  rmdir "$reduced"
  rm "$reduced.log"
}

status=0
for name in "${names[@]}"; do
  corpus=$build/corpus/$name findings=$build/findings/$name
  mkdir -p "$corpus" "$findings"
  if [ -n "$minimise" ]; then
    minimise_corpus "$name"
    continue
  fi
  echo "fuzzing $name for $seconds s"
  log=$findings/log.txt
  if "$build/bin/${name}_fuzz" -max_total_time="$seconds" "${limits[@]}" -print_final_stats=1 \
    -artifact_prefix="$findings/" "$corpus" "tests/fuzz/$name" >"$log" 2>&1; then
    awk '/^stat::number_of_executed_units/ {n = $2} /^stat::peak_rss_mb/ {m = $2}
         END {printf "  no finding in %d inputs, at most %d MB\n", n, m}' "$log"
  else
    status=1
    tail -n 60 "$log"
    echo "  FINDING in $name: see $findings" >&2
  fi
done
exit $status
