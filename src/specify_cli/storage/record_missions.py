"""Match the folder of a mission with a mission of the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from specify_cli.storage.event_lines import json_object
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import KnownMission


def look_up(
    record: Record,
    folder: str,
    id_of: Callable[[str], str | None],
    *,
    raw: bytes,
    folders: Callable[[], Sequence[str]],
) -> KnownMission:
    """Return the mission in that folder, without a number if the record does not know it.

    It is matched by the id in its `meta.json`, so that it may be renamed; without an id, by its
    folder.

    Args:
        record: The record.
        folder: The name of the folder.
        id_of: Returns the id in the `meta.json` of a folder.
        raw: The bytes of the log's file. A mission that was given an id later continues its
            history; a new mission under an old name does not.
        folders: Returns the folders of all missions.

    Raises:
        StateUnreadable: a `meta.json`, or the record, is damaged.
        StorageFailed: the disk fails.
    """
    mission_id = id_of(folder)
    new = KnownMission(mission_id=mission_id, folder=folder)
    rows = record.missions(mission_id, folder=folder)
    here = [it for it in rows if it.folder == folder]

    def is_elsewhere(known: KnownMission) -> bool:
        others = (it for it in folders() if it != folder)
        return any(id_of(it) == known.mission_id for it in others)

    if mission_id is None:
        nameless = (it for it in here if it.mission_id is None)
        # If the former mission was renamed, this one is new.
        named = (
            it for it in here if _is_log_of(record, it, raw) or (not raw and not is_elsewhere(it))
        )
        return next(nameless, None) or next(named, None) or new
    own = [it for it in rows if it.mission_id == mission_id]
    exact = (it for it in own if it.folder == folder)
    # A copy of the folder is another mission; its history begins at the copy.
    moved = (it for it in own if id_of(it.folder) != mission_id)
    nameless = (it for it in here if it.mission_id is None and _is_log_of(record, it, raw))
    known = next(exact, None) or next(moved, None) or next(nameless, None)
    return known._replace(mission_id=mission_id, folder=folder) if known else new


def found_at_once(record: Record, folder: str, mission_id: str | None) -> KnownMission | None:
    """Return the mission with that id and folder; None if `look_up` has to decide."""
    rows = record.missions(mission_id, folder=folder)
    own = (it for it in rows if (it.mission_id, it.folder) == (mission_id, folder))
    return next(own, None)


def _is_log_of(record: Record, known: KnownMission, raw: bytes) -> bool:
    """Whether `raw` has a line of the mission, in any form."""
    ours = {_name_of(line) for line in record.log_of(known.number or 0).lines}
    return any(_name_of(line) in ours for line in raw.split(b"\n") if line.strip())


def _name_of(line: bytes) -> object:
    said = json_object(line)
    return (said or {}).get("event_id") or line.strip()
