"""`octolake up`: what was acknowledged is in Bronze, once, whatever happens to the process.

OCTOLAKE_KILLS says how often it is killed under load (default 6), OCTOLAKE_KILL_SEED when.
"""

import copy
import gzip
import itertools
import json
import os
import random
import statistics
import time

import pytest

from gateway import FILLER, SMALL_SEGMENTS, Ledger, Senders, Up, event, reused_segments
from lake import BRONZE, GOLD, Lake
from program import ZONE, octolake

KILLS = int(os.environ.get("OCTOLAKE_KILLS", "6"))
SEED = int(os.environ.get("OCTOLAKE_KILL_SEED", time.time_ns() % 1_000_000))
SECRET = "a secret"


def bronze_rows(lake):
    table = lake.catalog().load_table(BRONZE)
    return table.scan(selected_fields=("id", "trace_id", "payload")).to_arrow().to_pylist()


def test_the_comparison_finds_what_is_planted():
    ledger = Ledger({number: f"trace-{number}" for number in range(3)}, unknown={3})
    good = [{"id": str(n), "trace_id": f"trace-{n}", "payload": json.dumps({"number": n})} for n in range(4)]
    assert list(ledger.problems(good)) == []
    assert list(ledger.problems(good[:3])) == []  # the one without an answer may be missing

    def planted(change):
        rows = copy.deepcopy(good)
        change(rows)
        return list(ledger.problems(rows))

    assert planted(lambda rows: rows.pop(1)) == ["event 1: acknowledged, 0 times in Bronze"]
    assert planted(lambda rows: rows.append(rows[2])) == ["event 2: acknowledged, 2 times in Bronze"]
    assert planted(lambda rows: rows.append(rows[3])) == [
        "event 3: sent once without an answer, 2 times in Bronze"]
    assert planted(lambda rows: rows[0].update(payload='{"number": 9}')) == [
        """event 0: its payload is {"number": 9}"""]
    assert planted(lambda rows: rows[0].update(trace_id="other")) == [
        "event 0: acknowledged as trace-0, in Bronze as other"]
    assert planted(lambda rows: rows.append({**rows[0], "id": "7"})) == ["event 7: never sent"]


def test_events_come_to_bronze(lake):
    lines = b"\n".join(event(number) for number in range(1, 6))
    with Up(lake) as up:
        status, answer = up.send("POST", "/collect", event(0))
        assert (status, answer["status"]) == (200, "success")
        assert up.send("POST", "/collect/batch", gzip.compress(lines + b"\nno event\n"),
                       {"Content-Encoding": "gzip"})[1]["accepted"] == 5
        assert up.send("POST", "/collect", b'{"type": "WithoutAnId"}')[0] == 200
        up.wait_for_bronze()
        rows = {int(row["id"]): row for row in bronze_rows(lake)}
        assert sorted(rows) == [0, 1, 2, 3, 4, 5]
        assert rows[0]["trace_id"] == answer["event_id"]
        # What cannot become a row of Bronze is kept beside it.
        assert lake.value("SELECT count(*) FROM bronze.rejected_events") == 1
        assert up.stop() < 10


def test_webhook_deliveries_are_known_after_a_restart(lake):
    body = json.dumps({"action": "opened", "sender": {"id": 1, "login": "octocat"},
                       "repository": {"id": 2, "full_name": "octo/lake"}}).encode()
    env = {"OCTOLAKE_GATEWAY_WEBHOOK_SECRETS": f"older,{SECRET}"}
    with Up(lake, env=env) as up:
        assert up.deliver("wrong", body, "d-1")[0] == 401
        assert up.deliver(SECRET, body, "d-1", "ping")[1]["result"] == "pong"
        assert up.deliver(SECRET, body, "d-1", "issues")[1]["result"] == "accepted"
        up.kill()
    with Up(lake, env=env) as up:
        assert up.deliver(SECRET, body, "d-1", "issues")[1]["result"] == "duplicate"
        assert up.deliver("older", body, "d-2", "no_such_event")[1]["result"] == "accepted"
        up.wait_for_bronze()
        up.stop()
    with Up(lake, env=env) as up:
        assert up.deliver(SECRET, body, "d-2", "no_such_event")[1]["result"] == "duplicate"
        up.stop()
    rows = lake.sql(f"SELECT id, type, actor_login, repo_name FROM {BRONZE} ORDER BY id")
    assert rows == [
        {"id": "d-1", "type": "IssuesEvent", "actor_login": "octocat", "repo_name": "octo/lake"},
        {"id": "d-2", "type": "no_such_event", "actor_login": "octocat", "repo_name": "octo/lake"}]


