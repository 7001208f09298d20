"""Functions over iterators of pyarrow.RecordBatch, for DataFrame.mapInArrow."""

import pyarrow

from octolake_spark import native


def parse_bronze(batches, processed_at, kept=()):
    """Rows of bronze.github_events as rows of silver.github_events_parsed, in the same order; after Silver's
    columns those of Bronze that `kept` names, as they are."""
    with native.Parser() as parser:
        for batch in batches:
            parsed = parser.parse(batch, processed_at)
            columns = [*parsed.columns, *(batch.column(name) for name in kept)]
            yield pyarrow.RecordBatch.from_arrays(columns, names=[*parsed.schema.names, *kept])
