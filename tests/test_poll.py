"""Events of GitHub's Events API come to Bronze, once, however often a feed shows them."""

import itertools
import json
import time

import pytest

from conftest import ZONE
from events_server import Events, event, reset_in
from lake import BRONZE, PARSED
from program import octolake

FEED, OTHER = "repos/octo/lake", "users/octocat"
ASKED = ["--repo", "Octo/Lake"]


def poll(lake, github, *options, status=0, **env):
    return octolake("--warehouse", lake.directory, "--json", "poll", "--once", *(options or ASKED), status=status,
                    env={**lake.env, **github.env(**env)})


def payloads(lake):
    """Of all rows of Bronze, by id."""
    rows = lake.sql(f"SELECT id, payload FROM {BRONZE}")
    found = {row["id"]: row["payload"] for row in rows}
    assert len(found) == len(rows), "an event is there twice"
    return found


def expected(numbers):
    return {str(20_000_000_000 + n): '{ "number" : %d, "text":"caf\\u00e9"}' % n for n in numbers}


def test_a_feed_that_goes_on(lake):
    with Events(FEED) as github:
        github.happen(FEED, range(250))
        assert poll(lake, github).json() == [
            {"feed": FEED, "not_modified": False, "pages": 3, "events": 250, "rejected": 0, "known": 0,
             "may_have_missed": False, "error": ""}]
        assert poll(lake, github).json()[0]["not_modified"]
        assert github.statuses() == [200, 200, 200, 304]
        github.happen(FEED, range(250, 270))
        again = poll(lake, github).json()[0]
        assert (again["events"], again["pages"], again["known"]) == (20, 2, 180)
        assert payloads(lake) == expected(range(270))
        row, *others = lake.sql(f"SELECT DISTINCT source, delivery_id, source_file, created_at FROM {BRONZE}")
        assert (row["source"], row["delivery_id"], others) == ("events_api", None, [])
        lake.run()
        assert lake.value(f"SELECT count(*) FROM {PARSED}") == 270


def test_more_than_a_feed_holds(lake):
    with Events(FEED) as github:
        github.happen(FEED, range(10))
        poll(lake, github)
        github.happen(FEED, range(10, 400))
        done = poll(lake, github)
        assert (done.json()[0]["events"], done.json()[0]["may_have_missed"]) == (300, True)
        assert "more events came than a feed shows" in done.err
        assert payloads(lake) == expected([*range(10), *range(100, 400)])


def test_a_feed_that_moves_while_it_is_read(lake):
    with Events(FEED) as github:
        github.happen(FEED, range(150))
        numbers = itertools.count(150)
        github.on_request = lambda path: github.happen(FEED, [next(numbers) for _ in range(30)])
        report = poll(lake, github).json()[0]
        # The second page begins with 30 events of the first.
        assert (report["pages"], report["events"], report["known"]) == (3, 180, 0)
        github.on_request = lambda path: None
        poll(lake, github)
        assert payloads(lake) == expected(range(next(numbers)))


def test_several_feeds_and_what_is_wrong_with_some(lake):
    with Events(FEED, OTHER) as github:
        github.happen(FEED, range(3))
        github.happen(OTHER, range(2, 5))
        done = poll(lake, github, "--repo", "octo/gone", "--user", "OctoCat", *ASKED, status=1)
        gone, feed, user = done.json()
        assert "404 Not Found; it is gone, or github.token may not see it" in gone["error"]
        assert (feed["events"], user["events"]) == (3, 3)
        # Through two feeds it is two rows of Bronze and one of Silver.
        lake.run()
        assert lake.value(f"SELECT count(*) FROM {PARSED}") == 5
        wrong = poll(lake, github, status=1, OCTOLAKE_GITHUB_TOKEN="another").json()[0]
        assert "401 Bad credentials; check github.token" in wrong["error"]


def test_what_is_no_event_is_kept_beside(lake):
    with Events(FEED) as github:
        github.happen(FEED, [1])
        github.feeds[FEED] += ['{"id":"7"}', "[1, 2]", '{"type":"X","id":8}']
        report = poll(lake, github).json()[0]
        assert (report["events"], report["rejected"]) == (1, 3)
        github.happen(FEED, [2])
        report = poll(lake, github).json()[0]
        assert (report["events"], report["rejected"], report["known"]) == (1, 0, 4)
        rejected = lake.sql("SELECT source_file, source FROM bronze.rejected_events")
        assert rejected == [{"source_file": f"feed {FEED}", "source": "events_api"}] * 3


def test_limits_and_failures_are_waited_for(lake):
    with Events(FEED) as github:
        github.happen(FEED, range(150))
        github.faults = [(502, {}, "Bad gateway"), (403, reset_in(1), "API rate limit exceeded")]
        assert poll(lake, github).json()[0]["events"] == 150
        assert github.statuses() == [502, 403, 200, 200]


def test_until_it_is_stopped(lake):
    with Events(FEED, OTHER) as github:
        numbers = itertools.count()
        github.happen(FEED, itertools.islice(numbers, 50))
        with lake.start("poll", *ASKED, "--user", "octocat", env=github.env()) as process:
            for _ in range(3):
                before = len(github.requests)
                github.happen(FEED, list(itertools.islice(numbers, 40)))
                process.wait_until(lambda seen=before: len(github.requests) >= seen + 4, "both were polled again")
            process.process.terminate()
            process.finish()
        poll(lake, github)
        assert payloads(lake) == expected(range(next(numbers)))


def test_killed_at_any_moment_and_two_at_once(lake):
    with Events(FEED) as github:
        numbers = itertools.count()
        github.on_request = lambda path: github.happen(FEED, [next(numbers) for _ in range(7)])
        for round_ in range(5):
            with lake.start("poll", *ASKED, env=github.env()) as one, lake.start("poll", *ASKED, env=github.env()) as two:
                before = len(github.requests)
                one.wait_until(lambda seen=before, more=2 + round_: len(github.requests) >= seen + more,
                               "there were polls")
                moment = time.monotonic() + 0.03 * round_
                one.wait_until(lambda at=moment: time.monotonic() >= at, "the moment to die")
                one.kill()
                two.kill()
        github.on_request = lambda path: None
        last = poll(lake, github).json()[0]
        assert last["error"] == "" and not last["may_have_missed"]
        assert payloads(lake) == expected(range(next(numbers)))


@pytest.mark.parametrize("options, env, message", [
    ([], {}, "nothing to poll"),
    (["--repo", "lake"], {}, "expected repos/OWNER/REPOSITORY"),
    (["--user", "../x"], {}, "expected repos/OWNER/REPOSITORY"),
    (["--public"], {"OCTOLAKE_GITHUB_API_URL": "http://api.example"}, "expected an https URL"),
    ([], {"OCTOLAKE_POLL_FEEDS": "repos/a"}, "feed repos/a: expected"),
])
def test_wrong_usage(tmp_path, options, env, message):
    result = octolake("--warehouse", tmp_path / "w", "poll", "--once", *options, status=2, env={**ZONE, **env})
    assert message in result.err


def test_feeds_from_the_configuration_without_a_token(lake):
    with Events("public") as github:
        github.happen("public", [1])
        env = {**lake.env, **github.env(OCTOLAKE_POLL_FEEDS="public", OCTOLAKE_GITHUB_TOKEN="")}
        done = octolake("--warehouse", lake.directory, "--json", "poll", "--once", status=1, env=env)
        assert "60 requests an hour" in done.err
        assert json.loads(event(1))["id"] == "20000000001"
        assert done.json()[0]["feed"] == "public"
