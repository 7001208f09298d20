"""Webhook deliveries that did not arrive are fetched from GitHub's log, once each."""

import json
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from gateway import Up
from github_server import GitHub
from lake import BRONZE
from program import ZONE, octolake

HOOK, OTHER = "repos/octo/lake/hooks/7", "orgs/octo/hooks/8"


def deliveries(lake):
    """(delivery id, payload) of every row of Bronze."""
    rows = lake.sql(f"SELECT delivery_id, payload FROM {BRONZE}")
    return sorted((row["delivery_id"], row["payload"]) for row in rows)


def recovery(up):
    return up.send("GET", "/api/v1/status")[1]["lake"].get("recovery")


def wait_for_run(up, runs):
    up.wait_until(lambda: recovery(up)["runs"] >= runs, f"recovery has run {runs} times")
    up.wait_for_bronze()
    return recovery(up)


def recover(lake, github, *options, status=0, **more):
    return octolake("--warehouse", lake.directory, "--json", "recover", *options, status=status,
                    env={**lake.env, **github.settings(**more)})


def test_an_outage_of_two_hours(lake):
    """Traffic before, during and after it, with GitHub's clock: all of it is in Bronze, once."""
    start = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=4)
    with GitHub([HOOK], now=start) as github:
        env = github.settings()
        with Up(lake, env=env) as up:
            for number in range(30):
                github.now += timedelta(seconds=60)
                github.deliver(HOOK, number, up.port)
            up.kill()
        outage = github.now
        for number in range(30, 290):
            github.now += timedelta(seconds=28)
            github.deliver(HOOK, number, up.port)
        assert github.now - outage > timedelta(hours=2)
        with Up(lake, env=env) as up:
            for number in range(290, 320):
                github.now += timedelta(seconds=60)
                github.deliver(HOOK, number, up.port)
            report = wait_for_run(up, 1)
            assert (report["recovered"], report["lost"], report["failed_runs"]) == (260, 0, 0)
            assert up.send("POST", "/api/v1/recover") == (202, {"status": "started", "run": 2})
            assert wait_for_run(up, 2)["recovered"] == 260
            assert "octolake_recovered_deliveries_total 260\n" in up.send("GET", "/metrics")[1]
            assert up.stop() < 10
        assert deliveries(lake) == sorted(github.expected(HOOK))
        # The time of a recovered one is that of GitHub's attempt, all else as if it had arrived.
        when = lake.sql(f"SELECT min(event_time) AS first, max(event_time) AS last, count(*) AS rows FROM {BRONZE} "
                        "WHERE extra LIKE '%X-GitHub-Hook-ID%' AND type = 'PushEvent' AND source = 'webhook' "
                        f"AND event_time BETWEEN '{outage:%Y-%m-%d %H:%M:%S}+00' "
                        f"AND '{outage + timedelta(seconds=28 * 260):%Y-%m-%d %H:%M:%S}+00'")
        assert when[0]["rows"] == 260
        assert datetime.fromisoformat(when[0]["first"]) == outage + timedelta(seconds=28)


def test_what_is_here_or_arrived_is_not_missing(lake):
    with GitHub([HOOK]) as github:
        with Up(lake, env=github.settings()) as up:
            wait_for_run(up, 1)
            github.deliver(HOOK, 1, up.port)
            github.deliver(HOOK, 2, up.port, lies=504)  # it arrived, but GitHub did not hear so
            first = github.deliver(HOOK, 3)
            github.deliver(HOOK, 3, up.port, delivery=first)  # again, by hand
            github.deliver(HOOK, 4, event="ping")
            twice = github.deliver(HOOK, 5)
            github.now += timedelta(minutes=1)
            github.deliver(HOOK, 5, delivery=twice)  # again in vain
            up.send("POST", "/api/v1/recover")
            (report,) = wait_for_run(up, 2)["hooks"]
            up.stop()
        assert (report["attempts"], report["missing"], report["recovered"]) == (7, 1, 1)
        assert deliveries(lake) == sorted(github.expected(HOOK))
        fetched = [path for path in github.requests if "per_page" not in path]
        assert fetched == [f"/{HOOK}/deliveries/{github.hooks[HOOK][5]['id']}"]  # the first attempt


