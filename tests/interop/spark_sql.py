"""spark_sql.py DIRECTORY JARS < STATEMENTS: runs SQL statements, one a line, in Spark on the catalog of a
warehouse (its name, demo, is the catalog's). For every line there is one of JSON: the rows, as lists. Run with a Python that has pyspark."""

import json
import sys

from pyspark.sql import SparkSession


def main():
    directory, jars = sys.argv[1:]
    settings = {
        "spark.jars": jars, "spark.driver.extraClassPath": jars.replace(",", ":"), "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.memory": "1g",
        "spark.sql.session.timeZone": "UTC", "spark.sql.shuffle.partitions": "2",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.demo": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.demo.catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
        "spark.sql.catalog.demo.uri": f"jdbc:sqlite:{directory}/catalog.db",
        "spark.sql.catalog.demo.warehouse": f"file://{directory}", "spark.sql.catalog.demo.cache-enabled": "false",
    }
    builder = SparkSession.builder.master("local[2]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    for statement in sys.stdin:
        rows = session.sql(statement).collect()
        print(json.dumps([[str(value) if value is not None else None for value in row] for row in rows]), flush=True)
    session.stop()


main()
