"""`octolake up` on disks that fail, fill up and lose power: what was acknowledged is in Bronze, once.

OCTOLAKE_POWER_CUTS says how often power is cut on each file system (default 2). What takes root, loop devices or
ptrace is skipped without them, and says so.
"""

import fcntl
import itertools
import os
import random
import shutil
import signal
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway import FILLER, SMALL_SEGMENTS, Ledger, Senders, Up, reused_segments
from lake import BRONZE, Lake
from program import ZONE
from small_disk import disk  # noqa: F401 (a fixture)

CUTS = int(os.environ.get("OCTOLAKE_POWER_CUTS", "2"))
SEED = int(os.environ.get("OCTOLAKE_KILL_SEED", time.time_ns() % 1_000_000))
# A journal that fits a small disk.
SMALL = {"OCTOLAKE_GATEWAY_MAX_WEBHOOK_SIZE": "1MiB", "OCTOLAKE_JOURNAL_SEGMENT_SIZE": "4MiB",
         "OCTOLAKE_JOURNAL_MAX_SIZE": "16MiB", "OCTOLAKE_JOURNAL_RESERVE": "8MiB"}


def problems(lake, ledger):
    table = lake.catalog().load_table(BRONZE)
    rows = table.scan(selected_fields=("id", "trace_id", "payload")).to_arrow().to_pylist()
    return list(ledger.problems(rows))


def settle(lake, env):
    """Restarts, and waits until Bronze has everything; the seconds until it was ready."""
    start = time.monotonic()
    with Up(lake, env=env) as up:
        assert up.send("GET", "/readyz")[0] == 200
        ready = time.monotonic() - start
        up.wait_for_bronze()
        up.stop()
    return ready


@contextmanager
def failing_syncs(process):
    """Each fdatasync of the process fails with EIO, as long as this lasts."""
    if not shutil.which("strace"):
        pytest.skip("no strace to let syncs fail with")
    command = ["strace", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO",
               "-p", str(process.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        line = tracer.stderr.readline()
        if "attached" not in line:
            tracer.wait()
            pytest.skip(f"processes cannot be traced here: {line.strip()}")
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.stderr.read()


def test_syncs_that_fail(lake):
    ledger, env = Ledger(), SMALL
    with Up(lake, env=env) as up:
        senders = Senders(up, ledger, itertools.count(), may_refuse=True)
        up.wait_until(lambda: len(ledger.acknowledged) > 100, "events were acknowledged")
        with failing_syncs(up.process):
            up.wait_until(lambda: senders.refused > 20, "events were refused")
            before = len(ledger.acknowledged)
            seen = senders.refused
            up.wait_until(lambda: senders.refused > seen + 20, "more were refused")
            assert len(ledger.acknowledged) == before
        up.wait_until(lambda: len(ledger.acknowledged) > before + 100, "events are acknowledged again")
        senders.stop()
        # What the kernel kept of the failed syncs is lost with the power only; a kill leaves it.
        up.kill()
    settle(lake, env)
    assert problems(lake, ledger) == []


def test_a_disk_that_fills_up(disk):
    lake, ledger = Lake(disk.path / "warehouse", ZONE), Ledger()
    with Up(lake, env=SMALL) as up:
        senders = Senders(up, ledger, itertools.count(), may_refuse=True)
        up.wait_until(lambda: len(ledger.acknowledged) > 100, "events were acknowledged")
        disk.leave(6 << 20)  # less than the reserve: no further segment is begun
        up.wait_until(lambda: senders.refused > 20, "events are refused")
        refusal = senders.slowest_refusal
        assert up.send("GET", "/readyz") == (503, {"detail": "the journal is full"})
        before, room_at = len(ledger.acknowledged), time.monotonic()
        disk.make_room()
        up.wait_until(lambda: len(ledger.acknowledged) > before, "events are accepted again")
        again = time.monotonic() - room_at
        up.wait_until(lambda: len(ledger.acknowledged) > before + 100, "and more of them")
        senders.stop()
        up.wait_for_bronze()
        up.stop()
    assert problems(lake, ledger) == []
    print(f"a full disk: refused within {refusal:.3f} s, accepted again after {again:.3f} s of room")


def test_a_journal_that_filled_the_disk_empties_itself(disk):
    """Bronze was stuck while the journal took all there was."""
    lake, ledger = Lake(disk.path / "warehouse", ZONE), Ledger()
    never = {**SMALL, "OCTOLAKE_BRONZE_COMMIT_INTERVAL": "1h", "OCTOLAKE_JOURNAL_RESERVE": "0",
             "OCTOLAKE_BRONZE_COMMIT_SIZE": "1GiB"}
    with Up(lake, env=never) as up:
        disk.leave(14 << 20)  # for two segments and some
        senders = Senders(up, ledger, itertools.count(), may_refuse=True)
        up.wait_until(lambda: senders.refused > 20, "events are refused")
        senders.stop()
        up.kill()
    with Up(lake, env={**SMALL, "OCTOLAKE_JOURNAL_RESERVE": "0"}) as up:
        up.wait_for_bronze()
        numbers = itertools.count(10_000_000)
        senders = Senders(up, ledger, numbers, may_refuse=True)
        before = len(ledger.acknowledged)
        up.wait_until(lambda: len(ledger.acknowledged) > before + 20, "events are accepted again")
        senders.stop()
        up.wait_for_bronze()
        up.stop()
    disk.make_room()
    assert problems(lake, ledger) == []


class Volume:
    """A file system in a file, whose power can be cut."""

    EXT4_IOC_SHUTDOWN, WITHOUT_ITS_LOG = 0x8004587D, 2

    def __init__(self, kind, path):
        self.kind, self.image, self.path = kind, path / "image", path / "mounted"
        self.path.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(400 << 20)
        if os.geteuid() != 0:
            pytest.skip("only root can mount file systems")
        maker = shutil.which(f"mkfs.{kind}")
        if maker is None or (kind == "xfs" and not shutil.which("xfs_io")):
            pytest.skip(f"no tools for {kind}")
        subprocess.run([maker, "-q", self.image], check=True, capture_output=True)
        done = subprocess.run(["mount", "-o", "loop", self.image, self.path], capture_output=True, text=True,
                              check=False)
        if done.returncode:
            pytest.skip(f"no loop device can be mounted as {kind}: {done.stderr.strip()}")

    def cut_power(self):
        """Nothing more reaches the disk, not even what the file system has in its log."""
        if self.kind == "xfs":
            subprocess.run(["xfs_io", "-x", "-c", "shutdown", self.path], check=True, capture_output=True)
            return
        directory = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(directory, self.EXT4_IOC_SHUTDOWN, struct.pack("I", self.WITHOUT_ITS_LOG))
        os.close(directory)

    def mount_again(self):
        subprocess.run(["umount", self.path], check=True)
        subprocess.run(["mount", "-o", "loop", self.image, self.path], check=True)

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.path], check=True)


