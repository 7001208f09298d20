"""Where the jobs look for tables and stores, and what they say when that is not clear. Needs no Spark but its Python."""

import json
import subprocess

import pytest

from spark_process import PYTHON, ROOT, skip_without_spark

SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from octolake_spark import session
try:
    print(json.dumps(session.session_settings(json.loads(sys.argv[2]))))
except session.SettingsError as error:
    print(json.dumps({"error": str(error)}))
"""


def settings(**environment):
    skip_without_spark()
    done = subprocess.run([PYTHON, "-c", SCRIPT, ROOT / "spark", json.dumps(environment)], capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout)


def test_a_directory_is_a_warehouse_of_octolakes(tmp_path):
    found = settings(ICEBERG_WAREHOUSE_PATH=str(tmp_path))
    assert found["spark.sql.catalog.demo"] == "org.apache.iceberg.spark.SparkCatalog"
    assert found["spark.sql.catalog.demo.uri"] == f"jdbc:sqlite:{tmp_path}/catalog.db?busy_timeout=30000"
    assert found["spark.sql.catalog.demo.warehouse"] == f"file://{tmp_path}"
    assert found["spark.sql.session.timeZone"] == "UTC"


def test_postgresql_and_s3():
    found = settings(ICEBERG_CATALOG="lake", ICEBERG_CATALOG_URI="jdbc:postgresql://db/iceberg", CATALOG_PASSWORD="c",
                     ICEBERG_WAREHOUSE_PATH="s3://bucket/wh", AWS_ENDPOINT_URL_S3="http://store:9000",
                     MINIO_ROOT_USER="u", MINIO_ROOT_PASSWORD="p")
    catalog = {key.removeprefix("spark.sql.catalog.lake."): value for key, value in found.items()}
    assert (catalog["jdbc.user"], catalog["jdbc.password"]) == ("iceberg", "c")
    assert catalog["jdbc.schema-version"] == "V1"
    assert catalog["io-impl"] == "org.apache.iceberg.aws.s3.S3FileIO"
    assert (catalog["s3.access-key-id"], catalog["s3.secret-access-key"]) == ("u", "p")
    assert catalog["s3.path-style-access"] == "true"
    assert found["spark.hadoop.fs.s3a.endpoint"] == "http://store:9000"
    assert found["spark.hadoop.fs.s3a.connection.ssl.enabled"] == "false"


def test_without_anything_sparks_own_configuration_counts():
    found = settings(ICEBERG_WAREHOUSE_PATH="s3://bucket/wh")
    assert not any(key.startswith("spark.sql.catalog.demo") and not key.endswith("cache-enabled") for key in found)


@pytest.mark.parametrize("environment, said", [
    ({"ICEBERG_CATALOG_URI": "jdbc:postgresql://db/iceberg"}, "ICEBERG_WAREHOUSE_PATH should be, and is not"),
    ({"ICEBERG_SPARK_JARS": "/nowhere"}, "should hold jars, and has none"),
])
def test_what_is_missing_is_named(environment, said):
    assert said in settings(**environment)["error"]
