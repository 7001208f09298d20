"""Run by Airflow's own Python: loads the DAGs of a folder and prints, as JSON, what is in them.

usage: airflow_dags.py FOLDER
"""

import json
import sys
import warnings
from pathlib import Path

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from airflow.dag_processing.dagbag import BundleDagBag

    caught.clear()  # what Airflow warns of itself is not ours
    bag = BundleDagBag(sys.argv[1], bundle_path=Path(sys.argv[1]), bundle_name="octolake")
    found = [f"{one.filename}:{one.lineno}: {one.category.__name__}: {one.message}" for one in caught]


def task(one):
    return {
        "after": sorted(one.upstream_task_ids),
        "command": one.bash_command,
        "environment": one.env,
        "retries": one.retries,
        "retry_seconds": one.retry_delay.total_seconds(),
        "limit_seconds": one.execution_timeout.total_seconds(),
    }


print(json.dumps({
    "errors": bag.import_errors,
    # Of a captured warning Airflow keeps the text and the file.
    "warnings": found + [str(one) for many in bag.captured_warnings.values() for one in many],
    "dags": {
        dag_id: {
            "schedule": dag.schedule if isinstance(dag.schedule, str) else str(dag.timetable),
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "tasks": {one.task_id: task(one) for one in dag.tasks},
        }
        for dag_id, dag in bag.dags.items()
    },
}))
