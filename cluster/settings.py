"""What the components of the cluster, dbt, the jobs and octolake agree on: addresses, names and secrets.

All of it is in one file, cluster.env, of the form that a shell and systemd read. It is written by `up`, only
its owner can read it, and the secrets in it are made once and kept.
"""

import json
import os
import secrets
import shlex
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PARTS = REPOSITORY / ".deps"
ADDRESS = "127.0.0.1"
BUCKET = "lake"

PORTS = {
    "kafka": 19092,
    "kafka_controller": 19093,
    "minio": 19000,
    "postgresql": 15432,
    "spark_master": 17077,
    "spark_master_page": 18081,
    "spark_worker": 17078,
    "spark_worker_page": 18082,
    "thrift": 11000,
    "airflow": 18080,
    "gateway": 18088,
}

NAMESPACES = {"BRONZE_NAMESPACE": "bronze", "SILVER_NAMESPACE": "silver", "GOLD_NAMESPACE": "gold"}

# Secrets, each with the name it has in cluster.env.
SECRETS = (
    "MINIO_ROOT_PASSWORD",
    "POSTGRES_PASSWORD",
    "CATALOG_PASSWORD",
    "AIRFLOW_DATABASE_PASSWORD",
    "AIRFLOW_ADMIN_PASSWORD",
    "SPARK_SECRET",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__API__SECRET_KEY",
)
# Airflow wants 32 bytes in URL-safe base64, with the padding.
FERNET_KEY = "AIRFLOW__CORE__FERNET_KEY"


def directory():
    """Where the cluster of this call lives."""
    named = os.environ.get("OCTOLAKE_CLUSTER_DIRECTORY")
    return Path(named).resolve() if named else REPOSITORY / "build" / "cluster"


