#!/usr/bin/env bash
# clang-format over our sources, clang-tidy over those that build/release compiles, include direction.
# usage: deps/lint.sh                  (everything)
#        deps/lint.sh --since REV      (clang-tidy for the files changed since REV, and those that
#                                       include a header changed since)
#        deps/lint.sh FILE.cc...       (clang-tidy for these files)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

directories=(src spark/native)

# Sources that differ from a revision, not yet committed ones too, and all that name a header among
# them: those of src/ are named from there, the others from the top.
changed_since() {
  local changed headers
  changed=$({ git diff --name-only --diff-filter=d "$1" -- "${directories[@]}"
              git ls-files --others --exclude-standard -- "${directories[@]}"; })
  headers=$(sed -n 's,^\(src/\)\?\(.*\.h\)$,\2,p' <<<"$changed")
  {
    grep '\.cc$' <<<"$changed" || true
    while read -r header; do
      [ -z "$header" ] ||
        grep -rlF --include='*.cc' "#include \"$header\"" "${directories[@]}" || true
    done <<<"$headers"
  } | sort -u
}

if [ "${1-}" = --since ]; then
  git rev-parse --verify --quiet "$2^{commit}" >/dev/null || { echo "lint: no revision $2" >&2; exit 2; }
  mapfile -t files < <(changed_since "$2")
  echo "lint: clang-tidy for ${#files[@]} files changed since $2" >&2
elif [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(git ls-files "${directories[@]/%//*.cc}")
fi

status=0
git ls-files -z "${directories[@]/%//*.h}" "${directories[@]/%//*.cc}" |
  xargs -0 -r clang-format-14 --dry-run --Werror || status=1
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
[ ${#files[@]} -eq 0 ] || printf '%s\0' "${files[@]}" |
  xargs -0 -n 4 -P "$(nproc)" clang-tidy-14 --quiet -p "$commands" \
    2> >(grep -v ' warnings\? generated\.$' >&2) || status=1
exit $status
