"""Every operation of /openapi.json answers only as it says there, to requests that keep to it and to those that
do not. schemathesis makes the requests, in a process of its own; OCTOLAKE_API_EXAMPLES says how many for each
operation (default 20), OCTOLAKE_API_SEED which.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import Up

EXAMPLES = os.environ.get("OCTOLAKE_API_EXAMPLES", "20")
SEED = os.environ.get("OCTOLAKE_API_SEED", "1")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
SECRET = "a secret"
TOKEN = "a-token"
ENV = {
    "OCTOLAKE_GATEWAY_WEBHOOK_SECRETS": SECRET, "OCTOLAKE_GATEWAY_TOKENS": TOKEN,
    # With a hook there is something to recover; nobody listens on that port.
    "OCTOLAKE_GITHUB_HOOKS": "repos/octo/lake/hooks/1", "OCTOLAKE_GITHUB_TOKEN": "t",
    "OCTOLAKE_GITHUB_API_URL": "http://127.0.0.1:1",
}


def exercise(up, description, directory, *options):
    """What schemathesis said, and its report."""
    assert SCHEMATHESIS.exists(), "it comes with deps/bootstrap.sh --tests"
    (directory / "openapi.json").write_text(json.dumps(description))
    report = directory / "report.json"
    command = [SCHEMATHESIS, "run", directory / "openapi.json", "--url", f"http://127.0.0.1:{up.port}",
               "--header", f"Authorization: Bearer {TOKEN}", "--seed", SEED, "--no-shrink", "--continue-on-failure",
               "--warnings", "off", "--report", "json", "--report-json-path", report, *options]
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "api_sender", "PYTHONPATH": str(Path(__file__).parent),
           "OCTOLAKE_TEST_SECRET": SECRET}
    done = subprocess.run([str(part) for part in command], cwd=directory, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=900, check=False)
    assert report.exists(), done.stdout + done.stderr
    return done, json.loads(report.read_text())


def description_of(up):
    return up.send("GET", "/openapi.json")[1]


def test_answers_as_described(lake, tmp_path):
    with Up(lake, env=ENV) as up:
        description = description_of(up)
        done, report = exercise(up, description, tmp_path, "--max-examples", EXAMPLES)
        assert done.returncode == 0, done.stdout
        # Each operation was asked for, and had what it is for done.
        operations = {f"{method.upper()} {path}"
                      for path, methods in description["paths"].items() for method in methods}
        accepted = {operation for operation, phases in report["valid_rates"].items()
                    if sum(phase["accepted"] for phase in phases.values()) > 0}
        assert accepted == operations
        print(f"{report['test_cases']['generated']} requests to {len(operations)} operations")
        # It is as it was before.
        assert up.send("GET", "/readyz")[0] == 200
        assert up.stop() < 10


@pytest.mark.parametrize("path, change", [
    ("/livez", lambda answers: answers["200"]["content"]["application/json"]["schema"].update(required=["planted"])),
    ("/livez", lambda answers: answers.update({"299": answers.pop("200")})),
    ("/docs", lambda answers: answers["200"].update(content={"application/json": {"schema": {}}})),
], ids=["another body", "another status", "another type"])
def test_a_wrong_description_is_noticed(lake, tmp_path, path, change):
    with Up(lake, env=ENV) as up:
        description = description_of(up)
        change(description["paths"][path]["get"]["responses"])
        done, report = exercise(up, description, tmp_path, "--max-examples", 1, "--include-path", path)
        assert done.returncode == 1, done.stdout
        assert [failure["operations"] for failure in report["failures"]] == [[f"GET {path}"]]
        up.stop()
