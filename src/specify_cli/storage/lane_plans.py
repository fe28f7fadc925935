"""The plan of a mission's execution lanes: kept in the record, and written to `lanes.json` for others to read.

The record decides. A file that somebody removed comes back; one that somebody edited is left for
`doctor --fix`. A project of an older release has the plan in the file alone, from where it is taken over.
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

_EDITED: Final = "is not what the host planned; run 'spec-kitty doctor --fix', which puts it right"
_log: Final = DeferredLog(__name__)


def encoded(lanes: Sequence[ExecutionLane]) -> bytes:
    """The plan as the record keeps it."""
    return (
        json.dumps({"lanes": [it._asdict() for it in lanes]}, separators=(",", ":")).encode()
        + b"\n"
    )


@lru_cache(maxsize=64)
def lanes_in(plan: bytes) -> tuple[ExecutionLane, ...]:
    """The execution lanes of a plan that `encoded` has made."""
    return tuple(execution_lane(it) for it in json.loads(plan)["lanes"])


def known_lanes(files: MissionFiles, plan: bytes, wp_ids: Iterable[str]) -> Sequence[ExecutionLane]:
    """The execution lanes that are planned: those of the `plan` in the record, without one those of the file.

    Where the file goes on from the record's plan, its lanes count for packages that the record has none of: a
    colleague's host, or an older release, has planned them.

    Raises: StateUnreadable where the record has no plan.
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
    """The plan in the file, which the record had none of and has now; empty where it cannot be read.

    Call it under the mission's lock.

    Raises: StateUnreadable, StorageFailed; NotInBatch.
    """
    batch.require_none()
    known = None
    with suppress(StateUnreadable):  # Whoever needs the plan is told.
        known = files.lanes()
    if known is None:
        return b""
    found = encoded(known.lanes)
    files.log.keep_plan(found)
    return found


def keep(files: MissionFiles, content: LanesFile, *, before: bytes, repairs: bool = False) -> None:
    """The record has that plan, whose plan was `before`, and the file, as far as it may be written.

    With `repairs`, as a person asks for, the file is written whatever is in it.

    Raises: StateUnreadable, StorageFailed.
    """
    plan = encoded(content.lanes)
    if plan != before:
        files.log.keep_plan(plan)
    if repairs:
        files.write_lanes(content, anew=True)
    else:
        bring_up(files, content)


def bring_up(files: MissionFiles, content: LanesFile) -> None:
    """The file has the plan, which the record has, where it may be written and nobody edited it.

    What the disk refuses is written later.

    Raises: StateUnreadable where the log cannot be read.
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
"""How the file may stand to the plan; empty where it has it."""


def standing_of(files: MissionFiles, lanes: Sequence[ExecutionLane]) -> str:
    """How the file stands to the plan with these execution lanes. Raises: StorageFailed."""
    try:
        found = files.lanes()
    except StateUnreadable:
        return EDITED
    if found is None:
        return EDITED if _has_content(files) else MISSING
    if tuple(found.lanes) == tuple(lanes):
        return ""
    ours = {lanes_in(plan) for plan in files.log.plans()}
    return OLDER if tuple(found.lanes) in ours else EDITED


def projected(files: MissionFiles, content: LanesFile) -> bytes:
    """What the file holds once it has the plan. Raises: StateUnreadable, StorageFailed."""
    standing = standing_of(files, content.lanes)
    if not standing:
        return project_files.read(files.lanes_path, below=files.project.root)
    return files.lanes_content(content, anew=standing == EDITED)


def _has_content(files: MissionFiles) -> bool:
    return os.path.lexists(files.lanes_path) and os.lstat(files.lanes_path).st_size > 0
