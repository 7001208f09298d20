"""A warehouse on S3 (MinIO) with its catalog in PostgreSQL: the same rows as in a local one, shared with PyIceberg
and with other machines, while servers go away and come back.
"""

import itertools
import os
import random
import socket
import subprocess

import pytest

from comparison import contents, differences, live_files, partly_loaded, repeated_trace_ids
from gateway import Up, event
from lake import ALL_TABLES, BRONZE, GOLD, LOADED, PARSED, Lake, pyiceberg_rows
from program import ZONE, generate, octolake
from s3_requests import put_old_object
from servers import LakeOnPostgres, Minio, Postgres, SharedLake, wait_until
from test_race import foreign_rows

NAMES = (f"lake_{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def postgres():
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="module")
def minio():
    server = Minio()
    yield server
    server.close()


@pytest.fixture
def shared(tmp_path, postgres, minio):
    name = postgres.new_database(next(NAMES))
    return SharedLake(tmp_path / "state", postgres, minio, name)


def second_machine(lake, tmp_path):
    """The same warehouse, as another machine sees it."""
    return SharedLake(tmp_path / "other-state", lake.postgres, lake.minio, lake.name)


def stray_objects(lake):
    """Objects that no table names."""
    live = {location.removeprefix("s3://").removeprefix("s3a://") for location in live_files(lake)}
    return sorted(lake.objects().keys() - live)


def event_files(directory, count, events=60):
    """Of one stream: no event is in two of them, so that their order makes no difference."""
    lines = generate(directory / "events", events=count * events, seed=7).read_bytes().splitlines(keepends=True)
    files = [directory / f"{number:02}.json" for number in range(count)]
    for number, path in enumerate(files):
        path.write_bytes(b"".join(lines[number::count]))
    return files


def expected_contents(files, directory):
    lake = Lake(directory / "expected", ZONE)
    lake.load(*files)
    lake.run()
    return contents(lake)


def test_rows_are_those_of_a_local_warehouse(shared, synthetic_files, synthetic_lake):
    lake = shared
    lake.load(*synthetic_files[:2])
    lake.run()
    lake.load(*synthetic_files[2:])
    lake.run()
    assert differences(contents(lake), contents(synthetic_lake)) == []
    for table in ALL_TABLES:
        assert lake.facts(table) == synthetic_lake.facts(table), table
    assert pyiceberg_rows(lake, GOLD) == lake.rows(GOLD)
    assert lake.counts() == synthetic_lake.counts()
    lake.load(*synthetic_files)
    assert lake.counts() == synthetic_lake.counts(), "loaded once"
    assert stray_objects(lake) == []
    assert lake.octolake("doctor", "--data").status == 0


def test_real_events_are_those_of_a_local_warehouse(shared, real_files, real_lake):
    shared.load(*real_files)
    shared.run()
    assert differences(contents(shared), contents(real_lake)) == []
    for table in ALL_TABLES:
        assert shared.facts(table) == real_lake.facts(table), table


def test_pyiceberg_appends_beside_us(shared, synthetic_files, tmp_path):
    lake = shared
    lake.load(synthetic_files[0])
    other = second_machine(lake, tmp_path)
    before = lake.counts()[BRONZE]
    catalog = lake.catalog()
    catalog.load_table(BRONZE).append(foreign_rows(catalog, 1))
    other.load(synthetic_files[1])
    catalog.load_table(BRONZE).append(foreign_rows(catalog, 2))
    found = lake.value(f"select count(*) from {BRONZE} where id like 'foreign-%'")
    assert found == 2 * foreign_rows(catalog, 1).num_rows
    assert lake.rows(BRONZE) == pyiceberg_rows(lake, BRONZE)
    assert lake.counts()[BRONZE] > before + found
    lake.run()
    assert lake.value(f"select count(*) from {PARSED} where event_id like 'foreign-%'") == found


def maintain(lake, *arguments):
    return lake.octolake("--json", "maintain", *arguments).json()


