"""The program behind `make cluster-up`: nothing of what it started is left, nothing else is touched."""

import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CLUSTER = REPOSITORY / "cluster"
sys.path.insert(0, str(CLUSTER))

import component as cluster_component  # noqa: E402
import processes  # noqa: E402
import settings  # noqa: E402
from component import ClusterError, Component, Running  # noqa: E402
from keeper import Keeper, Outcome  # noqa: E402
from own_cluster import wait_for  # noqa: E402
from program import octolake  # noqa: E402

LIMIT_SECONDS = 60


@pytest.fixture
def directory(tmp_path):
    for name in ("logs", "run"):
        (tmp_path / name).mkdir()
    return tmp_path


def wait_until(condition, what):
    return wait_for(condition, LIMIT_SECONDS, what, poll_seconds=0.02)


def shell(directory, script, **more):
    """A component that runs a script of bash; it is ready once the file `ready` is there."""
    ready = directory / "ready"
    return Running(Component("part", ["bash", "-c", script], lambda: None if ready.exists() else "no file ready",
                             **{"start_seconds": LIMIT_SECONDS, "stop_seconds": 1, **more}), directory)


def test_stop_ends_whatever_a_component_has_become(directory):
    # One child left its session and parent, one its environment, and none heeds SIGTERM.
    ignoring = "trap \"\" TERM; exec tail -f /dev/null"
    part = shell(directory, f"""
        setsid bash -c '{ignoring}' & echo $! >> pids
        env -i setsid bash -c '{ignoring}' & echo $! >> pids
        (setsid bash -c '{ignoring}' & echo $! >> pids)
        trap '' TERM
        touch ready
        exec tail -f /dev/null""")
    part.start()
    wait_until(part.look, "it is ready")
    pids = [int(pid) for pid in (directory / "pids").read_text().split()]
    everything = [processes.process(pid) for pid in [*pids, part.process().pid]]
    assert len(everything) == 4 and all(one.running() for one in everything)
    assert part.stop() == "killed"
    assert not any(one.running() for one in everything)
    assert part.process() is None and part.stop() is None


def test_stop_leaves_a_process_that_has_the_id_of_an_earlier_one(directory):
    other = subprocess.Popen(["sleep", "1000"])
    try:
        found = processes.process(other.pid)
        (directory / "run" / "part.json").write_text(json.dumps(
            {"boot": processes.boot(), "pid": found.pid, "started": found.started - 1, "is_to_end": False}))
        part = shell(directory, "true")
        assert part.ended()
        assert part.process() is None
        assert part.stop() is None
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


# Ends its first thread, as the exit of a process does before its other threads have gone.
WITHOUT_FIRST_THREAD = """
import ctypes, platform, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
print("ready", flush=True)
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
"""


def test_a_process_runs_until_its_last_thread_has_ended():
    with subprocess.Popen([sys.executable, "-c", WITHOUT_FIRST_THREAD], stdout=subprocess.PIPE) as child:
        try:
            found = processes.process(child.pid)
            assert child.stdout.readline() == b"ready\n"
            stat = Path(f"/proc/{child.pid}/stat")
            wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z", "its first thread is over")
            assert found.running()
        finally:
            child.kill()
        wait_until(lambda: not found.running(), "it has ended")


def test_start_takes_away_what_a_killed_main_process_left(directory):
    part = shell(directory, "tail -f /dev/null & echo $! > child; touch ready; wait")
    part.start()
    wait_until(part.look, "it is ready")
    child = processes.process(int((directory / "child").read_text()))
    os.kill(part.process().pid, signal.SIGKILL)
    wait_until(lambda: part.process() is None, "the main process is gone")
    assert child.running()
    (directory / "ready").unlink()
    assert part.start()
    wait_until(part.look, "it is ready")
    assert not child.running()
    assert not part.start(), "it is running"
    assert part.stop() == "stopped"


def test_a_component_that_ends_is_named_with_the_end_of_its_log(directory):
    part = shell(directory, "seq 1 100; echo no such port >&2; exit 3")
    part.start()
    with pytest.raises(ClusterError) as raised:
        wait_until(part.look, "it is ready")
    lines = str(raised.value).splitlines()
    assert lines[0] == f"part ended before it was ready. The end of {directory}/logs/part.log:"
    assert lines[-1] == "  no such port" and len(lines) == 1 + cluster_component.LOG_END_LINES


