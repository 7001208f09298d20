#!/bin/sh
# Writes who may log in to Airflow, which keeps the file open for writing, then goes on as Spark's images do.
set -eu
here=$(dirname "$0")
umask 077
python3 -c 'import json, os; print(json.dumps({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}))' \
  >"$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
exec "$here/../spark/entrypoint.sh" "$@"
