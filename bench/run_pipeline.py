"""Times `octolake run` (Bronze to tested Gold) against a peer on the same files; see bench/README.md."""

import argparse
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from load import row, run_peer, timed

SMALL_EVENTS = 500


def octolake(program, *arguments):
    subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def make_small_file(program, path):
    octolake(program, "generate", "--quiet", "--events", SMALL_EVENTS, "--era", "2015", "--seed", "4242", "--to", path)


class Pipeline:
    """A warehouse that is put back to where everything is loaded and nothing has run."""

    def __init__(self, program, files, scratch):
        self.program = program
        self.warehouse = scratch / "warehouse"  # locations are absolute: it must always be this path
        self.loaded = scratch / "loaded"
        self.small = scratch / "small.json"
        make_small_file(program, self.small)
        octolake(program, "load", "--quiet", "--warehouse", self.warehouse, *files)
        self.warehouse.rename(self.loaded)

    def timed_run(self):
        return timed([self.program, "run", "--quiet", "--warehouse", str(self.warehouse)])

    def run(self):
        """The figures of the first run, of one after a small load, and of one with nothing to do."""
        shutil.rmtree(self.warehouse, ignore_errors=True)
        shutil.copytree(self.loaded, self.warehouse)
        first = self.timed_run()
        octolake(self.program, "load", "--quiet", "--warehouse", self.warehouse, self.small)
        return first, self.timed_run(), self.timed_run()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--peer-python", required=True, help="a Python that has DuckDB")
    parser.add_argument("--peer", default=str(Path(__file__).with_name("peer_duckdb.py")))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        scratch = Path(folder)
        pipeline = Pipeline(arguments.octolake, arguments.files, scratch)
        for number in range(arguments.runs + 1):
            measured = (*pipeline.run(), run_peer(arguments.peer_python, arguments.peer, arguments.files, scratch))
            if number > 0:  # the first warms caches
                rounds.append(measured)
    first, small, nothing, peer = zip(*rounds)
    print(f"octolake run, medians of {arguments.runs} runs in turn with the peer")
    row("first", first)
    row(f"+{SMALL_EVENTS}", small)
    row("nothing", nothing)
    row("peer", peer)
    ratios = [statistics.median(a[i] / b[i] for a, b in zip(first, peer)) for i in range(3)]
    print(f"ratio      {ratios[0]:8.2f}   wall {ratios[1]:8.2f}   CPU {ratios[2]:8.2f}   memory")


if __name__ == "__main__":
    main()
