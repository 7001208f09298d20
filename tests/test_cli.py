"""What commands print, for people and for scripts."""

import csv
import io
import json
import re
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.expressions import EqualTo

from lake import ALL_TABLES, BRONZE, GOLD, LOADED, PARSED, SILVER, Lake
from program import generate, octolake

EVERY_TEST_PASSES = {"pass"}


@pytest.fixture
def small_lake(lake, tmp_path):
    """200 synthetic events, loaded and run."""
    lake.load(generate(tmp_path / "events.json", events=200, seed=7))
    lake.run()
    return lake


class TestReports:
    def test_load_and_run_report_what_they_did(self, lake, tmp_path):
        path = generate(tmp_path / "events.json", events=200, seed=7)
        with open(path, "ab") as out:
            out.write(b"5\n")
        report = lake.load(path)
        assert report == {
            "events": 200, "rejected": 1, "commits": 1, "files": [
                {"name": str(path), "outcome": "loaded", "bytes": path.stat().st_size, "events": 200,
                 "rejected": 1}]}
        report = lake.run()
        assert report["silver"]["bronze_rows"] == 200
        assert report["silver"]["added"] + report["silver"]["duplicates"] == 200
        assert [(model["name"], model["action"]) for model in report["models"]] == [
            (SILVER, "full refresh"), (GOLD, "full refresh")]
        counts = lake.counts()
        assert [model["rows"] for model in report["models"]] == [counts[SILVER], counts[GOLD]]
        assert {test["outcome"] for test in report["tests"]} == EVERY_TEST_PASSES
        (fresh,) = report["freshness"]
        assert (fresh["source"], fresh["outcome"]) == (BRONZE, "pass")
        assert 0 <= fresh["age_seconds"] < 3600

        report = lake.octolake("--json", "test").json()
        assert len(report["tests"]) > 20
        assert {test["outcome"] for test in report["tests"]} == EVERY_TEST_PASSES

    def test_results_go_to_stdout_and_remarks_to_stderr(self, small_lake, tmp_path):
        done = small_lake.octolake("load", tmp_path / "events.json")
        assert done.text == "Loaded 0 events into Bronze, 0 rejected; 1 files, 1 of them loaded before.\n"
        assert "skipped" in done.err
        done = small_lake.octolake("--quiet", "load", tmp_path / "events.json")
        assert done.err == ""
        done = small_lake.octolake("run")
        assert done.out == b""
        assert "Data tests: " in done.err and "0 failed" in done.err
        assert "\x1b" not in done.err and "\r" not in done.err  # no progress bar where nobody looks

    def test_standard_input(self, lake, tmp_path):
        events = generate(tmp_path / "events.json", events=30).read_bytes()
        assert lake.octolake("--json", "load", "-", stdin=events).json()["events"] == 30
        assert lake.counts()[BRONZE] == 30

    def test_directories_and_globs(self, lake, tmp_path):
        (tmp_path / "in" / "deep").mkdir(parents=True)
        for number, name in enumerate(("0.jsonl", "deep/1.json", "deep/2.json")):
            generate(tmp_path / "in" / name, events=10, seed=number)
        (tmp_path / "in" / "notes.txt").write_text("no events")
        assert lake.load(tmp_path / "in")["events"] == 30
        report = lake.load(tmp_path / "in" / "deep" / "*.json", "--again")
        assert [Path(file["name"]).name for file in report["files"]] == ["1.json", "2.json"]


