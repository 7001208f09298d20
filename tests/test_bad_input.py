"""What is wrong is named, ends with the right status, and never harms what was committed before."""

import gzip
import json
import random
import sqlite3

import pytest

from lake import BRONZE, LOADED, REJECTED, Lake
from local_server import Handler, LocalServer
from program import generate, octolake, octolake_measured, unprivileged

MEMORY_LIMIT_MIB = 600


def event(number, **changes):
    return {"id": str(number), "type": "WatchEvent", "actor": {"id": 1, "login": "ann"},
            "repo": {"id": 2, "name": "ann/boat"}, "payload": {"action": "started"}, "public": True,
            "created_at": "2015-01-01T00:00:00Z", **changes}


def line(number, **changes):
    return json.dumps(event(number, **changes)).encode() + b"\n"


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.json"
    path.write_bytes(line(1) + line(2))
    return path


@pytest.fixture
def loaded_lake(lake, good):
    """A warehouse with two events, which every test below leaves readable."""
    lake.load(good)
    yield lake
    assert lake.value(f"select count(*) from {BRONZE} where id in ('1', '2')") == 2
    lake.octolake("doctor")


def ids(lake):
    return {row["id"] for row in lake.sql(f"select id from {BRONZE}")}


def rejections(lake):
    return lake.sql(f"select ordinal, byte_offset, reason, raw from {REJECTED} order by ordinal")


