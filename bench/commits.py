"""Times consecutive small commits: whether the last hundred take longer than the first; see
bench/README.md."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from load import timed


def make_files(octolake, folder, count):
    """`count` files of ten events each; no two alike."""
    text = subprocess.run([octolake, "generate", "--quiet", "--events", str(10 * count), "--seed", "7"],
                          check=True, capture_output=True, text=True).stdout
    lines = text.splitlines(keepends=True)
    if len(lines) < 10 * count:  # more where the generator sends some twice
        sys.exit(f"expected at least {10 * count} events, found {len(lines)}")
    files = []
    for number in range(count):
        path = folder / f"{number:05}.json"
        path.write_text("".join(lines[10 * number:10 * number + 10]))
        files.append(str(path))
    return files


def run(octolake, files, step):
    """(wall, CPU) seconds of every `step` commits, one process each; the warehouse is new."""
    os.environ["OCTOLAKE_LOAD_COMMIT_FILES"] = "1"
    figures = []
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        for begin in range(0, len(files), step):
            wall, cpu, _ = timed([octolake, "load", "--quiet", "--warehouse", folder + "/warehouse",
                                  *files[begin:begin + step]])
            figures.append((wall, cpu))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--octolake", required=True)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    step = arguments.commits // 10
    with tempfile.TemporaryDirectory(prefix="octolake-bench-") as folder:
        files = make_files(arguments.octolake, Path(folder), arguments.commits)
        runs = [run(arguments.octolake, files, step) for _ in range(arguments.runs)]
    print(f"{arguments.commits} commits of one small file, medians of {arguments.runs} runs; "
          "milliseconds a commit")
    for index in range(len(runs[0])):
        wall, cpu = (1000 / step * statistics.median(one[index][i] for one in runs) for i in (0, 1))
        print(f"{index * step + 1:6} to {(index + 1) * step:<6} {wall:8.2f} wall {cpu:8.2f} CPU")
    ratios = [statistics.median(one[-1][i] / one[0][i] for one in runs) for i in (0, 1)]
    print(f"last to first    {ratios[0]:8.2f} wall {ratios[1]:8.2f} CPU")


if __name__ == "__main__":
    main()
