"""A server that sends webhooks, keeps a log of them and answers as GitHub's API does.

Its clock is simulated, so that three days pass at once; its deliveries are real requests.
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
import subprocess
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

from local_server import Handler, LocalServer

TOKEN = "a token of GitHub"
KEPT = timedelta(days=3)
PAGE = 100


def raw_payload(number):
    """As text: what GitHub hands out has other spaces and escapes than Python would write."""
    return ('{ "number":%d, "name" : "caf\\u00e9 \\/", "big": 12345678901234567890.50,'
            ' "sender":{"id":%d,"login":"actor-%d"},"repository":{"id":9,"full_name":"octo\\/lake"}}'
            % (number, number % 7, number % 7))


class GitHub(LocalServer):
    """A context manager; hooks are named as in github.hooks."""

    def __init__(self, hooks, *, now=None):
        super().__init__(GitHubHandler)
        self.now = now or datetime.now(timezone.utc).replace(microsecond=0)
        self.hooks = {hook: [] for hook in hooks}  # attempts, oldest first
        self.payloads = {}                         # by delivery id
        self.gone = set()                          # ids of attempts without a payload
        self.requests = []                         # paths, in order
        self.budget = None                         # requests until the rate limit is met; None: none
        self.budget_after = 10_000
        self.faults = []                           # (status, headers, message) of the next answers
        self.public_key = None
        self.next_page_host = None                 # of links that lead elsewhere
        self.on_request = lambda path: None
        self._reset = 0
        self._lock = threading.Lock()
        self._ids = iter(range(10_000, 10**9, 3))

    def settings(self, **more):
        return {"OCTOLAKE_GITHUB_API_URL": self.url, "OCTOLAKE_GITHUB_TOKEN": TOKEN,
                "OCTOLAKE_GITHUB_HOOKS": ",".join(self.hooks), "OCTOLAKE_GATEWAY_WEBHOOK_SECRETS": "s", **more}

    def deliver(self, hook, number, port=None, *, event="push", lies=None, delivery=None):
        """Sends a webhook to a gateway, or to nobody, and logs what came of it; its delivery id. `lies` is
        a status that GitHub takes for the answer, such as that of a proxy that gave up."""
        again = delivery is not None
        delivery = delivery or str(uuid.UUID(int=hash((hook, number)) & (2**128 - 1)))
        body = raw_payload(number)
        status = self._send(port, body, delivery, event) if port else 0
        status = lies if lies is not None else status
        with self._lock:
            self.payloads[delivery] = body
            self.hooks[hook].append({
                "id": next(self._ids), "guid": delivery, "delivered_at": f"{self.now:%Y-%m-%dT%H:%M:%SZ}",
                "redelivery": again, "duration": 0.1, "status": "OK" if status == 200 else "failed to connect",
                "status_code": status, "event": event, "action": None, "installation_id": None,
                "repository_id": 9})
        return delivery

    @staticmethod
    def _send(port, body, delivery, event):
        signature = "sha256=" + hmac.new(b"s", body.encode(), hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("POST", "/webhooks/github", body.encode(), {
                "Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": delivery,
                "X-GitHub-Hook-ID": "7", "X-Hub-Signature-256": signature})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def expected(self, hook):
        """(delivery id, raw payload) of all but pings."""
        return {(one["guid"], self.payloads[one["guid"]]) for one in self.hooks[hook] if one["event"] != "ping"}

    # What the handler asks.

    def rate_limit(self):
        """Headers of an answer, and whether it is refused."""
        with self._lock:
            if self.budget is None:
                return {}, False
            if self.budget == 0 and time.time() >= self._reset:
                self.budget = self.budget_after
            if self.budget > 0:
                self.budget -= 1
                if self.budget == 0:
                    self._reset = int(time.time()) + 2  # a second at least
                return {"X-RateLimit-Remaining": str(self.budget), "X-RateLimit-Reset": str(self._reset)}, False
            return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(self._reset)}, True

    def hook_of(self, path):
        path = path.removeprefix("/")
        if path.startswith("app/hook/deliveries"):
            return "app", path.removeprefix("app/hook/deliveries")
        found = re.match(r"((?:repos/[^/]+/[^/]+|orgs/[^/]+)/hooks/\d+)/deliveries(.*)", path)
        return found.groups() if found else (None, None)

    def page(self, hook, cursor):
        """Attempts, newest first, from `cursor` down; the cursor of the next page."""
        with self._lock:
            oldest = f"{self.now - KEPT:%Y-%m-%dT%H:%M:%SZ}"
            kept = [one for one in reversed(self.hooks[hook]) if one["delivered_at"] >= oldest]
        left = [one for one in kept if cursor is None or one["id"] <= cursor]
        return left[:PAGE], left[PAGE]["id"] if len(left) > PAGE else None

    def authorised(self, hook, authorization):
        if hook != "app":
            return authorization == f"Bearer {TOKEN}"
        scheme, _, token = (authorization or "").partition(" ")
        return scheme == "Bearer" and self._is_app_token(token)

    def _is_app_token(self, token):
        head, claims, signature = token.split(".")
        decoded = json.loads(unpadded(claims))
        good_until = decoded["exp"] - time.time()
        if json.loads(unpadded(head))["alg"] != "RS256" or decoded["iss"] != "42" or not 0 < good_until <= 600:
            return False
        scratch = self.public_key.parent
        (scratch / "signed").write_bytes(f"{head}.{claims}".encode())
        (scratch / "signature").write_bytes(unpadded(signature))
        return subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.public_key, "-signature",
                               scratch / "signature", scratch / "signed"], check=False,
                              capture_output=True).returncode == 0


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class GitHubHandler(Handler):
    site: GitHub

    def do_GET(self):
        github, url = self.site, urlsplit(self.path)
        github.requests.append(self.path)
        github.on_request(self.path)
        if github.faults:
            status, headers, message = github.faults.pop(0)
            return self.answer(status, {"message": message}, headers)
        headers, refused = github.rate_limit()
        if refused:
            return self.answer(403, {"message": "API rate limit exceeded"}, headers)
        hook, rest = github.hook_of(url.path)
        if not github.authorised(hook, self.headers["Authorization"]):
            return self.answer(401, {"message": "Bad credentials"}, headers)
        if not self.headers["User-Agent"] or hook not in github.hooks:
            return self.answer(404, {"message": "Not Found"}, headers)
        if rest:
            return self.one(hook, int(rest.removeprefix("/")), headers)
        return self.list(hook, parse_qs(url.query), headers)

    def list(self, hook, query, headers):
        cursor = int(query["cursor"][0]) if "cursor" in query else None
        page, following = self.site.page(hook, cursor)
        if following:
            base = self.site.next_page_host or self.site.url
            path = urlsplit(self.path).path
            headers["Link"] = (f'<{base}{path}?per_page={PAGE}&cursor=v0>; rel="prev", '
                               f'<{base}{path}?per_page={PAGE}&cursor={following}>; rel="next"')
        self.answer(200, page, headers)

    def one(self, hook, number, headers):
        (attempt,) = [one for one in self.site.hooks[hook] if one["id"] == number] or [None]
        if attempt is None or number in self.site.gone:
            return self.answer(404, {"message": "Not Found"}, headers)
        sent = {"Content-Type": "application/json", "X-GitHub-Event": attempt["event"],
                "X-GitHub-Delivery": attempt["guid"], "X-GitHub-Hook-ID": "7"}
        text = json.dumps({**attempt, "request": {"headers": sent, "payload": "PAYLOAD"},
                           "response": {"headers": {}, "payload": ""}})
        self.send_json(200, text.replace('"PAYLOAD"', self.site.payloads[attempt["guid"]]), headers)

    def answer(self, status, body, headers):
        self.send_json(status, json.dumps(body), headers)

    def send_json(self, status, text, headers):
        self.send(status, {**headers, "Content-Type": "application/json"}, text.encode())
