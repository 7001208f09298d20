"""Times `octolake load` against a peer on the same files; see bench/README.md."""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path


def timed(command):
    """(wall seconds, CPU seconds, peak MB) of a command that must succeed. The peak is never less than that of this
    process, in whose memory the child begins: it must stay small."""
    start = time.monotonic()
    child = os.posix_spawnp(
        command[0], command, os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"{' '.join(command[:3])} ... ended with status {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def run_octolake(octolake, files, scratch, *flags):
    warehouse = scratch / "warehouse"
    shutil.rmtree(warehouse, ignore_errors=True)
    return timed([octolake, "load", "--quiet", "--warehouse", str(warehouse), *flags, *files])


def run_peer(python, peer, files, scratch):
    return timed([python, peer, *files, str(scratch / "peer.parquet")])


def row(name, runs):
    wall, cpu, memory = (statistics.median(column) for column in zip(*runs))
    print(f"{name:10} {wall:8.2f} s wall {cpu:8.2f} s CPU {memory:8.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--peer-python", required=True, help="a Python that has DuckDB")
    parser.add_argument("--peer", default=str(Path(__file__).with_name("peer_duckdb.py")))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tenfold", type=int, default=0, metavar="RUNS",
                        help="also load ten times as much, so often, for the memory it takes")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        scratch = Path(folder)
        ours, theirs = [], []
        for run in range(arguments.runs + 1):
            turns = [(ours, lambda: run_octolake(arguments.octolake, arguments.files, scratch)),
                     (theirs, lambda: run_peer(arguments.peer_python, arguments.peer, arguments.files, scratch))]
            # Who runs behind the peer finds a gigabyte less of memory free, and pays for it.
            random.shuffle(turns)
            for figures, measure in turns:
                figure = measure()
                if run > 0:  # the first warms caches
                    figures.append(figure)
        tenfold = [run_octolake(arguments.octolake, arguments.files * 10, scratch, "--again")
                   for _ in range(arguments.tenfold)]
    size = sum(os.path.getsize(name) for name in arguments.files) / 1e6
    print(f"{len(arguments.files)} files, {size:.1f} MB compressed, medians of {arguments.runs} runs in turn")
    row("octolake", ours)
    row("peer", theirs)
    ratios = [statistics.median(a[i] / b[i] for a, b in zip(ours, theirs)) for i in range(3)]
    print(f"ratio      {ratios[0]:8.2f}   wall {ratios[1]:8.2f}   CPU {ratios[2]:8.2f}")
    if tenfold:
        row("tenfold", tenfold)
        once, often = (sorted(run[2] for run in runs) for runs in (ours, tenfold))
        print(f"its memory to that of one: {statistics.median(often) / statistics.median(once):.2f} "
              f"({often[0]:.0f} to {often[-1]:.0f} MB, {once[0]:.0f} to {once[-1]:.0f} MB)")


if __name__ == "__main__":
    main()