def test_maintenance(shared, tmp_path):
    lake = shared
    for path in event_files(tmp_path, 6):
        lake.load(path)
        lake.run()
    before = lake.all_rows()
    files = {table: len(lake.octolake("--json", "tables", table, "--files").json()) for table in ALL_TABLES}
    maintain(lake, "--compact", "--rewrite-manifests")
    assert len(lake.octolake("--json", "tables", BRONZE, "--files").json()) == 1 < files[BRONZE]
    for _ in range(3):
        maintain(lake, "--compact=zorder", "--all-files", PARSED)
    assert lake.all_rows() == before
    lake.env["OCTOLAKE_MAINTAIN_EXPIRE_OLDER_THAN"] = "1m"
    maintain(lake, "--expire")
    assert lake.all_rows() == before
    assert {table: rows for table, rows in ((table, pyiceberg_rows(lake, table)) for table in ALL_TABLES)} == before
    assert stray_objects(lake) == []


def test_orphans_go_by_way_of_the_quarantine(shared, synthetic_files):
    lake, minio = shared, shared.minio
    lake.load(synthetic_files[0])
    before = lake.rows(BRONZE)
    place = f"{lake.location}/bronze/github_events/data"
    put_old_object(minio, f"{place}/old.parquet", b"old", days=5)
    put_old_object(minio, f"{place}/young.parquet", b"young", days=1)
    # Old, but named: a data file that comes under its name again, as a copy of the bucket would bring it.
    (data_file, *_) = lake.octolake("--json", "tables", BRONZE, "--files").json()
    location = data_file["file"]
    io = lake.catalog().load_table(BRONZE).io
    with io.new_input(location).open() as file:
        put_old_object(minio, location, file.read(), days=9)

    seen = maintain(lake, "--orphans", "--dry-run", BRONZE)
    assert [row["before"] for row in seen if row["what"] == "orphans"] == [1], seen
    maintain(lake, "--orphans", BRONZE)
    prefix = f"lake/{lake.name}"
    keys = lake.objects()
    assert f"{prefix}/bronze/github_events/data/old.parquet" not in keys
    assert f"{prefix}/bronze/github_events/data/young.parquet" in keys
    (held,) = (key for key in keys if key.startswith(f"{prefix}/.quarantine/") and key.endswith("/old.parquet"))
    assert keys[held] == 3
    assert lake.rows(BRONZE) == before

    # Another machine has just begun a removal, and moves its first file only after the next lines.
    quarantine = f"{prefix}/.quarantine/{lake.catalog().load_table(BRONZE).metadata.table_uuid}"
    places = io.new_input("s3://" + next(key for key in keys if key.endswith("/places"))).open().read()
    begun, over = (f"{quarantine}/20260102T030405Z-{name}/places" for name in ("begun", "over"))
    put_old_object(minio, f"s3://{begun}", places, days=0)
    put_old_object(minio, f"s3://{over}", places, days=2)

    def held_objects():
        return {key for key in lake.objects() if key.startswith(f"{prefix}/.quarantine/")}

    removal = held.removeprefix(f"{quarantine}/").split("/")[0]
    maintain(lake, "--undo", BRONZE)
    assert f"{prefix}/bronze/github_events/data/old.parquet" in lake.objects()
    assert held_objects() == {begun, f"{quarantine}/{removal}/places"}

    # What is left of a removal goes even when nothing is held any more.
    put_old_object(minio, f"s3://{over}", places, days=2)
    with_old = lake.objects()
    io.delete(f"{place}/old.parquet")
    maintain(lake, "--orphans", BRONZE)
    assert held_objects() == {begun, f"{quarantine}/{removal}/places"}
    assert with_old.keys() - lake.objects().keys() == {over, f"{prefix}/bronze/github_events/data/old.parquet"}


