"""A server of files as GH Archive's, which can be told to behave badly."""

import hashlib
import re
import threading

from local_server import Handler, LocalServer

LONG_AGO = "Thu, 01 Jan 2015 01:02:03 GMT"


class Archive(LocalServer):
    """A context manager. `files` are bodies by name; what is not there is answered with 404."""

    def __init__(self, files):
        super().__init__(ArchiveHandler)
        self.files = dict(files)
        self.requests = []     # (method, name, Range or None)
        self.faults = {}       # by name, of the next answers: see Handler.answer
        self.ranges = True     # whether they are served
        self.lengths = True    # whether answers say how long they are
        self.etags = True      # whether they say so which file it is
        self.if_range = True   # whether a Range is answered with all of another file
        self.modified = {}     # by name; others are from before every test
        self.held = threading.Event()    # an answer with the fault "hold" has sent its half
        self.go_on = threading.Event()   # lets it send the rest

    def __exit__(self, *_):
        self.go_on.set()
        super().__exit__()

    def gets(self, name=None):
        return [range_ for method, asked, range_ in self.requests if method == "GET" and name in (None, asked)]

    def env(self):
        return {"OCTOLAKE_LOAD_ARCHIVE_URL": self.url}


class ArchiveHandler(Handler):
    site: Archive

    def do_HEAD(self):
        self.answer("HEAD")

    def do_GET(self):
        self.answer("GET")

    def answer(self, method):
        archive, name = self.site, self.path.removeprefix("/")
        archive.requests.append((method, name, self.headers["Range"]))
        body = archive.files.get(name)
        faults = archive.faults.get(name, []) if method == "GET" else []
        fault = faults.pop(0) if faults else None
        if isinstance(fault, int):
            return self.refuse(fault)
        if callable(fault):
            fault()
            body = archive.files.get(name)
            fault = None
        if body is None:
            return self.refuse(404)
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        modified = archive.modified.get(name, LONG_AGO)
        begin, total = 0, len(body)
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        same = self.headers["If-Range"] == (etag if archive.etags else modified) or not archive.if_range
        if wanted and archive.ranges and same:
            begin = int(wanted.group(1))
            if begin >= total:
                return self.refuse(416, {"Content-Range": f"bytes */{total}"})
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if archive.etags:
            self.send_header("ETag", etag)
        self.send_header("Last-Modified", modified)
        if archive.lengths:
            self.send_header("Content-Length", str(total - begin))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if method == "GET":
            self.send_body(body[begin:], fault)

    def send_body(self, body, fault):
        if fault not in ("cut", "hold"):
            return self.wfile.write(body)
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        if fault == "hold":
            self.site.held.set()
            self.site.go_on.wait(60)
        if fault == "cut":
            self.close_connection = True
            return None
        try:
            return self.wfile.write(body[half:])
        except OSError:
            return None  # whoever asked is gone

    def refuse(self, status, headers=None):
        self.send(status, {**(headers or {}), "Retry-After": "0"})
