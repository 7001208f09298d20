#!/usr/bin/env bash
# Prints the Debian packages of the system's libraries that a program or library is linked with, one a line.
# Libraries from elsewhere (those under .deps/, which are installed beside the program) are left out.
#
# usage: deploy/library_packages.sh FILE
set -euo pipefail

architecture=$(g++ -print-multiarch)
# Where a program is installed it finds those beside itself; Spark's tasks have them of pyarrow.
LD_LIBRARY_PATH=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.deps/lib
export LD_LIBRARY_PATH
# One that is not found has no path to tell its package from.
if missing=$(ldd "$1" | grep 'not found'); then
  echo "library_packages: $1: $missing" >&2
  exit 1
fi
ldd "$1" | sed -n "s,.* => .*/$architecture/\([^/ ]*\) (.*,\1,p" | sort -u | while read -r library; do
  # By its name in either place: packages say /lib or /usr/lib for what is the same directory.
  dpkg-query --search "*/$architecture/$library" | sed 's/:.*//'
done | sort -u
