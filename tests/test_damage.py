"""Damage to a table's files and to its row in the catalog: the error names what is wrong, exit status 1, no wrong
answer, and the other tables go on. What doctor says is compared as well.

The warehouse of the reading tests is damaged in place and put right again, since Iceberg's paths are absolute.
"""

import contextlib
import random
import sqlite3

import fastavro
import pyarrow.parquet as pq
import pytest

from gateway import Up, event
from lake import BRONZE, GOLD, LOADED, PARSED, REJECTED, SILVER, Lake
from program import ZONE, generate

TABLES = [BRONZE, PARSED, GOLD]
KINDS = ["metadata", "manifest_list", "manifest", "data"]
# Says the same of the same rows in any order, and needs every page of every column.
FINGERPRINT = "select count(*) as n, sum(hash(t)::hugeint)::varchar as rows from {} t"


class Whole:
    """A warehouse, where its files are, and what its tables say as long as nothing is wrong with them."""

    def __init__(self, lake):
        self.lake = lake
        self.paths = {table: self.files_of(table) for table in TABLES}
        self.answers = {table: lake.sql(FINGERPRINT.format(table)) for table in TABLES}

    def files_of(self, table):
        """Of the files of each kind the one that was written last."""
        loaded = self.lake.catalog().load_table(table)
        snapshot = loaded.current_snapshot()
        manifest = max((manifest for manifest in snapshot.manifests(loaded.io) if manifest.has_added_files()),
                       key=lambda manifest: manifest.sequence_number)
        entry = manifest.fetch_manifest_entry(loaded.io)[0]
        locations = (loaded.metadata_location, snapshot.manifest_list, manifest.manifest_path,
                     entry.data_file.file_path)
        return {kind: self.local(location) for kind, location in zip(KINDS, locations)}

    def local(self, location):
        return type(self.lake.directory)(location.removeprefix("file://"))

    def ask(self, table, status=0):
        return self.lake.octolake("sql", "--format", "json", FINGERPRINT.format(table), status=status)

    def doctor(self, *options, status=1):
        """The findings about each thing with a problem."""
        checks = self.lake.octolake("--json", "doctor", *options, status=status).json()
        problems = {}
        for check in checks:
            if check["result"] != "ok":
                problems.setdefault(check["check"], []).append(check["finding"])
        return problems


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("damage")
    lake = Lake(directory / "warehouse", ZONE)
    for seed in (1, 2):
        lake.load(generate(directory / f"{seed}.json", events=400, seed=seed))
        lake.run()
    return Whole(lake)


@contextlib.contextmanager
def changed(path, content):
    """With other bytes in the file (None: without it) until the end of the block."""
    before = path.read_bytes()
    try:
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        yield
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(before)


def flipped(content, position):
    damaged = bytearray(content)
    damaged[position] ^= 1 << random.Random(position).randrange(8)
    return bytes(damaged)


def within_payload(path):
    """A byte of the pages of the column payload."""
    group = pq.read_metadata(path).row_group(0)
    (column,) = [group.column(index) for index in range(group.num_columns)
                 if group.column(index).path_in_schema == "payload"]
    start = column.dictionary_page_offset or column.data_page_offset
    return start + column.total_compressed_size * 9 // 10


def end_of_avro_header(content):
    """Where a cut leaves a well-formed container without records."""
    return content.index(content[-16:]) + 16


