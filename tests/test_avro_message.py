"""Avro messages between octolake and fastavro: ours are read by it, and what it writes in the original schema by us."""

import io
import json
import subprocess
from pathlib import Path

import fastavro
import pytest
from program import PROGRAM, generate

TOOL = Path(PROGRAM).parent / "avro_message_tool"

ORIGINAL = fastavro.parse_schema({
    "type": "record", "name": "GitHubEvent", "fields": [
        {"name": "id", "type": "string"},
        {"name": "type", "type": "string"},
        {"name": "actor", "type": {"type": "record", "name": "Actor", "fields": [
            {"name": "id", "type": "long"}, {"name": "login", "type": "string"},
            {"name": "gravatar_id", "type": "string"}, {"name": "url", "type": "string"},
            {"name": "avatar_url", "type": "string"}]}},
        {"name": "repo", "type": {"type": "record", "name": "Repo", "fields": [
            {"name": "id", "type": "long"}, {"name": "name", "type": "string"}, {"name": "url", "type": "string"}]}},
        {"name": "payload", "type": ["null", "string"], "default": None},
        {"name": "public", "type": "boolean"},
        {"name": "created_at", "type": "string"},
    ]})


def tool(what, given):
    done = subprocess.run([TOOL, what], input=given, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def decode(message):
    lines = [json.loads(line) for line in tool("decode", message).split(b"\n") if line]
    return ([line["events"] for line in lines if "events" in line],
            [line["rejected"] for line in lines if "rejected" in line])


def written(schema, records, codec):
    out = io.BytesIO()
    fastavro.writer(out, schema, records, codec=codec, sync_interval=4000)
    return out.getvalue()


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    file = generate(tmp_path_factory.mktemp("events") / "2015.json", events=500, era="2015", seed=9)
    return [json.loads(line) for line in file.read_text().split("\n") if line]


def in_original_schema(event):
    def texts(names, given):
        return {name: given.get(name, "") for name in names}

    return {**texts(["id", "type", "created_at"], event), "public": event["public"],
            "actor": {"id": event["actor"]["id"],
                      **texts(["login", "gravatar_id", "url", "avatar_url"], event["actor"])},
            "repo": {"id": event["repo"]["id"], **texts(["name", "url"], event["repo"])},
            "payload": json.dumps(event["payload"])}


def test_fastavro_reads_what_we_write(events):
    message = tool("encode", "\n".join(map(json.dumps, events)).encode())
    reader = fastavro.reader(io.BytesIO(message))
    assert reader.metadata["avro.codec"] == "zstandard"
    records = list(reader)
    assert len(records) == len(events)
    for record, event in zip(records, events, strict=True):
        for name in ("id", "type", "public", "created_at"):
            assert record[name] == event[name]
        assert json.loads(record["payload"]) == event["payload"]
        assert record["actor"] == {name: event["actor"].get(name) for name in record["actor"]}
        assert record["repo"] == {name: event["repo"].get(name) for name in record["repo"]}
        org = event.get("org")
        assert record["org"] == (org and {"id": org["id"], "login": org["login"]})
        assert record["source"] == "collect"
    assert [record["trace_id"] for record in records] == sorted({record["trace_id"] for record in records})


def test_a_reader_of_the_original_schema_reads_ours(events):
    """Where a source carries all that the original schema asks for."""
    message = tool("encode", "\n".join(json.dumps(in_original_schema(event) | {"payload": event["payload"]})
                                       for event in events).encode())
    records = list(fastavro.reader(io.BytesIO(message), reader_schema=ORIGINAL))
    for record, event in zip(records, events, strict=True):
        expected = in_original_schema(event)
        assert json.loads(record.pop("payload")) == json.loads(expected.pop("payload"))
        assert record == expected


@pytest.mark.parametrize("codec", ["null", "deflate", "zstandard"])
def test_we_read_what_fastavro_writes_in_the_original_schema(events, codec):
    records = [in_original_schema(event) for event in events]
    rows, rejected = decode(written(ORIGINAL, records, codec))
    assert not rejected
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        for name in ("id", "type", "public", "created_at", "payload"):
            assert row[name] == record[name]
        for name, value in record["actor"].items():
            assert row["actor_" + name] == value
        for name, value in record["repo"].items():
            assert row["repo_" + name] == value
        assert row["source"] == "collect"
        assert (row["kafka_partition"], row["kafka_offset"]) == (1, 2)
        assert row["event_time"] is not None
        assert row["extra"] is None


def test_what_comes_back_is_what_was_sent(events):
    """fastavro reads our message and writes it again in our schema, with another codec."""
    message = tool("encode", "\n".join(map(json.dumps, events)).encode())
    reader = fastavro.reader(io.BytesIO(message))
    again = written(reader.writer_schema, list(reader), "deflate")
    assert decode(again) == decode(message)


def test_a_codec_we_do_not_read_is_named(events):
    rows, rejected = decode(written(ORIGINAL, [in_original_schema(events[0])], "bzip2"))
    assert not rows
    assert [row["reason"] for row in rejected] == [
        "message: Avro codec 'bzip2' is not supported: write the file with null, deflate or zstandard"]