class Door:
    """Listens where a server was, and notes who knocks."""

    def __init__(self, port):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen()
        self.socket.settimeout(60)

    def wait_for_knocks(self, count):
        for _ in range(count):
            self.socket.accept()[0].close()

    def close(self):
        self.socket.close()


def committed_files(lake):
    return lake.catalog().load_table(LOADED).scan().to_arrow().num_rows if lake.has_catalog() and lake.catalog(
    ).table_exists(LOADED) else 0


@pytest.mark.parametrize("what", ["minio", "postgres"])
def test_a_server_goes_away_in_the_middle_of_a_load(shared, what, tmp_path):
    lake = shared
    server = getattr(lake, what)
    files = event_files(tmp_path, 24)
    with lake.start("load", *files, env={"OCTOLAKE_LOAD_COMMIT_FILES": "1"}) as load:
        load.wait_until(lambda: committed_files(lake) >= 2, "two commits")
        server.stop()
        door = Door(server.port)
        try:
            door.wait_for_knocks(3)
            assert load.running()
        finally:
            door.close()
            server.start()
        load.finish()
    lake.run()
    assert differences(contents(lake), expected_contents(files, tmp_path)) == []
    assert partly_loaded(lake) == [] and repeated_trace_ids(contents(lake)[BRONZE]) == 0
    assert stray_objects(lake) == []


def test_connections_end_during_commits(shared, tmp_path):
    lake, postgres = shared, shared.postgres
    files = event_files(tmp_path, 30)
    # Half of the time of a commit is COMMIT itself, so that many a connection ends in the middle of it.
    lake.load(files[0])
    postgres.run("create function slowly() returns trigger language plpgsql as "
                 "'begin perform pg_sleep(0.05); return null; end'", database=lake.name)
    postgres.run("create constraint trigger slow after update on iceberg_tables deferrable initially deferred "
                 "for each row execute function slowly()", database=lake.name)
    seen = set()

    def new_commits():
        return set(postgres.run(
            "select pid, xact_start from pg_stat_activity where datname = %s and application_name = 'octolake' and "
            "query = 'COMMIT' and state = 'active'", lake.name)) - seen

    ended = 0
    with lake.start("load", *files, env={"OCTOLAKE_LOAD_COMMIT_FILES": "1"}) as load:
        choice = random.Random(5)
        while load.running():
            # Once for each, or on a fast machine none would come through.
            wait_until(lambda: not load.running() or new_commits(), "a commit")
            seen |= new_commits()
            if choice.random() < 0.3:
                ended += postgres.end_connections(lake.name)
        load.finish()
    assert ended > 3
    lake.run()
    assert differences(contents(lake), expected_contents(files, tmp_path)) == []
    assert partly_loaded(lake) == [] and repeated_trace_ids(contents(lake)[BRONZE]) == 0


def test_two_machines_load_the_same_files_at_once(shared, tmp_path):
    machines = [shared, second_machine(shared, tmp_path)]
    files = event_files(tmp_path, 16)
    orders = [files, files[8:] + files[:8]]
    loads = [lake.start("--json", "load", *order, env={"OCTOLAKE_LOAD_COMMIT_FILES": "2"})
             for lake, order in zip(machines, orders)]
    for load in loads:
        with load:
            load.finish()
    runs = [lake.start("run") for lake in machines]
    for run in runs:
        with run:
            run.finish()
    assert differences(contents(shared), expected_contents(files, tmp_path)) == []
    assert stray_objects(shared) == []


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_what_killed_loads_leave_is_removed(shared, tmp_path, scheme):
    lake = shared
    files = event_files(tmp_path, 12, events=400)
    lake.load(files[0])
    place = f"{lake.location.replace('s3', scheme, 1)}/bronze/github_events/data"
    with lake.catalog().load_table(BRONZE).transaction() as transaction:
        transaction.set_properties({"write.data.path": place})
    killed = 0
    for round_ in range(6):
        done = committed_files(lake)
        with lake.start("load", *files, env={"OCTOLAKE_LOAD_COMMIT_FILES": "1"}) as load:
            objects = len(lake.objects())
            # In the middle of the files of a commit.
            wait_until(lambda: not load.running() or committed_files(lake) > done
                       or len(lake.objects()) > objects + round_, "a commit")
            killed += load.kill()
    assert killed > 2
    lake.load(*files)
    lake.run()
    assert differences(contents(lake), expected_contents(files, tmp_path)) == []
    assert stray_objects(lake) == []