@pytest.fixture(params=["ext4", "xfs"])
def volume(request, tmp_path):
    volume = Volume(request.param, tmp_path)
    yield volume
    volume.unmount()


def freeze(up):
    """No thread of it does anything more, as without power; else it could take back from a file system that is
    shut down what that never wrote, and acknowledge it."""
    def has_stopped(thread):
        try:
            return (thread / "stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
        except (FileNotFoundError, ProcessLookupError):
            return True  # it had ended

    up.process.send_signal(signal.SIGSTOP)
    tasks = Path(f"/proc/{up.process.pid}/task")
    up.wait_until(lambda: all(map(has_stopped, tasks.iterdir())), "it has stopped")


def test_power_cuts(volume):
    chance, ledger, numbers = random.Random(SEED), Ledger(filler=FILLER), itertools.count()
    lake = Lake(volume.path / "warehouse", ZONE)
    slowest, reused, env = 0, 0, {**SMALL, **SMALL_SEGMENTS}
    for _ in range(CUTS):
        with Up(lake, env=env) as up:
            before = len(ledger.acknowledged)
            senders = Senders(up, ledger, numbers, may_refuse=True)
            up.wait_until(lambda seen=before: len(ledger.acknowledged) > seen + 20, "events were acknowledged")
            moment = time.monotonic() + chance.uniform(0, 1)
            up.wait_until(lambda at=moment: time.monotonic() >= at, "the moment")
            freeze(up)
            volume.cut_power()
            up.kill()
            senders.join()
        volume.mount_again()
        reused += reused_segments(lake)
        slowest = max(slowest, settle(lake, env))
    # Only now: what PyIceberg read it may hold open.
    assert problems(lake, ledger) == [], f"seed {SEED}"
    print(f"{volume.kind}: {CUTS} power cuts, {len(ledger.acknowledged)} events, {reused} segments in files of others; "
          f"ready again after {slowest:.2f} s at most")
