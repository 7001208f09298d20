#!/usr/bin/env bash
# A PostgreSQL server of a test's own, with a role and database "octolake" that need no password.
# Listens on a Unix socket in DIRECTORY, and on 127.0.0.1 if a port is given. Nothing of it is synced.
#
# usage: private_postgres.sh start DIRECTORY [PORT]    DIRECTORY is made, or has a cluster by now
#        private_postgres.sh standby DIRECTORY PRIMARY a hot standby of the one in directory PRIMARY
#        private_postgres.sh stop DIRECTORY            at once, as a crash would
#        private_postgres.sh available                 exit status 77 where there is no such server
set -euo pipefail

programs() {
  local found
  found=$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -1)
  [ -n "$found" ] && dirname "$(readlink -f "$found")"
}
bin=$(programs) || { echo "no PostgreSQL server on this machine (Debian's package postgresql)" >&2; exit 77; }

# PostgreSQL refuses to run as root.
as_user=()
if [ "$(id -u)" -eq 0 ]; then
  id -u postgres >/dev/null 2>&1 || { echo "root, and there is no user postgres to be instead" >&2; exit 77; }
  as_user=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi

action=$1
[ "$action" != available ] || exit 0
directory=$2

case $action in
  start|standby)
    mkdir -p "$directory"
    [ ${#as_user[@]} -eq 0 ] || chown postgres: "$directory"
    cd "$directory"
    if [ "$action" = standby ]; then
      "${as_user[@]}" "$bin/pg_basebackup" -h "$3" -U octolake -D "$directory/data" -R -X stream -c fast --no-sync >&2
      set -- start "$directory"
    fi
    if [ ! -e "$directory/data/PG_VERSION" ]; then
      "${as_user[@]}" "$bin/initdb" -D "$directory/data" -U octolake -A trust -E UTF8 --locale=C --no-sync \
        >"$directory/initdb.log" 2>&1 || { cat "$directory/initdb.log" >&2; exit 1; }
    fi
    listen="-c listen_addresses="
    [ -z "${3-}" ] || listen="-c listen_addresses=127.0.0.1 -p $3"
    "${as_user[@]}" "$bin/pg_ctl" -D "$directory/data" -l "$directory/log" -w -t 60 -s start -o "$listen \
      -c unix_socket_directories=$directory -c fsync=off -c shared_buffers=16MB -c max_connections=50 \
      -c log_connections=on" \
      >&2 || { cat "$directory/log" >&2; exit 1; }
    "${as_user[@]}" "$bin/psql" -h "$directory" ${3:+-p "$3"} -U octolake -d postgres -qc \
      'create database octolake' 2>/dev/null || true  # from the second start on it is there
    ;;
  stop)
    cd /
    "${as_user[@]}" "$bin/pg_ctl" -D "$directory/data" -m immediate -w -s stop
    ;;
  *) echo "usage: private_postgres.sh start|standby|stop|available [DIRECTORY [PORT or PRIMARY]]" >&2; exit 2 ;;
esac
