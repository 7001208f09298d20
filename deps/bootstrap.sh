#!/usr/bin/env bash
# Fetches the pinned third-party parts into .deps/:
#   include/ lib/ licenses/   Arrow, Parquet and DuckDB: headers, shared libraries, an extension
#   src/simdjson/             simdjson as a single source file
#   rdkafka/                  librdkafka: headers and a static library, compiled here
#   dbt/                      a Python environment with dbt, which compiles the models at build time
#   tests/                    a Python environment for tests/ (only with --tests)
#   webhook-examples/         a payload of every webhook of GitHub, for tests/ (only with --tests)
#   bench/                    a Python environment with peers for bench/ (only with --bench)
#   spark/                    a Python environment with Spark and dbt on it (with --spark, which makes nothing else)
#   airflow/                  a Python environment with Airflow, for the cluster (with --airflow, which makes nothing else)
# Every file is checked: wheels and environments by pip against SHA-256, npm by the lock's SHA-512,
# source archives by fetch_sdists.py and check_digest. Each part has a stamp of its pins, so a second call is instant.
#
# usage: deps/bootstrap.sh [--tests | --bench | --spark | --airflow]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
deps=$here/../.deps
mkdir -p "$deps"
deps=$(cd "$deps" && pwd)
environment=
case "${1-}" in
  --tests | --bench | --spark | --airflow) environment=${1#--} ;;
  '') ;;
  *) echo "usage: deps/bootstrap.sh [--tests | --bench | --spark | --airflow]" >&2; exit 2 ;;
esac

case $(uname -m) in
  x86_64) wheel_arch=x86_64 npm_cpu=x64 ;;
  aarch64) wheel_arch=aarch64 npm_cpu=arm64 ;;
  *) echo "bootstrap: no pinned parts for $(uname -m), only for x86_64 and aarch64" >&2; exit 1 ;;
esac

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "bootstrap: needs Python 3.11 or later (the locks under deps/python), found $(python3 --version)" >&2
  exit 1
}

# Two builds started at once share .deps; the second waits, then finds the stamps.
exec 9>"$deps/.lock"
flock 9

