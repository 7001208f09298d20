"""The components of the cluster, in the order in which they are started."""

import glob
import json
import os
import shutil
import signal
import socket
import struct
import sys
import urllib.error
import urllib.request
from pathlib import Path

from component import ClusterError, Component, answers, as_user, run
from s3 import Store
from settings import ADDRESS, BUCKET, NAMESPACES, PARTS, REPOSITORY, write_private
from spark_defaults import as_file, spark_defaults

PROGRAM = REPOSITORY / "cluster" / "cluster.py"
DEPLOY = REPOSITORY / "deploy"
COMMON_BROKER_PROPERTIES = DEPLOY / "kafka" / "server.properties"
LOG4J = DEPLOY / "log4j2.properties"
JAVA = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
# The worker offers more cores than the machine may have: its executors wait for data most of the time. There is one
# for each application that there can be at once (spark_defaults.CORES_MAX): the stream, the Thrift server, and a
# job for each of Airflow's two tasks.
WORKER_CORES = 4
WORKER_MEMORY = "4g"
STREAM = "octolake bronze stream"  # as the job names itself
KEEPER = "keeper"
ON_LOOPBACK = {"spark.driver.host": ADDRESS, "spark.driver.bindAddress": ADDRESS}


def components(settings):
    return [
        keeper(settings),
        postgresql(settings),
        minio(settings),
        kafka(settings),
        gateway(settings),
        *spark(settings),
        *airflow(settings),
    ]