def test_a_component_that_is_never_ready_is_named_with_the_reason(directory):
    part = shell(directory, "sleep 1000", start_seconds=0.3)
    part.start()
    with pytest.raises(ClusterError, match="part was not ready within 0.3 s: no file ready"):
        wait_until(part.look, "it is ready")
    part.stop()


def test_a_port_that_somebody_else_has_is_an_error(directory):
    with socket.create_server(("127.0.0.1", 0)) as server:
        part = shell(directory, "true", ports=[server.getsockname()[1]])
        with pytest.raises(ClusterError, match=r"part: port \d+ is taken by a process that is not of this cluster"):
            part.start()


class Ending:
    """A component of which a test says whether it has ended."""

    def __init__(self):
        self.has_ended = False

    def ended(self):
        return self.has_ended


def test_the_keeper_starts_what_has_ended_after_waits_that_double():
    clock, parts = [0.0], {"good": Ending(), "bad": Ending()}
    started = []

    def start(name):
        started.append((clock[0], name))
        return Outcome.STARTED

    keeper = Keeper(parts, start, pytest.fail, lambda: clock[0])

    def look_until(end):
        while clock[0] < end:
            keeper.look()
            clock[0] += 0.5

    look_until(10)
    assert started == []
    parts["bad"].has_ended = True  # and ends again at once, whenever it is started
    look_until(200)
    times = [at for at, _ in started]
    assert {name for _, name in started} == {"bad"}
    assert [round(later - earlier) for earlier, later in zip([10, *times], times)] == [1, 2, 4, 8, 16, 32, 60, 60]

    parts["bad"].has_ended = False
    look_until(300)  # it ran for a while
    parts["bad"].has_ended = True
    started.clear()
    look_until(302)
    assert started == [(301, "bad")]


@pytest.mark.parametrize("outcome", [Outcome.STARTED, Outcome.FAILED])
def test_the_time_that_a_start_takes_is_none_that_the_component_ran(outcome):
    clock, part = [0.0], Ending()
    part.has_ended = True
    waits, ended_at = [], [0.0]

    def start(_):
        waits.append(clock[0] - ended_at[0])
        clock[0] += 70
        ended_at[0] = clock[0]
        return outcome

    keeper = Keeper({"slow": part}, start, pytest.fail, lambda: clock[0])
    while len(waits) < 5:
        keeper.look()
        clock[0] += 0.5
    assert [int(wait) for wait in waits] == [1, 2, 4, 8, 16]


def test_a_start_that_was_not_tried_does_not_make_the_waits_grow():
    clock, part = [0.0], Ending()
    part.has_ended = True
    outcomes, times = [Outcome.BUSY] * 20 + [Outcome.STARTED] * 2, []

    def start(_):
        times.append(clock[0])
        return outcomes[len(times) - 1]

    keeper = Keeper({"part": part}, start, pytest.fail, lambda: clock[0])
    while len(times) < 22:
        keeper.look()
        clock[0] += 1
    assert times[:21] == [1 + 5 * at for at in range(21)]
    assert times[21] - times[20] == 3, "the second wait, after the look that saw it end"


@pytest.mark.parametrize("what", ["start", "ended"])
def test_the_keeper_outlives_a_full_disk(what):
    clock, parts, said, started = [0.0], {"bad": Ending(), "good": Ending()}, [], []

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def start(name):
        if name == "bad":
            fail()
        started.append((clock[0], name))
        return Outcome.STARTED

    for part in parts.values():
        part.has_ended = True
    if what == "ended":
        parts["bad"].ended = fail
    keeper = Keeper(parts, start, said.append, lambda: clock[0])
    while clock[0] < 300:
        keeper.look()
        clock[0] += 1
    assert (1, "good") in started
    assert set(said) == {"bad: [Errno 28] No space left on device"} and 5 < len(said) < 15


def test_the_log_of_the_keeper_may_be_full():
    script = "import sys; sys.path.insert(0, sys.argv[1]); import cluster; cluster.log('part has ended'); sys.exit(7)"
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", script, CLUSTER], stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (7, b"")


def test_what_was_stopped_has_not_ended(directory):
    part = shell(directory, "touch ready; exec tail -f /dev/null")
    assert not part.ended(), "it was never started"
    part.start()
    wait_until(part.look, "it is ready")
    assert not part.ended()
    os.kill(part.process().pid, signal.SIGKILL)
    wait_until(part.ended, "it has ended")
    part.start()
    part.stop()
    assert not part.ended()


