"""An example of every webhook that GitHub sends, through the gateway to Bronze."""

import json
from pathlib import Path

import pytest

from gateway import Up
from lake import BRONZE

EXAMPLES = Path(__file__).resolve().parents[1] / ".deps/webhook-examples/index.json"
SECRET = "s"

# docs.github.com/rest/using-the-rest-api/github-event-types: what the Events API has a type for.
TYPES = {
    "commit_comment": "CommitCommentEvent", "create": "CreateEvent", "delete": "DeleteEvent",
    "discussion": "DiscussionEvent", "fork": "ForkEvent", "gollum": "GollumEvent",
    "issue_comment": "IssueCommentEvent", "issues": "IssuesEvent", "member": "MemberEvent",
    "public": "PublicEvent", "pull_request": "PullRequestEvent", "pull_request_review": "PullRequestReviewEvent",
    "pull_request_review_comment": "PullRequestReviewCommentEvent",
    "pull_request_review_thread": "PullRequestReviewThreadEvent", "push": "PushEvent", "release": "ReleaseEvent",
    "sponsorship": "SponsorshipEvent", "team_add": "TeamAddEvent", "watch": "WatchEvent",
}


@pytest.fixture(scope="module")
def examples():
    """(event name, payload)"""
    if not EXAMPLES.exists():
        pytest.skip(f"no examples of webhooks: {EXAMPLES} is missing; run deps/bootstrap.sh --tests")
    found = [(event["name"], payload) for event in json.loads(EXAMPLES.read_text()) for payload in event["examples"]]
    assert len(found) > 100 and len({name for name, _ in found}) > 40
    return found


def test_every_kind_arrives(lake, examples):
    bodies = {f"d-{number}": json.dumps(payload).encode() for number, (_, payload) in enumerate(examples)}
    with Up(lake, env={"OCTOLAKE_GATEWAY_WEBHOOK_SECRETS": SECRET}) as up:
        for (delivery, body), (name, _) in zip(bodies.items(), examples):
            wanted = "pong" if name == "ping" else "accepted"
            assert up.deliver(SECRET, body, delivery, name) == (
                200, {"status": "success", "result": wanted, "delivery": delivery}), name
        up.wait_for_bronze()
        up.stop()
    rows = {row["id"]: row for row in lake.sql(
        f"SELECT id, type, actor_login, actor_id, repo_name, repo_id, org_login, payload FROM {BRONZE}")}
    kept = {delivery: example for delivery, example in zip(bodies, examples) if example[0] != "ping"}
    assert rows.keys() == kept.keys()
    for delivery, (name, payload) in kept.items():
        row, sender, repository = rows[delivery], payload.get("sender") or {}, payload.get("repository") or {}
        assert row["type"] == TYPES.get(name, name)
        assert (row["actor_login"], row["actor_id"]) == (sender.get("login"), sender.get("id")), name
        assert (row["repo_name"], row["repo_id"]) == (repository.get("full_name"), repository.get("id")), name
        assert row["org_login"] == (payload.get("organization") or {}).get("login"), name
        assert row["payload"] == bodies[delivery].decode(), name
    lake.run()  # and from there to Gold
