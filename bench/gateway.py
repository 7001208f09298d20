"""Durable acknowledgements a second of `octolake up` beside nginx answering `return 200` to the same requests,
one worker thread each; see bench/README.md.

Needs wrk and nginx. Rounds alternate; the ratio is the median of the pairs.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open(os.getenv("BENCH_EVENT"), "rb")
wrk.body = file:read("*a")
file:close()
done = function(summary, latency, requests)
  io.write(string.format('\\nRESULT {"requests": %d, "microseconds": %d, "bad_status": %d, "errors": %d, "p50": %d, "p99": %d}\\n',
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""

NGINX = """
worker_processes 1;
daemon off;
master_process off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  keepalive_requests 1000000000;
  client_max_body_size 2m;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{{"status":"success","event_id":"0123456789abcdef0123456789abcdef0123"}}'; }}
  }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process, path="/"):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with status {process.returncode}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"nothing answers on port {port}")


def event(size):
    """One event of about `size` bytes."""
    base = {"id": "1", "type": "PushEvent", "created_at": "2026-01-01T00:00:00Z", "public": True,
            "actor": {"id": 1, "login": "octocat", "url": "https://api.github.com/users/octocat"},
            "repo": {"id": 2, "name": "octo/lake", "url": "https://api.github.com/repos/octo/lake"},
            "payload": {"ref": "refs/heads/main", "commits": []}}
    number = 0
    while len(json.dumps(base)) < size - 130:
        base["payload"]["commits"].append({"sha": f"{number:040x}", "message": f"Change number {number}",
                                           "distinct": True, "author": {"name": "octocat"}})
        number += 1
    return json.dumps(base)


def wrk(port, seconds, connections, environment):
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s",
                          environment["BENCH_SCRIPT"], f"http://127.0.0.1:{port}/collect"],
                         check=True, capture_output=True, text=True, env=environment).stdout
    result = json.loads(re.search(r"RESULT (\{.*\})", out).group(1))
    if result["bad_status"] or result["errors"]:
        sys.exit(f"not every request was answered with 200: {out}")
    return {**result, "rate": result["requests"] / result["microseconds"] * 1e6}


def sync_latency(folder):
    """p50 of a 128 KiB write and fdatasync, in milliseconds."""
    path = Path(folder) / "sync"
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(file, 0, 32 << 20)
    block, times = os.urandom(128 << 10), []
    for number in range(200):
        start = time.perf_counter()
        os.pwrite(file, block, number * len(block) % (32 << 20))
        os.fdatasync(file)
        times.append((time.perf_counter() - start) * 1000)
    os.close(file)
    path.unlink()
    return statistics.median(times)


class Gateway:
    def __init__(self, octolake, folder, *options):
        self.port = free_port()
        environment = {**os.environ, "OCTOLAKE_BRONZE_COMMIT_INTERVAL": "1s", "OCTOLAKE_PIPELINE_INTERVAL": "1d"}
        self.log = open(Path(folder) / "octolake.log", "w+")
        self.process = subprocess.Popen([octolake, "up", "--listen", f"127.0.0.1:{self.port}", "--warehouse",
                                         f"{folder}/warehouse", *options], env=environment, stderr=self.log)
        wait_for(self.port, self.process, "/readyz")

    def lag(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/api/v1/status")
        return json.loads(connection.getresponse().read())["lake"]["bronze"]["lag_records"]

    def drain(self):
        """Seconds until Bronze has everything."""
        start = time.monotonic()
        while self.lag() > 0:
            time.sleep(0.1)
        return time.monotonic() - start

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


def measure_octolake(arguments, environment):
    with tempfile.TemporaryDirectory(prefix="octolake-bench-", dir=arguments.directory) as folder:
        gateway = Gateway(arguments.octolake, folder)
        try:
            result = wrk(gateway.port, arguments.seconds, arguments.connections, environment)
            result["drain"] = gateway.drain()
            return result
        finally:
            gateway.stop()


def measure_peer(arguments, environment, port, command):
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        return wrk(port, arguments.seconds, arguments.connections, environment)
    finally:
        process.terminate()
        process.wait(30)


def measure_nginx(arguments, environment):
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        port = free_port()
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port))
        return measure_peer(arguments, environment, port, ["nginx", "-c", config, "-p", folder])


def measure_collector(arguments, environment):
    """A collector as people write them: FastAPI, one worker, events kept in memory only."""
    port = free_port()
    module = Path(arguments.collector)
    return measure_peer(arguments, environment, port,
                        [arguments.collector_python, "-m", "uvicorn", f"{module.stem}:app", "--app-dir", module.parent,
                         "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--no-access-log",
                         "--log-level", "error"])