class TestSql:
    QUERY = ("select * from (values (1, 'a,\"b\"', null, true, 1.5::double, date '2015-01-02',"
             " timestamptz '2015-01-02 03:04:05.000006+02'), (2, '', 'x' || chr(10) || 'y', false, null, null,"
             " null)) t(number, text, missing, flag, ratio, day, instant) order by number")
    COLUMNS = ["number", "text", "missing", "flag", "ratio", "day", "instant"]

    def test_json(self, small_lake):
        assert small_lake.sql(self.QUERY) == [
            dict(zip(self.COLUMNS, [1, 'a,"b"', None, True, 1.5, "2015-01-02", "2015-01-02T01:04:05.000006Z"])),
            dict(zip(self.COLUMNS, [2, "", "x\ny", False, None, None, None])),
        ]
        assert small_lake.octolake("--json", "sql", "select 1 as a").json() == [{"a": 1}]
        assert small_lake.sql("select 1 as a where false") == []

    def test_json_numbers(self, small_lake):
        (row,) = small_lake.sql(
            "select sum(x) as total, 7::tinyint as tiny, 0.25::float as float, [1, null] as list,"
            " {'a': 1, 'b': 'x'} as struct, 1.10::decimal(4, 2) as price from range(10) t(x)")
        assert row == {"total": 45, "tiny": 7, "float": 0.25, "list": [1, None],
                       "struct": {"a": 1, "b": "x"}, "price": "1.10"}

    def test_csv(self, small_lake):
        done = small_lake.octolake("sql", "--format", "csv", self.QUERY)
        assert list(csv.reader(io.StringIO(done.text, newline=""))) == [
            self.COLUMNS,
            ["1", 'a,"b"', "", "true", "1.5", "2015-01-02", "2015-01-02T01:04:05.000006Z"],
            ["2", "", "x\ny", "false", "", "", ""],
        ]
        # an empty text is quoted, NULL is not
        assert '\r\n2,"","x\ny",false,,,\r\n' in done.text

    def test_table(self, small_lake):
        done = small_lake.octolake("sql", self.QUERY)
        header, rule, first, second = done.text.splitlines()
        assert header.split() == self.COLUMNS
        assert set(rule) == {"-", " "}
        assert first.split() == [
            "1", 'a,"b"', "true", "1.5", "2015-01-02", "2015-01-02T01:04:05.000006Z"]
        assert "x y" in second
        assert done.err == "(2 rows)\n"

    def test_a_terminal_gets_no_control_characters(self, small_lake):
        done = small_lake.octolake("sql", "select chr(27) || '[31m' as a, chr(7) as b")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", done.text)

    def test_parquet(self, small_lake):
        done = small_lake.octolake("sql", "--format", "parquet", self.QUERY)
        table = pq.read_table(pa.BufferReader(done.out))
        assert table.column_names == self.COLUMNS
        assert table.column("instant").to_pylist() == [
            datetime(2015, 1, 2, 1, 4, 5, 6, tzinfo=timezone.utc), None]
        assert table.column("text").to_pylist() == ['a,"b"', ""]
        assert str(table.schema.field("instant").type) == "timestamp[us, tz=UTC]"

    def test_the_four_formats_hold_the_same_rows(self, small_lake):
        query = f"select event_id, actor_login, created_at::varchar as at from {SILVER} order by event_key"
        rows = [tuple(row.values()) for row in small_lake.sql(query)]
        table = pq.read_table(pa.BufferReader(
            small_lake.octolake("sql", "--format", "parquet", query).out))
        assert [tuple(row.values()) for row in table.to_pylist()] == rows
        _, *lines = csv.reader(io.StringIO(
            small_lake.octolake("sql", "--format", "csv", query).text, newline=""))
        assert [tuple(line) for line in lines] == rows

    def test_query_from_a_file_and_from_standard_input(self, small_lake, tmp_path):
        (tmp_path / "query.sql").write_text("-- a remark\nselect count(*) as n\nfrom bronze.github_events;\n")
        for arguments, stdin in ((["-f", tmp_path / "query.sql"], b""), (["-f", "-"], b"select 200 as n"),
                                 ([], b"select 200 as n")):
            done = small_lake.octolake("sql", "--format", "json", *arguments, stdin=stdin)
            assert done.json() == [{"n": 200}]
        done = small_lake.octolake("sql", "-f", tmp_path / "gone.sql", status=2)
        assert "gone.sql" in done.err

    @pytest.mark.parametrize("name", [BRONZE, f"demo.{BRONZE}", '"demo"."bronze"."github_events"'])
    def test_names(self, small_lake, name):
        assert small_lake.value(f"select count(*) from {name}") == 200

    def test_as_of_a_time_before_everything(self, small_lake):
        done = small_lake.octolake(
            "sql", "--as-of", "2001-01-01T00:00:00Z", f"select count(*) from {BRONZE}", status=1)
        assert "github_events" in done.err
        done = small_lake.octolake("sql", "--as-of", "12345", "select 1", status=1)
        assert "no table has snapshot 12345" in done.err


