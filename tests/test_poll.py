"""Events of GitHub's Events API come to Bronze, once, however often a feed shows them.

OCTOLAKE_KILLS says how often two processes at once are killed (default 5), OCTOLAKE_KILL_SEED when.
"""

import itertools
import json
import os
import random
import time

import pytest

from comparison import leftovers
from events_server import Events, event, reset_in, time_of
from lake import BRONZE, PARSED
from program import ZONE, octolake

FEED, OTHER = "repos/octo/lake", "users/octocat"
ASKED = ["--repo", "Octo/Lake"]

KILLS = int(os.environ.get("OCTOLAKE_KILLS", "5"))
SEED = int(os.environ.get("OCTOLAKE_KILL_SEED", time.time_ns() % 1_000_000))
# After a request was seen: until its answer is read, written and committed.
MOST_SECONDS_AFTER_REQUEST = 0.15


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


def test_a_damaged_silver_keeps_no_event_back(lake):
    with Events(FEED) as github:
        github.happen(FEED, range(5))
        assert poll(lake, github).json()[0]["events"] == 5
        path = lake.metadata_path(PARSED)
        path.unlink()
        github.happen(FEED, range(5, 8))
        done = poll(lake, github)
        assert done.json()[0]["events"] == 3
        assert PARSED in done.err and str(path) in done.err
    assert payloads(lake) == expected(range(8))


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
        row, *others = lake.sql(f"SELECT DISTINCT source, delivery_id, source_file FROM {BRONZE}")
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
        assert done.json()[0]["gap"] == {"after": time_of(9), "before": time_of(100)}
        assert f"some between {time_of(9)} and {time_of(100)} may be missing" in done.err
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


def test_a_page_that_repeats_another_is_not_the_end(lake):
    with Events(FEED) as github:
        github.happen(FEED, range(50))
        poll(lake, github)
        github.happen(FEED, range(50, 200))
        # The second page has what the first had had; the third has what is new still, and what is known.
        later = iter([[], range(200, 300), []])
        github.on_request = lambda path: github.happen(FEED, next(later))
        assert poll(lake, github).json()[0]["pages"] == 3
        github.on_request = lambda path: None
        assert not poll(lake, github).json()[0]["may_have_missed"]
        assert payloads(lake) == expected(range(300))


def test_a_page_that_fails_leaves_nothing_behind(lake):
    with Events(FEED) as github:
        github.happen(FEED, range(250))
        github.on_request = lambda path: "page=2" in path and github.faults.append((404, {}, "Not Found"))
        poll(lake, github, status=1)
        github.on_request = lambda path: None
        assert poll(lake, github).json()[0]["events"] == 250
        assert payloads(lake) == expected(range(250))


def test_two_servers_have_feeds_of_their_own(lake):
    with Events(FEED) as github, Events(FEED) as enterprise:
        github.happen(FEED, range(250))
        enterprise.happen(FEED, range(1000, 1300))
        for _ in range(2):
            for server in (github, enterprise):
                assert not poll(lake, server).json()[0]["may_have_missed"]
            enterprise.happen(FEED, [1300])
        assert payloads(lake) == expected([*range(250), *range(1000, 1301)])


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
        assert rejected == [{"source_file": f"feed {github.url}/{FEED}", "source": "events_api"}] * 3


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
            # What fails is said when it begins and when it is over, not each time.
            del github.feeds["users/octocat"]
            failed = len(github.requests)
            process.wait_until(lambda: github.statuses()[failed:].count(404) > 2, "a feed failed again and again")
            assert process.err.count("error users/octocat: ") == 1
            github.feeds["users/octocat"] = []
            process.wait_until(lambda: "users/octocat: polled again" in process.err, "it is there again")
            process.process.terminate()
            assert "trying again" not in process.finish().err
        poll(lake, github)
        assert payloads(lake) == expected(range(next(numbers)))


def test_killed_at_any_moment_and_two_at_once(lake):
    with Events(FEED) as github:
        numbers = itertools.count()
        github.on_request = lambda path: github.happen(FEED, [next(numbers) for _ in range(7)])
        chance = random.Random(SEED)
        for round_ in range(KILLS):
            with lake.start("poll", *ASKED, env=github.env()) as one, lake.start("poll", *ASKED, env=github.env()) as two:
                before = len(github.requests)
                one.wait_until(lambda seen=before, more=2 + round_ % 5: len(github.requests) >= seen + more,
                               "there were polls")
                moment = time.monotonic() + chance.random() * MOST_SECONDS_AFTER_REQUEST
                one.wait_until(lambda at=moment: time.monotonic() >= at, "the moment to die")
                one.kill()
                two.kill()
                assert "may be missing" not in one.err + two.err, f"seed {SEED}"
        github.on_request = lambda path: None
        last = poll(lake, github).json()[0]
        assert last["error"] == "" and not last["may_have_missed"]
        assert payloads(lake) == expected(range(next(numbers))), f"seed {SEED}"
        assert leftovers(lake) == [], f"seed {SEED}"


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
