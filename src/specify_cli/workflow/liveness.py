"""Signs of life of those who hold packages: from the log, from their branches, and from their requests.

A request that records nothing in the log, a heartbeat among them, is noted in a file of the host: the
log does not grow with them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from specify_cli import batch, clock
from specify_cli.core.claims import Life
from specify_cli.core.events import moment_of
from specify_cli.core.lanes import Lane
from specify_cli.errors import SpecKittyError, StateUnreadable
from specify_cli.files.atomic import publish
from specify_cli.storage import record_folder
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.storage.mission_identity import read_json
from specify_cli.storage.project import Project
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.mission import OpenMission

Sign: TypeAlias = tuple[str, datetime | None]
"""A package, and when its holder showed a sign of life; None where that cannot be read."""


@contextmanager
def acting(
    project: Project, selector: str, wp_id: str, *, actor: str, cause: RequestContext
) -> Iterator[OpenMission]:
    """As `changing_package`; the request is a sign of life of who holds the package, refused or not.

    Raises: WorkPackageNotFound, and as `changing_mission`.
    """
    # Reads need the signs of life, but nothing of a change.
    from specify_cli.workflow.mission_changes import changing_package

    with changing_package(project, selector, wp_id) as mission:
        is_answered = True
        try:
            yield mission
        except batch.NotInBatch:
            is_answered = False
            raise
        finally:
            # What the log has of the request is one already.
            is_silent = not cause.effects.event_ids
            if is_answered and is_silent and mission.state_of(wp_id).holder == actor:
                with suppress(SpecKittyError):  # It changes no answer.
                    note(mission, wp_id, actor)


def note(mission: OpenMission, wp_id: str, actor: str) -> datetime:
    """`actor`, who holds the package, is alive now; call it under the mission's lock.

    Raises: StateUnreadable, StorageFailed.
    """
    base, path, now = mission.files.project.host_base, _path(mission.files), clock.now()
    held = {x: it for x, it in noted(mission.files).items() if x in mission.packages}
    held[wp_id] = {"actor": actor, "at": now.isoformat(timespec="microseconds")}
    record_folder.make_inside(path.parent, base=base)
    publish(path, json.dumps(held).encode(), mode=0o600, below=base, sweeps=True)
    return now


def lives(mission: OpenMission) -> dict[str, Life]:
    """Package id to what is known of its holder, for every package that is held.

    Raises: StateUnreadable, StorageFailed.
    """
    holders = {x: who for x in mission.packages if (who := mission.state_of(x).holder)}
    if not holders:
        return {}
    moments = {x: [moment_of(mission.state_of(x).since)] for x in holders}
    for signs in (_recorded, _notes, _committed):
        for wp_id, moment in signs(mission, holders):
            moments[wp_id].append(moment)
    rule = mission.files.project.settings.stale_after_s
    return {x: Life(moments=tuple(it), stale_after_s=rule) for x, it in moments.items()}


def noted(files: MissionFiles) -> dict[str, Any]:
    """Package id to the newest request of its holder that is not in the log.

    Raises: StateUnreadable.
    """
    try:
        return read_json(_path(files), below=files.project.host_base)
    except StateUnreadable as error:
        file = error.details["file"]
        raise StateUnreadable(
            f"the heartbeats in {file} cannot be read: remove it, with"
            f" 'rm -r {shlex.quote(str(file))}'; they are forgotten then",
            **error.details,
        ) from error


def _recorded(mission: OpenMission, holders: Mapping[str, str]) -> Iterator[Sign]:
    """What the log has of the holder since the package is in its lane."""
    # Without a rule nothing is judged by lines of other programs, and they are told as in 1.3.0: not.
    has_rule = mission.files.project.settings.stale_after_s is not None
    for wp_id in holders:
        state = mission.state_of(wp_id)
        noted_at = state.noted_at if has_rule else state.asked_at
        if noted_at is not None:
            yield wp_id, moment_of(noted_at)
        if has_rule and not state.is_dated:
            yield wp_id, None


def _notes(mission: OpenMission, holders: Mapping[str, str]) -> Iterator[Sign]:
    """What is noted of the holder, and each note that cannot be read."""
    notes = noted(mission.files)
    for wp_id in holders.keys() & notes.keys():
        told = notes[wp_id] if isinstance(notes[wp_id], dict) else {}
        if told.get("actor", holders[wp_id]) == holders[wp_id]:
            yield wp_id, moment_of(told.get("at"))


def _committed(mission: OpenMission, holders: Mapping[str, str]) -> Iterator[Sign]:
    """The newest commit on the branch of each package that is worked on.

    What work began on is nobody's sign.
    """
    at_work = [x for x in holders if mission.state_of(x).lane is not Lane.IN_REVIEW]
    if not at_work:
        return
    from specify_cli.workflow.lane_tip_times import dated_tips

    branches = {x: mission.workspace(x).branch for x in at_work}
    tips = dated_tips(mission.files.project, {*branches.values()})
    for wp_id in at_work:
        tip = tips.get(branches[wp_id])
        if tip and tip.commit != mission.state_of(wp_id).base_ref:
            yield wp_id, tip.made_at


def _path(files: MissionFiles) -> Path:
    return files.project.signs_of_life / f"{files.slug}.json"
