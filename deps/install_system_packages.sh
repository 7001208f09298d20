#!/usr/bin/env bash
# Installs what deps/system-packages.txt lists and this machine lacks, after saying what and why.
# Does nothing, and needs no rights, when all of it is there.
#
# usage: deps/install_system_packages.sh [GROUP]      (default group: build)
set -euo pipefail

group=${1:-build}
list=$(dirname "${BASH_SOURCE[0]}")/system-packages.txt

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This machine has no apt. Needed are the equivalents of:" >&2
  awk -v group="$group" '$1 == group' "$list" >&2
  exit 0
fi

missing=() lines=()
while read -r of_group package command reason; do
  [ "$of_group" = "$group" ] || continue
  # A tool may be there without its package, such as npm with a newer Node.
  [ "$command" = - ] || ! command -v "$command" >/dev/null || continue
  case " $(dpkg-query -W -f '${db:Status-Status} ' ${package//|/ } 2>/dev/null)" in
    *" installed "*) ;;
    *) missing+=("$package") lines+=("$(printf '  %-20s %s' "${package//|/ or }" "$reason")") ;;
  esac
done <"$list"
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Installing ${#missing[@]} system packages that octolake's $group needs:" >&2
printf '%s\n' "${lines[@]}" >&2

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "This needs root. As root, run: apt-get install ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; echo "failed: $*" >&2; exit 1; }; }
quietly "${as_root[@]}" apt-get update
# Of alternatives the first that the distribution has.
for i in "${!missing[@]}"; do
  for package in ${missing[$i]//|/ }; do
    missing[i]=$package
    [ -z "$(apt-cache madison "$package" 2>/dev/null)" ] || break
  done
done
quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install --yes --no-install-recommends "${missing[@]}"
