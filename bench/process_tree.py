"""Runs a command and prints what it took, with everything that it started and left behind, as JSON.

usage: process_tree.py COMMAND...

{"status": of the command, "wall": seconds until the last process has ended, "cpu": seconds of all of them}. What the
command prints goes to standard error. What has not ended LEFT_SECONDS after the command is named, and an error; it is
left alone.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
LEFT_SECONDS = 120


def wait_for_children():
    """Until there are none. Raises TimeoutError."""
    def give_up(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LEFT_SECONDS)
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
    finally:
        signal.alarm(0)


def children():
    """Each as its id and the beginning of its command."""
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has ended
        yield f"{pid} ({command.replace(chr(0), ' ').strip()[:120]})"


def main():
    # Without it a JVM whose parent ends first would be init's, and its time nobody's.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit(f"process_tree: {os.strerror(ctypes.get_errno())}")
    start = time.monotonic()
    status = subprocess.run(sys.argv[1:], stdout=sys.stderr, check=False).returncode
    try:
        wait_for_children()
    except TimeoutError:
        sys.exit(f"process_tree: {sys.argv[1]} ended with status {status} and left behind what has not ended within "
                 f"{LEFT_SECONDS} s: {', '.join(children())}")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"status": status, "wall": time.monotonic() - start, "cpu": usage.ru_utime + usage.ru_stime}))


if __name__ == "__main__":
    main()