class TestSources:
    @pytest.mark.parametrize(("source", "message"), [
        ("missing.json", "missing.json: No such file or directory"),
        ("empty-directory", "empty-directory holds no event files"),
        ("nothing-*.json", "no file matches"),
    ])
    def test_nothing_there(self, loaded_lake, tmp_path, source, message):
        (tmp_path / "empty-directory").mkdir()
        done = loaded_lake.octolake("load", tmp_path / source, status=1)
        assert message in done.err
        assert source in done.err

    @pytest.mark.parametrize(("content", "found"), [
        (b"PK\x03\x04" + bytes(60), "ZIP archive"),
        (b"PAR1" + bytes(60) + b"PAR1", "Parquet file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "binary data that begins with bytes 89504e47"),
        (b"\x7fELF" + bytes(60), "binary data that begins with bytes 7f454c46"),
        (b"<!DOCTYPE html>\n<html></html>\n", "HTML"),
    ], ids=["zip", "parquet", "png", "elf", "html"])
    def test_foreign_content_is_refused_and_the_good_is_loaded(self, loaded_lake, tmp_path, content, found):
        (tmp_path / "a-foreign.json").write_bytes(content)
        (tmp_path / "b-good.json").write_bytes(line(3))
        done = loaded_lake.octolake("load", tmp_path / "a-foreign.json", tmp_path / "b-good.json", status=1)
        assert "a-foreign.json" in done.err and found in done.err
        assert ids(loaded_lake) == {"1", "2", "3"}
        assert loaded_lake.counts()[LOADED] == 2
        assert rejections(loaded_lake) == []

    def test_every_file_unreadable_in_json(self, lake, tmp_path):
        report = lake.load(tmp_path / "x.json", status=1)
        (entry,) = report["files"]
        assert (entry["outcome"], entry["events"]) == ("failed", 0)
        assert "x.json" in entry["error"]

    def test_empty_files_are_no_failure(self, lake, tmp_path):
        (tmp_path / "zero.json").write_bytes(b"")
        (tmp_path / "blank.json").write_bytes(b"\n \n")
        (tmp_path / "empty.json.gz").write_bytes(gzip.compress(b""))
        report = lake.load(*(tmp_path / name for name in ("zero.json", "blank.json", "empty.json.gz")))
        assert [(file["outcome"], file["events"]) for file in report["files"]] == [("loaded", 0)] * 3


class TestDamage:
    def test_what_came_before_a_cut_is_kept(self, loaded_lake, tmp_path):
        events = generate(tmp_path / "events.json", events=400, seed=5).read_bytes()
        whole = gzip.compress(events, 9)
        path = tmp_path / "cut.json.gz"
        path.write_bytes(whole[: len(whole) * 3 // 4])
        done = loaded_lake.octolake("load", path, status=1)
        assert f"{path}: gzip member 1 is cut" in done.err
        kept = loaded_lake.counts()[BRONZE] - 2
        assert 0 < kept < 400
        first = [json.loads(text)["id"] for text in events.split(b"\n")[:kept]]
        assert ids(loaded_lake) == {"1", "2", *first}

        done = loaded_lake.octolake("load", path, status=1)
        assert "is cut" in done.err
        assert loaded_lake.counts()[BRONZE] == kept + 2

        path.write_bytes(whole)
        report = loaded_lake.load(path)
        assert report["events"] == 400
        loaded_lake.run()
        assert loaded_lake.value("select count(*) from silver.github_events_parsed") == len(
            {(e["id"], e["created_at"]) for e in map(json.loads, events.splitlines())}) + 2

    def test_garbage_after_a_gzip_member(self, loaded_lake, tmp_path):
        path = tmp_path / "tail.json.gz"
        path.write_bytes(gzip.compress(line(3) + line(4)) + b"not gzip at all")
        done = loaded_lake.octolake("load", path, status=1)
        assert "tail.json.gz" in done.err
        assert ids(loaded_lake) == {"1", "2", "3", "4"}

    def test_a_flipped_byte_in_a_gzip(self, loaded_lake, tmp_path):
        text = b"".join(line(n, payload={"noise": random.Random(n).random()}) for n in range(10, 3000))
        damaged = bytearray(gzip.compress(text))
        damaged[len(damaged) // 2] ^= 0x55
        (tmp_path / "flipped.json.gz").write_bytes(damaged)
        done = loaded_lake.octolake("load", tmp_path / "flipped.json.gz", status=1)
        assert "flipped.json.gz" in done.err and "gzip" in done.err

    def test_invalid_utf8_is_rejected_and_the_rest_goes_on(self, loaded_lake, tmp_path):
        broken = b'{"id":"3","type":"\xff\xfe"}'
        (tmp_path / "bytes.json").write_bytes(line(4) + broken + b"\n" + line(5))
        report = loaded_lake.load(tmp_path / "bytes.json")
        assert (report["events"], report["rejected"]) == (2, 1)
        assert ids(loaded_lake) == {"1", "2", "4", "5"}
        (rejected,) = rejections(loaded_lake)
        assert rejected == {"ordinal": 1, "byte_offset": len(line(4)), "reason": "invalid UTF-8 at byte 18",
                            "raw": broken.hex()}

    @pytest.mark.parametrize(("document", "reason"), [
        (b"{]", "invalid JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"id":"7","created_at":"2015-01-01T00:00:00Z"}', "type"),
        (b'{"id":"7","type":"X"}', "created_at"),
        (b'{"id":"7","type":"X","created_at":"yesterday"}', "created_at"),
        (b'{"type":"X","created_at":"2015-01-01T00:00:00Z","actor":{"id":1}}', "id"),
    ])
    def test_what_is_no_event_is_rejected_with_its_reason(self, loaded_lake, tmp_path, document, reason):
        (tmp_path / "mixed.json").write_bytes(line(8) + document + b"\n" + line(9))
        report = loaded_lake.load(tmp_path / "mixed.json")
        assert (report["events"], report["rejected"]) == (2, 1)
        (rejected,) = rejections(loaded_lake)
        assert reason in rejected["reason"]
        assert rejected["ordinal"] == 1
        loaded_lake.run()

    def test_an_unfinished_last_document_is_rejected(self, loaded_lake, tmp_path):
        (tmp_path / "torn.json").write_bytes(line(8) + line(9)[:40])
        report = loaded_lake.load(tmp_path / "torn.json")
        assert (report["events"], report["rejected"]) == (1, 1)


class TestSize:
    def test_a_line_of_100_mb(self, loaded_lake, tmp_path):
        path = tmp_path / "long.json"
        with open(path, "wb") as out:
            out.write(line(3) + b'{"id":"9","type":"WatchEvent","payload":{"x":"')
            for _ in range(100):
                out.write(b"y" * 1_000_000)
            out.write(b'"}}\n' + line(4))
        done, peak = octolake_measured(tmp_path, "--warehouse", loaded_lake.directory, "load", path)
        assert "2 events into Bronze, 1 rejected" in done.text
        assert peak < MEMORY_LIMIT_MIB
        assert ids(loaded_lake) == {"1", "2", "3", "4"}
        (rejected,) = rejections(loaded_lake)
        assert "longer than 33554432 bytes" in rejected["reason"]
        assert rejected["raw"].startswith(b'{"id":"9"'.hex())

    def test_100_mb_without_any_structure(self, loaded_lake, tmp_path):
        path = tmp_path / "shapeless.json"
        with open(path, "wb") as out:
            out.write(b"{")
            for _ in range(100):
                out.write(b"x" * 1_000_000)
        _, peak = octolake_measured(tmp_path, "--warehouse", loaded_lake.directory, "load", path)
        assert peak < MEMORY_LIMIT_MIB

    def test_a_small_gzip_of_a_huge_line(self, loaded_lake, tmp_path):
        with gzip.open(tmp_path / "bomb.json.gz", "wb", 9) as out:
            out.write(line(3) + b'{"id":"')
            for _ in range(300):
                out.write(bytes([0x30]) * 1_000_000)
            out.write(b'"}\n' + line(4))
        done, peak = octolake_measured(
            tmp_path, "--warehouse", loaded_lake.directory, "load", tmp_path / "bomb.json.gz")
        assert "2 events into Bronze, 1 rejected" in done.text
        assert peak < MEMORY_LIMIT_MIB

    @pytest.mark.parametrize("document", [
        b'{"id":"9","type":"WatchEvent","created_at":"2015-01-01T00:00:00Z","payload":'
        + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"id":"9","x":' + b"[" * 100_000,
    ], ids=["objects", "arrays", "unclosed"])
    def test_deep_nesting(self, loaded_lake, tmp_path, document):
        (tmp_path / "deep.json").write_bytes(line(3) + document + b"\n" + line(4))
        report = loaded_lake.load(tmp_path / "deep.json")
        assert (report["events"], report["rejected"]) == (2, 1)
        assert ids(loaded_lake) == {"1", "2", "3", "4"}
        (rejected,) = rejections(loaded_lake)
        assert "nested deeper than 256 levels" in rejected["reason"]

    def test_nesting_just_deep_enough_passes_through_to_silver(self, loaded_lake, tmp_path):
        payload = {"action": "started"}
        for _ in range(250):
            payload = {"a": payload}
        (tmp_path / "deep.json").write_bytes(line(3, payload=payload))
        assert loaded_lake.load(tmp_path / "deep.json")["events"] == 1
        assert loaded_lake.run()["silver"]["added"] == 3


class Refusal(Handler):
    """An S3 server that answers every HEAD with the status of the bucket's name, and without a body: MinIO cannot be
    made to answer so."""

    def do_HEAD(self):
        self.send(int(self.path.split("/")[1].removeprefix("bucket")), {})


class TestWarehouse:
    def test_a_place_where_nothing_can_be_made(self, tmp_path, good):
        (tmp_path / "file").write_text("x")
        lake = Lake(tmp_path / "file" / "warehouse")
        done = lake.octolake("load", good, status=1)
        assert str(lake.directory) in done.err and "Not a directory" in done.err

    def test_a_directory_without_permission(self, tmp_path, good):
        (tmp_path / "locked").mkdir(mode=0o555)
        lake = Lake(tmp_path / "locked" / "warehouse")
        done = lake.octolake("load", good, status=1, prefix=unprivileged())
        assert str(lake.directory) in done.err and "Permission denied" in done.err

    def test_a_table_directory_that_cannot_be_written(self, loaded_lake, tmp_path):
        data = loaded_lake.directory / "bronze" / "github_events" / "data"
        moved = data.rename(tmp_path / "data")
        data.write_text("in the way")
        (tmp_path / "more.json").write_bytes(line(3))
        done = loaded_lake.octolake("load", tmp_path / "more.json", status=1)
        assert str(data) in done.err
        data.unlink()
        moved.rename(data)
        assert ids(loaded_lake) == {"1", "2"}
        assert loaded_lake.load(tmp_path / "more.json")["events"] == 1

    def test_a_catalog_that_is_no_database(self, tmp_path, good):
        directory = tmp_path / "warehouse"
        directory.mkdir()
        (directory / "catalog.db").write_bytes(b"these are not the pages you look for\n" * 200)
        for command in (["load", good], ["run"], ["sql", "select 1"], ["tables"]):
            done = octolake("--warehouse", directory, *command, status=1)
            assert f"{directory}/catalog.db" in done.err and "not a database" in done.err

    def test_a_catalog_of_other_tables(self, tmp_path, good):
        directory = tmp_path / "warehouse"
        directory.mkdir()
        with sqlite3.connect(directory / "catalog.db") as database:
            database.execute("create table iceberg_tables (unexpected int)")
        done = octolake("--warehouse", directory, "load", good, status=1)
        assert "catalog.db" in done.err

    @pytest.mark.parametrize("address, what_to_do", [
        ("s3://bucket/lake", "PostgreSQL database with catalog.uri"),
        ("gs://bucket/lake", "give the path of a local directory, or s3://BUCKET/PREFIX"),
        ("hdfs://host/lake", "give the path of a local directory, or s3://BUCKET/PREFIX"),
    ])
    def test_a_warehouse_that_cannot_be_there_is_refused(self, tmp_path, good, address, what_to_do):
        done = octolake("--warehouse", address, "load", good, status=1, cwd=tmp_path)
        assert address in done.err and what_to_do in done.err
        assert [path.name for path in tmp_path.iterdir()] == ["good.json"]

    @pytest.mark.parametrize("status", [301, 307, 400, 405, 408, 429, 500, 503])
    def test_what_a_store_says_by_its_status_alone(self, tmp_path, good, status):
        with LocalServer(Refusal) as server:
            settings = {"OCTOLAKE_S3_ENDPOINT": server.url, "OCTOLAKE_S3_RETRY_FOR": "0s", "MINIO_ROOT_USER": "user",
                        "MINIO_ROOT_PASSWORD": "password", "OCTOLAKE_STATE_DIRECTORY": str(tmp_path / "state"),
                        "OCTOLAKE_CATALOG_URI": "postgresql://octolake@127.0.0.1:1/x"}
            done = octolake("--warehouse", f"s3://bucket{status}/lake", "load", good, status=1, env=settings)
        comes_back = status in (408, 429) or status >= 500
        assert ("the store is away or busy" in done.err) == comes_back, done.err
        assert ("s3.region" in done.err) == (not comes_back), done.err

    @pytest.mark.parametrize("scheme", ["s3", "s3a"])
    @pytest.mark.parametrize("command", [["up", "--listen", "127.0.0.1:0"], ["recover"], ["jobs", "list"],
                                         ["jobs", "run", "tidy"], ["journal", "inspect"], ["journal", "verify"]])
    def test_a_journal_needs_a_configured_place_beside_a_warehouse_on_s3(self, tmp_path, command, scheme):
        settings = {"OCTOLAKE_GITHUB_HOOKS": "repos/o/r/hooks/1", "OCTOLAKE_GITHUB_TOKEN": "t",
                    "OCTOLAKE_CATALOG_URI": "postgresql://octolake@127.0.0.1:1/x",
                    "OCTOLAKE_S3_ENDPOINT": "http://127.0.0.1:1", "OCTOLAKE_S3_RETRY_FOR": "0s"}
        place = ["--warehouse", f"{scheme}://bucket/lake"]
        done = octolake(*place, *command, cwd=tmp_path, env=settings, status=2)
        assert f"{scheme}://bucket/lake" in done.err and "state_directory" in done.err
        assert list(tmp_path.iterdir()) == []
        settings["OCTOLAKE_STATE_DIRECTORY"] = str(tmp_path / "state")
        done = octolake(*place, *command, cwd=tmp_path, env=settings, status=1)
        assert "state_directory" not in done.err, "goes on to the store, which is away"

    @pytest.mark.parametrize("command", [["run"], ["test"], ["sql", "select 1"], ["tables"], ["doctor"]])
    def test_no_warehouse_is_made_by_a_command_that_reads(self, tmp_path, command):
        done = octolake("--warehouse", tmp_path / "none", *command, status=1)
        assert f"there is no warehouse at {tmp_path}/none" in done.err + done.text
        assert not (tmp_path / "none").exists()


class TestUsage:
    @pytest.mark.parametrize("arguments", [
        [], ["lod"], ["load"], ["run", "--fast"], ["sql", "select 1", "-f", "x.sql"], ["sql", "--format"],
        ["sql", "--format", "xml", "select 1"], ["sql", "--as-of", "yesterday", "select 1"],
        ["tables", "--files"], ["tables", "a.b", "--rollback-to", "x"], ["generate", "--events", "-1"],
        ["generate", "--era", "1999"], ["completion", "tcsh"], ["--log-level"],
    ], ids=" ".join)
    def test_wrong_usage(self, tmp_path, arguments):
        done = octolake(*arguments, status=2, cwd=tmp_path)
        assert done.out == b""
        assert done.err
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_key_names_the_nearest(self, tmp_path):
        config = tmp_path / "octolake.yaml"
        config.write_text("load:\n  commit_byte: 1MB\n")
        done = octolake("--config", config, "config", status=2)
        assert f"{config}:2" in done.err
        assert "'load.commit_byte'" in done.err and "'load.commit_bytes'" in done.err

    def test_an_unknown_variable_names_the_nearest(self):
        done = octolake("config", status=2, env={"OCTOLAKE_WAREHOSE": "x"})
        assert "OCTOLAKE_WAREHOSE" in done.err and "OCTOLAKE_WAREHOUSE" in done.err

    @pytest.mark.parametrize(("text", "message"), [
        ("load:\n  commit_bytes: many\n", "many"),
        ("log:\n  level: loud\n", "loud"),
        ("warehouse: [a\n", ""),
    ])
    def test_a_wrong_value_is_named_with_its_place(self, tmp_path, text, message):
        config = tmp_path / "octolake.yaml"
        config.write_text(text)
        done = octolake("--config", config, "config", status=2)
        assert "log.level" in done.err or "octolake.yaml" in done.err
        assert message in done.err

    @pytest.mark.parametrize(("key", "value", "allowed"), [
        ("max_snapshots", "0", "1 to 100000"), ("max_snapshots", "1000000000", "1 to 100000"),
        ("min_snapshots", "-1", "1 to 100000"), ("keep_all", "0s", "1m to 36500d"), ("max_age", "0", "1m to 36500d"),
        ("interval", "99999999d", "0s to 36500d"),
    ])
    def test_a_retention_beyond_reason_is_refused(self, tmp_path, key, value, allowed):
        variable = f"OCTOLAKE_RETENTION_{key.upper()}"
        done = octolake("--warehouse", tmp_path / "none", "load", tmp_path, status=2, env={variable: value})
        assert f"retention.{key} (environment {variable}): '{value}'" in done.err
        assert f"allowed: {allowed}" in done.err
        assert not (tmp_path / "none").exists()

    def test_a_missing_configuration_file(self, tmp_path):
        done = octolake("--config", tmp_path / "gone.yaml", "config", status=2)
        assert f"{tmp_path}/gone.yaml" in done.err


class TestSql:
    @pytest.mark.parametrize(("query", "message"), [
        ("selec 1", 'syntax error at or near "selec"'),
        ("select * from nowhere.nothing", "nothing"),
        ("select no_such_column from bronze.github_events", "no_such_column"),
        ("select cast(type as integer) from bronze.github_events", "WatchEvent"),
        ("", "no statement"),
    ])
    def test_errors(self, loaded_lake, query, message):
        done = loaded_lake.octolake("sql", query, status=1)
        assert message in done.err
        assert done.out == b""

    @pytest.mark.parametrize("query", [
        "copy (select 1) to '{made}'",
        "copy bronze.github_events to '{made}' (format parquet)",
        "attach '{made}' as other",
        "export database '{made}'",
        "create table mine as select 1",
        "insert into bronze.github_events select * from bronze.github_events",
        "delete from bronze.github_events",
        "drop view bronze.github_events",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "pragma database_list",
        "select 1; select 2",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from '/etc/passwd'",
        "from '/etc/passwd'",
        "select * from read_parquet('/etc/*')",
        "select * from glob('/etc/*')",
        "explain analyze copy (select 1) to '{made}'",
    ])
    def test_the_sandbox(self, loaded_lake, tmp_path, query):
        made = tmp_path / "made-by-sql"
        done = loaded_lake.octolake("sql", query.format(made=made), status=1)
        assert done.out == b""
        assert "root:" not in done.err
        assert not made.exists()

    def test_the_secrets_of_the_environment_are_out_of_reach(self, loaded_lake):
        done = loaded_lake.octolake("sql", "select getenv('HOME')", status=1)
        assert done.out == b""
