"""The Spark session of the jobs, and where the tables are.

Where the environment says nothing of a catalog, Spark's own configuration has to (spark-defaults.conf, or
--conf of spark-submit). Otherwise:

    ICEBERG_CATALOG          the catalog's name (demo)
    ICEBERG_WAREHOUSE_PATH   a directory, or s3://bucket/path
    ICEBERG_CATALOG_URI      jdbc:postgresql://host/database or jdbc:sqlite:FILE; for a directory the default is
                             its catalog.db, which makes it a warehouse that octolake opens too
    ICEBERG_CATALOG_USER     (iceberg) and CATALOG_PASSWORD, of a catalog in PostgreSQL
    AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY of an S3 store; the last two are
                             MINIO_ROOT_USER and MINIO_ROOT_PASSWORD if not set
    BRONZE_NAMESPACE, SILVER_NAMESPACE, GOLD_NAMESPACE    (bronze, silver, gold)
    ICEBERG_SPARK_JARS      a directory of jars for the class path: Iceberg, its S3, Kafka, the catalog's driver
"""

import os
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession

EXTENSIONS = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"


class SettingsError(Exception):
    """What is wrong with the environment, for whoever set it."""


@dataclass(frozen=True)
class Names:
    """The catalog and its namespaces."""

    catalog: str = "demo"
    bronze: str = "bronze"
    silver: str = "silver"
    gold: str = "gold"

    @classmethod
    def from_environment(cls, environment=os.environ):
        return cls(environment.get("ICEBERG_CATALOG") or "demo",
                   *(environment.get(f"{role.upper()}_NAMESPACE") or role for role in ("bronze", "silver", "gold")))

    @property
    def bronze_events(self):
        return f"{self.bronze}.github_events"

    @property
    def rejected_events(self):
        return f"{self.bronze}.rejected_events"

    @property
    def parsed_events(self):
        return f"{self.silver}.github_events_parsed"

    def of_role(self, role):
        return {"bronze": self.bronze, "silver": self.silver, "gold": self.gold}[role]

    def full(self, table):
        """A table's name in SQL."""
        return f"{self.catalog}.{table}"


def catalog_settings(environment):
    """Spark's settings of the catalog; none if Spark's own configuration is to have them."""
    warehouse = environment.get("ICEBERG_WAREHOUSE_PATH") or ""
    uri = environment.get("ICEBERG_CATALOG_URI") or ""
    is_directory = bool(warehouse) and "://" not in warehouse
    if is_directory:
        warehouse = str(Path(warehouse).resolve())
        # Somebody else at the file is waited for.
        uri = uri or f"jdbc:sqlite:{warehouse}/catalog.db?busy_timeout=30000"
        warehouse = f"file://{warehouse}"
    if not uri:
        return {}
    if not warehouse:
        raise SettingsError("ICEBERG_CATALOG_URI is set, so ICEBERG_WAREHOUSE_PATH should be, and is not")
    prefix = f"spark.sql.catalog.{Names.from_environment(environment).catalog}"
    settings = {prefix: "org.apache.iceberg.spark.SparkCatalog", f"{prefix}.type": "jdbc", f"{prefix}.uri": uri,
                f"{prefix}.warehouse": warehouse}
    if uri.startswith("jdbc:postgresql:"):
        settings[f"{prefix}.jdbc.schema-version"] = "V1"
        settings[f"{prefix}.jdbc.user"] = environment.get("ICEBERG_CATALOG_USER") or "iceberg"
        settings[f"{prefix}.jdbc.password"] = environment.get("CATALOG_PASSWORD") or ""
    if warehouse.startswith(("s3://", "s3a://")):
        settings.update(s3_settings(prefix, environment))
    return settings


def s3_keys(environment):
    """(key, secret), '' where not set."""
    return (environment.get("AWS_ACCESS_KEY_ID") or environment.get("MINIO_ROOT_USER") or "",
            environment.get("AWS_SECRET_ACCESS_KEY") or environment.get("MINIO_ROOT_PASSWORD") or "")


def checkpoint_settings(environment):
    """The same store as a file system of Hadoop (s3a://), for the checkpoints of streams."""
    endpoint = environment.get("AWS_ENDPOINT_URL_S3")
    key, secret = s3_keys(environment)
    settings = {}
    if endpoint:
        settings["spark.hadoop.fs.s3a.endpoint"] = endpoint
        settings["spark.hadoop.fs.s3a.path.style.access"] = "true"
        settings["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(endpoint.startswith("https:")).lower()
    if key and secret:
        settings["spark.hadoop.fs.s3a.access.key"] = key
        settings["spark.hadoop.fs.s3a.secret.key"] = secret
    return settings


def s3_settings(prefix, environment):
    settings = {f"{prefix}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
                f"{prefix}.client.region": environment.get("AWS_REGION") or "us-east-1"}
    if endpoint := environment.get("AWS_ENDPOINT_URL_S3"):
        settings[f"{prefix}.s3.endpoint"] = endpoint
        settings[f"{prefix}.s3.path-style-access"] = "true"
    key, secret = s3_keys(environment)
    if key and secret:
        settings[f"{prefix}.s3.access-key-id"] = key
        settings[f"{prefix}.s3.secret-access-key"] = secret
    return settings


def class_path_settings(environment):
    directory = environment.get("ICEBERG_SPARK_JARS")
    if not directory:
        return {}
    jars = sorted(map(str, Path(directory).glob("*.jar")))
    if not jars:
        raise SettingsError(f"ICEBERG_SPARK_JARS names {directory}, which should hold jars, and has none; "
                            "deps/cluster/fetch.sh spark fetches them")
    return {"spark.driver.extraClassPath": ":".join(jars), "spark.executor.extraClassPath": ":".join(jars)}


def session_settings(environment=os.environ):
    names = Names.from_environment(environment)
    return {
        **class_path_settings(environment),
        **catalog_settings(environment),
        **checkpoint_settings(environment),
        "spark.sql.extensions": EXTENSIONS,
        # Tables are looked at again for every commit; a cached one would be of before.
        f"spark.sql.catalog.{names.catalog}.cache-enabled": "false",
        "spark.sql.session.timeZone": "UTC",
    }


def start(application, environment=os.environ, **more):
    """The session of a job. `more`: settings over those of the environment."""
    builder = SparkSession.builder.appName(application)
    for key, value in {**session_settings(environment), **more}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    names = Names.from_environment(environment)
    if session.conf.get(f"spark.sql.catalog.{names.catalog}", None) is None:
        session.stop()
        raise SettingsError(
            f"no catalog {names.catalog}: set ICEBERG_WAREHOUSE_PATH and ICEBERG_CATALOG_URI, or configure "
            f"spark.sql.catalog.{names.catalog} in Spark")
    return session
