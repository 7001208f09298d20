#!/usr/bin/env bash
# From a clone to a built preset: system packages, pinned parts, configure, compile. Each step does only
# what is not done yet. All output goes to stderr, so that a caller's stdout stays its own.
#
# usage: deps/build.sh PRESET [--tests] [TARGET...]    (no target: everything; --tests: what tests need, too)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec >&2

preset=$1
shift
bootstrap_options=()
if [ "${1-}" = --tests ]; then
  bootstrap_options=(--tests)
  shift
fi

deps/install_system_packages.sh
[ ${#bootstrap_options[@]} -eq 0 ] || deps/install_system_packages.sh tests
deps/bootstrap.sh "${bootstrap_options[@]}"

# Configuring again costs seconds; ninja does it by itself when a CMake file changed.
[ -e "build/$preset/build.ninja" ] || cmake --preset "$preset"
targets=()
[ $# -eq 0 ] || targets=(--target "$@")
# A compiler needs up to 1.5 GB for the sources that include Arrow.
gigabytes=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
jobs=$(nproc)
most=$((gigabytes * 2 / 3))
[ "$jobs" -le "$most" ] || jobs=$((most > 0 ? most : 1))
cmake --build "build/$preset" --parallel "$jobs" "${targets[@]}"