def cuts(kind, content):
    size = len(content)
    lengths = {"nothing": 0, "a byte": 1, "half": size // 2, "all but a byte": size - 1}
    if kind.startswith("manifest"):
        lengths["header"] = end_of_avro_header(content)
    return lengths


class TestMissingAndCut:
    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_missing_file(self, whole, table, kind):
        path = whole.paths[table][kind]
        with changed(path, None):
            error = whole.ask(table, status=1).err
            assert str(path) in error
            assert table.split(".")[1] in error
            problems = whole.doctor()
            assert problems.keys() == {f"table {table}"}
            assert str(path) in problems[f"table {table}"][0]
            for other in TABLES:
                if other != table:
                    assert whole.ask(other).json() == whole.answers[other]
            listed = {row["table"]: row for row in whole.lake.octolake("--json", "tables").json()}
            assert set(TABLES) <= listed.keys()
            assert ("cannot be read" in listed[table]["updated"]) == (kind == "metadata")
        assert whole.ask(table).json() == whole.answers[table]

    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_file_that_is_cut(self, whole, table, kind):
        path = whole.paths[table][kind]
        content = path.read_bytes()
        for name, length in cuts(kind, content).items():
            with changed(path, content[:length]):
                error = whole.ask(table, status=1).err
                assert str(path) in error, (name, error)
                assert f"{length} bytes" in error or "Avro" in error or "cut" in error, (name, error)
        with changed(path, content[:len(content) // 2]):
            (finding,) = whole.doctor()[f"table {table}"]
            assert str(path) in finding
            assert "restore it from a backup" in finding

    def test_every_damaged_data_file_is_reported(self, whole):
        loaded = whole.lake.catalog().load_table(PARSED)
        paths = [whole.local(task.file.file_path) for task in loaded.scan().plan_files()]
        assert len(paths) >= 2
        with contextlib.ExitStack() as stack:
            for path in paths:
                stack.enter_context(changed(path, None))
            findings = whole.doctor()[f"table {PARSED}"]
            assert len(findings) == min(len(paths), 21)
            for finding, path in zip(findings[:20], paths[:20]):
                assert "does not exist" in finding


class TestAltered:
    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize("kind", ["metadata", "manifest_list", "manifest"])
    def test_a_flipped_bit_in_metadata(self, whole, table, kind):
        """Every byte is tried beside the code (seal_test.cc); here, what the user sees."""
        path = whole.paths[table][kind]
        content = path.read_bytes()
        size = len(content)
        for position in (0, size // 3, size * 2 // 3, size - 1):
            with changed(path, flipped(content, position)):
                assert str(path) in whole.ask(table, status=1).err
        with changed(path, flipped(content, size // 2)):
            (finding,) = whole.doctor()[f"table {table}"]
            assert str(path) in finding and "damaged" in finding
            (other,) = set(TABLES[:2]) - {table} if table != GOLD else {BRONZE}
            assert whole.ask(other).json() == whole.answers[other]

    @pytest.mark.parametrize("table", TABLES)
    def test_a_flipped_bit_in_a_data_file_is_found_by_doctor(self, whole, table):
        path = whole.paths[table]["data"]
        content = path.read_bytes()
        footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        choice = random.Random(7)
        found = 0
        # Pages, not the page index between them and the footer, which holds only bounds.
        for position in [4] + [choice.randrange(4, footer * 3 // 4) for _ in range(5)]:
            with changed(path, flipped(content, position)):
                answer = whole.ask(table, status=None)
                problems = whole.doctor("--data", status=None)
                if problems:
                    (finding,) = problems[f"table {table}"]
                    assert str(path) in finding and "damaged" in finding
                    found += 1
                else:  # it hit what nobody reads
                    assert answer.json() == whole.answers[table]
        assert found >= 4
        assert whole.doctor("--data", status=0) == {}

    def test_doctor_counts_the_pages(self, whole):
        checks = {check["check"]: check for check in whole.lake.octolake("--json", "doctor", "--data").json()}
        finding = checks[f"table {GOLD}"]["finding"]
        assert "pages as they were written" in finding and "without a checksum" not in finding

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(("table", "other"), [(BRONZE, PARSED), (GOLD, BRONZE)])
    def test_another_tables_file_in_its_place(self, whole, table, other, kind):
        path = whole.paths[table][kind]
        with changed(path, whole.paths[other][kind].read_bytes()):
            assert str(path) in whole.ask(table, status=1).err
            (finding,) = whole.doctor()[f"table {table}"]
            assert str(path) in finding
            assert whole.ask(other).json() == whole.answers[other]

    def test_an_older_file_of_the_same_table_in_its_place(self, whole):
        loaded = whole.lake.catalog().load_table(GOLD)
        older = loaded.metadata.metadata_log[-1].metadata_file
        lists = [snapshot.manifest_list for snapshot in loaded.metadata.snapshots]
        for path, content in ((whole.paths[GOLD]["metadata"], whole.local(older)),
                              (whole.paths[GOLD]["manifest_list"], whole.local(lists[0]))):
            assert path != content
            with changed(path, content.read_bytes()):
                error = whole.ask(GOLD, status=1).err
                assert str(path) in error


def catalog_row(lake, table):
    """Reads and writes columns of a table's row."""
    name_space, name = table.split(".")
    where = f"where table_namespace = '{name_space}' and table_name = '{name}'"

    def run(statement):
        with contextlib.closing(sqlite3.connect(lake.directory / "catalog.db")) as connection, connection:
            return connection.execute(f"{statement} {where}").fetchall()
    return run


@contextlib.contextmanager
def changed_row(lake, table, statement):
    database = lake.directory / "catalog.db"
    before = database.read_bytes()
    catalog_row(lake, table)(statement)
    try:
        yield
    finally:
        database.write_bytes(before)


class TestCatalog:
    @pytest.mark.parametrize(("location", "message"), [
        ("'/nowhere/x.metadata.json'", "/nowhere/x.metadata.json"),
        ("null", "metadata_location"),
        ("''", "metadata_location"),
    ], ids=["nowhere", "null", "empty"])
    def test_a_row_that_leads_nowhere(self, whole, location, message):
        with changed_row(whole.lake, GOLD, f"update iceberg_tables set metadata_location = {location}"):
            error = whole.ask(GOLD, status=1).err
            assert message in error and GOLD in error
            (finding,) = whole.doctor()[f"table {GOLD}"]
            assert message in finding
            assert whole.ask(BRONZE).json() == whole.answers[BRONZE]

    def test_a_row_that_leads_to_another_table(self, whole):
        theirs = whole.paths[BRONZE]["metadata"]
        with changed_row(whole.lake, GOLD, f"update iceberg_tables set metadata_location = 'file://{theirs}'"):
            error = whole.ask(GOLD, status=1).err
            assert GOLD in error and BRONZE in error
            assert f"table {GOLD}" in whole.doctor()
            assert whole.ask(BRONZE).json() == whole.answers[BRONZE]

    def test_a_removed_row_of_bronze_is_not_replaced_by_an_empty_table(self, whole, tmp_path):
        path = whole.paths[BRONZE]["metadata"]
        with changed_row(whole.lake, BRONZE, "delete from iceberg_tables"):
            assert "github_events" in whole.ask(BRONZE, status=1).err
            ((what, (finding,)),) = whole.doctor().items()
            assert what == f"directory file://{path.parent.parent}" and str(path) in finding
            done = whole.lake.octolake("load", generate(tmp_path / "x.json", events=5), status=1)
            assert str(path) in done.err and BRONZE in done.err
            assert whole.ask(GOLD).json() == whole.answers[GOLD]
        assert whole.doctor(status=0) == {}

    def test_a_database_that_is_cut_or_altered(self, whole):
        database = whole.lake.directory / "catalog.db"
        content = database.read_bytes()
        for damaged in (content[:100], content[:len(content) // 2], b"x" * len(content)):
            with changed(database, damaged):
                assert str(database) in whole.ask(GOLD, status=1).err
                assert str(database) in str(whole.doctor())
        with changed(database, None):
            assert str(database) in whole.ask(GOLD, status=1).err


class TestMending:
    """Each of these makes its own warehouse, since it is written to."""

    @pytest.fixture
    def mended(self, lake, tmp_path):
        lake.load(generate(tmp_path / "events.json", events=300, seed=3))
        lake.run()
        return Whole(lake), {table: lake.facts(table) for table in (PARSED, SILVER, GOLD)}

    @pytest.mark.parametrize("table", [PARSED, GOLD])
    def test_a_computed_table_is_dropped_and_computed_anew(self, mended, table):
        whole, facts = mended
        lake = whole.lake
        whole.paths[table]["manifest"].unlink()
        done = lake.octolake("run", "--full-refresh", status=1)
        assert str(whole.paths[table]["manifest"]) in done.err
        (finding,) = whole.doctor()[f"table {table}"]
        assert f"octolake tables {table} --drop" in finding
        lake.octolake("tables", table, "--drop")
        lake.run()
        assert {each: lake.facts(each) for each in facts} == facts
        assert whole.doctor(status=0) == {}

    def test_bronze_goes_back_to_the_version_before(self, mended):
        whole, _ = mended
        lake = whole.lake
        rows = lake.rows(BRONZE)
        path = whole.paths[BRONZE]["metadata"]
        path.write_bytes(path.read_bytes()[:-5])
        (finding,) = whole.doctor()[f"table {BRONZE}"]
        statement = finding.split('"')[1]
        with contextlib.closing(sqlite3.connect(lake.directory / "catalog.db")) as connection, connection:
            connection.execute(statement)
        # The last commit to Bronze only moved a tag.
        assert lake.rows(BRONZE) == rows
        assert whole.doctor(status=0) == {}

    @pytest.mark.parametrize("kind", ["manifest", "data"])
    def test_load_and_run_stop_at_damage_they_need(self, mended, tmp_path, kind):
        """A step that reads what is damaged fails and commits nothing; one that does not goes on."""
        whole, facts = mended
        lake = whole.lake
        loaded = lake.counts()[LOADED]
        lake.load(generate(tmp_path / "more.json", events=50, seed=4))
        fresh = whole.files_of(BRONZE)
        position = -30 if kind == "manifest" else within_payload(fresh[kind])
        with changed(fresh[kind], flipped(fresh[kind].read_bytes(), position)):
            done = lake.octolake("run", status=1)
            assert str(fresh[kind]) in done.err
            assert lake.facts(PARSED) == facts[PARSED]
        lake.run()
        assert lake.counts()[LOADED] == loaded + 1
        assert lake.counts()[PARSED] > facts[PARSED].total()

    def test_a_run_copies_no_damaged_rows(self, mended, tmp_path):
        """DuckDB gives other rows for the damaged file and no error: copied, they would have checksums that are
        right."""
        whole, _ = mended
        lake, path = whole.lake, whole.paths[GOLD]["data"]
        content = path.read_bytes()
        group = pq.read_metadata(path).row_group(0)
        last = group.column(group.num_columns - 1)
        for position in range(4, last.data_page_offset + last.total_compressed_size, 97):
            path.write_bytes(flipped(content, position))
            answer = lake.octolake("sql", "--format", "json", FINGERPRINT.format(GOLD), status=None)
            if answer.status == 0 and answer.json() != whole.answers[GOLD]:
                break
        else:
            pytest.fail(f"no bit of {path} made another answer")
        assert str(path) in str(whole.doctor("--data"))
        lake.load(generate(tmp_path / "more.json", events=40, seed=5))
        (gold,) = [model for model in lake.run()["models"] if model["name"] == GOLD]
        assert gold["action"] == "full refresh" and str(path) in gold["reason"]
        assert whole.doctor("--data", status=0) == {}
        facts = lake.facts(GOLD)
        lake.run("--full-refresh")
        assert lake.facts(GOLD) == facts


def damaged(content, kind):
    return None if kind == "removed" else content[:len(content) // 2]


class TestCollecting:
    """What takes events to Bronze needs Bronze; another table's damage is told and keeps nothing back."""

    @pytest.fixture
    def kept(self, lake, tmp_path):
        lake.load(generate(tmp_path / "events.json", events=100, seed=5))
        lake.run()
        return lake

    @pytest.mark.parametrize("kind", ["removed", "cut"])
    def test_load_goes_on_beside_a_damaged_silver(self, kept, tmp_path, kind):
        before, path = kept.counts(), kept.metadata_path(PARSED)
        with changed(path, damaged(path.read_bytes(), kind)):
            done = kept.octolake("load", generate(tmp_path / "more.json", events=50, seed=6))
            (warning,) = [line for line in done.err.splitlines() if "warning" in line]
            assert PARSED in warning and str(path) in warning and "octolake doctor" in warning
            assert kept.value(f"select count(*) from {BRONZE}") == before[BRONZE] + 50
            assert str(path) in kept.octolake("run", status=1).err
        kept.run()
        assert kept.counts()[PARSED] > before[PARSED]

    @pytest.mark.parametrize("kind", ["removed", "cut"])
    def test_load_needs_rejected_events_only_for_what_it_rejects(self, kept, tmp_path, kind):
        before, path = kept.counts(), kept.metadata_path(REJECTED)
        bad = tmp_path / "bad.json"
        bad.write_bytes(event(1) + b"\nno event\n")
        with changed(path, damaged(path.read_bytes(), kind)):
            done = kept.octolake("load", generate(tmp_path / "more.json", events=50, seed=6))
            assert str(path) in done.err
            assert kept.value(f"select count(*) from {BRONZE}") == before[BRONZE] + 50
            done = kept.octolake("load", bad, status=1)
            assert str(path) in done.err and "nothing was loaded" in done.err
            assert kept.value(f"select count(*) from {BRONZE}") == before[BRONZE] + 50
        assert kept.load(bad)["rejected"] == 1
        assert kept.counts()[REJECTED] == before[REJECTED] + 1

    def test_load_needs_to_know_what_was_loaded(self, kept, tmp_path):
        before, path = kept.counts(), kept.metadata_path(LOADED)
        with changed(path, None):
            done = kept.octolake("load", generate(tmp_path / "more.json", events=50, seed=6), status=1)
            assert LOADED in done.err and str(path) in done.err
        assert kept.counts() == before

    @pytest.mark.parametrize("table", [PARSED, LOADED, REJECTED])
    def test_up_collects_beside_a_damaged_table(self, kept, table):
        before, path = kept.counts(), kept.metadata_path(table)
        with changed(path, None):
            with Up(kept, env={"OCTOLAKE_PIPELINE_INTERVAL": "1s"}) as up:
                assert up.send("POST", "/collect", event(1))[0] == 200
                up.wait_for_bronze()
                assert str(path) in up.err and "octolake doctor" in up.err
                if table == PARSED:
                    self.pipeline_fails(up, path)
                up.stop()
            assert kept.value(f"select count(*) from {BRONZE}") == before[BRONZE] + 1
        kept.run()
        assert kept.counts()[PARSED] == before[PARSED] + 1

    @staticmethod
    def pipeline_fails(up, path):
        def pipeline():
            return up.send("GET", "/api/v1/status")[1]["lake"]["pipeline"]
        up.wait_until(lambda: pipeline()["failed_runs"] > 0, "a run failed")
        assert str(path) in pipeline()["last_error"]
        assert "octolake_pipeline_failed_runs_total" in up.send("GET", "/metrics")[1]

    def test_up_keeps_what_it_cannot_reject(self, kept):
        before, path = kept.counts(), kept.metadata_path(REJECTED)
        with changed(path, None):
            with Up(kept) as up:
                assert up.send("POST", "/collect", b'{"type": "WithoutAnId"}')[0] == 200
                up.wait_until(lambda: "nothing more is committed" in up.err, "the commit fails")
                assert str(path) in up.err
                up.stop()
        with Up(kept) as up:
            up.wait_for_bronze()
            up.stop()
        assert kept.counts()[REJECTED] == before[REJECTED] + 1

    def test_the_lost_row_of_another_table_keeps_nothing_back(self, kept, tmp_path):
        bad = tmp_path / "bad.json"
        bad.write_bytes(event(1) + b"\nno event\n")
        kept.load(bad)
        before, path = kept.counts(), kept.metadata_path(REJECTED)
        with changed_row(kept, REJECTED, "delete from iceberg_tables"):
            done = kept.octolake("load", generate(tmp_path / "more.json", events=50, seed=6))
            assert str(path) in done.err and REJECTED in done.err
            assert kept.value(f"select count(*) from {BRONZE}") == before[BRONZE] + 50
            bad.write_bytes(event(2) + b"\nno event either\n")
            assert str(path) in kept.octolake("load", bad, status=1).err


def test_manifests_of_other_writers_are_checked_by_length(lake, tmp_path):
    """Another engine's files have no checksum of ours: what they do tell is checked."""
    lake.load(generate(tmp_path / "events.json", events=50))
    table = lake.catalog().load_table(BRONZE)
    with table.transaction() as transaction:
        transaction.append(table.scan(limit=3).to_arrow())
    table = lake.catalog().load_table(BRONZE)
    (theirs,) = [manifest for manifest in table.current_snapshot().manifests(table.io)
                 if manifest.added_snapshot_id == table.current_snapshot().snapshot_id]
    path = lake.directory / theirs.manifest_path.removeprefix(f"file://{lake.directory}/")
    with open(path, "rb") as file:
        assert "octolake.crc32" not in fastavro.reader(file).metadata
    content = path.read_bytes()
    with changed(path, content[:end_of_avro_header(content)]):
        error = lake.octolake("sql", f"select count(*) from {BRONZE}", status=1).err
        assert str(path) in error and f"{len(content)}" in error
    listing = lake.directory / table.current_snapshot().manifest_list.removeprefix(f"file://{lake.directory}/")
    content = listing.read_bytes()
    with changed(listing, content[:end_of_avro_header(content)]):
        error = lake.octolake("sql", f"select count(*) from {BRONZE}", status=1).err
        assert str(listing) in error and "names no manifest" in error
    assert lake.value(f"select count(*) from {BRONZE}") == 53
