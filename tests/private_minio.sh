#!/usr/bin/env bash
# An S3 server (MinIO) of a test's own on 127.0.0.1, with a bucket "lake", user octolake, password
# octolake-secret. Its port is in DIRECTORY/port; started anew it keeps port and objects.
#
# The program is $OCTOLAKE_MINIO, by default .deps/cluster/bin/minio (deps/cluster/fetch.sh minio).
#
# usage: private_minio.sh start DIRECTORY [PORT]
#        private_minio.sh stop DIRECTORY            at once, as a crash would
#        private_minio.sh available                 exit status 77 where there is no such server
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${OCTOLAKE_MINIO:-$here/../.deps/cluster/bin/minio}
[ -f "$program" ] && [ -x "$program" ] || { echo "no MinIO server on this machine (deps/cluster/fetch.sh minio)" >&2; exit 77; }

action=$1
[ "$action" != available ] || exit 0
directory=$2

is_ready() (
  exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
  printf 'GET /minio/health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
  read -r _ status _ <&3 && [ "$status" = 200 ]
)

# Dead with all its threads, though perhaps nobody has asked for its status yet. Until the last one is,
# the port is taken, and the first may be dead long before.
is_dead() {
  local status
  status=$(cat "/proc/$1/status" 2>/dev/null) || return 0
  grep -q '^State:[[:space:]]*[ZX]' <<<"$status" && grep -q '^Threads:[[:space:]]*[01]$' <<<"$status"
}

case $action in
  start)
    mkdir -p "$directory/data/lake"
    port=${3-}
    [ -n "$port" ] || port=$(cat "$directory/port" 2>/dev/null) ||
      port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    echo "$port" >"$directory/port"
    # Nobody but the test is to hear of it, and its own updates are not wanted.
    MINIO_ROOT_USER=octolake MINIO_ROOT_PASSWORD=octolake-secret MINIO_BROWSER=off MINIO_UPDATE=off \
      HOME=$directory setsid "$program" server "$directory/data" --address "127.0.0.1:$port" --quiet \
      >"$directory/log" 2>&1 </dev/null &
    echo $! >"$directory/pid"
    for _ in $(seq 600); do
      ! is_ready "$port" || exit 0
      kill -0 "$(cat "$directory/pid")" 2>/dev/null || break
      sleep 0.1
    done
    echo "MinIO did not start:" >&2
    cat "$directory/log" >&2
    exit 1
    ;;
  stop)
    pid=$(cat "$directory/pid")
    kill -KILL "$pid"
    while ! is_dead "$pid"; do sleep 0.05; done
    ;;
  *) echo "usage: private_minio.sh start|stop|available [DIRECTORY [PORT]]" >&2; exit 2 ;;
esac