def test_what_was_to_end_has_not_ended_by_itself(directory, monkeypatch):
    part = shell(directory, "exec tail -f /dev/null")

    def stop_in_vain():
        with monkeypatch.context() as patched, pytest.raises(TimeoutError):
            patched.setattr(processes, "stop", raise_timeout)
            part.stop()

    def raise_timeout(*_):
        raise TimeoutError

    part.start()
    stop_in_vain()
    assert not part.start(), "it is running, and is to run on"
    os.kill(part.process().pid, signal.SIGKILL)
    wait_until(part.ended, "it has ended")

    part.start()
    stop_in_vain()
    os.kill(part.process().pid, signal.SIGKILL)
    wait_until(lambda: part.process() is None, "it is gone")
    assert not part.ended()


def test_what_ran_before_the_machine_started_anew_has_not_ended(directory, monkeypatch):
    part = shell(directory, "true")
    part.start()
    wait_until(part.ended, "it has ended")
    monkeypatch.setattr(processes, "boot", lambda: "another")
    assert not part.ended()


def test_what_could_not_be_started_again_has_still_ended(directory):
    part = shell(directory, "tail -f /dev/null & echo $! > child; touch ready; wait")
    part.start()
    wait_until(part.look, "it is ready")
    os.kill(part.process().pid, signal.SIGKILL)
    wait_until(part.ended, "it has ended")
    with socket.create_server(("127.0.0.1", 0)) as server:
        part.component.ports.append(server.getsockname()[1])
        with pytest.raises(ClusterError):
            part.start()
    assert not part.processes() and part.ended()


def test_the_environment_file_is_private_and_means_the_same_to_a_shell(tmp_path):
    file = tmp_path / "cluster.env"
    values = {"PLAIN": "a-b_c.d", "EMPTY": "", "HARD": "it's \"$HOME\" `id` \\ #x = y"}
    settings.write_environment(file, "for a test", values)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert settings.read_environment(file) == values
    said = subprocess.run(["bash", "-c", f". {file}; printf '%s\\n' \"$PLAIN\" \"$EMPTY\" \"$HARD\""],
                          capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == list(values.values())


def test_secrets_are_made_once_and_differ_between_clusters(tmp_path):
    first = settings.Settings(tmp_path / "a")
    (tmp_path / "a").mkdir()
    settings.write_environment(first.file, "", first.environment())
    assert settings.Settings(tmp_path / "a").environment() == first.environment()
    other = settings.Settings(tmp_path / "b")
    assert not set(first.secrets.values()) & set(other.secrets.values())


def test_octolake_takes_the_environment_for_its_own(tmp_path):
    given = settings.Settings(tmp_path).environment()
    rows = octolake("config", "--json", env=given).json()
    found = {row["key"]: row["source"] for row in rows if row["source"] != "default"}
    assert found.pop("warehouse") == "environment ICEBERG_WAREHOUSE_PATH"
    assert {"catalog.uri", "catalog.password", "s3.endpoint", "s3.access_key_id", "kafka.topic"} <= set(found)
    # None is misspelt, or octolake would have refused it; each is used.
    assert {name for name in given if name.startswith("OCTOLAKE_")} == {
        source.removeprefix("environment ") for source in found.values() if "OCTOLAKE_" in source}


def free_offset():
    """An offset at which the ports of settings.py are free, far from those of a cluster that may be up."""
    for offset in range(7000, 9000, 100):
        if not any(cluster_component.answers(port + offset) for port in settings.PORTS.values()):
            return str(offset)
    raise AssertionError("no free ports")


class Cluster:
    """cluster.py on a directory and ports of its own."""

    def __init__(self, directory):
        self.directory = directory
        self._environment = {**os.environ, "OCTOLAKE_CLUSTER_DIRECTORY": str(directory),
                             "OCTOLAKE_CLUSTER_PORT_OFFSET": free_offset()}

    def __call__(self, *arguments, **variables):
        return subprocess.run([sys.executable, CLUSTER / "cluster.py", *arguments],
                              env={**self._environment, **variables}, capture_output=True, text=True, timeout=300,
                              check=False)

    def status(self, name):
        (found,) = [row for row in json.loads(self("status", "--json").stdout) if row["name"] == name]
        return found


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path / "cluster")
    yield made
    made("down")


