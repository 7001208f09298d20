#!/bin/sh
# Writes Spark's configuration out of the environment, then runs the command.
set -eu
here=$(dirname "$0")
umask 077
mkdir -p "$SPARK_CONF_DIR"
cp "$here/../log4j2.properties" "$SPARK_CONF_DIR/log4j2.properties"
python3 "$here/../../cluster/spark_defaults.py" >"$SPARK_CONF_DIR/spark-defaults.conf"
exec "$@"
