"""A server that answers as GitHub's Events API does."""

import json
import re
import threading
import time
from urllib.parse import parse_qs, urlsplit

from local_server import Handler, LocalServer

TOKEN = "a token of GitHub"
HELD = 300  # events of a feed
PAGE = 100


def event(number):
    """As text, with spaces and escapes that nobody who writes it again would choose."""
    return ('{ "id":"%d", "type":"PushEvent","actor":{"id":%d,"login":"actor-%d"},'
            '"repo":{"id":9,"name":"octo\\/lake"},"payload":{ "number" : %d, "text":"caf\\u00e9"},'
            '"public":true,"created_at":"%s"}' % (20_000_000_000 + number, number % 7, number % 7, number,
                                                  time_of(number)))


def time_of(number):
    """When an event happened."""
    return "2026-01-%02dT%02d:%02d:00Z" % (1 + number // 1440, number // 60 % 24, number % 60)


class Events(LocalServer):
    """A context manager. Feeds are named as on the command line: "repos/octo/lake"."""

    def __init__(self, *feeds):
        super().__init__(EventsHandler)
        self.feeds = {feed: [] for feed in feeds}  # texts, oldest first
        self.sent = {feed: set() for feed in feeds}
        self.requests = []  # (path, status)
        self.faults = []    # (status, headers, message) of the next answers
        self.interval = "1"
        self.on_request = lambda path: None
        self._lock = threading.Lock()

    def env(self, **more):
        return {"OCTOLAKE_GITHUB_API_URL": self.url, "OCTOLAKE_GITHUB_TOKEN": TOKEN, "OCTOLAKE_POLL_INTERVAL": "100ms",
                **more}

    def happen(self, feed, numbers):
        with self._lock:
            self.feeds[feed].extend(event(number) for number in numbers)

    def statuses(self):
        return [status for _, status in self.requests]

    def page(self, feed, number):
        with self._lock:
            held = self.feeds[feed][-HELD:][::-1]
        page = held[(number - 1) * PAGE:number * PAGE]
        return page, number * PAGE < len(held)


class EventsHandler(Handler):
    site: Events

    def do_GET(self):
        github, url = self.site, urlsplit(self.path)
        github.on_request(self.path)
        if github.faults:
            status, headers, message = github.faults.pop(0)
            return self.answer(status, json.dumps({"message": message}), headers)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.answer(401, '{"message":"Bad credentials"}', {})
        feed = "public" if url.path == "/events" else re.sub(r"^/(.*)/events$", r"\1", url.path)
        if feed not in github.feeds:
            return self.answer(404, '{"message":"Not Found"}', {})
        number = int(parse_qs(url.query).get("page", ["1"])[0])
        page, more = github.page(feed, number)
        text = "[" + ",\n ".join(page) + "]"
        headers = {"ETag": f'W/"{hash(text)}"', "X-Poll-Interval": github.interval}
        if number == 1 and self.headers["If-None-Match"] == headers["ETag"]:
            return self.answer(304, "", headers)
        if more:
            headers["Link"] = f'<{github.url}{url.path}?per_page=100&page={number + 1}>; rel="next"'
        return self.answer(200, text, headers)

    def answer(self, status, text, headers):
        self.site.requests.append((self.path, status))
        self.send(status, headers, text.encode())


def reset_in(seconds):
    return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + seconds)}
