"""Runs a command and prints what it took, with everything that it started and left behind, as JSON.

usage: process_tree.py COMMAND...

{"status": of the command, "wall": seconds until the last process has ended, "cpu": seconds of all of them}. What the
command prints goes to standard error.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def main():
    # Without it a JVM whose parent ends first would be init's, and its time nobody's.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit(f"process_tree: {os.strerror(ctypes.get_errno())}")
    start = time.monotonic()
    status = subprocess.run(sys.argv[1:], stdout=sys.stderr, check=False).returncode
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"status": status, "wall": time.monotonic() - start, "cpu": usage.ru_utime + usage.ru_stime}))


if __name__ == "__main__":
    main()
