#!/usr/bin/env python3
"""Bronze to parsed Silver, once: what was appended to Bronze since Silver's position.

Prints a report as JSON on standard output. Exit status 0 when done, also when there was nothing to do; 1 when
the job failed. Run by spark-submit, or by a Python that has pyspark; octolake_spark/session.py says how it
finds the tables.
"""

import argparse
import dataclasses
import json
import sys

from octolake_spark import session
from octolake_spark.silver import SilverStep
from octolake_spark.tables import Tables


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rescan", action="store_true",
                        help="read all of Bronze, whatever the position (harmless: deduplicated)")
    parser.add_argument("--source", action="append", default=[], metavar="NAME",
                        help="only rows of this source (collect, webhook, gharchive, events_api); repeatable")
    options = parser.parse_args()
    spark = session.start("octolake silver")
    try:
        step = SilverStep(spark, Tables(spark, session.Names.from_environment()), options.source, options.rescan)
        print(json.dumps(dataclasses.asdict(step.run())), flush=True)
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
