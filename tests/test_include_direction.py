"""The include check itself: it must fail where it should."""

import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parent / "include_direction.py"


def check(src, files):
    for name, text in files.items():
        path = src / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return subprocess.run([sys.executable, SCRIPT, src], capture_output=True, text=True, check=False)


def test_upward_includes_pass(tmp_path):
    done = check(tmp_path, {"base/a.h": "", "io/b.h": '#include "base/a.h"\n', "io/b.cc": '#include "io/b.h"\n'})
    assert (done.returncode, done.stdout) == (0, "3 files, every include points upwards\n")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"base/a.h": '#include "io/b.h"\n', "io/b.h": ""}, "base/a.h: includes io/b.h, but base stands above io"),
        ({"event/a.h": "", "iceberg/b.h": '#include "event/a.h"\n'}, "iceberg must not know event"),
        ({"base/a.h": '  #  include "base/gone.h"\n'}, '"base/gone.h" is no file under src/'),
        ({"cellar/a.h": ""}, "cellar is not a room"),
        (
            {"base/a.h": '#include "base/b.h"\n', "base/b.h": '#include "base/a.h"\n'},
            "a circle of includes: base/a.h -> base/b.h -> base/a.h",
        ),
        ({}, "no sources"),
    ],
)
def test_what_must_not_be_fails(tmp_path, files, message):
    done = check(tmp_path, files)
    assert done.returncode == 1
    assert message in done.stdout + done.stderr
