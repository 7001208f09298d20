"""Where the pages of a Parquet file lie: headers are read from the file, column chunks from its footer."""

import pyarrow.parquet

FIRST_HEADER_BYTES = 1 << 16


class Compact:
    """As much of Thrift's compact protocol as it takes to find the end of a page's header."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7f) << shift
            shift += 7
            if not byte & 0x80:
                return value

    def integer(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def value(self, kind):
        if kind in (1, 2):  # a boolean is in its kind
            return kind == 1
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.integer()
        if kind == 7:
            self.at += 8
        elif kind == 8:
            length = self.varint()
            self.at += length
        elif kind == 9:
            header = self.byte()
            length = header >> 4 if header >> 4 != 15 else self.varint()
            for _ in range(length):
                self.value(header & 15 if header & 15 > 2 else 3)
        elif kind == 12:
            return self.struct()
        else:
            raise ValueError(f"no kind {kind} in a page's header")
        return None

    def struct(self):
        fields, number = {}, 0
        while True:
            header = self.byte()
            if header == 0:
                return fields
            number = number + (header >> 4) if header >> 4 else self.integer()
            fields[number] = self.value(header & 15)


def pages(path):
    """(begin, end) of every page, header included."""
    found = []
    footer = pyarrow.parquet.read_metadata(path)
    with open(path, "rb") as file:
        for group in range(footer.num_row_groups):
            for column in range(footer.num_columns):
                chunk = footer.row_group(group).column(column)
                begin = chunk.data_page_offset
                if chunk.dictionary_page_offset:
                    begin = min(begin, chunk.dictionary_page_offset)
                end = begin + chunk.total_compressed_size
                while begin < end:
                    file.seek(begin)
                    header = Compact(file.read(min(FIRST_HEADER_BYTES, end - begin)))
                    compressed = header.struct()[3]
                    found.append((begin, begin + header.at + compressed))
                    begin += header.at + compressed
    return found