work=$(mktemp -d "$deps/.tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT

stamp_of() { cat "$@" | sha256sum | cut -c1-16; }
is_current() { [ "$(cat "$deps/.stamp-$1" 2>/dev/null)" = "$2" ]; }

# pip's resolver never runs: every list is complete and hashed.
pip_quietly() { python3 -m pip "$@" --quiet --disable-pip-version-check --no-deps --require-hashes; }

fetch_wheels() {
  pip_quietly download --only-binary :all: --python-version 3.11 --implementation cp --abi cp311 \
    --platform "manylinux_2_28_$wheel_arch" --platform "manylinux2014_$wheel_arch" -d "$work/wheels" -r "$here/wheels.txt"
  python3 "$here/unpack_wheels.py" "$work/wheels" "$work/parts"
}

fetch_sources() {
  mkdir -p "$work/sdists" "$work/parts/src/simdjson" "$work/parts/licenses"
  python3 "$here/fetch_sdists.py" "$here/sdists.txt" "$work/sdists"
  tar -xzf "$work"/sdists/duckdb-*.tar.gz -C "$work/parts/include" --strip-components=5 \
    --wildcards '*/external/duckdb/src/include/duckdb.h'
  tar -xzf "$work"/sdists/pysimdjson-*.tar.gz -C "$work/parts/src/simdjson" --strip-components=2 \
    --wildcards '*/simdjson/simdjson.h' '*/simdjson/simdjson.cpp'
}

fetch_duckdb_library() {
  mkdir "$work/npm"
  cp "$here/npm/package.json" "$here/npm/package-lock.json" "$work/npm/"
  (cd "$work/npm" && npm ci --silent --ignore-scripts --no-audit --no-fund)
  local package=$work/npm/node_modules/@duckdb/node-bindings-linux-$npm_cpu
  cp "$package/libduckdb.so" "$work/parts/lib/"
  cp "$package/LICENSE" "$work/parts/licenses/duckdb.txt"
}

fetch_native_parts() {
  local stamp
  stamp=$(stamp_of "$here"/{wheels.txt,sdists.txt,fetch_sdists.py,unpack_wheels.py} "$here"/npm/*.json)
  is_current native "$stamp" && return
  echo "bootstrap: fetching Arrow, Parquet, DuckDB and simdjson"
  fetch_wheels
  fetch_sources
  fetch_duckdb_library
  rm -rf "$deps"/{include,lib,src,licenses}
  mv "$work"/parts/* "$deps/"
  echo "$stamp" >"$deps/.stamp-native"
}

# check_digest FILE SHA512-BASE64: ends the script if the file is another one, as npm does with a lock.
check_digest() {
  python3 - "$1" "$2" <<'PYTHON'
import base64, hashlib, sys
with open(sys.argv[1], "rb") as file:
    found = "sha512-" + base64.b64encode(hashlib.sha512(file.read()).digest()).decode()
if found != sys.argv[2]:
    sys.exit(f"bootstrap: {sys.argv[1]}: expected {sys.argv[2]}, found {found}")
PYTHON
}

# Out of a package that would bring Node's own dependencies with it; of it only the C sources are used.
build_rdkafka() {
  local stamp name digest log=$work/rdkafka.log
  stamp=$(stamp_of "$here/rdkafka.txt")
  is_current rdkafka "$stamp" && return
  echo "bootstrap: fetching and compiling librdkafka"
  read -r name digest < <(grep -v '^#' "$here/rdkafka.txt")
  mkdir -p "$work/rdkafka" "$work/rdkafka-parts/include/librdkafka" "$work/rdkafka-parts/lib"
  (cd "$work/rdkafka" && npm pack --silent --ignore-scripts "$name" >"$log")
  check_digest "$work"/rdkafka/*.tgz "$digest"
  tar -xzf "$work"/rdkafka/*.tgz -C "$work/rdkafka" --strip-components=3 package/deps/librdkafka
  # lz4 and snappy are in it. GSSAPI and OIDC would need libraries that few have a use for.
  if ! (cd "$work/rdkafka" &&
    ./configure --enable-zstd --enable-ssl --enable-zlib --disable-gssapi --disable-curl \
      --disable-lz4-ext --disable-syslog --disable-debug-symbols &&
    make -j "$(nproc)" -C src librdkafka.a) >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "bootstrap: librdkafka does not compile here" >&2
    exit 1
  fi
  cp "$work"/rdkafka/src/{rdkafka,rdkafka_mock}.h "$work/rdkafka-parts/include/librdkafka/"
  cp "$work/rdkafka/src/librdkafka.a" "$work/rdkafka-parts/lib/"
  cp "$work/rdkafka/LICENSES.txt" "$work/rdkafka-parts/"
  rm -rf "$deps/rdkafka"
  mv "$work/rdkafka-parts" "$deps/rdkafka"
  echo "$stamp" >"$deps/.stamp-rdkafka"
}

# make_environment NAME [PACKAGE,...]: a virtual environment .deps/NAME with exactly the packages of
# python/NAME.txt. Only the packages named are built from their sources, with the tools of python/build.txt.
make_environment() {
  local name=$1 sources=${2-} lock=$here/python/$1.txt stamp
  local locks=("$lock") from_sources=()
  if [ -n "$sources" ]; then
    locks+=("$here/python/build.txt")
    # Without isolation, or pip would fetch build tools that no hash is checked of.
    from_sources=(--no-binary "$sources" --no-build-isolation)
  fi
  stamp=$(python3 --version | cat - "${locks[@]}" | sha256sum | cut -c1-16)
  is_current "$name" "$stamp" && return
  echo "bootstrap: making the Python environment .deps/$name"
  rm -rf "${deps:?}/$name" "$deps/.stamp-$name"
  python3 -m venv "$deps/$name"
  [ -z "$sources" ] || pip_into "$name" -r "$here/python/build.txt"
  pip_into "$name" "${from_sources[@]}" -r "$lock"
  echo "$stamp" >"$deps/.stamp-$name"
}

pip_into() {
  "$deps/$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --require-hashes --only-binary :all: "${@:2}"
}

# Apart from the others: a change here rebuilds nothing.
fetch_webhook_examples() {
  local stamp
  stamp=$(stamp_of "$here"/npm-tests/*.json)
  is_current webhook-examples "$stamp" && return
  echo "bootstrap: fetching examples of webhooks"
  mkdir "$work/npm-tests"
  cp "$here"/npm-tests/*.json "$work/npm-tests/"
  (cd "$work/npm-tests" && npm ci --silent --ignore-scripts --no-audit --no-fund)
  rm -rf "$deps/webhook-examples"
  mkdir "$deps/webhook-examples"
  mv "$work"/npm-tests/node_modules/@octokit/webhooks-examples/{api.github.com/index.json,package.json} \
    "$deps/webhook-examples/"
  echo "$stamp" >"$deps/.stamp-webhook-examples"
}

case $environment in
  spark) make_environment spark pyspark,pyhive,pure-sasl,thrift ;;  # published as sources only
  airflow) make_environment airflow ;;
  *)
    fetch_native_parts
    build_rdkafka
    make_environment dbt
    [ "$environment" != tests ] || fetch_webhook_examples
    [ -z "$environment" ] || make_environment "$environment"
    ;;
esac