def test_users_sql_sees_no_secret_and_no_other_prefix(shared, synthetic_files):
    lake = shared
    lake.load(synthetic_files[0])
    put_old_object(lake.minio, "s3://lake/elsewhere/x.csv", b"a\n1\n", days=0)
    put_old_object(lake.minio, f"s3://lake/{lake.name}x/x.csv", b"a\n1\n", days=0)
    for query in ("from duckdb_secrets()", "from which_secret('s3://lake/x', 's3')", "create secret s (type s3)",
                  "select getenv('MINIO_ROOT_PASSWORD')", "from read_csv('s3://lake/elsewhere/x.csv')",
                  f"from read_csv('s3://lake/{lake.name}x/x.csv')", "from glob('s3://lake/*')",
                  f"from read_csv('s3://lake/{lake.name}/../elsewhere/x.csv')", "from read_csv('https://127.0.0.1/x')",
                  f"copy (select 1) to 's3://lake/{lake.name}/x.csv'"):
        done = lake.octolake("sql", query, status=None)
        assert done.status in (1, 2), query
        assert lake.minio.password not in done.text + done.err, query
    lake.env |= {"AWS_ACCESS_KEY_ID": "key-of-environment", "AWS_SECRET_ACCESS_KEY": "secret-of-environment",
                 "AWS_SESSION_TOKEN": "token-of-environment"}
    settings = lake.octolake("sql", "--format", "json", "from duckdb_settings()").text
    assert "s3_session_token" in settings
    assert lake.minio.password not in settings and "of-environment" not in settings
    assert lake.sql("select 1 as one") == [{"one": 1}]


def test_users_sql_asks_no_other_server(shared, synthetic_files):
    shared.load(synthetic_files[0])
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        place = f"s3_endpoint=127.0.0.1:{other.getsockname()[1]}&s3_use_ssl=false"
        for call in ("read_csv('{}.csv?{}')", "read_parquet('{}.parquet?{}')", "read_text('{}?{}')", "glob('{}/*?{}')"):
            done = shared.octolake("sql", "from " + call.format(f"{shared.location}/x", place), status=None)
            assert done.status == 1 or call.startswith("glob"), done.text
            with pytest.raises(BlockingIOError):
                other.accept()


def test_configuration_hides_secrets_and_says_where_values_come_from(shared):
    shared.env["OCTOLAKE_CATALOG_PASSWORD"] = "catalog-secret"
    shown = {row["key"]: row for row in shared.octolake("--json", "config").json()}
    assert shown["s3.secret_access_key"]["value"] == shown["catalog.password"]["value"] == "********"
    assert shown["s3.secret_access_key"]["source"] == "environment MINIO_ROOT_PASSWORD"
    assert shown["catalog.uri"]["value"] == shared.postgres.uri(shared.name)


def test_what_is_wrong_is_said(shared, tmp_path, synthetic_files):
    def fails(changes, *parts, warehouse=shared.location):
        done = octolake("--warehouse", warehouse, "load", synthetic_files[0], env={**shared.env, **changes}, status=None)
        assert done.status == 1
        for part in parts:
            assert part in done.err, done.err
        assert "s3cret" not in done.err

    fails({"OCTOLAKE_CATALOG_URI": ""}, "catalog.uri")
    fails({}, "no bucket nowhere", warehouse="s3://nowhere/x")
    fails({"MINIO_ROOT_PASSWORD": "s3cret-wrong"}, "s3.secret_access_key")
    fails({"OCTOLAKE_CATALOG_URI": shared.postgres.uri("nowhere")}, '"nowhere" does not exist')
    fails({"OCTOLAKE_CATALOG_URI": "postgresql://octolake:s3cret@127.0.0.1/x"}, "catalog.password")
    fails({"OCTOLAKE_CATALOG_URI": "postgresql://octolake@127.0.0.1:1/x"}, "postgresql://octolake@127.0.0.1:1/x")
    fails({"OCTOLAKE_S3_ENDPOINT": "http://127.0.0.1:1", "OCTOLAKE_S3_RETRY_FOR": "1s"}, "the store is away")
    assert shared.objects() == {}