class TestConfiguration:
    @staticmethod
    def entries(*arguments, **options):
        return {entry["key"]: entry for entry in octolake("--json", *arguments, "config", **options).json()}

    def test_precedence(self, tmp_path):
        config = tmp_path / "octolake.yaml"
        config.write_text("warehouse: /from/file\nsql:\n  threads: 3\nwrite.zstd_level: 7\n")
        env = {"OCTOLAKE_WAREHOUSE": "/from/env", "OCTOLAKE_SQL_THREADS": "5", "GOLD_NAMESPACE": "old_gold"}
        flag = ("--warehouse", "/from/flag")

        def source(arguments, environment, key):
            entry = self.entries(*arguments, env=environment)[key]
            return entry["value"], entry["source"]

        file = ("--config", config)
        assert source(flag + file, env, "warehouse") == ("/from/flag", "flag --warehouse")
        assert source(file, env, "warehouse") == ("/from/env", "environment OCTOLAKE_WAREHOUSE")
        assert source(file, None, "warehouse") == ("/from/file", f"file {config}:1")
        assert source((), None, "warehouse") == ("./warehouse", "default")
        assert source(file, None, "sql.threads") == ("3", f"file {config}:3")
        assert source(file, None, "write.zstd_level") == ("7", f"file {config}:4")
        assert source(file, env, "sql.threads") == ("5", "environment OCTOLAKE_SQL_THREADS")
        assert source((), env, "namespaces.gold") == ("old_gold", "environment GOLD_NAMESPACE")
        assert source((), {**env, "OCTOLAKE_NAMESPACES_GOLD": "new"}, "namespaces.gold") == (
            "new", "environment OCTOLAKE_NAMESPACES_GOLD")

    def test_every_key_is_described_and_no_secret_shown(self):
        entries = self.entries(env={"MINIO_ROOT_PASSWORD": "hunter2-secret"})
        assert all(entry["description"] for entry in entries.values())
        assert "hunter2-secret" not in json.dumps(entries)

    def test_namespaces_are_configurable(self, tmp_path):
        lake = Lake(tmp_path / "warehouse", {
            "BRONZE_NAMESPACE": "raw", "SILVER_NAMESPACE": "clean", "GOLD_NAMESPACE": "marts",
            "ICEBERG_CATALOG": "octo"})
        lake.load(generate(tmp_path / "events.json", events=100))
        report = lake.run()
        assert {test["outcome"] for test in report["tests"]} == EVERY_TEST_PASSES
        assert set(lake.counts()) == {
            "raw.github_events", "raw.loaded_files", "raw.rejected_events", "clean.github_events_parsed",
            "clean.silver_github_events", "marts.gold_user_activity"}
        assert lake.value("select count(*) from octo.raw.github_events") == 100
        assert lake.value("select sum(total_events)::bigint from marts.gold_user_activity") == lake.value(
            "select count(*) from clean.silver_github_events"
            " where actor_id is not null or actor_login is not null")

    def test_small_limits_give_the_same_rows(self, small_lake, tmp_path):
        lake = Lake(tmp_path / "tight", {
            "OCTOLAKE_WRITE_MAX_OPEN_FILES": "1", "OCTOLAKE_WRITE_TARGET_FILE_SIZE": "20KB",
            "OCTOLAKE_WRITE_BUFFER_SIZE": "64KB", "OCTOLAKE_SILVER_COMMIT_ROWS": "37",
            "OCTOLAKE_LOAD_COMMIT_FILES": "1", "OCTOLAKE_SQL_MEMORY_LIMIT": "200MB"})
        lines = (tmp_path / "events.json").read_bytes().splitlines(keepends=True)
        for part in range(4):
            (tmp_path / f"part-{part}.json").write_bytes(b"".join(lines[part * 50: part * 50 + 50]))
        assert lake.load(tmp_path / "part-*.json")["commits"] == 4
        assert lake.run()["silver"]["commits"] == 4
        for table in (PARSED, SILVER, GOLD):
            assert lake.facts(table) == small_lake.facts(table)