def http(url):
    """The body of an answer of 200; None with anything else, or without an answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read()
    except (urllib.error.URLError, OSError):
        return None


def listening(*ports):
    """A probe: all of these ports are listened at."""
    def probe():
        missing = [port for port in ports if not answers(port)]
        return f"nothing listens at port {missing[0]}" if missing else None
    return probe


# --- What starts the others again when they end ---

def keeper(settings):
    return Component(KEEPER, [sys.executable, PROGRAM, "keep"], lambda: None,
                     environment={"OCTOLAKE_CLUSTER_DIRECTORY": str(settings.directory)})


# --- PostgreSQL: the catalog's database and Airflow's ---

def postgresql(settings):
    home = settings.directory / "postgresql"
    data = home / "data"
    port = settings.port("postgresql")
    user = "postgres" if os.geteuid() == 0 else None
    environment = {"PGPASSWORD": settings.secrets["POSTGRES_PASSWORD"], "PGCONNECT_TIMEOUT": "5",
                   **{name: settings.secrets[name] for name in ("CATALOG_PASSWORD", "AIRFLOW_DATABASE_PASSWORD")}}

    def program(name):
        # Debian keeps the server's programs out of PATH, by version.
        found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: float(path.split("/")[4]))
        return found[-1] if found else name

    def prepare():
        for name in ("postgres", "initdb", "psql"):
            if shutil.which(program(name)) is None:
                raise ClusterError(f"postgresql: no {name} found; run deps/install_system_packages.sh cluster")
        if data.exists():
            return
        unfinished = home / "data.unfinished"  # another initdb may have been killed
        shutil.rmtree(unfinished, ignore_errors=True)
        home.mkdir(mode=0o700, exist_ok=True)
        password = home / "password"
        write_private(password, settings.secrets["POSTGRES_PASSWORD"])
        if user is not None:
            owner = as_user(user)
            for path in (home, password):
                os.chown(path, owner["user"], owner["group"])
            if run_as_fails(["test", "-r", password], user):
                raise ClusterError(
                    f"postgresql: its server does not run as root, and {user} cannot enter {home}; set "
                    "OCTOLAKE_CLUSTER_DIRECTORY to a directory that every user can enter")
        run("postgresql", [program("initdb"), "--pgdata", unfinished, "--username", "postgres", "--pwfile", password,
                           "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"], user=user)
        password.unlink()
        unfinished.rename(data)

    def psql(sql):
        return run("postgresql", ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--host", ADDRESS,
                                  "--port", port, "--username", "postgres", "--dbname", "postgres", "--set",
                                  "ON_ERROR_STOP=1"], environment=environment, given=sql).strip()

    def ready():
        if not answers(port):
            return f"nothing listens at port {port}"
        try:
            psql("SELECT 1;")
        except ClusterError as error:
            return str(error)
        return None

    def complete():
        psql((DEPLOY / "postgresql" / "databases.sql").read_text(encoding="utf-8"))

    return Component(
        "postgresql",
        [program("postgres"), "-D", data, "-p", port, "-c", f"listen_addresses={ADDRESS}", "-c",
         "unix_socket_directories=", "-c", "shared_buffers=64MB", "-c", "max_connections=60"],
        ready, ports=[port], prepare=prepare, complete=complete, user=user, start_seconds=60,
        stop_signal=signal.SIGINT)  # ends sessions, then stops in good order


def run_as_fails(command, user):
    try:
        run("postgresql", command, user=user)
    except ClusterError:
        return True
    return False


# --- MinIO ---

def minio(settings):
    password = settings.secrets["MINIO_ROOT_PASSWORD"]
    store = Store(f"http://{settings.at('minio')}", settings.minio_user, password)
    program = PARTS / "cluster" / "bin" / "minio"

    def prepare():
        if not program.exists():
            raise ClusterError(f"minio: no {program}; run deps/cluster/fetch.sh minio")

    return Component(
        "minio",
        [program, "server", "--quiet", "--address", settings.at("minio"), settings.directory / "minio"],
        # Not /minio/health/ready, which says 200 while requests are still refused.
        lambda: store.bucket_trouble(BUCKET),
        ports=[settings.port("minio")], prepare=prepare,
        complete=lambda: store.make_bucket(BUCKET),
        environment={"MINIO_ROOT_USER": settings.minio_user, "MINIO_ROOT_PASSWORD": password, "MINIO_BROWSER": "off",
                     "MINIO_UPDATE": "off", "MINIO_CALLHOME_ENABLE": "off", "GOMEMLIMIT": "384MiB"})


# --- Kafka, one node that is broker and controller ---

BROKER_PROPERTIES = """\
controller.quorum.voters=1@{address}:{controller_port}
listeners=PLAINTEXT://{address}:{port},CONTROLLER://{address}:{controller_port}
advertised.listeners=PLAINTEXT://{address}:{port}
log.dirs={data}
"""


def broker_answers(port):
    """Whether a broker answers the request that every connection of Kafka begins with. Raises OSError."""
    api_versions, version, correlation, no_client = 18, 0, 20110212, -1
    request = struct.pack(">hhih", api_versions, version, correlation, no_client)
    with socket.create_connection((ADDRESS, port), timeout=5) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.makefile("rb").read(10)  # size, correlation id, error code
    return len(answer) == 10 and struct.unpack(">ih", answer[4:]) == (correlation, 0)


def kafka(settings):
    home = settings.directory / "kafka"
    data, properties = home / "data", home / "server.properties"
    jars = PARTS / "cluster" / "kafka"

    def java(heap, main, *arguments):
        return [*JAVA, f"-Xmx{heap}", "-cp", f"{jars}/*", f"-Dlog4j2.configurationFile={LOG4J}", main, *arguments]

    def prepare():
        if not jars.exists():
            raise ClusterError("kafka: no .deps/cluster/kafka; run deps/cluster/fetch.sh kafka")
        home.mkdir(exist_ok=True)
        properties.write_text(COMMON_BROKER_PROPERTIES.read_text(encoding="utf-8") + BROKER_PROPERTIES.format(
            address=ADDRESS, port=settings.port("kafka"), controller_port=settings.port("kafka_controller"),
            data=data), encoding="utf-8")
        if not (data / "meta.properties").exists():
            identity = run("kafka", java("64m", "kafka.tools.StorageTool", "random-uuid")).split()[-1]
            run("kafka", java("128m", "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", identity,
                              "-c", properties))

    def ready():
        try:
            return None if broker_answers(settings.port("kafka")) else "the broker's answer is none of Kafka"
        except OSError as error:
            return f"{settings.at('kafka')}: {error}"

    return Component(
        "kafka", java("256m", "kafka.Kafka", properties), ready,
        ports=[settings.port("kafka"), settings.port("kafka_controller")], prepare=prepare, start_seconds=120,
        stop_seconds=40)


# --- The gateway: octolake, from HTTP to Kafka ---

def gateway(settings):
    program = REPOSITORY / "build" / "release" / "bin" / "octolake"
    health = f"http://{settings.at('gateway')}/readyz"

    def prepare():
        if not program.exists():
            raise ClusterError(f"gateway: no {program}; run deps/build.sh release")

    # It needs no Kafka to start: what it accepts waits in its journal.
    return Component(
        "gateway",
        [program, "up", "--warehouse", settings.directory / "gateway", "--listen", settings.at("gateway"), "--sink",
         "kafka"],
        lambda: None if http(health) is not None else f"no {health}", ports=[settings.port("gateway")],
        prepare=prepare, environment={name: value for name, value in settings.environment().items()
                                      if name.startswith("KAFKA_")})


# --- Spark: master, worker, Thrift server ---

def spark(settings):
    home = settings.directory / "spark"
    start_class = settings.spark_home / "bin" / "spark-class"
    page = f"http://{settings.at('spark_master_page')}/json/"
    environment = settings.environment()

    def prepare():
        if not start_class.exists():
            raise ClusterError("spark: no Spark in .deps/spark; run deps/bootstrap.sh --spark")
        if not settings.spark_jars.exists():
            raise ClusterError("spark: no .deps/cluster/spark; run deps/cluster/fetch.sh spark")
        (home / "conf").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(LOG4J, home / "conf" / "log4j2.properties")
        write_private(home / "conf" / "spark-defaults.conf",
                      as_file({**spark_defaults(settings.environment()), **ON_LOOPBACK}))

    def prepare_thrift():
        # Its clients begin with USE default, and dbt looks into all namespaces; no catalog has them by itself.
        made = home / "namespaces-made"
        if not made.exists():
            names = ["default", *(environment[name] for name in NAMESPACES)]
            run("thrift-server", [settings.spark_home / "bin" / "spark-sql", "--master", "local[1]", "-e",
                                  "".join(f"CREATE NAMESPACE IF NOT EXISTS {name};" for name in names)],
                environment=environment, cwd=home)
            made.touch()

    def workers():
        body = http(page)
        if body is None:
            return f"no {page}"
        alive = json.loads(body)["aliveworkers"]
        return None if alive == 1 else f"the master knows {alive} workers, expected 1"

    def applications():
        body = http(page)
        # A master that was started again lists what it knew, as UNKNOWN until it has heard of it.
        return [] if body is None else [one["name"] for one in json.loads(body)["activeapps"]
                                        if one["state"] != "UNKNOWN"]

    master = Component(
        "spark-master",
        [start_class, "org.apache.spark.deploy.master.Master", "--host", ADDRESS, "--port",
         settings.port("spark_master"), "--webui-port", settings.port("spark_master_page")],
        lambda: None if http(page) is not None else f"no {page}",
        ports=[settings.port("spark_master"), settings.port("spark_master_page")], prepare=prepare,
        # One that is started again knows its workers and applications, which do not tell it by themselves.
        environment={**environment, "SPARK_DAEMON_MEMORY": "192m", "SPARK_MASTER_OPTS":
                     "-Dspark.deploy.recoveryMode=FILESYSTEM "
                     f"-Dspark.deploy.recoveryDirectory={home / 'recovery'}"})
    worker = Component(
        "spark-worker",
        [start_class, "org.apache.spark.deploy.worker.Worker", "--host", ADDRESS, "--port",
         settings.port("spark_worker"), "--webui-port", settings.port("spark_worker_page"), "--cores", WORKER_CORES,
         "--memory", WORKER_MEMORY, "--work-dir", home / "work", environment["SPARK_MASTER"]],
        workers, ports=[settings.port("spark_worker"), settings.port("spark_worker_page")], needs=["spark-master"],
        environment={**environment, "SPARK_DAEMON_MEMORY": "192m", "SPARK_WORKER_OPTS":
                     "-Dspark.worker.cleanup.enabled=true"})
    thrift = Component(
        "thrift-server",
        [settings.spark_home / "bin" / "spark-submit", "--name", "thrift-server", "--class",
         "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
         # Executors only while there are queries: an idle one would hold half a gigabyte.
         "--conf", "spark.dynamicAllocation.enabled=true", "--conf",
         "spark.dynamicAllocation.shuffleTracking.enabled=true", "--conf", "spark.dynamicAllocation.maxExecutors=1",
         "--conf", "spark.dynamicAllocation.initialExecutors=0",
         "spark-internal", "--hiveconf", f"hive.server2.thrift.bind.host={ADDRESS}", "--hiveconf",
         f"hive.server2.thrift.port={settings.port('thrift')}"],
        listening(settings.port("thrift")), ports=[settings.port("thrift")],
        needs=["spark-worker", "postgresql", "minio"], prepare=prepare_thrift, environment=environment,
        start_seconds=300)
    stream = Component(
        "bronze-stream",
        [settings.spark_home / "bin" / "spark-submit", "--name", STREAM, "--conf", "spark.cores.max=1",
         REPOSITORY / "spark" / "jobs" / "bronze_stream.py", "--checkpoint", home / "checkpoint"],
        lambda: None if STREAM in applications() else f"the master at {page} knows no application {STREAM}",
        needs=["spark-worker", "postgresql", "minio", "kafka"], environment=environment, start_seconds=300,
        stop_seconds=60)
    return [master, worker, thrift, stream]


# --- Airflow ---

def airflow(settings):
    program = PARTS / "airflow" / "bin" / "airflow"
    environment = {**settings.environment(), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    health = f"http://{settings.at('airflow')}/api/v2/monitor/health"

    def prepare():
        if not program.exists():
            raise ClusterError(f"airflow: no {program}; run deps/bootstrap.sh --airflow")
        home = Path(environment["AIRFLOW_HOME"])
        home.mkdir(exist_ok=True)
        write_private(home / "passwords.json", json.dumps({"admin": settings.secrets["AIRFLOW_ADMIN_PASSWORD"]}))
        run("airflow", [program, "db", "migrate"], environment=environment)

    def healthy(part):
        def probe():
            body = http(health)
            if body is None:
                return f"no {health}"
            status = json.loads(body)[part]["status"]
            return None if status == "healthy" else f"{health} says that {part} is {status}"
        return probe

    def part(name, arguments, ready, **more):
        return Component(f"airflow-{name}", [program, name, *arguments], ready, environment=environment,
                         start_seconds=300, stop_seconds=30, **more)

    return [
        part("api-server", [], healthy("metadatabase"), ports=[settings.port("airflow")], needs=["postgresql"],
             prepare=prepare),
        # Its server of logs would listen on every address; the API server reads them from the same disk.
        part("scheduler", ["--skip-serve-logs"], healthy("scheduler"), needs=["airflow-api-server"]),
        part("dag-processor", [], healthy("dag_processor"), needs=["airflow-api-server"]),
    ]
