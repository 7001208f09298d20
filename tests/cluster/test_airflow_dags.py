"""The DAGs under the Airflow that the cluster runs: they load without a warning, and are what they should be."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from program import environment

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".deps" / "airflow" / "bin" / "python"
DAGS = REPOSITORY / "airflow" / "dags"
PIPELINE, DAILY, WEEKLY = (
    "github_events_pipeline", "github_events_maintenance_daily", "github_events_maintenance_weekly")
# The weekly run's groups, and the table of each.
WEEKLY_TABLES = {"bronze": "github_events", "rejected": "rejected_events", "silver": "github_events_parsed",
                 "model": "silver_github_events", "gold": "gold_user_activity"}
# What a task's command may take from the worker's environment; cluster/ and deploy/ set it.
OF_THE_MACHINE = {
    "SPARK_HOME", "LAKE_HOME", "LAKE_DBT", "PWD", "BRONZE_NAMESPACE", "SILVER_NAMESPACE", "GOLD_NAMESPACE"}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    if not PYTHON.exists():
        pytest.skip("no Airflow in .deps/airflow: run deps/bootstrap.sh --airflow")
    home = tmp_path_factory.mktemp("airflow")
    done = subprocess.run([PYTHON, Path(__file__).with_name("airflow_dags.py"), DAGS], capture_output=True, text=True,
                          timeout=300, check=False, env=environment({"AIRFLOW_HOME": str(home)}))
    assert done.returncode == 0, done.stderr
    # Airflow logs to stdout as well; the result is the last line.
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def dags(loaded):
    return loaded["dags"]


def test_all_load_without_error_or_warning(loaded):
    assert loaded["errors"] == {}
    assert loaded["warnings"] == []
    assert sorted(loaded["dags"]) == sorted([PIPELINE, DAILY, WEEKLY])


def test_schedules(dags):
    assert {name: dag["schedule"] for name, dag in dags.items()} == {
        PIPELINE: "@hourly", DAILY: "30 2 * * *", WEEKLY: "30 3 * * 0"}


@pytest.mark.parametrize("name", [PIPELINE, DAILY, WEEKLY])
def test_one_run_at_a_time_with_retries_and_limits(dags, name):
    dag = dags[name]
    assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)
    for task in dag["tasks"].values():
        assert (task["retries"], task["retry_seconds"]) == (3, 300)
        assert 0 < task["limit_seconds"] <= 7200


def order(tasks):
    """The task ids of a chain, first to last; fails if the tasks are no chain."""
    after = {name: task["after"] for name, task in tasks.items()}
    found = [name for name, before in after.items() if not before]
    while len(found) < len(after):
        (following,) = [name for name, before in after.items() if before == [found[-1]]]
        found.append(following)
    return found


def test_pipeline_takes_the_layers_in_order(dags):
    tasks = dags[PIPELINE]["tasks"]
    assert order(tasks) == ["bronze_to_silver", "dbt_run_silver", "dbt_run_gold", "dbt_test"]
    assert "/spark/jobs/silver.py" in tasks["bronze_to_silver"]["command"]
    for name in ("dbt_run_silver", "dbt_run_gold", "dbt_test"):
        assert " --target thrift " in tasks[name]["command"]
        assert "octolake_thrift" in tasks[name]["environment"]["SPARK_THRIFT_HOST"]
    assert " run --select tag:silver " in tasks["dbt_run_silver"]["command"]
    assert " run --select tag:gold " in tasks["dbt_run_gold"]["command"]
    assert " test " in tasks["dbt_test"]["command"]


def test_daily_maintenance(dags):
    tasks = dags[DAILY]["tasks"]
    assert order(tasks) == ["bronze.compact", "silver.compact", "model.compact"]
    assert ".github_events\" \"binpack\"" in tasks["bronze.compact"]["command"]
    assert ".github_events_parsed\" \"zorder\"" in tasks["silver.compact"]["command"]
    assert "\"event_type,created_at\"" in tasks["silver.compact"]["command"]
    defaults = {name: {key: re.search(r"'(\d+)'\) }}$", value)[1]
                       for key, value in task["environment"].items() if key != "SPARK_MASTER"}
                for name, task in tasks.items()}
    common = {"TARGET_FILE_BYTES": "20000000", "DAYS_BACK": "7"}
    assert defaults == {
        "bronze.compact": {**common, "MIN_INPUT_FILES": "5"},
        "silver.compact": {**common, "MIN_INPUT_FILES": "2"},
        "model.compact": {**common, "MIN_INPUT_FILES": "2"}}


def test_weekly_maintenance(dags):
    tasks = dags[WEEKLY]["tasks"]
    steps = ["rewrite_manifests", "expire_snapshots", "remove_orphan_files"]
    assert order(tasks) == [f"{group}.{step}" for group in WEEKLY_TABLES for step in steps]
    for group, table in WEEKLY_TABLES.items():
        for step in steps:
            assert f'}}.{table}" "{step}"' in tasks[f"{group}.{step}"]["command"]
    expiry, orphans = tasks["bronze.expire_snapshots"], tasks["bronze.remove_orphan_files"]
    assert "'octolake_expire_days', '7'" in expiry["environment"]["DAYS"]
    assert "'octolake_keep_snapshots', '5'" in expiry["environment"]["KEEP"]
    assert "'octolake_orphan_days', '3'" in orphans["environment"]["DAYS"]


def test_commands_name_files_and_variables_that_exist(dags):
    for dag in dags.values():
        for name, task in dag["tasks"].items():
            for path in re.findall(r"\$LAKE_HOME/([\w/.]+)", task["command"]):
                assert (REPOSITORY / path).exists(), f"{name} names {path}"
            used = set(re.findall(r"\$\{?(\w+)", task["command"]))
            assert used <= OF_THE_MACHINE | set(task["environment"]), f"{name} uses {used}"
            # Values are never part of the shell's text.
            assert "{{" not in task["command"]
