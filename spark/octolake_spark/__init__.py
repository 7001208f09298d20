"""octolake's parsers and tables for Spark.

The parsers are C++ (spark/native/octolake_spark.h) and run inside the tasks, on Arrow batches that are
handed over without copies. The rest of the package is what the jobs of spark/jobs/ share.
"""

from octolake_spark.batches import decode_messages, parse_bronze, rejected_rows

__all__ = ["decode_messages", "parse_bronze", "rejected_rows"]
