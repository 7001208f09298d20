"""Every hour: Bronze → Silver with Spark, then the models of dbt and their data tests."""

from airflow.sdk import DAG

from octolake_tasks import ONE_AT_A_TIME, dbt, spark_job

with DAG(
    "github_events_pipeline",
    description="Bronze to Silver with Spark, Silver and Gold with dbt, data tests",
    schedule="@hourly",
    doc_md=__doc__,
    tags=["octolake"],
    **ONE_AT_A_TIME,
):
    (
        spark_job("bronze_to_silver", "silver.py")
        >> dbt("dbt_run_silver", "run", "--select", "tag:silver")
        >> dbt("dbt_run_gold", "run", "--select", "tag:gold")
        >> dbt("dbt_test", "test")
    )
