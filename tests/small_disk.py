"""A small file system of its own for a test, a tmpfs."""

import os
import subprocess

import pytest

DISK_BYTES = 64 << 20
NO_MOUNT = "no small file system can be mounted: neither as root nor in a user namespace (unshare --user --mount)"


class SmallDisk:
    def __init__(self, path):
        self.path = path
        self._ballast = path / "ballast"

    def free(self):
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def leave(self, bytes_):
        """Leaves just so much room."""
        self.make_room()
        size = self.free() - bytes_
        assert size > 0
        with open(self._ballast, "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, size)

    def make_room(self):
        self._ballast.unlink(missing_ok=True)


def mount(path):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "octolake-test", path],
                          capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    if os.geteuid() != 0 or not mount(path):
        pytest.skip(NO_MOUNT)
    yield SmallDisk(path)
    # What PyIceberg read it may hold open until it is collected.
    subprocess.run(["umount", "--lazy", path], check=True)
