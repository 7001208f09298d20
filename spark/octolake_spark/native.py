"""liboctolake_spark.so through ctypes. One library a process, loaded with the first call."""

import ctypes
import functools
import json
import os
from pathlib import Path

ABI = 2
LIBRARY_NAME = "liboctolake_spark.so"
# Sizes of ArrowArray and ArrowSchema in the Arrow C data interface, on machines of 64 bits.
ARRAY_BYTES, SCHEMA_BYTES = 80, 72
# pyarrow's libraries that ours names. One of them that is in the process is taken, wherever it lies.
ARROW_LIBRARIES = ("arrow", "arrow_compute", "parquet")


class NativeError(Exception):
    """What the library said; `status` is one of octolake_spark_status."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def library_path():
    """Beside this file, or where LIBOCTOLAKE_SPARK says."""
    path = Path(os.environ.get("LIBOCTOLAKE_SPARK") or Path(__file__).parent / "lib" / LIBRARY_NAME)
    if not path.exists():
        raise RuntimeError(f"octolake_spark: no {path}; install the package that spark/make_package.py makes, "
                           "or set LIBOCTOLAKE_SPARK to the library")
    return path


@functools.cache
def library():
    path = library_path()
    load_arrow()
    try:
        lib = ctypes.CDLL(str(path))
    except OSError as error:
        raise RuntimeError(f"octolake_spark: {path} cannot be loaded with pyarrow {pyarrow_version()}; it needs the "
                           f"pyarrow whose Arrow it was built with (deps/python/spark.in): {error}") from error
    found = lib.octolake_spark_abi()
    if found != ABI:
        raise RuntimeError(f"octolake_spark: {path} has interface {found}, this package needs {ABI}; "
                           "they must be of one build")
    pointer, text = ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
    lib.octolake_spark_free.argtypes = [pointer]
    lib.octolake_spark_free.restype = None
    lib.octolake_spark_table_definitions.argtypes = [text, text]
    lib.octolake_spark_bronze_columns.argtypes = [text, text]
    lib.octolake_spark_parser_new.argtypes = [text, text]
    lib.octolake_spark_parser_free.argtypes = [pointer]
    lib.octolake_spark_parser_free.restype = None
    lib.octolake_spark_parse_bronze.argtypes = [pointer, pointer, pointer, ctypes.c_int64, pointer, pointer, text]
    lib.octolake_spark_decoder_new.argtypes = [ctypes.c_char_p, text, text]
    lib.octolake_spark_decoder_free.argtypes = [pointer]
    lib.octolake_spark_decoder_free.restype = None
    lib.octolake_spark_decode_messages.argtypes = [pointer] * 3 + [text]
    lib.octolake_spark_rejected_messages.argtypes = [pointer] * 3 + [text]
    lib.octolake_spark_next_rows.argtypes = [pointer] * 5 + [ctypes.POINTER(ctypes.c_int32), text]
    return lib


def pyarrow_version():
    import pyarrow

    return pyarrow.__version__


def load_arrow():
    """Brings pyarrow's Arrow into the process, where the loader finds it by its name."""
    import pyarrow

    for directory in map(Path, pyarrow.get_library_dirs()):
        for name in ARROW_LIBRARIES:
            for found in directory.glob(f"lib{name}.so.*"):
                ctypes.CDLL(str(found))


def call(function, *arguments):
    """Calls a function whose last parameter is the message; raises NativeError."""
    message = ctypes.c_void_p()
    status = function(*arguments, ctypes.byref(message))
    if status == 0:
        return
    try:
        text = ctypes.string_at(message).decode("utf-8", "replace") if message else "no memory for a message"
    finally:
        library().octolake_spark_free(message)
    raise NativeError(status, text)


def json_of(function):
    out = ctypes.c_void_p()
    call(function, ctypes.byref(out))
    try:
        return json.loads(ctypes.string_at(out))
    finally:
        library().octolake_spark_free(out)


def table_definitions():
    """The tables that octolake defines: src/lake/definition_json.h."""
    return json_of(library().octolake_spark_table_definitions)


def bronze_columns():
    """Columns of Bronze that parsing reads."""
    return json_of(library().octolake_spark_bronze_columns)


class Exchanged:
    """One batch on its way through the C data interface, in either direction."""

    def __init__(self, batch=None):
        self._array = ctypes.create_string_buffer(ARRAY_BYTES)
        self._schema = ctypes.create_string_buffer(SCHEMA_BYTES)
        self.addresses = ctypes.addressof(self._array), ctypes.addressof(self._schema)
        if batch is not None:
            batch._export_to_c(*self.addresses)

    def batch(self):
        import pyarrow

        return pyarrow.RecordBatch._import_from_c(*self.addresses)


class Parser:
    """Bronze rows to parsed Silver rows. For one thread at a time; a context manager."""

    def __init__(self):
        self._handle = ctypes.c_void_p()
        call(library().octolake_spark_parser_new, ctypes.byref(self._handle))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        library().octolake_spark_parser_free(self._handle)
        self._handle = ctypes.c_void_p()

    def parse(self, batch, processed_at):
        """A pyarrow.RecordBatch with Silver's columns, row for row. processed_at: microseconds since 1970."""
        bronze, silver = Exchanged(batch), Exchanged()
        call(library().octolake_spark_parse_bronze, self._handle, *bronze.addresses, processed_at, *silver.addresses)
        return silver.batch()


class Decoder:
    """Messages of Kafka to rows of Bronze and of rejected_events. For one thread at a time; a context manager."""

    def __init__(self, origin):
        self._handle = ctypes.c_void_p()
        call(library().octolake_spark_decoder_new, origin.encode(), ctypes.byref(self._handle))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        library().octolake_spark_decoder_free(self._handle)
        self._handle = ctypes.c_void_p()

    def decode(self, messages):
        """Pairs of rows of Bronze and rows of rejected_events, of containers: batches that are bounded, however many
        rows the messages have. They have to be taken to their end before others are asked for."""
        return self._rows(library().octolake_spark_decode_messages, messages)

    def rejected(self, messages):
        """The same of what was rejected before it came to Kafka."""
        return self._rows(library().octolake_spark_rejected_messages, messages)

    def _rows(self, give, messages):
        given = Exchanged(messages)
        call(give, self._handle, *given.addresses)
        while True:
            events, rejected, has_rows = Exchanged(), Exchanged(), ctypes.c_int32()
            call(library().octolake_spark_next_rows, self._handle, *events.addresses, *rejected.addresses,
                 ctypes.byref(has_rows))
            if not has_rows:
                return
            yield events.batch(), rejected.batch()
