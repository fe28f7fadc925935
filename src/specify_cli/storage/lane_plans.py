"""The plan of a mission's execution lanes: stored in the record, and written to `lanes.json`.

The record decides. A missing file is written again; an edited one is left for `doctor --fix`. The
plan of an older release, only in the file, is taken over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final

from specify_cli import batch
from specify_cli.core.lane_plan import ExecutionLane
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.storage import project_files
from specify_cli.storage.deferred_log import DeferredLog
from specify_cli.storage.mission_files import LanesFile, MissionFiles, execution_lane

_EDITED: Final = "is not what the host planned; run 'spec-kitty doctor --fix', which repairs it"
_log: Final = DeferredLog(__name__)


def encoded(lanes: Sequence[ExecutionLane]) -> bytes:
    """Return the plan in the record's form."""
    return (
        json.dumps({"lanes": [it._asdict() for it in lanes]}, separators=(",", ":")).encode()
        + b"\n"
    )


@lru_cache(maxsize=64)
def lanes_in(plan: bytes) -> tuple[ExecutionLane, ...]:
    """Return the execution lanes of an encoded plan."""
    return tuple(execution_lane(it) for it in json.loads(plan)["lanes"])


def known_lanes(files: MissionFiles, plan: bytes, wp_ids: Iterable[str]) -> Sequence[ExecutionLane]:
    """Return the planned execution lanes: those of the record's `plan`, else those of the file.

    If the file extends the record's plan, its lanes count for packages that the record has not
    planned: a colleague's host, or an older release, has planned them.

    Raises:
        StateUnreadable: the record has no plan, and the file is damaged.
    """
    if not plan:
        known = files.lanes()
        return known.lanes if known else ()
    lanes = lanes_in(plan)
    homes = _homes(lanes)
    if all(wp_id in homes for wp_id in wp_ids):
        return lanes
    with suppress(StateUnreadable):
        found = files.lanes()
        if found is not None and homes.items() <= _homes(found.lanes).items():
            return found.lanes
    return lanes


def _homes(lanes: Sequence[ExecutionLane]) -> dict[str, str]:
    return {wp_id: lane.lane_id for lane in lanes for wp_id in lane.wp_ids}


def taken_over(files: MissionFiles) -> bytes:
    """Take the plan of the file into the record; return it, empty if it cannot be read.

    The caller holds the mission's lock.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
        NotInBatch: a batch is being decided.
    """
    batch.require_none()
    known = None
    with suppress(StateUnreadable):  # A request that needs the plan reports the error.
        known = files.lanes()
    if known is None:
        return b""
    found = encoded(known.lanes)
    files.log.keep_plan(found)
    return found


def keep(files: MissionFiles, content: LanesFile, *, before: bytes, repairs: bool = False) -> None:
    """Store the plan, which was `before`, in the record; write the file if it may be written.

    With `repairs`, at a person's request, an edited file is overwritten.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    plan = encoded(content.lanes)
    if plan != before:
        files.log.keep_plan(plan)
    if repairs:
        files.write_lanes(content, anew=True)
    else:
        bring_up(files, content)


def bring_up(files: MissionFiles, content: LanesFile) -> None:
    """Write the record's plan to the file, if it may be written and was not edited.

    A failed write is repeated later.

    Raises:
        StateUnreadable: the log cannot be read.
    """
    path = files.lanes_path
    try:
        standing = standing_of(files, content.lanes)
        if standing == EDITED:
            _log.warning("%s %s", path, _EDITED)
        elif standing and (hindrance := files.log.hindrance()):
            _log.warning("%s was not written, %s; the host writes it later", path, hindrance)
        elif standing:
            files.write_lanes(content)
    except StorageFailed as error:
        _log.warning("%s; the host writes it later", error)


MISSING, OLDER, EDITED = "missing", "older", "edited"
"""How the file may differ from the plan; empty if it does not."""


def standing_of(files: MissionFiles, lanes: Sequence[ExecutionLane]) -> str:
    """Return how the file differs from the plan with these execution lanes.

    Raises:
        StorageFailed: the disk fails.
    """
    try:
        found = files.lanes()
    except StateUnreadable:
        return EDITED
    if found is None:
        path = files.lanes_path
        return EDITED if os.path.lexists(path) and os.lstat(path).st_size > 0 else MISSING
    if tuple(found.lanes) == tuple(lanes):
        return ""
    ours = {lanes_in(plan) for plan in files.log.plans()}
    return OLDER if tuple(found.lanes) in ours else EDITED


def projected(files: MissionFiles, content: LanesFile) -> bytes:
    """Return the content of a correct file.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    standing = standing_of(files, content.lanes)
    if not standing:
        return project_files.read(files.lanes_path, below=files.project.root)
    return files.lanes_content(content, anew=standing == EDITED)
