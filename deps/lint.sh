#!/usr/bin/env bash
# clang-format over our sources, clang-tidy over those that build/release compiles, include direction.
# usage: deps/lint.sh [FILE.cc...]     (only these files for clang-tidy)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

status=0
git ls-files -z 'src/*.h' 'src/*.cc' | xargs -0 -r clang-format-14 --dry-run --Werror || status=1
python3 tests/include_direction.py src || status=1

# Compiler options that clang does not know, and the ccache prefix, are dropped from the commands.
commands=$(mktemp -d)
trap 'rm -rf "$commands"' EXIT
python3 - build/release/compile_commands.json "$commands/compile_commands.json" <<'P'
import json, re, sys
entries = json.load(open(sys.argv[1]))
for entry in entries:
    entry["command"] = re.sub(r"^.*?(?=\S*(?:g\+\+|c\+\+|clang\+\+)\S* )", "", entry["command"], count=1)
    entry["command"] = re.sub(r"-Wno-(restrict|stringop-\w+|maybe-uninitialized) ", "", entry["command"])
json.dump(entries, open(sys.argv[2], "w"))
P
if [ $# -gt 0 ]; then printf '%s\0' "$@"; else git ls-files -z 'src/*.cc'; fi |
  xargs -0 -r -n 4 -P "$(nproc)" clang-tidy-14 --quiet -p "$commands" \
    2> >(grep -v ' warnings\? generated\.$' >&2) || status=1
exit $status
