"""Which mission of the record the folder of a mission is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import KnownMission


def look_up(
    record: Record, folder: str, id_of: Callable[[str], str | None], *, raw: bytes
) -> KnownMission:
    """The mission in that folder, without a number where the record does not know it.

    It is known by the id in its `meta.json`, so that it may be renamed, and by its folder as long as
    it has none. `raw` is its log's file: what has been given an id since goes on with its history, a
    new mission under an old name does not.

    Raises:
        StateUnreadable: a `meta.json`, or the record, is damaged.
        StorageFailed: the disk refused.
    """
    mission_id = id_of(folder)
    new = KnownMission(mission_id=mission_id, folder=folder)
    rows = record.missions(mission_id, folder=folder)
    here = [it for it in rows if it.folder == folder]
    if mission_id is None:
        return next(iter(here), new)
    own = [it for it in rows if it.mission_id == mission_id]
    exact = (it for it in own if it.folder == folder)
    # A copy of the folder is another mission, whose history begins where it was copied.
    moved = (it for it in own if id_of(it.folder) != mission_id)
    nameless = (it for it in here if it.mission_id is None and _is_log_of(record, it, raw))
    known = next(exact, None) or next(moved, None) or next(nameless, None)
    return replace(known, mission_id=mission_id, folder=folder) if known else new


def _is_log_of(record: Record, known: KnownMission, raw: bytes) -> bool:
    first = record.log_of(known.number or 0).lines[:1]
    return any(line.strip() in raw for line in first)
