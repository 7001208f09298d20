"""An example of every webhook that GitHub sends, through the gateway to Bronze; forged ones, none of which gets there.

OCTOLAKE_KILL_SEED says which are forged.
"""

import json
import os
import random
import time
from pathlib import Path

import pytest

from gateway import Up, signature
from lake import BRONZE

EXAMPLES = Path(__file__).resolve().parents[1] / ".deps/webhook-examples/index.json"
SECRET = "s"
SEED = int(os.environ.get("OCTOLAKE_KILL_SEED", time.time_ns() % 1_000_000))
MUTATIONS = 5000

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


def test_the_published_signature(lake):
    """docs.github.com, "Validating webhook deliveries": it is that of the body, which is only no JSON."""
    headers = {"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": "d",
               "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    with Up(lake, env={"OCTOLAKE_GATEWAY_WEBHOOK_SECRETS": "It's a Secret to Everybody"}) as up:
        status, answer = up.send("POST", "/webhooks/github", b"Hello, World!", headers)
        assert (status, "JSON" in answer["detail"]) == (400, True), answer
        status, answer = up.send("POST", "/webhooks/github", b"Hello, World?", headers)
        assert (status, "signature" in answer["detail"]) == (401, True), answer
        up.stop()


def forged(chance, good, body):
    """A signature and a body that do not belong together; None for no signature at all."""
    algorithm, digits = good.split("=")
    at = chance.randrange(len(digits))
    other = chance.choice([digit for digit in "0123456789abcdef" if digit != digits[at]])
    place = chance.randrange(len(body))
    return chance.choice([
        lambda: (f"{algorithm}={digits[:at]}{other}{digits[at + 1:]}", body),
        lambda: (f"{algorithm}={int(digits, 16) ^ 1 << chance.randrange(256):064x}", body),
        lambda: (f"{algorithm}={digits[:at]}", body),
        lambda: (f"{algorithm}={digits[:at]}{digits[at + 1:]}", body),
        lambda: (f"{algorithm}={digits[:at]}{chance.choice('0123456789abcdef')}{digits[at:]}", body),
        lambda: (f"{algorithm}={digits[at + 1:]}{digits[:at + 1]}" if at + 1 < len(digits) else "", body),
        lambda: (good[:chance.randrange(len(good))], body),
        lambda: (chance.choice(["sha1", "sha512", "SHA256", "sha-256", "md5", "", "sha256 "]) + "=" + digits, body),
        lambda: (chance.choice([digits, f"sha256:{digits}", f"{algorithm}=0x{digits}", f"{good},{good}"]), body),
        lambda: (signature(chance.choice(["S", "s ", " s", "", "other"]), body), body),
        lambda: (None, body),
        lambda: (good, body[:place] + bytes([body[place] ^ 1 << chance.randrange(8)]) + body[place + 1:]),
        lambda: (good, body[:place]),
        lambda: (good, body + chance.choice([b" ", b"\n", b"\0", b"{}"])),
    ])()


def test_no_forged_signature_is_accepted(lake):
    chance = random.Random(SEED)
    body = json.dumps({"action": "opened", "sender": {"id": 1, "login": "octocat"}}).encode()
    good = signature(SECRET, body)
    with Up(lake, env={"OCTOLAKE_GATEWAY_WEBHOOK_SECRETS": f"{SECRET},other secret"}) as up:
        connection, answers = up.connect(), {}
        for number in range(MUTATIONS):
            given, sent = forged(chance, good, body)
            headers = {"Content-Type": "application/json", "X-GitHub-Event": "issues",
                       "X-GitHub-Delivery": f"f-{number}"}
            if given is not None:
                headers["X-Hub-Signature-256"] = given
            connection.request("POST", "/webhooks/github", sent, headers)
            answer = connection.getresponse()
            answer.read()
            answers.setdefault(answer.status, []).append((given, sent))
        connection.close()
        assert list(answers) == [401], (f"seed {SEED}", {status: some[:3] for status, some in answers.items()})
        assert up.deliver(SECRET, body, "d-1", "issues")[1]["result"] == "accepted"
        assert up.deliver("other secret", body, "d-2", "issues")[1]["result"] == "accepted"
        up.wait_for_bronze()
        up.stop()
    assert lake.sql(f"SELECT id FROM {BRONZE} ORDER BY id") == [{"id": "d-1"}, {"id": "d-2"}]
