"""What deploy/ says is so: its Compose file against its schema, and every name in it against what it names."""

import http.server
import importlib.resources
import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import jsonschema
import pytest
import yaml

from program import PROGRAM, Started, environment, octolake

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
HOME = "/opt/octolake/"  # of the images: the repository
sys.path.insert(0, str(REPOSITORY / "cluster"))

import spark_defaults  # noqa: E402
from components import STREAM, components  # noqa: E402
from settings import PORTS, Settings  # noqa: E402

# Ports of images that others make, where neither their command nor their health check says them.
PORTS_OF_OTHERS = {"postgresql": {5432}}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


@pytest.fixture(scope="module")
def stages():
    """The Dockerfile's instructions by stage, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found, name = {}, None
    for line in text.splitlines():
        if start := re.match(r"FROM (\S+) AS (\S+)$", line):
            name = start[2]
            found[name] = {"from": start[1], "lines": []}
        elif name and line and not line.startswith("#"):
            found[name]["lines"].append(line)
    return found


def inherited(stages, name):
    """The lines of a stage and of those it is made from."""
    stage = stages[name]
    return (inherited(stages, stage["from"]) if stage["from"] in stages else []) + stage["lines"]


def variables_of_image(stages, name):
    return dict(pair for line in inherited(stages, name) if line.startswith("ENV ")
                for pair in re.findall(r"(\w+)=(\S+)", line))


def interpolated(value):
    """${NAME:-default} as its default, ${NAME:?...} as something."""
    value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
    return re.sub(r"\$\{\w+:\?[^}]*\}", "secret", value)


def words(service):
    """All texts of a service's command and health check."""
    return [interpolated(word) for word in [*service.get("command", []), *service.get("healthcheck", {}).get("test", [])]]


# --- The Compose file ---