def test_a_role_with_a_password(shared, synthetic_files):
    lake, postgres = shared, shared.postgres
    postgres.run("create role keeper login password 'pass:word/%'")
    postgres.run(f"grant all on database {lake.name} to keeper")
    postgres.run("grant all on schema public to keeper", database=lake.name)
    rules = postgres.directory / "data/pg_hba.conf"
    rules.write_text("host all keeper 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    postgres.run("select pg_reload_conf()")
    lake.env["OCTOLAKE_CATALOG_URI"] = f"postgresql://keeper@127.0.0.1:{postgres.port}/{lake.name}"
    refused = lake.octolake("load", synthetic_files[0], status=1)
    assert "password" in refused.err
    lake.octolake("load", synthetic_files[0], status=1, prefix=("env", "PGPASSWORD=wrong"))
    lake.octolake("load", synthetic_files[0], prefix=("env", "PGPASSWORD=pass:word/%"))
    lake.env["OCTOLAKE_CATALOG_PASSWORD"] = "pass:word/%"
    assert lake.counts()[BRONZE] > 0


def test_tls_to_the_catalog(shared, tmp_path, synthetic_files):
    lake, postgres = shared, shared.postgres
    data = postgres.directory / "data"
    owner = data.stat()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=catalog",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", data / "server.key", "-out", data / "server.crt"],
                   check=True, capture_output=True)
    for name in ("server.key", "server.crt"):
        os.chown(data / name, owner.st_uid, owner.st_gid)
        (data / name).chmod(0o600)
    certificate = tmp_path / "root.crt"
    certificate.write_bytes((data / "server.crt").read_bytes())
    postgres.run("alter system set ssl = on")
    postgres.run("select pg_reload_conf()")
    uri = postgres.uri(lake.name)
    lake.env["OCTOLAKE_CATALOG_URI"] = f"{uri}?sslmode=verify-full&sslrootcert={certificate}"
    lake.load(synthetic_files[0])
    assert lake.counts()[BRONZE] > 0
    lake.env["OCTOLAKE_CATALOG_URI"] = f"{uri}?sslmode=verify-full&sslrootcert=/etc/hostname"
    assert "certificate" in lake.octolake("tables", status=1).err


def test_a_local_warehouse_with_a_shared_catalog(tmp_path, postgres, synthetic_files, synthetic_lake):
    name = postgres.new_database(next(NAMES))
    lake = LakeOnPostgres(tmp_path / "warehouse", postgres, name)
    lake.load(*synthetic_files)
    lake.run()
    assert not (lake.directory / "catalog.db").exists()
    for table in ALL_TABLES:
        assert lake.facts(table) == synthetic_lake.facts(table), table


def test_what_the_gateway_accepts_while_the_catalog_is_away_arrives(shared):
    postgres = shared.postgres
    with Up(shared) as up:
        for number in range(20):
            assert up.send("POST", "/collect", event(number))[0] == 200
        up.wait_for_bronze()
        postgres.stop()
        try:
            for number in range(20, 60):
                assert up.send("POST", "/collect", event(number))[0] == 200
        finally:
            postgres.start()
        up.wait_for_bronze()
        up.stop()
    ids = [row["id"] for row in shared.sql(f"select id from {BRONZE}")]
    assert sorted(map(int, ids)) == list(range(60))
    assert stray_objects(shared) == []