class TestTables:
    def test_list(self, small_lake):
        rows = small_lake.octolake("--json", "tables").json()
        assert [row["table"] for row in rows] == sorted(ALL_TABLES)
        for row in rows:
            assert row["rows"] == small_lake.value(f"select count(*) from {row['table']}")
            datetime.fromisoformat(row["updated"])
        text = small_lake.octolake("tables").text
        assert all(table in text for table in ALL_TABLES)

    def test_snapshots_files_history_schema(self, small_lake, tmp_path):
        small_lake.load(generate(tmp_path / "more.json", events=50, seed=8))
        small_lake.run()
        first, second = small_lake.snapshots(BRONZE)
        assert (first["operation"], first["added_rows"], first["total_rows"]) == ("append", 200, 200)
        assert (second["parent_id"], second["added_rows"], second["total_rows"]) == (
            first["snapshot_id"], 50, 250)
        assert "main" in second["refs"].split()
        assert f"octolake.consumed.{PARSED}" in second["refs"].split()
        assert [entry["operation"] for entry in small_lake.snapshots(GOLD)][-1] == "overwrite"

        history = small_lake.octolake("--json", "tables", BRONZE, "--history").json()
        assert [(entry["snapshot_id"], entry["is_current_ancestor"]) for entry in history] == [
            (first["snapshot_id"], "yes"), (second["snapshot_id"], "yes")]

        for table in (BRONZE, GOLD):
            files = small_lake.octolake("--json", "tables", table, "--files").json()
            assert sum(file["rows"] for file in files) == small_lake.counts()[table]
            for file in files:
                path = Path(file["file"].removeprefix("file://"))
                assert path.stat().st_size == file["bytes"]
                assert file["partition"] == path.parent.name
                assert pq.read_metadata(path).num_rows == file["rows"]

        schema = small_lake.octolake("--json", "tables", GOLD, "--schema").json()
        assert schema[0] == {"id": 1, "column": "actor_id", "type": "long", "required": "no",
                             "description": schema[0]["description"]}
        assert all(column["description"] for column in schema)

    def test_one_table(self, small_lake):
        rows = small_lake.octolake("--json", "tables", GOLD).json()
        found = {row["property"]: row["value"] for row in rows}
        assert found["table"] == GOLD
        assert found["metadata"] == small_lake.metadata_location(GOLD)
        assert found["partitioned by"] == "activity_date (identity)"

    def test_rollback(self, small_lake, tmp_path):
        (before,) = small_lake.snapshots(GOLD)
        rows = small_lake.rows(GOLD)
        small_lake.load(generate(tmp_path / "more.json", events=50, seed=8))
        small_lake.run()
        again = small_lake.facts(GOLD)
        assert small_lake.rows(GOLD) != rows
        small_lake.octolake("tables", GOLD, "--rollback-to", before["snapshot_id"])
        assert small_lake.rows(GOLD) == rows
        history = small_lake.octolake("--json", "tables", GOLD, "--history").json()
        assert [entry["is_current_ancestor"] for entry in history] == ["yes", "no", "yes"]
        small_lake.run("--full-refresh")
        assert small_lake.facts(GOLD) == again
        done = small_lake.octolake("tables", GOLD, "--rollback-to", "5", status=1)
        assert "5" in done.err

    def test_what_is_not_there(self, small_lake):
        assert "no.table" in small_lake.octolake("tables", "no.table", status=1).err
        assert "NAMESPACE.TABLE" in small_lake.octolake("tables", "table", status=2).err


