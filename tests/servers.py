"""Real servers of a test's own, started by the scripts beside this file, on loopback."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from lake import Lake
from program import ZONE

HERE = Path(__file__).resolve().parent
NOT_HERE = 77
READY_SECONDS = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Started and stopped by a script; it keeps its port and what it holds."""

    script: Path

    def __init__(self):
        available = subprocess.run([self.script, "available"], capture_output=True, text=True, check=False)
        if available.returncode == NOT_HERE:
            pytest.skip(available.stderr.strip())
        # Not pytest's directory: the path of a Unix socket has to be short, and readable by another user.
        self.directory = Path(tempfile.mkdtemp(prefix="octolake-server-"))
        self.directory.chmod(0o755)
        self.port = free_port()
        self.start()

    def start(self):
        subprocess.run([self.script, "start", self.directory, str(self.port)], check=True, timeout=READY_SECONDS * 2)

    def stop(self):
        """At once, as a crash would."""
        subprocess.run([self.script, "stop", self.directory], check=True, timeout=READY_SECONDS)

    def close(self):
        self.stop()
        shutil.rmtree(self.directory)


class Postgres(Server):
    script = HERE / "private_postgres.sh"

    def connect(self, database="octolake"):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="octolake", dbname=database)
        connection.autocommit = True
        return connection

    def run(self, sql, *parameters, database="octolake"):
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def new_database(self, name):
        self.run(f"create database {name}")
        return name

    def uri(self, database):
        return f"postgresql://octolake@127.0.0.1:{self.port}/{database}"

    def sqlalchemy_uri(self, database):
        return f"postgresql+psycopg2://octolake@127.0.0.1:{self.port}/{database}"

    def end_connections(self, database):
        """Ends octolake's connections, as an administrator would; how many there were."""
        return len(self.run("select pg_terminate_backend(pid) from pg_stat_activity "
                            "where datname = %s and application_name = 'octolake'", database))


class Minio(Server):
    script = HERE / "private_minio.sh"
    user = "octolake"
    password = "octolake-secret"

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def freeze(self):
        os.kill(int((self.directory / "pid").read_text()), signal.SIGSTOP)

    def thaw(self):
        os.kill(int((self.directory / "pid").read_text()), signal.SIGCONT)


class LakeOnPostgres(Lake):
    """A warehouse in a local directory with its catalog in PostgreSQL."""

    def __init__(self, directory, postgres, name):
        self.postgres, self.name = postgres, name
        super().__init__(directory, {**ZONE, "OCTOLAKE_CATALOG_URI": postgres.uri(name)})

    def has_catalog(self):
        return self.postgres.run("select to_regclass('iceberg_tables')", database=self.name) != [(None,)]

    def catalog(self):
        return SqlCatalog("demo", uri=self.postgres.sqlalchemy_uri(self.name), warehouse=f"file://{self.directory}")

    def jdbc(self):
        return {"uri": f"jdbc:postgresql://127.0.0.1:{self.postgres.port}/{self.name}", "user": "octolake",
                "warehouse": f"file://{self.directory}"}


class SharedLake(LakeOnPostgres):
    """A warehouse on S3 with its catalog in PostgreSQL; the state directory is the local `directory`."""

    def __init__(self, directory, postgres, minio, name):
        self.minio = minio
        self.location = f"s3://lake/{name}"
        super().__init__(directory, postgres, name)
        self.env.update({
            "OCTOLAKE_STATE_DIRECTORY": str(directory),
            "OCTOLAKE_S3_ENDPOINT": minio.endpoint,
            "MINIO_ROOT_USER": minio.user,
            "MINIO_ROOT_PASSWORD": minio.password,
        })

    def place(self):
        return ["--warehouse", self.location]

    def catalog(self):
        return SqlCatalog("demo", **{
            "uri": self.postgres.sqlalchemy_uri(self.name),
            "warehouse": self.location, "s3.endpoint": self.minio.endpoint, "s3.region": "us-east-1",
            "s3.access-key-id": self.minio.user, "s3.secret-access-key": self.minio.password})

    def objects(self):
        """Keys of all objects of the warehouse, and their sizes."""
        from pyarrow import fs

        store = fs.S3FileSystem(access_key=self.minio.user, secret_key=self.minio.password, scheme="http",
                                endpoint_override=self.minio.endpoint.removeprefix("http://"))
        found = store.get_file_info(fs.FileSelector(f"lake/{self.name}", recursive=True, allow_not_found=True))
        return {info.path: info.size for info in found if info.is_file}


def wait_until(condition, what, seconds=READY_SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{seconds} s have passed before {what}"
        time.sleep(0.01)