def read_environment(path):
    """The variables of a file written by write_environment; empty if there is none."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            (found[name],) = shlex.split(value) or [""]
    return found


def write_environment(path, title, variables):
    """Replaces the file as a whole; nobody but its owner can read it at any moment."""
    text = f"# {title}\n" + "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    write_private(path, text)


def write_private(path, text):
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


class Settings:
    """The values in force: those of the last `up`, which the variables of `environment` can change."""

    def __init__(self, at, environment=os.environ):
        self.directory = at
        self._environment = environment
        self.file = at / "cluster.env"
        self._kept = read_environment(self.file)
        self.offset = int(environment.get("OCTOLAKE_CLUSTER_PORT_OFFSET") or self._kept.get("CLUSTER_PORT_OFFSET") or 0)
        self.topic = self._choose("KAFKA_TOPIC", "raw_metrics_avro")
        self.catalog = self._choose("ICEBERG_CATALOG", "demo")
        self.warehouse = self._choose("ICEBERG_WAREHOUSE_PATH", f"s3://{BUCKET}/warehouse")
        self.minio_user = self._choose("MINIO_ROOT_USER", "octolake")
        self.secrets = {name: self._kept.get(name) or secrets.token_urlsafe(24) for name in SECRETS}
        self.secrets[FERNET_KEY] = self._kept.get(FERNET_KEY) or secrets.token_urlsafe(32) + "="

    def _choose(self, name, default):
        return self._environment.get(name) or self._kept.get(name) or default

    def port(self, name):
        return PORTS[name] + self.offset

    def at(self, name):
        return f"{ADDRESS}:{self.port(name)}"

    def database(self, user, secret, name, scheme="postgresql"):
        return f"{scheme}://{user}:{self.secrets[secret]}@{self.at('postgresql')}/{name}"

    @property
    def spark_python(self):
        return PARTS / "spark" / "bin" / "python"

    @property
    def spark_home(self):
        found = sorted((PARTS / "spark" / "lib").glob("python3.*/site-packages/pyspark"))
        return found[0] if found else PARTS / "spark" / "no-pyspark"

    @property
    def spark_jars(self):
        return PARTS / "cluster" / "spark"

    def environment(self):
        """Everything that is in cluster.env. octolake reads it too, and refuses variables that begin with
        OCTOLAKE_ and are none of its keys: of those there are none here."""
        return {
            "CLUSTER_DIRECTORY": str(self.directory),
            "CLUSTER_PORT_OFFSET": str(self.offset),
            **self.octolake(),
            # Kafka
            "KAFKA_BOOTSTRAP_SERVERS": self.at("kafka"),
            "KAFKA_TOPIC": self.topic,
            # S3
            "MINIO_ROOT_USER": self.minio_user,
            "MINIO_ROOT_PASSWORD": self.secrets["MINIO_ROOT_PASSWORD"],
            "AWS_ACCESS_KEY_ID": self.minio_user,
            "AWS_SECRET_ACCESS_KEY": self.secrets["MINIO_ROOT_PASSWORD"],
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": f"http://{self.at('minio')}",
            # The catalog and its database
            **{name: self._choose(name, default) for name, default in NAMESPACES.items()},
            "ICEBERG_CATALOG": self.catalog,
            "ICEBERG_CATALOG_URI": f"jdbc:postgresql://{self.at('postgresql')}/iceberg",
            "ICEBERG_CATALOG_USER": "iceberg",
            "ICEBERG_WAREHOUSE_PATH": self.warehouse,
            "POSTGRES_PASSWORD": self.secrets["POSTGRES_PASSWORD"],
            "CATALOG_PASSWORD": self.secrets["CATALOG_PASSWORD"],
            "AIRFLOW_DATABASE_PASSWORD": self.secrets["AIRFLOW_DATABASE_PASSWORD"],
            # Spark
            "SPARK_HOME": str(self.spark_home),
            "SPARK_CONF_DIR": str(self.directory / "spark" / "conf"),
            "SPARK_LOCAL_IP": ADDRESS,
            "SPARK_MASTER": f"spark://{self.at('spark_master')}",
            "SPARK_THRIFT_HOST": ADDRESS,
            "SPARK_THRIFT_PORT": str(self.port("thrift")),
            "SPARK_SECRET": self.secrets["SPARK_SECRET"],
            "PYSPARK_PYTHON": str(self.spark_python),
            "ICEBERG_SPARK_JARS": str(self.spark_jars),
            # The jobs and the models, and what the jobs import
            "LAKE_HOME": str(REPOSITORY),
            "LAKE_DBT": str(self.spark_python.parent / "dbt"),
            "LIBOCTOLAKE_SPARK": str(REPOSITORY / "build" / "release" / "lib" / "liboctolake_spark.so"),
            "PYTHONPATH": str(REPOSITORY / "spark"),
            **self.airflow(),
        }

    def octolake(self):
        """octolake's own keys: with them its commands work on the cluster's tables."""
        return {
            "OCTOLAKE_CATALOG_URI": f"postgresql://iceberg@{self.at('postgresql')}/iceberg",
            "OCTOLAKE_CATALOG_PASSWORD": self.secrets["CATALOG_PASSWORD"],
            "OCTOLAKE_S3_ENDPOINT": f"http://{self.at('minio')}",
            "OCTOLAKE_S3_REGION": "us-east-1",
            "OCTOLAKE_STATE_DIRECTORY": str(self.directory / "octolake"),
        }

    def airflow(self):
        """Airflow's configuration, in the form of its environment variables."""
        home = self.directory / "airflow"
        return {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW_CONN_OCTOLAKE_SPARK": json.dumps(
                {"conn_type": "generic", "host": f"spark://{ADDRESS}", "port": self.port("spark_master")}),
            "AIRFLOW_CONN_OCTOLAKE_THRIFT": json.dumps(
                {"conn_type": "generic", "host": ADDRESS, "port": self.port("thrift")}),
            "AIRFLOW_ADMIN_PASSWORD": self.secrets["AIRFLOW_ADMIN_PASSWORD"],
            FERNET_KEY: self.secrets[FERNET_KEY],
            "AIRFLOW__API_AUTH__JWT_SECRET": self.secrets["AIRFLOW__API_AUTH__JWT_SECRET"],
            "AIRFLOW__API__SECRET_KEY": self.secrets["AIRFLOW__API__SECRET_KEY"],
            "AIRFLOW__API__HOST": ADDRESS,
            "AIRFLOW__API__PORT": str(self.port("airflow")),
            "AIRFLOW__API__BASE_URL": f"http://{self.at('airflow')}",
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "airflow" / "dags"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{self.at('airflow')}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database(
                "airflow", "AIRFLOW_DATABASE_PASSWORD", "airflow", "postgresql+psycopg2"),
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        }