def test_it_is_valid_by_the_compose_specification(compose):
    schema = json.loads((importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
                         / "compose-spec.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(compose)] == []
    # The schema does tell a mistake.
    assert not validator.is_valid({"services": {"a": {"image": "b", "mem_limits": "1g"}}})


def test_every_image_is_pinned_or_built_from_a_target(services, stages):
    for name, service in services.items():
        image, _, tag = service["image"].partition(":")
        assert re.search(r"\d+\.\d+", tag), f"{name}: {service['image']}"
        if image.startswith("octolake"):
            targets = {one["build"]["target"] for one in services.values()
                       if one["image"] == service["image"] and "build" in one}
            assert len(targets) == 1 and targets <= set(stages), name


def test_every_service_has_limits_and_a_way_to_tell_its_health(services):
    one_shots = {need for service in services.values() for need, how in service.get("depends_on", {}).items()
                 if how["condition"] == "service_completed_successfully"}
    for name, service in services.items():
        assert re.fullmatch(r"\d+[mg]", interpolated(service["mem_limit"])), name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        if name in one_shots:
            assert service.get("restart") != "unless-stopped" and "healthcheck" not in service, name
        else:
            assert service["restart"] == "unless-stopped", name
            assert {"test", "interval", "timeout", "start_period"} <= service["healthcheck"].keys(), name
        for need, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if need in one_shots else "service_healthy"
            assert how["condition"] == wanted, f"{name} needs {need}"


def test_variables_are_those_of_the_example():
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{(\w+)", text))
    used |= set(re.findall(r"\{environment: (\w+)\}", text))
    example = dict(re.findall(r"^(\w+)=(.*)$", (DEPLOY / ".env.example").read_text(encoding="utf-8"), re.M))
    assert used == set(example)
    # What has no default is a secret that has to be given, and the example gives none; defaults are the same.
    assert {name for name, value in example.items() if not value} == {
        *re.findall(r"\$\{(\w+):\?", text), *re.findall(r"\$\{(\w+):-\}", text)}
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", text):
        assert example[name] == default, name
    # git would keep a filled in copy away.
    assert subprocess.run(["git", "check-ignore", "-q", "deploy/.env"], cwd=REPOSITORY, check=False).returncode == 0


def test_volumes_are_declared_and_mounted_files_exist(compose, services):
    used = set()
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (REPOSITORY / source).exists(), f"{name} mounts {source}"
                assert volume.endswith(":ro"), f"{name} could write {source}"
            else:
                used.add(source)
    assert used == set(compose["volumes"])


def test_published_ports_are_on_loopback_unless_asked_for(services):
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(interpolated(port).startswith("127.0.0.1:") for port in published)


def ports_of(name, service, services, stages):
    """Ports that something of the service itself names."""
    target = next((one["build"]["target"] for one in services.values()
                   if one["image"] == service["image"] and "build" in one), None)
    exposed = [int(port) for line in (inherited(stages, target) if target else [])
               for port in re.findall(r"^EXPOSE (\d+)", line)]
    own = [int(port) for word in words(service) for port in re.findall(r"(?:127\.0\.0\.1[:/]|0\.0\.0\.0:|port=|^)(\d{4,5})\b", word)]
    return PORTS_OF_OTHERS.get(name, set()) | set(exposed) | set(own)


def test_addresses_name_services_and_their_ports(services, stages):
    texts = {name: [*words(service), *map(interpolated, service.get("environment", {}).values()),
                    *(f"{name}:{port.rsplit(':', 1)[1]}" for port in service.get("ports", []))]
             for name, service in services.items()}
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    texts["prometheus"] += [target for job in prometheus["scrape_configs"] for one in job["static_configs"]
                            for target in one["targets"]]
    grafana = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"))
    texts["grafana"] += [one["url"] for one in grafana["datasources"]]
    found = set()
    for name, values in texts.items():
        for value in values:
            for host, port in re.findall(r"([a-z][a-z-]+):(\d{4,5})\b", value):
                assert host in services or host == "localhost", f"{name} names {host}: {value}"
                if host in services:
                    assert int(port) in ports_of(host, services[host], services, stages), f"{name} names {host}:{port}"
                    found.add(host)
    assert {"kafka", "minio", "postgresql", "spark-master", "airflow-api-server", "gateway", "prometheus"} <= found


def test_files_in_commands_are_in_the_images(services, stages):
    for name, service in services.items():
        for word in words(service):
            if word.startswith(HOME) and not word.startswith(HOME + ".deps"):
                path = word[len(HOME):]
                assert (REPOSITORY / path).is_file(), f"{name} runs {word}"
                target = next(one["build"]["target"] for one in services.values()
                              if one["image"] == service["image"] and "build" in one)
                assert any(path == one or path.startswith(one + "/")
                           for line in inherited(stages, target) for one in copied(line)), f"{target} has no {path}"


def copied(line):
    """What of the repository a COPY line takes."""
    found = re.match(r"COPY (?!--from)(.+) \S+$", line)
    return found[1].split() if found else []


# --- The Dockerfile ---

def test_what_the_dockerfile_copies_exists(stages):
    later = {"spark"} if not (REPOSITORY / "spark").exists() else set()
    for name, stage in stages.items():
        assert stage["from"] in stages or stage["from"] == "${DEBIAN}", name
        for line in stage["lines"]:
            for path in copied(line):
                assert (REPOSITORY / path).exists() or path in later, f"{name}: {line}"
            if other := re.match(r"COPY --from=(\S+)", line):
                assert other[1] in stages, f"{name}: {line}"


def test_what_the_dockerfile_runs_exists(stages):
    programs = {word for stage in stages.values() for line in stage["lines"]
                for word in re.findall(r"(?:^|\s|\")(?:/opt/octolake/)?((?:deps|deploy)/[\w/]+\.sh)", line)}
    assert {"deps/bootstrap.sh", "deps/cluster/fetch.sh", "deploy/spark/entrypoint.sh"} <= programs
    for program in programs:
        assert os.access(REPOSITORY / program, os.X_OK), program


def test_images_that_are_run_do_so_without_root(services, stages):
    for target in {one["build"]["target"] for one in services.values() if "build" in one}:
        users = [line for line in inherited(stages, target) if line.startswith("USER ")]
        assert users[-1] == "USER 10001:10001", target


@pytest.mark.parametrize("script", sorted(path.relative_to(REPOSITORY) for path in DEPLOY.rglob("*.sh")), ids=str)
def test_scripts_are_well_formed(script):
    shell = (REPOSITORY / script).read_text(encoding="utf-8").splitlines()[0].split("/")[-1].split()[-1]
    subprocess.run([shell, "-n", REPOSITORY / script], check=True)


@pytest.mark.parametrize("linked, some_of_them", [
    (PROGRAM, {"libc6", "libstdc++6", "libssl3", "libpq5"}),
    (Path(PROGRAM).parents[1] / "lib/liboctolake_spark.so", {"libc6", "libstdc++6", "libzstd1"}),
], ids=["octolake", "liboctolake_spark"])
def test_packages_of_the_libraries_that_are_linked(linked, some_of_them):
    done = subprocess.run([DEPLOY / "library_packages.sh", linked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    packages = done.stdout.split()
    assert some_of_them <= set(packages)
    subprocess.run(["dpkg-query", "--status", *packages], capture_output=True, check=True)


# --- What octolake, Spark and Airflow know ---

def test_the_gateway_knows_its_options_and_variables(services):
    gateway = services["gateway"]
    command, *options = gateway["command"]
    told = octolake(command, "--help").text
    for option in options:
        assert not option.startswith("--") or option in told, option
    given = {name: interpolated(value) or "something" for name, value in gateway["environment"].items()}
    rows = json.loads(octolake("config", "--json", env=given).text)
    assert {row["source"].removeprefix("environment ") for row in rows if row["source"] != "default"} == set(given)


def test_spark_gets_all_it_needs(services, stages, tmp_path):
    for name, service in services.items():
        if service["image"].startswith(("octolake-spark", "octolake-airflow")):
            target = service["image"].partition(":")[0].removeprefix("octolake-")
            given = {**variables_of_image(stages, target),
                     **{key: interpolated(value) for key, value in service["environment"].items()}}
            (tmp_path / "a.jar").touch()
            made = spark_defaults.spark_defaults({**given, "ICEBERG_SPARK_JARS": str(tmp_path)})
            assert made["spark.master"] == "spark://spark-master:7077", name
            assert "$" not in spark_defaults.as_file(made), name


def cores_of(command, defaults):
    """What an application takes at most."""
    conf = {**defaults, **dict(word.split("=", 1) for before, word in zip(command, command[1:]) if before == "--conf")}
    executors = int(conf["spark.cores.max"]) // int(conf["spark.executor.cores"])
    if conf.get("spark.dynamicAllocation.enabled") == "true":
        executors = min(executors, int(conf["spark.dynamicAllocation.maxExecutors"]))
    return executors * int(conf["spark.executor.cores"])


def mebibytes(text):
    return int(text[:-1]) * {"m": 1, "g": 1024}[text[-1]]


def of_compose(services, stages):
    given = {**variables_of_image(stages, "spark"),
             **{key: interpolated(value) for key, value in services["spark-worker"]["environment"].items()}}
    airflow = services["airflow-scheduler"]["environment"]
    return {name: words(services[name]) for name in ("spark-worker", "bronze-stream", "thrift-server")}, given, airflow


def of_processes(_, __):
    from components import spark  # of cluster/
    from settings import Settings

    settings = Settings(REPOSITORY / "build" / "none")
    commands = {one.name: [str(word) for word in one.command] for one in spark(settings)}
    return commands, settings.environment(), settings.airflow()


@pytest.mark.parametrize("kind", [of_compose, of_processes])
def test_no_application_has_to_wait_for_another(kind, services, stages, tmp_path):
    """The worker has cores and memory for all that can run at once."""
    commands, environment_of_spark, airflow = kind(services, stages)
    (tmp_path / "a.jar").touch()
    defaults = spark_defaults.spark_defaults({**environment_of_spark, "ICEBERG_SPARK_JARS": str(tmp_path)})
    worker = commands["spark-worker"]
    offered = {option: worker[worker.index(option) + 1] for option in ("--cores", "--memory")}
    # A task of Airflow submits a job, with nothing but the defaults.
    jobs = int(airflow["AIRFLOW__CORE__PARALLELISM"]) * cores_of([], defaults)
    taken = jobs + cores_of(commands["bronze-stream"], defaults) + cores_of(commands["thrift-server"], defaults)
    assert taken == int(offered["--cores"])
    assert taken * mebibytes(defaults["spark.executor.memory"]) <= mebibytes(offered["--memory"])


def test_a_missing_variable_of_spark_is_named():
    done = subprocess.run([sys.executable, REPOSITORY / "cluster/spark_defaults.py"], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"]}, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        1, "", "spark_defaults: ICEBERG_CATALOG_URI is not set\n")


def test_a_spark_master_keeps_its_state_here_and_without_containers(services, tmp_path):
    (without_containers,) = [one for one in components(Settings(tmp_path)) if one.name == "spark-master"]
    for environment in (services["spark-master"]["environment"], without_containers.environment):
        options = dict(re.findall(r"-D([\w.]+)=(\S+)", environment["SPARK_MASTER_OPTS"]))
        assert options.keys() == {"spark.deploy.recoveryMode", "spark.deploy.recoveryDirectory"}
        assert options["spark.deploy.recoveryMode"] == "FILESYSTEM"
    # Below a directory that the image's user writes to.
    assert services["spark-master"]["environment"]["SPARK_MASTER_OPTS"].endswith("=/var/lib/octolake/recovery")


@pytest.fixture
def master_page():
    """A function that serves these applications, as the master's page does, and returns the port."""
    pages = []

    def serve(applications):
        body = json.dumps({"activeapps": applications}).encode()

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802, the name that the base class calls
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        thread = threading.Thread(target=page.serve_forever)
        thread.start()
        pages.append((page, thread))
        return page.server_port

    yield serve
    for page, thread in pages:
        page.shutdown()
        thread.join()
        page.server_close()


@pytest.mark.parametrize(("state", "is_ready"),
                         [("RUNNING", True), ("WAITING", True), ("UNKNOWN", False), (None, False)])
def test_the_stream_is_ready_once_the_master_has_heard_of_it(services, master_page, tmp_path, state, is_ready):
    applications = [{"name": "thrift-server", "state": "RUNNING"}]
    if state is not None:
        applications.append({"name": STREAM, "state": state})
    port = master_page(applications)
    settings = Settings(tmp_path, {"OCTOLAKE_CLUSTER_PORT_OFFSET": str(port - PORTS["spark_master_page"])})
    (without_containers,) = [one for one in components(settings) if one.name == "bronze-stream"]
    assert (without_containers.ready() is None) == is_ready

    program, *arguments, check = services["bronze-stream"]["healthcheck"]["test"][1:]
    check = check.replace("http://spark-master:8080", f"http://127.0.0.1:{port}")
    done = subprocess.run([program, *arguments, check], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == is_ready, done.stderr


def test_airflow_knows_its_options(services):
    python = REPOSITORY / ".deps" / "airflow" / "bin" / "python"
    if not python.exists():
        pytest.skip("no Airflow in .deps/airflow: run deps/bootstrap.sh --airflow")
    from settings import Settings  # of cluster/

    given = {**services["airflow-scheduler"]["environment"], **Settings(REPOSITORY / "build" / "none").airflow()}
    options = sorted(name.removeprefix("AIRFLOW__").split("__") for name in given if name.startswith("AIRFLOW__"))
    assert len(options) > 15
    script = ("import json, sys; from airflow.configuration import conf; "
              "print(json.dumps([one for one in json.load(sys.stdin) if one[1].lower() not in "
              "conf.configuration_description.get(one[0].lower(), {}).get('options', {})]))")
    done = subprocess.run([python, "-c", script], input=json.dumps(options), capture_output=True, text=True, check=True,
                          env=environment({"AIRFLOW_HOME": "/nonexistent"}))
    assert json.loads(done.stdout.splitlines()[-1]) == []


# --- Prometheus and Grafana ---

def metrics_of(tmp_path, *options, env=None):
    """Names of all metrics that a gateway with these options has."""
    with Started("up", "--warehouse", tmp_path / "warehouse", "--listen", "127.0.0.1:0", *options, env=env) as up:
        up.wait_until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)/collect", up.err), "it said its address")
        port = re.search(r"http://127\.0\.0\.1:(\d+)/collect", up.err)[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
    names = set(re.findall(r"^# TYPE (\w+) (?:counter|gauge)$", text, re.M))
    for histogram in re.findall(r"^# TYPE (\w+) histogram$", text, re.M):
        names |= {histogram + end for end in ("_bucket", "_sum", "_count")}
    return names


def used_metrics(expression):
    words_in_it = re.sub(r"\{[^}]*\}|\"[^\"]*\"|by \([^)]*\)|\[\w+\]", " ", expression)
    return set(re.findall(r"[a-z]\w*_\w+", words_in_it)) - {"histogram_quantile"}


def expressions(dashboard):
    panels = json.loads((DEPLOY / "grafana" / "dashboards" / dashboard).read_text(encoding="utf-8"))["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert found
    return found


def alerts(group):
    groups = {one["name"]: one["rules"]
              for one in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]}
    assert set(groups) == {"gateway", "kafka", "tables"}
    return [rule["expr"] for rule in groups[group] if "up{" not in rule["expr"]]


def test_dashboards_and_alerts_of_the_gateway_and_the_tables_name_metrics_there_are(tmp_path):
    there = metrics_of(tmp_path)
    for expression in [*expressions("gateway.json"), *expressions("tables.json"),
                       *alerts("gateway"), *alerts("tables")]:
        used = used_metrics(expression)
        assert used and used <= there, expression


def test_dashboards_and_alerts_of_the_gateway_and_kafka_name_metrics_there_are(tmp_path):
    # No broker is needed to say what is counted.
    there = metrics_of(tmp_path, "--sink", "kafka", env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    for expression in [*expressions("gateway.json"), *expressions("kafka.json"),
                       *alerts("gateway"), *alerts("kafka")]:
        used = used_metrics(expression)
        assert used and used <= there, expression


def test_dashboards_have_names_and_places_of_their_own():
    dashboards = [json.loads(path.read_text(encoding="utf-8"))
                  for path in (DEPLOY / "grafana" / "dashboards").glob("*.json")]
    assert len({one["uid"] for one in dashboards}) == len(dashboards) == 3
    for one in dashboards:
        ids = [panel["id"] for panel in one["panels"]]
        assert len(set(ids)) == len(ids)
        assert {panel["datasource"]["uid"] for panel in one["panels"] if "datasource" in panel} == {"prometheus"}
