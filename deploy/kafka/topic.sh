#!/usr/bin/env bash
# Makes a topic unless it is there.
#
# usage: topic.sh BROKER TOPIC PARTITIONS
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec java -Xmx128m -XX:+UseSerialGC "-Dlog4j2.configurationFile=$here/../log4j2.properties" \
  -cp "$here/../../.deps/cluster/kafka/*" org.apache.kafka.tools.TopicCommand \
  --bootstrap-server "$1" --create --if-not-exists --topic "$2" --partitions "$3"
