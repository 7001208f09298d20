"""What a stream finds that begins at the same time as `octolake ingest`: ingest commits at a step of the stream, which a
real pair cannot be made to do. Needs no Spark."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "spark"))

from octolake_spark.stream_record import Filled, StreamError, StreamRecord  # noqa: E402

BRONZE, REJECTED = "bronze.events", "bronze.rejected"
TAG = "octolake.kafka.events.0"


class Catalog:
    """Of tables that have refs and properties. As the stream's `tables`, with what it needs of them."""

    def __init__(self):
        self.refs = {BRONZE: {"main"}, REJECTED: {"main"}}
        self.properties = {BRONZE: {"other": "1"}, REJECTED: {"other": "1"}}
        self.before_commit = lambda name: None
        self.before_load = lambda name: None

    def load(self, name):
        self.before_load(name)
        return Table(self, name)


class Table:
    """As it was when it was loaded; its own update, too."""

    def __init__(self, catalog, name):
        self._catalog, self._name = catalog, name
        self._refs, self._properties = set(catalog.refs[name]), dict(catalog.properties[name])
        self._changes = {}

    def refs(self):
        return self._refs

    def properties(self):
        return self._properties

    def updateProperties(self):
        return self

    def set(self, key, value):
        self._changes[key] = value

    def remove(self, key):
        self._changes[key] = None

    def commit(self):
        self._catalog.before_commit(self._name)
        after = {**self._catalog.properties[self._name], **self._changes}
        self._catalog.properties[self._name] = {key: value for key, value in after.items() if value is not None}


class Record(StreamRecord):
    """With checkpoints that are new, or of a stream that has read, and a topic that is there."""

    is_new, has_begun = True, False

    def _ask_topic_ids(self):
        return {"events": "id"}

    def _query_of(self, filled):
        return None if self.is_new else self._new_query(filled)

    def _new_query(self, filled):
        return f"query of {filled.name}"

    def _has_begun(self, filled):
        return self.has_begun


class NoSession:
    _jvm = None


@pytest.fixture
def catalog():
    return Catalog()


def begin(catalog, after_ingest=False, is_new=True, has_begun=False):
    filled = [Filled(name, "/checkpoint", ("events",)) for name in (BRONZE, REJECTED)]
    record = Record(NoSession(), catalog, filled, {})
    record.is_new, record.has_begun = is_new, has_begun
    record.begin(new_checkpoint=False, after_ingest=after_ingest)


def known_by(table):
    return {"other": "1", "octolake.stream-query.events": f"query of {table}", "octolake.stream-topic-id.events": "id"}


def test_the_tables_know_a_stream_that_begins(catalog):
    begin(catalog)
    assert catalog.properties == {BRONZE: known_by(BRONZE), REJECTED: known_by(REJECTED)}


@pytest.mark.parametrize("tag", [TAG, "octolake.kafka.events.rejected.0"])
@pytest.mark.parametrize("table", [BRONZE, REJECTED])
def test_ingest_that_commits_before_the_property_is_there(catalog, table, tag):
    catalog.before_commit = lambda name: catalog.refs[name].add(tag) if name == table else None
    with pytest.raises(StreamError, match=f"table {table} has tags of .*{tag}"):
        begin(catalog)
    assert catalog.properties == {BRONZE: {"other": "1"}, REJECTED: {"other": "1"}}


class CatalogIsAway(Exception):
    """As Py4J hands it on."""


def fail_once_the_property_is_there(catalog, failures):
    """The next loads of a table fail, so many."""
    left = [failures]

    def load(name):
        if left[0] and catalog.properties[REJECTED] == known_by(REJECTED):
            left[0] -= 1
            raise CatalogIsAway("no answer")

    catalog.before_load = load


def test_a_stream_that_cannot_look_once_more_takes_its_property_back(catalog):
    fail_once_the_property_is_there(catalog, 1)
    with pytest.raises(CatalogIsAway):
        begin(catalog)
    assert catalog.properties == {BRONZE: {"other": "1"}, REJECTED: {"other": "1"}}


def test_a_stream_that_fails_at_its_second_table_takes_its_property_back_from_the_first(catalog):
    def commit(name):
        if name == REJECTED and catalog.properties[REJECTED] == {"other": "1"} and not done:
            done.append(name)
            raise CatalogIsAway("no answer")

    done = []
    catalog.before_commit = commit
    with pytest.raises(CatalogIsAway):
        begin(catalog)
    assert catalog.properties == {BRONZE: {"other": "1"}, REJECTED: {"other": "1"}}


def test_a_property_that_cannot_be_taken_back_is_told(catalog):
    fail_once_the_property_is_there(catalog, 2)
    with pytest.raises(StreamError, match=f"no answer; what {BRONZE}, {REJECTED} may say .* same --checkpoint"):
        begin(catalog)
    # The next start does.
    catalog.refs[BRONZE].add(TAG)
    with pytest.raises(StreamError, match=f"table {BRONZE} has tags"):
        begin(catalog, is_new=False)
    assert catalog.properties == {BRONZE: {"other": "1"}, REJECTED: {"other": "1"}}


def test_a_stream_that_has_read_keeps_its_property_beside_ingest(catalog):
    begin(catalog)
    catalog.refs[BRONZE].add(TAG)
    with pytest.raises(StreamError, match=f"table {BRONZE} has tags"):
        begin(catalog, is_new=False, has_begun=True)
    assert catalog.properties == {BRONZE: known_by(BRONZE), REJECTED: known_by(REJECTED)}


def test_the_property_of_another_stream_stays(catalog):
    catalog.properties[BRONZE]["octolake.stream-query.events"] = "another"
    catalog.refs[BRONZE].add(TAG)
    with pytest.raises(StreamError, match=f"table {BRONZE} has tags"):
        begin(catalog, is_new=False)
    assert catalog.properties[BRONZE] == {"other": "1", "octolake.stream-query.events": "another"}


def test_a_stream_that_is_meant_to_follow_ingest(catalog):
    catalog.refs[BRONZE].add(TAG)
    begin(catalog, after_ingest=True)
    assert catalog.properties[BRONZE] == known_by(BRONZE)
