#!/usr/bin/env bash
# The broker of a container: formats its storage the first time, then runs.
#
# usage: start.sh    (KAFKA_HOST: the name others reach it by; KAFKA_HEAP: of the JVM)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=/var/lib/kafka/data
properties=/tmp/server.properties
java=(java -XX:+UseSerialGC "-Dlog4j2.configurationFile=$here/../log4j2.properties" -cp "$here/../../.deps/cluster/kafka/*")

{
  cat "$here/server.properties"
  echo "controller.quorum.voters=1@127.0.0.1:9093"
  echo "listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093"
  echo "advertised.listeners=PLAINTEXT://${KAFKA_HOST:?the name that others reach the broker by}:9092"
  echo "log.dirs=$data"
} >"$properties"
if [ ! -e "$data/meta.properties" ]; then
  cluster=$("${java[@]}" -Xmx64m kafka.tools.StorageTool random-uuid)
  "${java[@]}" -Xmx128m kafka.tools.StorageTool format --ignore-formatted -t "$cluster" -c "$properties"
fi
exec "${java[@]}" "-Xmx${KAFKA_HEAP:-256m}" kafka.Kafka "$properties"
