"""How the DAGs run Spark jobs and dbt, and where they take what can be set.

What differs between installations comes from Airflow:

- connection `octolake_spark`: host and port are the master's (`spark://127.0.0.1`, 7077)
- connection `octolake_thrift`: host and port are the Thrift server's, which dbt talks to
- variables: see VARIABLES

What belongs to the machine comes from the worker's environment: SPARK_HOME, SPARK_CONF_DIR (its
spark-defaults.conf has the catalog and the store, with their secrets), PYSPARK_PYTHON, LAKE_HOME (a folder
that holds spark/ and dbt/), LAKE_DBT (dbt's program), and the namespaces if they have other names.
"""

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator

# Name and default of each Airflow variable. They are read when a task runs, so a change needs no new parsing.
VARIABLES = {
    "octolake_target_file_bytes": "20000000",  # of compacted files
    "octolake_bronze_min_input_files": "5",  # small files of a partition that make it worth a rewrite
    "octolake_silver_min_input_files": "2",
    "octolake_days_back": "7",  # partitions of older days are not compacted again
    "octolake_expire_days": "7",  # snapshots older than this go
    "octolake_keep_snapshots": "5",  # but this many of the newest
    "octolake_orphan_days": "3",  # files that nothing names go when they are older than this
}

DEFAULT_ARGUMENTS = {
    "owner": "octolake",
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    # Far above what an hour's events take: a step that hangs must not hold up those to come for ever.
    "execution_timeout": timedelta(hours=2),
}

# The same for every DAG: one run at a time, and none for what was missed, since each takes all that is new.
ONE_AT_A_TIME = {
    "start_date": datetime(2011, 1, 1, tzinfo=timezone.utc),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": DEFAULT_ARGUMENTS,
}


def variable(name):
    """A template that gives the variable's value when a task runs."""
    return f"{{{{ var.value.get('{name}', '{VARIABLES[name]}') }}}}"


def spark_job(task_id, job, *arguments, **values):
    """A task that submits spark/jobs/JOB.

    `arguments` are words of a shell, which may name environment variables; `values` become such, and are
    rendered as templates, so that no value is ever read as shell code.
    """
    words = " ".join(f'"{word}"' for word in arguments)
    return BashOperator(
        task_id=task_id,
        bash_command='exec "$SPARK_HOME/bin/spark-submit" --master "$SPARK_MASTER" '
                     f'--name "octolake {task_id}" "$LAKE_HOME/spark/jobs/{job}" {words}',
        env={"SPARK_MASTER": "{{ conn.octolake_spark.host }}:{{ conn.octolake_spark.port }}", **values},
        append_env=True,
    )


def dbt(task_id, *arguments):
    """A task that runs dbt on the Thrift server; what it writes beside the tables goes with the task's folder."""
    return BashOperator(
        task_id=task_id,
        bash_command='exec "$LAKE_DBT" ' + " ".join(arguments)
                     + ' --target thrift --project-dir "$LAKE_HOME/dbt" --profiles-dir "$LAKE_HOME/dbt"'
                       ' --target-path "$PWD/target" --log-path "$PWD/logs"',
        env={"DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
             "SPARK_THRIFT_HOST": "{{ conn.octolake_thrift.host }}",
             "SPARK_THRIFT_PORT": "{{ conn.octolake_thrift.port }}"},
        append_env=True,
    )
