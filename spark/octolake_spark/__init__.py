"""octolake's parsers and tables for Spark.

The parsers are C++ (spark/native/octolake_spark.h) and run inside the tasks, on Arrow batches that are
handed over without copies. The rest of the package is what the jobs of spark/jobs/ share.
"""

from octolake_spark.batches import parse_bronze

__all__ = ["parse_bronze"]
