"""How far a step has come in what it reads, as octolake has it (src/lake/position.h): the source's snapshot
stands in the summary of the target's snapshot that wrote the result, and a tag of the target is there. Beside it
stands which sources' rows were taken (src/lake/source_selection.h)."""

import json

from octolake_spark.tables import TableError


def position_tag(source):
    return f"octolake.{source}"


def position_property(source):
    return f"octolake.position.{source}"


def consumed_tag(target):
    return f"octolake.consumed.{target}"


def read_position(tables, target, target_name, source):
    """(the target's snapshot that the tag is at, the source's snapshot that was consumed); None where nothing
    was yet."""
    tag = position_tag(source)
    tagged = tables.snapshot_of(target, tag)
    if tagged is None:
        return None, None
    found = tables.summary(target, tagged).get(position_property(source))
    try:
        return tagged, int(found)
    except (TypeError, ValueError):
        raise TableError(
            f"table {target_name}: tag {tag} is at snapshot {tagged}, whose summary should hold a snapshot id as "
            f"{position_property(source)}, found {found!r}; the tag was moved by somebody else: put it back, or "
            "remove it to read the source as a whole") from None


def selection_property(source):
    return f"octolake.sources.{source}"


def selection_summary(source, selection):
    """What a commit's summary says of the sources that are taken; nothing of all ([])."""
    if not selection:
        return {}
    return {selection_property(source): json.dumps(sorted(set(selection)), ensure_ascii=False, separators=(",", ":"))}


def read_selection(tables, target, target_name, source, tagged):
    """The sources that were taken up to the position; [] for all."""
    found = None if tagged is None else tables.summary(target, tagged).get(selection_property(source))
    if found is None:
        return []
    try:
        selection = json.loads(found)
    except ValueError:
        selection = None
    if isinstance(selection, list) and selection and all(isinstance(entry, str) for entry in selection):
        return selection
    raise TableError(
        f"table {target_name}: the summary of snapshot {tagged} should hold a JSON array of sources as "
        f"{selection_property(source)}, found {found!r}; remove tag {position_tag(source)} to read {source} as a whole")


def reason_to_read_again(before, now):
    """Why a step that takes `now` has to read its source again after steps that took `before`; "" if it has not."""
    if not before:
        return ""
    if not now:
        return f"it took only {', '.join(sorted(set(before)))} before, and takes all sources now"
    added = sorted(set(now) - set(before))
    return f"it passed over {', '.join(added)} before, and takes that now" if added else ""


def set_tag(table, snapshots, tag, snapshot_id):
    """Moves or makes the tag, as a part of `snapshots` (ManageSnapshots)."""
    if table.refs().get(tag) is None:
        return snapshots.createTag(tag, snapshot_id)
    return snapshots.replaceTag(tag, snapshot_id)


def tag_consumed(tables, source_name, target_name, snapshot_id, attempts=10):
    """Keeps the start of the next step's read on the source. A snapshot that has expired is no error: the next
    step reads the source as a whole."""
    tag = consumed_tag(target_name)
    for attempt in range(attempts):
        source = tables.load(source_name)
        if tables.snapshot_of(source, tag) == snapshot_id or source.snapshot(snapshot_id) is None:
            return
        try:
            set_tag(source, source.manageSnapshots(), tag, snapshot_id).commit()
            return
        except Exception as error:  # Py4J's: somebody else committed, as a rule
            if attempt + 1 == attempts:
                raise TableError(f"tag {tag} could not be set on {source_name}: {error}") from error
