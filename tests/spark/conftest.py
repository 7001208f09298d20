"""Spark for the tests of its jobs: one driver for all of them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from spark_process import SparkDriver, make_package, skip_without_spark  # noqa: E402


@pytest.fixture(scope="session")
def spark_package(tmp_path_factory):
    skip_without_spark()
    return make_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def spark(spark_package, tmp_path_factory):
    driver = SparkDriver(spark_package, tmp_path_factory.mktemp("driver"))
    yield driver
    driver.stop()
