"""Keeps the tables fast and tidy: small files together every day, old snapshots and stray files away every week."""

from airflow.sdk import DAG, TaskGroup, chain

from octolake_tasks import ONE_AT_A_TIME, spark_job, variable

BRONZE = "${BRONZE_NAMESPACE:-bronze}.github_events"
REJECTED = "${BRONZE_NAMESPACE:-bronze}.rejected_events"
SILVER = "${SILVER_NAMESPACE:-silver}.github_events_parsed"
MODEL = "${SILVER_NAMESPACE:-silver}.silver_github_events"
GOLD = "${GOLD_NAMESPACE:-gold}.gold_user_activity"


def maintain(task_id, table, operation, *options, **values):
    return spark_job(task_id, "maintenance.py", table, operation, *options, **values)


def compact(table, operation, minimum, *options):
    return maintain(
        "compact", table, operation,
        "--target-file-bytes", "$TARGET_FILE_BYTES", "--min-input-files", "$MIN_INPUT_FILES",
        "--days-back", "$DAYS_BACK", *options,
        TARGET_FILE_BYTES=variable("octolake_target_file_bytes"),
        MIN_INPUT_FILES=variable(minimum),
        DAYS_BACK=variable("octolake_days_back"))


def tidy(table):
    chain(
        maintain("rewrite_manifests", table, "rewrite_manifests"),
        maintain("expire_snapshots", table, "expire_snapshots", "--older-than-days", "$DAYS", "--keep", "$KEEP",
                 DAYS=variable("octolake_expire_days"), KEEP=variable("octolake_keep_snapshots")),
        maintain("remove_orphan_files", table, "remove_orphan_files", "--older-than-days", "$DAYS",
                 DAYS=variable("octolake_orphan_days")))


def one_after_the_other(groups):
    """A TaskGroup for each name, filled by its function; two at once would only wait for each other's cores."""
    made = []
    for name, fill in groups.items():
        with TaskGroup(name) as group:
            fill()
        made.append(group)
    chain(*made)


# At times when no hourly run begins.
with DAG(
    "github_events_maintenance_daily",
    description="Small files of Bronze and Silver together",
    schedule="30 2 * * *",
    doc_md=__doc__,
    tags=["octolake"],
    **ONE_AT_A_TIME,
):
    one_after_the_other({
        "bronze": lambda: compact(BRONZE, "binpack", "octolake_bronze_min_input_files"),
        "silver": lambda: compact(SILVER, "zorder", "octolake_silver_min_input_files",
                                  "--columns", "event_type,created_at"),
        "model": lambda: compact(MODEL, "binpack", "octolake_silver_min_input_files"),
    })

with DAG(
    "github_events_maintenance_weekly",
    description="Manifests rewritten, old snapshots and orphan files removed",
    schedule="30 3 * * 0",
    doc_md=__doc__,
    tags=["octolake"],
    **ONE_AT_A_TIME,
):
    one_after_the_other({
        "bronze": lambda: tidy(BRONZE),
        # The stream makes a snapshot of it for every trigger, though few have a row.
        "rejected": lambda: tidy(REJECTED),
        "silver": lambda: tidy(SILVER),
        "model": lambda: tidy(MODEL),
        "gold": lambda: tidy(GOLD),
    })