def test_by_hand(lake):
    with GitHub([HOOK, OTHER]) as github:
        for number in range(3):
            github.deliver(HOOK, number)
        github.deliver(OTHER, 7)
        assert recover(lake, github).json() == [
            {"hook": HOOK, "attempts": 3, "missing": 3, "recovered": 3, "lost": 0, "left": 0, "error": "",
             "lost_deliveries": []},
            {"hook": OTHER, "attempts": 1, "missing": 1, "recovered": 1, "lost": 0, "left": 0, "error": "",
             "lost_deliveries": []}]
        assert [hook["missing"] for hook in recover(lake, github).json()] == [0, 0]
        assert deliveries(lake) == sorted(github.expected(HOOK) | github.expected(OTHER))
        with Up(lake, env=github.settings()) as up:
            wait_for_run(up, 1)
            github.deliver(HOOK, 3)
            done = recover(lake, github, "--listen", f"127.0.0.1:{up.port}")
            assert [hook["recovered"] for hook in done.json()] == [1, 0]
            assert f"{HOOK}: 1 of 1 missed deliveries recovered" in done.err
            assert "say with --listen" in recover(lake, github, "--listen", "127.0.0.1:1", status=1).err
            up.wait_for_bronze()
            up.stop()
        assert deliveries(lake) == sorted(github.expected(HOOK) | github.expected(OTHER))


def test_killed_in_the_middle(lake):
    with GitHub([HOOK]) as github:
        for number in range(40):
            github.deliver(HOOK, number)
        seen = []
        github.on_request = seen.append
        for stop_after in (4, 12, 12):
            seen.clear()
            with lake.start("recover", env=github.settings()) as process:
                process.wait_until(lambda least=stop_after: len(seen) >= least, "it has fetched some")
                assert process.kill()
        recover(lake, github)
        assert deliveries(lake) == sorted(github.expected(HOOK))


def test_rate_limits_are_waited_for(lake):
    with GitHub([HOOK]) as github:
        for number in range(8):
            github.deliver(HOOK, number)
        github.budget = 4  # then none for a second or two
        github.faults = [(429, {"Retry-After": "1"}, "You have exceeded a secondary rate limit"),
                         (502, {}, "Bad gateway")]
        done = recover(lake, github)
        assert done.json()[0]["recovered"] == 8
        assert done.err.count("rate limit is met; going on at") == 2
        assert "GitHub answers 502 Bad gateway; trying again" in done.err
        assert len(github.requests) == 9 + 2 + 1  # a list and eight payloads; two faults; one refused


def test_a_limit_that_lasts_leaves_the_rest_for_later(lake):
    with GitHub([HOOK]) as github:
        for number in range(5):
            github.deliver(HOOK, number)
        github.on_request = lambda path: github.faults.extend(
            [(403, {"Retry-After": "36000"}, "limit")] if len(github.requests) == 4 else [])
        done = recover(lake, github, status=1)
        (report,) = done.json()
        assert (report["recovered"], report["left"]) == (2, 3)
        assert "rate limit is met, until" in report["error"]
        github.on_request = lambda path: None
        assert recover(lake, github).json()[0]["recovered"] == 3
        assert deliveries(lake) == sorted(github.expected(HOOK))


def test_what_cannot_be_recovered_is_said(lake):
    gone_hook = "repos/octo/deleted/hooks/1"
    with GitHub([gone_hook, HOOK]) as github:
        lost = github.deliver(HOOK, 0)
        github.deliver(HOOK, 1)
        github.gone.add(github.hooks[HOOK][0]["id"])
        settings = github.settings()
        del github.hooks[gone_hook]
        done = octolake("--warehouse", lake.directory, "--json", "recover", status=1, env={**lake.env, **settings})
        deleted, report = done.json()
        assert "404 Not Found; it is gone, or github.token may not see it" in deleted["error"]
        assert (report["recovered"], report["lost"], report["left"]) == (1, 1, 0)
        (entry,) = report["lost_deliveries"]
        assert (entry["delivery_id"], entry["event"]) == (lost, "push")
        assert "404" in entry["reason"]
        assert f"delivery {lost} (push, " in done.err and "cannot be recovered" in done.err
        assert [guid for guid, _ in deliveries(lake)] == [github.hooks[HOOK][1]["guid"]]


