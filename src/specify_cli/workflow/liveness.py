"""Signs of life of the holders of packages, from the log, their branches and their requests.

A request without an event, such as a heartbeat, is noted in a file of the host, so that the log does not grow.
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
    """Open the package as `changing_package` does, and note a sign of life if the actor holds it.

    A refused request counts, too.

    Raises:
        WorkPackageNotFound: the mission has no such package.
        SpecKittyError: as `changing_mission`.
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
            # An event of the request is a sign of life already.
            is_silent = not cause.effects.event_ids
            if is_answered and is_silent and mission.state_of(wp_id).holder == actor:
                with suppress(SpecKittyError):  # The answer does not depend on it.
                    note(mission, wp_id, actor)


def note(mission: OpenMission, wp_id: str, actor: str) -> datetime:
    """Note that `actor`, who holds the package, is alive now; call it under the mission's lock.

    Raises:
        StateUnreadable: the notes are damaged.
        StorageFailed: the disk refused.
    """
    base, path, now = mission.files.project.host_base, _path(mission.files), clock.now()
    held = {x: it for x, it in noted(mission.files).items() if x in mission.packages}
    held[wp_id] = {"actor": actor, "at": now.isoformat(timespec="microseconds")}
    record_folder.make_inside(path.parent, base=base)
    publish(path, json.dumps(held).encode(), mode=0o600, below=base, sweeps=True)
    return now


def lives(mission: OpenMission) -> dict[str, Life]:
    """Map every package that is held to the signs of life of its holder.

    Raises:
        StateUnreadable: the notes are damaged.
        StorageFailed: the disk or git refused.
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
    """Map each package to the newest request of its holder that is not in the log.

    Raises:
        StateUnreadable: the notes are damaged.
    """
    try:
        return read_json(_path(files), below=files.project.host_base)
    except StateUnreadable as error:
        file = error.details["file"]
        raise StateUnreadable(
            f"the heartbeats in {file} cannot be read: remove the file with"
            f" 'rm -r {shlex.quote(str(file))}'; the heartbeats in it are lost",
            **error.details,
        ) from error


def _recorded(mission: OpenMission, holders: Mapping[str, str]) -> Iterator[Sign]:
    """Yield the holder's events since the package is in its status lane."""
    # Without a limit, lines of other programs do not count, as in contract 1.3.0.
    has_rule = mission.files.project.settings.stale_after_s is not None
    for wp_id in holders:
        state = mission.state_of(wp_id)
        noted_at = state.noted_at if has_rule else state.asked_at
        if noted_at is not None:
            yield wp_id, moment_of(noted_at)
        if has_rule and not state.is_dated:
            yield wp_id, None


def _notes(mission: OpenMission, holders: Mapping[str, str]) -> Iterator[Sign]:
    """Yield the holder's noted requests, with None for each note that cannot be read."""
    notes = noted(mission.files)
    for wp_id in holders.keys() & notes.keys():
        entry = notes[wp_id] if isinstance(notes[wp_id], dict) else {}
        if entry.get("actor", holders[wp_id]) == holders[wp_id]:
            yield wp_id, moment_of(entry.get("at"))


def _committed(mission: OpenMission, holders: Mapping[str, str]) -> Iterator[Sign]:
    """Yield the newest commit on the branch of each package in progress, except the one at which the work began."""
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