def send_batches(port, pieces, connections):
    """Seconds until all pieces are acknowledged."""
    left, failures, lock = list(reversed(pieces)), [], threading.Lock()

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while True:
            with lock:
                if not left or failures:
                    return
                piece = left.pop()
            connection.request("POST", "/collect/batch", piece)
            answer = connection.getresponse()
            result = json.loads(answer.read())
            if answer.status != 200 or result["rejected"]:
                failures.append(result)

    start = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(f"a batch was not taken: {failures[0]}")
    return time.monotonic() - start


def measure_batches(arguments, folder):
    """The same plain lines through /collect/batch and by `octolake load`: MB a second of both."""
    plain = folder / "events.json"
    subprocess.run([arguments.octolake, "generate", "--quiet", "--events", str(arguments.batch_events), "--to", plain],
                   check=True)
    text, pieces = plain.read_bytes(), []
    while text:
        end = text.find(b"\n", arguments.batch_bytes) + 1 or len(text)
        pieces.append(text[:end])
        text = text[end:]
    megabytes = sum(map(len, pieces)) / 1e6
    ratios = []
    for number in range(arguments.runs):
        with tempfile.TemporaryDirectory(prefix="octolake-bench-", dir=arguments.directory) as directory:
            gateway = Gateway(arguments.octolake, directory)
            try:
                sent = megabytes / send_batches(gateway.port, pieces, arguments.batch_connections)
                drain = gateway.drain()
            finally:
                gateway.stop()
        with tempfile.TemporaryDirectory(prefix="octolake-bench-", dir=arguments.directory) as directory:
            start = time.monotonic()
            subprocess.run([arguments.octolake, "--warehouse", f"{directory}/w", "load", "--quiet", plain], check=True)
            loaded = megabytes / (time.monotonic() - start)
        ratios.append(sent / loaded)
        print(f"run {number + 1}: {megabytes:.0f} MB in batches of {arguments.batch_bytes / 1e6:.0f} MB: {sent:.0f} MB/s "
              f"durable, in Bronze {drain:.1f} s later; load {loaded:.0f} MB/s; ratio {ratios[-1]:.2f}", flush=True)
    print(f"batches, ratio to load: {statistics.median(ratios):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--event-bytes", type=int, default=2048)
    parser.add_argument("--directory", help="where the warehouse is (a disk, not memory)")
    parser.add_argument("--collector", help="a Python module with a FastAPI application as `app`: a peer more")
    parser.add_argument("--collector-python", default=sys.executable, help="one that has fastapi and uvicorn")
    parser.add_argument("--batches", action="store_true", help="/collect/batch beside load instead")
    parser.add_argument("--batch-events", type=int, default=100_000)
    parser.add_argument("--batch-bytes", type=int, default=8_000_000)
    parser.add_argument("--batch-connections", type=int, default=4)
    arguments = parser.parse_args()
    if arguments.batches:
        with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
            return measure_batches(arguments, Path(folder))
    missing = [tool for tool in ("wrk", "nginx") if not shutil.which(tool)]
    if missing:
        sys.exit(f"missing: {' '.join(missing)} (apt-get install wrk nginx-light)")
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        script, body = Path(folder) / "post.lua", Path(folder) / "event.json"
        script.write_text(WRK_SCRIPT)
        body.write_text(event(arguments.event_bytes))
        environment = {**os.environ, "BENCH_SCRIPT": str(script), "BENCH_EVENT": str(body)}
        ratios, to_collector = [], []
        for number in range(arguments.runs):
            sync = sync_latency(arguments.directory or tempfile.gettempdir())
            ours = measure_octolake(arguments, environment)
            nginx = measure_nginx(arguments, environment)
            ratios.append(ours["rate"] / nginx["rate"])
            print(f"run {number + 1}: octolake {ours['rate']:,.0f}/s (p50 {ours['p50'] / 1000:.2f} ms, p99 "
                  f"{ours['p99'] / 1000:.2f} ms, backlog drained in {ours['drain']:.1f} s), nginx "
                  f"{nginx['rate']:,.0f}/s, ratio {ratios[-1]:.2f}, fdatasync p50 {sync:.2f} ms", flush=True)
            if arguments.collector:
                collector = measure_collector(arguments, environment)
                to_collector.append(ours["rate"] / collector["rate"])
                print(f"    FastAPI, in memory only: {collector['rate']:,.0f}/s (p99 {collector['p99'] / 1000:.1f} ms), "
                      f"ratio {to_collector[-1]:.1f}", flush=True)
        if to_collector:
            print(f"durable acknowledgements, ratio to FastAPI: {statistics.median(to_collector):.1f}")
        print(f"durable acknowledgements, ratio to nginx `return 200`: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
