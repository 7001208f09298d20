#!/usr/bin/env python3
"""Prints spark-defaults.conf: what every application on the cluster needs to find the tables.

It is made of the environment, by `make cluster-up` and by the Spark image of deploy/ alike, and holds secrets.

    ICEBERG_CATALOG, ICEBERG_CATALOG_URI (jdbc:postgresql:...), ICEBERG_CATALOG_USER, CATALOG_PASSWORD
    ICEBERG_WAREHOUSE_PATH, AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
    SPARK_MASTER, SPARK_SECRET, PYSPARK_PYTHON, ICEBERG_SPARK_JARS (a directory)
    PYTHONPATH, LIBOCTOLAKE_SPARK              given on to the executors
    SPARK_DRIVER_MEMORY, SPARK_EXECUTOR_MEMORY      640m each if not set
    SPARK_CORES_MAX            of one application, 1 if not set

usage: spark_defaults.py > spark-defaults.conf
"""

import os
import sys
from pathlib import Path

NEEDED = ("ICEBERG_CATALOG_URI", "CATALOG_PASSWORD", "ICEBERG_WAREHOUSE_PATH", "AWS_ENDPOINT_URL_S3",
          "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SPARK_MASTER", "SPARK_SECRET", "PYSPARK_PYTHON",
          "ICEBERG_SPARK_JARS", "PYTHONPATH", "LIBOCTOLAKE_SPARK")
# Enough for the jobs on an hour's events; Spark's own gigabyte each would double what the cluster takes.
MEMORY = "640m"
# Of an application, each core with an executor of its own. Without a limit an application takes every core that is
# free, keeps it until its end, and those that come meanwhile wait.
CORES_MAX = "1"


class MissingVariable(Exception):
    """The environment lacks something."""


def spark_defaults(environment):
    """The settings, by name."""
    missing = [name for name in NEEDED if not environment.get(name)]
    if missing:
        raise MissingVariable(f"{missing[0]} is not set")
    # A class path, not spark.jars: Hive closes the loader of those when the Thrift server's first session ends.
    jars = sorted(Path(environment["ICEBERG_SPARK_JARS"]).glob("*.jar"))
    if not jars:
        raise MissingVariable(f"ICEBERG_SPARK_JARS names {environment['ICEBERG_SPARK_JARS']}, which has no jars")
    class_path = ":".join(map(str, jars))
    name = environment.get("ICEBERG_CATALOG") or "demo"
    return {
        "spark.master": environment["SPARK_MASTER"],
        "spark.authenticate": "true",
        "spark.authenticate.secret": environment["SPARK_SECRET"],
        "spark.driver.extraClassPath": class_path,
        "spark.executor.extraClassPath": class_path,
        "spark.driver.memory": environment.get("SPARK_DRIVER_MEMORY") or MEMORY,
        "spark.driver.extraJavaOptions": "-Dderby.stream.error.file=/dev/null",
        "spark.executor.memory": environment.get("SPARK_EXECUTOR_MEMORY") or MEMORY,
        "spark.executor.cores": "1",
        "spark.cores.max": environment.get("SPARK_CORES_MAX") or CORES_MAX,
        "spark.pyspark.python": environment["PYSPARK_PYTHON"],
        "spark.executorEnv.PYTHONPATH": environment["PYTHONPATH"],
        "spark.executorEnv.LIBOCTOLAKE_SPARK": environment["LIBOCTOLAKE_SPARK"],
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.defaultCatalog": name,
        # The Thrift server's own metastore holds nothing.
        "spark.hadoop.javax.jdo.option.ConnectionURL": "jdbc:derby:memory:metastore;create=true",
        **catalog(f"spark.sql.catalog.{name}", environment),
    }


def catalog(prefix, environment):
    return {
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.cache-enabled": "false",  # others commit to the tables as well
        f"{prefix}.type": "jdbc",
        f"{prefix}.uri": environment["ICEBERG_CATALOG_URI"],
        f"{prefix}.jdbc.user": environment.get("ICEBERG_CATALOG_USER") or "iceberg",
        f"{prefix}.jdbc.password": environment["CATALOG_PASSWORD"],
        f"{prefix}.jdbc.schema-version": "V1",
        f"{prefix}.warehouse": environment["ICEBERG_WAREHOUSE_PATH"],
        f"{prefix}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{prefix}.s3.endpoint": environment["AWS_ENDPOINT_URL_S3"],
        f"{prefix}.s3.path-style-access": "true",
        f"{prefix}.s3.access-key-id": environment["AWS_ACCESS_KEY_ID"],
        f"{prefix}.s3.secret-access-key": environment["AWS_SECRET_ACCESS_KEY"],
        f"{prefix}.client.region": environment.get("AWS_REGION") or "us-east-1",
    }


def as_file(settings):
    return "".join(f"{name} {value}\n" for name, value in settings.items())


if __name__ == "__main__":
    try:
        print(as_file(spark_defaults(os.environ)), end="")
    except MissingVariable as error:
        sys.exit(f"spark_defaults: {error}")
