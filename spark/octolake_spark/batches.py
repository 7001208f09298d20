"""Functions over iterators of pyarrow.RecordBatch, for DataFrame.mapInArrow."""

import pyarrow
import pyarrow.compute as pc

from octolake_spark import native


def parse_bronze(batches, processed_at, kept=()):
    """Rows of bronze.github_events as rows of silver.github_events_parsed, in the same order; after Silver's
    columns those of Bronze that `kept` names, as they are."""
    with native.Parser() as parser:
        for batch in batches:
            parsed = parser.parse(batch, processed_at)
            columns = [*parsed.columns, *(batch.column(name) for name in kept)]
            yield pyarrow.RecordBatch.from_arrays(columns, names=[*parsed.schema.names, *kept])


# Messages are decoded together up to so many bytes, since Spark bounds its batches by their number. What they
# decompress to is bounded by the decoder.
BYTES_AT_ONCE = 1 << 20


def decode_messages(batches, origin):
    """Messages with the columns value, partition, offset and timestamp as rows of bronze.github_events."""
    with native.Decoder(origin) as decoder:
        for messages in in_parts(batches):
            yield from with_rows(events for events, _ in decoder.decode(messages))


def rejected_rows(batches, topic):
    """What could not become an event, as rows of bronze.rejected_events: what decode_messages leaves out of the
    messages of `topic`, and the messages of every other topic as they are, with the columns topic, reason, source,
    trace_id and received_at beside those above."""
    with native.Decoder(f"kafka {topic}") as decoder, native.Decoder(f"kafka {topic}.rejected") as kept:
        for messages in in_parts(batches):
            of_events = pc.equal(messages.column("topic"), topic)
            yield from with_rows(rejected for _, rejected in decoder.decode(messages.filter(of_events)))
            yield from with_rows(rejected for _, rejected in kept.rejected(messages.filter(pc.invert(of_events))))


def with_rows(batches):
    """Those that have any: Spark's reader fails at an empty slice as Arrow writes it."""
    return (batch for batch in batches if batch.num_rows)


def in_parts(batches):
    """The same rows in slices of BYTES_AT_ONCE of values and text, or of one row."""
    for batch in batches:
        columns = [batch.column(name) for name in ("value", "reason", "source") if name in batch.schema.names]
        lengths = [pc.fill_null(pc.binary_length(column), 0).to_pylist() for column in columns]
        sizes = [sum(of_row) for of_row in zip(*lengths)]
        begin, held = 0, 0
        for row, size in enumerate(sizes):
            if row > begin and held + size > BYTES_AT_ONCE:
                yield batch.slice(begin, row - begin)
                begin, held = row, 0
            held += size
        if begin < len(sizes):
            yield batch.slice(begin)