def test_the_demo_fills_gold(lake):
    with Up(lake, "--demo") as up:
        up.wait_until(lambda: (up.send("GET", "/api/v1/status")[1]["lake"]["gold"] or {}).get("rows"),
                      "there are rows of Gold")
        metrics = up.send("GET", "/metrics")[1]
        assert "octolake_bronze_lag_records " in metrics
        assert f'octolake_source_age_seconds{{source="{BRONZE}"}} ' in metrics
        assert "octolake" in up.send("GET", "/")[1]
        assert up.stop() < 10
    assert lake.value(f"SELECT count(*) FROM {GOLD}") > 0


def test_stop_under_load_loses_nothing(lake):
    ledger = Ledger()
    with Up(lake) as up:
        senders = Senders(up, ledger, itertools.count())
        up.wait_until(lambda: len(ledger.acknowledged) > 200, "events were acknowledged")
        assert up.stop() < 10
        senders.join()
    with Up(lake) as up:
        up.wait_for_bronze()
        up.stop()
    assert list(ledger.problems(bronze_rows(lake))) == []


def test_killed_under_load_nothing_is_lost_or_doubled(lake):
    chance = random.Random(SEED)
    ledger, numbers, ready, reused = Ledger(filler=FILLER), itertools.count(), [], 0
    for _ in range(KILLS):
        start = time.monotonic()
        with Up(lake, env=SMALL_SEGMENTS) as up:
            up.wait_until(lambda: up.send("GET", "/readyz")[0] == 200, "it was ready")
            ready.append(time.monotonic() - start)
            before = len(ledger.acknowledged)
            senders = Senders(up, ledger, numbers)
            up.wait_until(lambda seen=before: len(ledger.acknowledged) > seen, "an event was acknowledged")
            up.wait_until(lambda before=reused: before or reused_segments(lake), "a segment was written over")
            moment = time.monotonic() + chance.uniform(0, 0.6)
            up.wait_until(lambda at=moment: time.monotonic() >= at, "the moment to die")
            assert up.kill()
            senders.join()
        reused += reused_segments(lake)
    with Up(lake, env=SMALL_SEGMENTS) as up:
        up.wait_for_bronze()
        up.stop()
    assert len(ledger.acknowledged) > KILLS
    problems = list(ledger.problems(bronze_rows(lake)))
    assert problems == [], f"seed {SEED}"
    print(f"{KILLS} kills, {len(ledger.acknowledged)} events, {reused} segments in files of others; "
          f"ready again after {statistics.median(ready):.2f} s, {max(ready):.2f} s at most")


@pytest.mark.parametrize("arguments, message", [
    (["--listen", "nonsense"], "expected HOST:PORT"),
    (["--listen", "0.0.0.0:0"], "--allow-anonymous"),
    (["--listen", "127.0.0.1:99999"], "expected HOST:PORT"),
])
def test_wrong_usage(tmp_path, arguments, message):
    result = octolake("--warehouse", tmp_path / "w", "up", *arguments, status=2, env=ZONE)
    assert message in result.err


def test_half_of_the_bytes_in_flight_must_hold_a_webhook(tmp_path):
    sizes = {"OCTOLAKE_GATEWAY_MAX_BYTES_IN_FLIGHT": "30MB", "OCTOLAKE_GATEWAY_MAX_BATCH_SIZE": "1MB",
             "OCTOLAKE_GATEWAY_WEBHOOK_SECRETS": "s"}
    result = octolake("--warehouse", tmp_path / "w", "up", status=2, env={**ZONE, **sizes})
    assert ("half of gateway.max_bytes_in_flight 30000000: expected more than gateway.max_webhook_size (26214400)"
            in result.err)


def test_one_process_has_the_journal(lake):
    with Up(lake) as up:
        result = octolake("--warehouse", lake.directory, "up", "--listen", "127.0.0.1:0", status=1, env=ZONE)
        assert "journal" in result.err
        up.stop()


def test_a_port_that_is_taken(lake, tmp_path):
    with Up(lake) as up:
        other = Lake(tmp_path / "other", ZONE)
        result = octolake("--warehouse", other.directory, "up", "--listen", f"127.0.0.1:{up.port}",
                          status=1, env=ZONE)
        assert "choose another port with --listen" in result.err
        up.stop()