def test_an_app_signs_its_requests(lake, tmp_path):
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    with GitHub(["app"]) as github:
        github.public_key = public
        github.deliver("app", 1)
        of_app = {"OCTOLAKE_GITHUB_APP_ID": "42", "OCTOLAKE_GITHUB_APP_KEY_FILE": str(key)}
        assert recover(lake, github, **of_app).json()[0]["recovered"] == 1
        of_app["OCTOLAKE_GITHUB_APP_ID"] = "43"
        assert "401 Bad credentials" in recover(lake, github, status=1, **of_app).json()[0]["error"]
        of_app["OCTOLAKE_GITHUB_APP_KEY_FILE"] = str(public)
        assert "no RSA private key" in recover(lake, github, status=2, **of_app).err


def test_a_page_elsewhere_is_not_asked_for(lake):
    with GitHub([HOOK]) as github:
        for number in range(101):
            github.deliver(HOOK, number)
        github.next_page_host = "http://127.0.0.1:1"
        assert "is not at" in recover(lake, github, status=1).json()[0]["error"]


@pytest.mark.parametrize("settings, message", [
    ({"OCTOLAKE_GITHUB_HOOKS": ""}, "set github.hooks"),
    ({"OCTOLAKE_GITHUB_HOOKS": "octo/lake"}, "expected repos/OWNER/REPOSITORY/hooks/ID"),
    ({"OCTOLAKE_GITHUB_HOOKS": "repos/octo/../hooks/1"}, "expected repos/OWNER/REPOSITORY/hooks/ID"),
    ({"OCTOLAKE_GITHUB_HOOKS": "app"}, "needs github.app_id and github.app_key_file"),
    ({"OCTOLAKE_GITHUB_TOKEN": ""}, "needs github.token"),
    ({"OCTOLAKE_GITHUB_API_URL": "http://api.example"}, "expected an https URL"),
    ({"OCTOLAKE_GITHUB_API_URL": "http://127.0.0.1@api.example"}, "expected an https URL"),
    ({"OCTOLAKE_GITHUB_API_URL": "ftp://127.0.0.1"}, "expected an https URL"),
])
def test_wrong_settings(lake, settings, message):
    good = {"OCTOLAKE_GITHUB_HOOKS": HOOK, "OCTOLAKE_GITHUB_TOKEN": "t", "OCTOLAKE_GITHUB_API_URL": "http://127.0.0.1:1"}
    result = octolake("--warehouse", lake.directory, "recover", status=2, env={**ZONE, **good, **settings})
    assert message in result.err
    if settings.get("OCTOLAKE_GITHUB_HOOKS") != "":
        assert message in octolake("--warehouse", lake.directory, "up", "--listen", "127.0.0.1:0", status=2,
                                   env={**ZONE, **good, **settings}).err


def test_without_hooks_up_says_so(lake):
    with Up(lake) as up:
        assert recovery(up) is None
        status, answer = up.send("POST", "/api/v1/recover")
        assert (status, "github.hooks" in answer["detail"]) == (404, True)
        up.stop()


def test_what_goes_to_kafka_is_left_in_the_journal(lake):
    """Kafka is away all the time; the journal keeps what it is to have, and nothing of it comes to Bronze."""
    with GitHub([HOOK]) as github:
        env = {**github.settings(), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
        with Up(lake, "--sink", "kafka", env=env) as up:
            github.deliver(HOOK, 1, up.port)
            up.kill()
        github.deliver(HOOK, 2, up.port)
        done = recover(lake, github)
        assert "octolake up --sink kafka sends what was recovered" in done.err
        assert done.json()[0]["recovered"] == 1
    journal = {row["property"]: row["value"] for row in lake.octolake("--json", "journal", "inspect").json()}
    assert journal["records"] == "2" and not lake.catalog().table_exists(BRONZE)
    refused = lake.octolake("up", "--listen", "127.0.0.1:0", status=2)
    assert "go to Kafka" in refused.err and "--sink kafka" in refused.err