class TestDoctor:
    def test_nothing_wrong(self, small_lake):
        findings = small_lake.octolake("--json", "doctor").json()
        assert {finding["result"] for finding in findings} == {"ok"}
        assert {f"table {table}" for table in ALL_TABLES} < {finding["check"] for finding in findings}

    def problems(self, lake):
        findings = lake.octolake("--json", "doctor", status=1).json()
        return {finding["check"]: finding["finding"] for finding in findings if finding["result"] != "ok"}

    @pytest.mark.parametrize("damage", ["remove", "truncate"])
    def test_a_damaged_data_file(self, small_lake, damage):
        file = small_lake.octolake("--json", "tables", GOLD, "--files").json()[0]["file"]
        path = Path(file.removeprefix("file://"))
        if damage == "remove":
            path.unlink()
        else:
            with open(path, "r+b") as handle:
                handle.truncate(path.stat().st_size // 2)
        problems = self.problems(small_lake)
        assert problems.keys() == {f"table {GOLD}"}
        assert path.name in problems[f"table {GOLD}"]

        for query in (f"select count(*) as n from {GOLD}", f"select sum(total_events) as n from {GOLD}",
                      f"select 1 as n from {GOLD} limit 1"):
            done = small_lake.octolake("sql", query, status=1)
            assert done.out == b""
            assert path.name in done.err
        assert small_lake.value(f"select count(*) from {BRONZE}") == 200

        report = small_lake.octolake("--json", "test", status=1).json()
        outcomes = {test["name"]: test for test in report["tests"]}
        assert outcomes["unique_silver_github_events_event_key"]["outcome"] == "pass"
        assert outcomes["one_row_per_actor_and_day"]["outcome"] == "error"
        assert path.name in outcomes["one_row_per_actor_and_day"]["error"]
        # the model can be made again from Silver
        small_lake.run("--full-refresh")
        small_lake.octolake("doctor")

    @pytest.mark.parametrize("kind", ["metadata.json", "snap", "manifest"])
    def test_a_removed_metadata_file(self, small_lake, kind):
        location = Path(small_lake.metadata_location(GOLD).removeprefix("file://"))
        victim = {
            "metadata.json": location,
            "snap": next(location.parent.glob("snap-*.avro")),
            "manifest": next(location.parent.glob("*-m0.avro")),
        }[kind]
        victim.unlink()
        assert victim.name in self.problems(small_lake)[f"table {GOLD}"]
        done = small_lake.octolake("sql", f"select count(*) from {GOLD}", status=1)
        assert victim.name in done.err
        done = small_lake.octolake("sql", f"select total_events from {GOLD}", status=1)
        assert victim.name in done.err
        assert small_lake.value(f"select count(*) from {BRONZE}") == 200
        assert BRONZE in small_lake.octolake("tables").text


class TestDataTests:
    @pytest.fixture
    def spoiled(self, small_lake):
        """One event_key twice in Silver, as a writer that does not deduplicate would leave it."""
        table = small_lake.catalog().load_table(SILVER)
        key = small_lake.value(f"select min(event_key) from {SILVER}")
        table.append(table.scan(row_filter=EqualTo("event_key", key)).to_arrow())
        return small_lake, key

    def test_a_failed_test(self, spoiled):
        lake, _ = spoiled
        report = lake.octolake("--json", "test", status=3).json()
        failed = {test["name"]: test["failures"] for test in report["tests"] if test["outcome"] != "pass"}
        assert failed == {"unique_silver_github_events_event_key": 1}
        assert "unique_silver_github_events_event_key" in lake.octolake("test", status=3).err
        lake.octolake("test", "--select", "gold_user_activity")
        assert not [table for table in lake.counts() if table.startswith("test_failures")]

    def test_failing_rows_are_stored_and_replaced(self, spoiled):
        lake, key = spoiled
        report = lake.octolake("--json", "test", "--store-failures", status=3).json()
        (failed,) = [test for test in report["tests"] if test["outcome"] == "fail"]
        stored = "test_failures.unique_silver_github_events_event_key"
        assert failed["stored_in"] == stored
        (row,) = lake.sql(f"select * from {stored}")
        assert key in row.values() and 2 in row.values()

        lake.run("--full-refresh")
        lake.octolake("test", "--store-failures")
        assert lake.counts()[stored] == 0

    def test_run_commits_gold_before_it_fails(self, spoiled):
        lake, _ = spoiled
        gold = lake.counts()[GOLD]
        lake.octolake("run", status=3)
        assert lake.counts()[GOLD] == gold
        lake.run("--full-refresh")

    def test_a_warning_is_no_failure(self, lake, tmp_path):
        (tmp_path / "odd.json").write_text(json.dumps({
            "id": "1", "type": "NeverSeenEvent", "actor": {"id": 1, "login": "ann"},
            "repo": {"id": 2, "name": "a/b"}, "payload": {}, "public": True,
            "created_at": "2015-01-01T00:00:00Z"}))
        lake.load(tmp_path / "odd.json")
        report = lake.run()
        assert {test["name"] for test in report["tests"] if test["outcome"] == "warn"} == {
            "event_type_is_known"}

    def test_an_event_in_the_future_fails(self, lake, tmp_path):
        later = datetime.now(timezone.utc) + timedelta(days=2)
        (tmp_path / "odd.json").write_text(json.dumps({
            "id": "1", "type": "WatchEvent", "actor": {"id": 1, "login": "ann"},
            "repo": {"id": 2, "name": "a/b"}, "payload": {}, "public": True,
            "created_at": later.strftime("%Y-%m-%dT%H:%M:%SZ")}))
        lake.load(tmp_path / "odd.json")
        lake.octolake("run", status=3)
        assert lake.counts()[GOLD] == 1


class TestFreshness:
    def stale_lake(self, lake, tmp_path, age):
        """A warehouse whose only Bronze row is that old."""
        (tmp_path / "empty.json").write_bytes(b"")
        lake.load(tmp_path / "empty.json")
        received = datetime.now(timezone.utc) - age
        table = lake.catalog().load_table(BRONZE)
        table.append(pa.Table.from_pylist([{
            "id": "1", "type": "WatchEvent", "actor_id": 1, "actor_login": "ann", "repo_name": "a/b",
            "payload": "{}", "created_at": "2015-01-01T00:00:00Z", "trace_id": "t", "source": "collect",
            "event_time": datetime(2015, 1, 1, tzinfo=timezone.utc), "ingestion_timestamp": received,
            "ingestion_date": received.date()}], schema=table.schema().as_arrow()))
        return lake

    @pytest.mark.parametrize(("hours", "outcome", "status"), [(1, "pass", 0), (3, "warn", 0), (7, "fail", 3)])
    def test_an_old_source(self, lake, tmp_path, hours, outcome, status):
        self.stale_lake(lake, tmp_path, timedelta(hours=hours))
        report = lake.run()  # only reports
        (fresh,) = report["freshness"]
        assert fresh["outcome"] == outcome
        assert hours * 3600 <= fresh["age_seconds"] < hours * 3600 + 600
        lake.octolake("test")
        report = lake.octolake("--json", "test", "--freshness", status=status).json()
        assert report["freshness"][0]["outcome"] == outcome

    def test_an_empty_source(self, lake, tmp_path):
        (tmp_path / "empty.json").write_bytes(b"")
        lake.load(tmp_path / "empty.json")
        lake.run()
        report = lake.octolake("--json", "test", "--freshness", status=3).json()
        assert report["freshness"] == [{"source": BRONZE, "outcome": "empty"}]


class TestGenerate:
    @pytest.mark.parametrize("era", ["2011", "2015", "2025"])
    def test_same_seed_same_events_and_every_one_loads(self, lake, tmp_path, era):
        first = generate(tmp_path / "a.json", events=300, seed=5, era=era).read_bytes()
        assert octolake("generate", "--events", 300, "--seed", 5, "--era", era).out == first
        assert generate(tmp_path / "b.json", events=300, seed=6, era=era).read_bytes() != first
        report = lake.load(tmp_path / "a.json", tmp_path / "b.json")
        assert (report["events"], report["rejected"]) == (600, 0)

    def test_fewer_events_are_the_beginning_of_more(self):
        few = octolake("generate", "--events", 20, "--seed", 3).out
        assert octolake("generate", "--events", 60, "--seed", 3).out.startswith(few)

    def test_a_place_that_cannot_be_written(self, tmp_path):
        done = octolake("generate", "--to", tmp_path / "no" / "x.json", status=1)
        assert f"{tmp_path}/no/x.json" in done.err
        done = octolake("generate", "--events", 100_000, "--to", "/dev/full", status=1)
        assert "/dev/full" in done.err


class TestHelp:
    COMMANDS = {"load", "run", "test", "sql", "tables", "generate", "doctor", "config", "completion", "man",
                "version"}

    def test_help_names_every_command(self):
        text = octolake("--help").text
        assert self.COMMANDS <= set(re.findall(r"^  (\w+) ", text, re.MULTILINE))
        for command in self.COMMANDS:
            assert "Usage: octolake " + command in octolake(command, "--help").text

    def test_version(self):
        version = octolake("--json", "version").json()["version"]
        assert re.fullmatch(r"\d+\.\d+\.\d+(-\w+)?", version)
        assert octolake("version").text == f"octolake {version}\n"

    def complete(self, *words):
        """What bash would offer for the last word."""
        script = octolake("completion", "bash").text + (
            f"COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}\n"
            "_octolake; printf '%s\\n' \"${COMPREPLY[@]}\"\n")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout.split()

    def test_bash_completion(self, tmp_path):
        (tmp_path / "octolake.bash").write_text(octolake("completion", "bash").text)
        subprocess.run(["bash", "-n", tmp_path / "octolake.bash"], check=True)
        assert self.complete("octolake", "lo") == ["load"]
        assert set(self.complete("octolake", "")) >= self.COMMANDS
        assert self.complete("octolake", "tables", "--sn") == ["--snapshots"]
        assert self.complete("octolake", "run", "--fu") == ["--full-refresh"]
        assert self.complete("octolake", "--quiet", "ta") == ["tables"]

    def test_completion_knows_that_an_option_takes_a_value(self):
        assert self.complete("octolake", "--warehouse", "somewhere", "lo") == ["load"]

    @pytest.mark.parametrize("shell", ["zsh", "fish"])
    def test_other_shells(self, shell, tmp_path):
        script = octolake("completion", shell).text
        assert "full-refresh" in script
        if shutil.which(shell):
            (tmp_path / "script").write_text(script)
            subprocess.run([shell, "-n", tmp_path / "script"], check=True)

    def test_manual_page(self, tmp_path):
        page = octolake("man").text
        assert page.startswith(".TH OCTOLAKE 1")
        for command in self.COMMANDS:
            assert command in page
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=page, text=True,
                                  capture_output=True, check=True)
            assert done.stderr == ""
