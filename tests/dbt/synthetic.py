"""Seeded rows of parsed Silver that are hard on the models: ties, late days, several logins, no ids."""

import random
from datetime import date, datetime, timedelta, timezone

TYPES = [
    "PushEvent", "PushEvent", "PushEvent", "PullRequestEvent", "PullRequestEvent",
    "PullRequestReviewEvent", "PullRequestReviewCommentEvent", "PullRequestReviewThreadEvent",
    "IssuesEvent", "IssueCommentEvent", "WatchEvent", "ForkEvent", "CreateEvent", "DeleteEvent",
    "ReleaseEvent", "MemberEvent", "GistEvent",
]
# (actor_id, logins it uses): ids with several logins or none, logins of digits, nobody, a bot.
ACTORS = [
    (1, ["Ann", "ann-new", None]),
    (2, [" Bob "]),
    (3, [None]),
    (12, ["id:12"]),
    (None, ["12"]),
    (None, ["Carol"]),
    (None, ["3"]),
    (99, ["build[bot]"]),
    (None, [None]),
    (None, ["  "]),
]
REPOS = [
    (10, "o/a"), (10, "o/a-renamed"), (11, " o/b "), (None, "o/a"), (None, "o/c"), (None, None),
    (None, "10"), (12, None), (13, "noslash"), (14, "/noowner"), (15, "O/é"),
]
REFS = [
    None, "refs/heads/main", "refs/heads/master", "refs/heads/x/refs/heads/y", "refs/tags/v1", "main",
    "refs/heads/mainline",
]
TOP_DAY = date(2024, 3, 10)


def event(rng, number, columns):
    row = dict.fromkeys(columns)
    actor_id, logins = rng.choice(ACTORS)
    repo_id, repo_name = rng.choice(REPOS)
    # Most events fall on a few days in a row, some weeks or years before.
    days_back = rng.choice([rng.randrange(4), rng.randrange(4), rng.randrange(16), rng.randrange(1500)])
    day = TOP_DAY - timedelta(days=days_back)
    # Few distinct instants, so that the latest event of a day is decided by ids.
    instant = datetime(day.year, day.month, day.day, tzinfo=timezone.utc) + timedelta(
        hours=rng.choice([0, 5, 23]), minutes=rng.choice([0, 59]), microseconds=rng.choice([0, 1]))
    row["event_id"] = rng.choice([
        str(number), f"{number:012d}", f"h{number:032x}", str(10**25 + number), f"{number}.5",
        str(rng.randrange(8)),
    ])
    row["event_type"] = rng.choice(TYPES)
    row["created_at"] = instant
    row["public"] = rng.choice([True, True, False, None])
    row["actor_id"], row["actor_login"] = actor_id, rng.choice(logins)
    row["repo_id"], row["repo_name"] = repo_id, repo_name
    row["payload_ref"] = rng.choice(REFS)
    if row["event_type"] == "PushEvent":
        row["push_size"] = rng.choice([None, 0, 1, 7, 1000])
    if row["event_type"] == "PullRequestEvent":
        row["payload_action"], row["pull_request_merged"] = rng.choice([
            ("opened", False), ("closed", True), ("closed", False), ("closed", None),
            ("merged", True), ("merged", None), ("opened", True), (None, None),
        ])
    row["event_key"] = f"{row['event_id']}@{int(instant.timestamp() * 1_000_000)}"
    row["source"] = "collect"
    row["trace_id"] = str(number)
    row["processed_at"] = instant + timedelta(days=3650)
    row["ingestion_date"] = TOP_DAY
    return row


def events(seed, count, columns):
    """`count` or fewer rows, unique by event_key as parsed Silver is."""
    rng = random.Random(seed)
    rows = {}
    for number in range(count):
        row = event(rng, 100 + number, columns)
        rows.setdefault(row["event_key"], row)
    return list(rows.values())