def test_a_real_server_comes_up_again_with_its_data(cluster):
    if not (REPOSITORY / ".deps/cluster/bin/minio").exists():
        pytest.skip("no MinIO in .deps/cluster: run deps/cluster/fetch.sh minio")
    for _ in range(2):
        done = cluster("up", "minio")
        assert done.returncode == 0, done.stderr
    assert "minio                  was running" in done.stdout
    row = cluster.status("minio")
    assert row["state"] == "ready" and row["proportional_bytes"] > 0
    assert (cluster.directory / "minio" / settings.BUCKET).is_dir()

    os.kill(row["pid"], signal.SIGKILL)
    again = wait_until(lambda: (found := cluster.status("minio"))["pid"] != row["pid"] and found["state"] == "ready" and found,
                       "the keeper has started it again")
    server, keeper = (processes.process(cluster.status(name)["pid"]) for name in ("minio", "keeper"))
    assert server.pid == again["pid"]
    os.kill(keeper.pid, signal.SIGKILL)
    wait_until(lambda: not keeper.running(), "the keeper is gone")
    assert server.running(), "it is no child of the keeper"

    done = cluster("up", "minio")
    assert "minio                  was running" in done.stdout
    keeper = processes.process(cluster.status("keeper")["pid"])
    assert cluster("down", "minio").stdout == "minio                  stopped\n"
    assert not server.running() and keeper.running()
    done = cluster("up", "minio")
    assert "minio                  ready after" in done.stdout
    assert cluster("down").stdout == "minio                  stopped\nkeeper                 stopped\n"
    assert not keeper.running()


def test_the_keeper_starts_with_the_settings_of_the_last_up(cluster):
    if not (REPOSITORY / ".deps/cluster/bin/minio").exists():
        pytest.skip("no MinIO in .deps/cluster: run deps/cluster/fetch.sh minio")
    assert cluster("up", "minio", MINIO_ROOT_USER="first-user").returncode == 0
    keeper = cluster.status("keeper")["pid"]
    assert cluster("down", "minio").returncode == 0
    done = cluster("up", "minio", MINIO_ROOT_USER="second-user")
    assert done.returncode == 0, done.stderr
    assert cluster.status("keeper")["pid"] == keeper, "it has the variables of the first"
    killed = cluster.status("minio")["pid"]
    os.kill(killed, signal.SIGKILL)
    again = wait_until(lambda: (found := cluster.status("minio"))["pid"] not in (None, killed) and found,
                       "the keeper has started it again")
    assert b"MINIO_ROOT_USER=second-user" in Path(f"/proc/{again['pid']}/environ").read_bytes().split(b"\0")


def test_no_secret_is_an_argument_of_a_process(cluster):
    if not (REPOSITORY / ".deps/cluster/bin/minio").exists():
        pytest.skip("no MinIO in .deps/cluster: run deps/cluster/fetch.sh minio")
    assert cluster("up", "minio").returncode == 0
    secrets = set(settings.Settings(cluster.directory).secrets.values())
    command = Path(f"/proc/{cluster.status('minio')['pid']}/cmdline").read_text(encoding="utf-8")
    assert "server" in command and not any(secret in command for secret in secrets)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another user")
def test_postgresql_says_when_its_user_cannot_enter_the_directory(cluster):
    cluster.directory.mkdir()
    cluster.directory.chmod(0o700)
    done = cluster("up", "postgresql")
    assert done.returncode == 1
    assert f"postgres cannot enter {cluster.directory}/postgresql; set OCTOLAKE_CLUSTER_DIRECTORY" in done.stderr


def test_unknown_components_and_commands_are_refused(cluster):
    cluster.directory.mkdir()
    done = cluster("up", "zookeeper")
    assert (done.returncode, done.stderr.partition(";")[0]) == (1, "cluster: no component zookeeper")
    assert cluster("restart").returncode == 2
    (cluster.directory / "cluster.env").touch()
    for arguments in ((), ("minio", "kafka")):
        done = cluster("again", *arguments)
        assert done.returncode == 2 and "again COMPONENT" in done.stderr
    done = cluster("again", "zookeeper")
    assert (done.returncode, done.stderr.partition(";")[0]) == (1, "cluster: no component zookeeper")
