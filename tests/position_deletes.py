"""Deletes rows of a table as merge-on-read engines do: a position delete file, named by a manifest of delete
files in a new snapshot. PyIceberg reads those but does not write them; its catalog, manifest and metadata
classes do all that is not the delete file itself."""

import itertools
import time
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import load_file_io
from pyiceberg.manifest import (
    DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry, ManifestEntryStatus, ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate

FILE_PATH_ID = 2147483546
POS_ID = 2147483545


class DeleteManifestWriter(ManifestWriterV2):
    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


def positions(table, wanted):
    """(data file, [positions]) of the rows that `wanted` picks, of all data files of the current snapshot."""
    for task in table.scan().plan_files():
        rows = pq.ParquetFile(task.file.file_path.removeprefix("file://")).read().to_pylist()
        found = [position for position, row in enumerate(rows) if wanted(row)]
        if found:
            yield task.file, found


def write_delete_file(location, pairs):
    """A Parquet file of (file_path, pos), sorted, and what a manifest says of it."""
    schema = pa.schema([
        pa.field("file_path", pa.string(), nullable=False, metadata={"PARQUET:field_id": str(FILE_PATH_ID)}),
        pa.field("pos", pa.int64(), nullable=False, metadata={"PARQUET:field_id": str(POS_ID)})])
    pairs = sorted(pairs)
    path = Path(location.removeprefix("file://"))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([{"file_path": file, "pos": pos} for file, pos in pairs], schema=schema),
                   path, row_group_size=100, compression="zstd")
    bounds = {FILE_PATH_ID: [pairs[0][0].encode(), pairs[-1][0].encode()]}
    return {"file_path": location, "record_count": len(pairs), "file_size_in_bytes": path.stat().st_size,
            "lower_bounds": {id_: low for id_, (low, _) in bounds.items()},
            "upper_bounds": {id_: high for id_, (_, high) in bounds.items()}}


def delete_rows(table, wanted, by_file=False):
    """Commits the deletion of the rows; one delete file for each partition, or for each data file. How many."""
    table.refresh()
    found = sorted(positions(table, wanted), key=lambda each: (each[0].spec_id, repr(each[0].partition)))
    snapshot = table.current_snapshot()
    new_id = uuid.uuid4().int >> 66
    directory = f"{table.location()}/metadata"
    io = load_file_io(location=table.location())
    by_spec = {}
    for (spec_id, _), group in itertools.groupby(
            found, key=lambda each: (each[0].spec_id, each[0].file_path if by_file else repr(each[0].partition))):
        group = list(group)
        described = write_delete_file(
            f"{table.location()}/data/{uuid.uuid4()}-deletes.parquet",
            [(file.file_path, position) for file, rows in group for position in rows])
        deletes = DataFile.from_args(content=DataFileContent.POSITION_DELETES, file_format=FileFormat.PARQUET,
                                     partition=group[0][0].partition, **described)
        deletes.spec_id = spec_id
        by_spec.setdefault(spec_id, []).append(deletes)
    manifests = []
    for spec_id, files in by_spec.items():
        output = io.new_output(f"{directory}/{uuid.uuid4()}-m0.avro")
        with DeleteManifestWriter(table.specs()[spec_id], table.schema(), output, new_id, "deflate") as writer:
            for file in files:
                writer.add(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=new_id,
                                                   data_file=file))
        manifests.append(writer.to_manifest_file())
    sequence_number = table.metadata.next_sequence_number()
    manifest_list = f"{directory}/snap-{new_id}-0-{uuid.uuid4()}.avro"
    with write_manifest_list(2, io.new_output(manifest_list), new_id, snapshot.snapshot_id, sequence_number,
                             "deflate") as writer:
        writer.add_manifests([*manifests, *snapshot.manifests(io)])
    totals = {key: snapshot.summary[key] for key in ("total-data-files", "total-records", "total-equality-deletes")
              if key in snapshot.summary.additional_properties}
    deleted = sum(len(rows) for _, rows in found)
    files = [file for group in by_spec.values() for file in group]
    before = snapshot.summary.additional_properties
    summary = Summary(Operation.DELETE, **totals, **{
        "added-delete-files": str(len(files)), "added-position-delete-files": str(len(files)),
        "added-position-deletes": str(deleted),
        "added-files-size": str(sum(file.file_size_in_bytes for file in files)),
        "changed-partition-count": str(len({(file.spec_id, repr(file.partition)) for file in files})),
        "total-delete-files": str(int(before.get("total-delete-files", 0)) + len(files)),
        "total-position-deletes": str(int(before.get("total-position-deletes", 0)) + deleted),
        "total-files-size": str(int(before["total-files-size"]) + sum(file.file_size_in_bytes for file in files))})
    table.catalog.commit_table(table, (AssertRefSnapshotId(ref="main", snapshot_id=snapshot.snapshot_id),), (
        AddSnapshotUpdate(snapshot=Snapshot(
            snapshot_id=new_id, parent_snapshot_id=snapshot.snapshot_id, sequence_number=sequence_number,
            timestamp_ms=max(int(time.time() * 1000), table.metadata.last_updated_ms), manifest_list=manifest_list,
            summary=summary, schema_id=table.schema().schema_id)),
        SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=new_id)))
    table.refresh()
    return deleted
