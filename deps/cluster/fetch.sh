#!/usr/bin/env bash
# Fetches pinned parts of the cluster into .deps/cluster/, for `make cluster-up` and for the images of deploy/:
#   kafka    .deps/cluster/kafka/*.jar     the broker and its tools, by Maven
#   spark    .deps/cluster/spark/*.jar     Iceberg, its S3, Kafka and PostgreSQL for Spark, by Maven
#   spark-tests  .deps/cluster/spark-tests/*.jar   the SQLite driver of a local warehouse's catalog, by Maven
#   minio    .deps/cluster/bin/minio       the S3 server, compiled by Go (8 minutes, once)
# Jars are compared with the SHA-256 sums in jars.sha256, Go modules by Go with go.sum. Each part has a stamp
# of its pins, so a second call is instant. The Python environments (spark, airflow) are bootstrap.sh's.
#
# usage: deps/cluster/fetch.sh PART...
#        deps/cluster/fetch.sh --lock PART...     write jars.sha256 anew, after a change of pom.xml
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage() { echo "usage: deps/cluster/fetch.sh [--lock] (kafka|spark|spark-tests|minio)..." >&2; exit 2; }
lock=false
[ "${1-}" != --lock ] || { lock=true; shift; }
[ $# -gt 0 ] || usage

deps=$here/../../.deps/cluster
mkdir -p "$deps/bin"
deps=$(cd "$deps" && pwd)
# Two calls at once share the directory; the second waits, then finds the stamps.
exec 9>"$deps/.lock"
flock 9
work=$(mktemp -d "$deps/.tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The one version of Maven's plugin, so that no later one decides what is copied.
COPY_DEPENDENCIES=org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies
# MinIO's go.mod asks for this Go. An older one (Debian 12 has 1.19) can fetch it as a module all the same.
GO_NEEDED=1.24
GO_TOOLCHAIN=golang.org/toolchain@v0.0.1-go1.24.9

need() {
  command -v "$1" >/dev/null || { echo "fetch: $1 not found; run deps/install_system_packages.sh cluster" >&2; exit 1; }
}
stamp_of() { cat "$@" | sha256sum | cut -c1-16; }
is_current() { [ "$(cat "$deps/.stamp-$1" 2>/dev/null)" = "$2" ]; }

copy_jars() {
  need mvn
  mvn --quiet --batch-mode -Dstyle.color=never --file "$here/$1/pom.xml" "$COPY_DEPENDENCIES" -DincludeScope=runtime \
    -DoutputDirectory="$work/$1" >&2
}

lock_jars() {
  copy_jars "$1"
  (cd "$work/$1" && LC_ALL=C sha256sum ./*.jar | sed 's, \./, ,') >"$here/$1/jars.sha256"
}

fetch_jars() {
  local stamp
  stamp=$(stamp_of "$here/$1"/{pom.xml,jars.sha256})
  is_current "$1" "$stamp" && return
  echo "fetch: the jars of $1" >&2
  copy_jars "$1"
  (cd "$work/$1" && sha256sum --quiet --check "$here/$1/jars.sha256" >&2) || {
    echo "fetch: a jar of $1 is not the one that deps/cluster/$1/jars.sha256 names" >&2
    exit 1
  }
  local found expected
  found=$(find "$work/$1" -type f | wc -l) expected=$(wc -l <"$here/$1/jars.sha256")
  [ "$found" -eq "$expected" ] || {
    echo "fetch: expected the $expected jars of deps/cluster/$1/jars.sha256, found $found" >&2
    exit 1
  }
  rm -rf "${deps:?}/$1" "$deps/.stamp-$1"
  mv "$work/$1" "$deps/$1"
  echo "$stamp" >"$deps/.stamp-$1"
}

# Prints the path of a Go that is recent enough: the machine's, or else the pinned one, which the machine's
# fetches as a module and compares with the sum in go-toolchain.sum.
recent_go() {
  need go
  local version
  version=$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//')
  if printf '%s\n' "$GO_NEEDED" "$version" | sort --version-sort --check=silent; then
    command -v go
    return
  fi
  local module=$GO_TOOLCHAIN.linux-$(go env GOARCH) answer directory sum
  grep -q "^$module " "$here/minio/go-toolchain.sum" || {
    echo "fetch: MinIO needs Go $GO_NEEDED or later, found $version; no later one is pinned for $(uname -m)," >&2
    echo "  so install one" >&2
    exit 1
  }
  echo "fetch: Go $version is older than $GO_NEEDED; fetching $module" >&2
  answer=$(cd "$work" && GOFLAGS=-mod=mod go mod download -json "$module")
  directory=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$answer")
  sum=$(sed -n 's/^\t"Sum": "\(.*\)",\{0,1\}$/\1/p' <<<"$answer")
  grep -qxF "$module $sum" "$here/minio/go-toolchain.sum" || {
    echo "fetch: $module has the sum $sum, not the one in deps/cluster/minio/go-toolchain.sum" >&2
    exit 1
  }
  # Files of a module cannot be executed where Go unpacks them.
  cp -r "$directory" "$work/go"
  chmod -R u+w "$work/go"
  chmod +x "$work"/go/bin/* "$work"/go/pkg/tool/*/*
  echo "$work/go/bin/go"
}

fetch_minio() {
  local stamp
  stamp=$(stamp_of "$here"/minio/go.{mod,sum})
  is_current minio "$stamp" && return
  local go
  go=$(recent_go)
  echo "fetch: compiling MinIO (8 minutes, once)" >&2
  (cd "$here/minio" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' \
    nice "$go" build -trimpath -ldflags '-s -w' -o "$work/minio" github.com/minio/minio)
  mv "$work/minio" "$deps/bin/minio"
  echo "$stamp" >"$deps/.stamp-minio"
}

for part in "$@"; do
  case $part in
    kafka | spark | spark-tests) if $lock; then lock_jars "$part"; else fetch_jars "$part"; fi ;;
    minio) $lock || fetch_minio ;;
    *) usage ;;
  esac
done
