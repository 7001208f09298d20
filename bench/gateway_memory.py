"""Resident memory of `octolake up`: idle, with a full queue of 50 KB events, and over ten minutes of load; see
bench/README.md.

For the full queue each sync of the disk is made to take a second by a library that is preloaded, which needs a C
compiler. Without it, or with another allocator or more workers, figures differ.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from freshness import numbered_event
from gateway import Gateway, event

SLOW_SYNC = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int fdatasync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  sleep(1);
  return real(file);
}
"""


def resident_mb(gateway):
    for line in Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def idle(arguments, folder):
    gateway = Gateway(arguments.octolake, folder)
    try:
        time.sleep(5)  # the first pipeline run, over empty tables
        print(f"idle: {resident_mb(gateway):.0f} MB", flush=True)
    finally:
        gateway.stop()


async def flood(port, body, connections, until, refused):
    """Sends on many connections, one event after another, whatever the answers are."""
    request = (f"POST /collect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    async def one():
        while time.monotonic() < until:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                while time.monotonic() < until:
                    writer.write(request)
                    await writer.drain()
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                    await reader.readexactly(length)
                    if b" 503 " in head.split(b"\r\n")[0]:
                        refused.append(1)
                        if b"connection: close" in head.lower():
                            break
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))


def full_queue(arguments, folder):
    source, library = Path(folder) / "slow_sync.c", Path(folder) / "slow_sync.so"
    source.write_text(SLOW_SYNC)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    os.environ["LD_PRELOAD"] = str(library)
    try:
        gateway = Gateway(arguments.octolake, folder)
    finally:
        del os.environ["LD_PRELOAD"]
    try:
        refused, greatest = [], 0.0

        async def run():
            nonlocal greatest
            until = time.monotonic() + arguments.flood_seconds
            sending = asyncio.create_task(flood(gateway.port, event(50_000).encode(), arguments.connections, until,
                                                refused))
            while not sending.done():
                greatest = max(greatest, resident_mb(gateway))
                await asyncio.sleep(0.05)
            await sending

        asyncio.run(run())
        if not refused:
            sys.exit("the queue was never full: no answer was 503")
        print(f"full queue, events of 50 KB over {arguments.connections} connections: {greatest:.0f} MB at most; "
              f"{len(refused):,} answers were 503", flush=True)
    finally:
        gateway.stop()


def long_run(arguments, folder):
    body = Path(folder) / "event.json"
    body.write_text(numbered_event(2048))
    gateway = Gateway(arguments.octolake, folder)
    open_loop = Path(arguments.octolake).with_name("open_loop")
    try:
        command = [open_loop, gateway.port, "/collect", arguments.rate, arguments.seconds, 64, body]
        with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True) as client:
            samples = []
            while client.poll() is None:
                samples.append(resident_mb(gateway))
                time.sleep(1)
            out = client.stdout.read()
        minutes = [samples[i:i + 60] for i in range(0, len(samples), 60)]
        print(f"{arguments.rate:,}/s for {arguments.seconds} s: {out.strip()}")
        print("greatest MB of each minute: " + " ".join(f"{max(minute):.0f}" for minute in minutes), flush=True)
    finally:
        gateway.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--connections", type=int, default=3000)
    parser.add_argument("--flood-seconds", type=int, default=15)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--directory", help="where the warehouse is (a disk, not memory)")
    arguments = parser.parse_args()
    for part in (idle, full_queue, long_run):
        with tempfile.TemporaryDirectory(prefix="octolake-bench-", dir=arguments.directory) as folder:
            part(arguments, folder)


if __name__ == "__main__":
    main()
