"""Signs of life of those who hold packages: from the log, from their branches, and from their requests.

A request that records nothing in the log, a heartbeat among them, is noted in a file of the host: the
log does not grow with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from specify_cli import clock
from specify_cli.core.claims import Life
from specify_cli.core.events import MissionAccepted
from specify_cli.core.lanes import Lane
from specify_cli.errors import SpecKittyError
from specify_cli.storage import folders
from specify_cli.storage.atomic import publish
from specify_cli.storage.mission_files import MissionFiles, read_json
from specify_cli.storage.project import Project
from specify_cli.workflow import repositories
from specify_cli.workflow.cause import Cause
from specify_cli.workflow.opened import OpenMission, changing_package


@contextmanager
def acting(
    project: Project, selector: str, wp_id: str, *, actor: str, cause: Cause
) -> Iterator[OpenMission]:
    """As `changing_package`; the request is a sign of life of who holds the package, refused or not.

    Raises: WorkPackageNotFound, and as `changing_mission`.
    """
    with changing_package(project, selector, wp_id) as mission:
        try:
            yield mission
        finally:
            # What the log has of the request is one already.
            if mission.state_of(wp_id).holder == actor and not cause.effects.event_ids:
                with suppress(SpecKittyError):  # It changes no answer.
                    note(mission, wp_id, actor)


def note(mission: OpenMission, wp_id: str, actor: str) -> datetime:
    """`actor`, who holds the package, is alive now; call it under the mission's lock.

    Raises: StateUnreadable, StorageFailed.
    """
    root, path, now = mission.files.project.root, _path(mission.files), clock.now()
    known = read_json(path, below=root)
    held = {x: it for x, it in known.items() if x in mission.packages}
    held[wp_id] = {"actor": actor, "at": now.isoformat(timespec="microseconds")}
    folders.ensure(path.parent, below=root, mode=0o700)
    publish(path, json.dumps(held).encode(), mode=0o600, below=root, sweeps=True)
    return now


def lives(mission: OpenMission) -> dict[str, Life]:
    """Package id to what is known of its holder, for every package that is held.

    Raises: StateUnreadable, StorageFailed.
    """
    holders = {x: who for x in mission.packages if (who := mission.state_of(x).holder)}
    if not holders:
        return {}
    here: dict[str, list[datetime | None]] = {x: [] for x in holders}
    elsewhere: dict[str, list[datetime | None]] = {x: [] for x in holders}
    for event in mission.log.events:
        if not isinstance(event, MissionAccepted) and holders.get(event.wp_id) == event.actor:
            told = here if event.request_digest else elsewhere
            told[event.wp_id].append(_moment(event.at))
    for found in (_noted(mission, holders), _committed(mission, holders)):
        for wp_id, moment in found.items():
            here[wp_id].append(moment)
    since = {x: _newest([_moment(mission.state_of(x).since)]) for x in holders}
    return {
        x: Life(
            since=since[x],
            sign=_newest([*here[x], *elsewhere[x]], after=since[x]),
            seen_here=_newest(here[x], after=since[x]),
        )
        for x in holders
    }


def _newest(told: Iterable[datetime | None], after: datetime | None = None) -> datetime | None:
    # Clocks of others are ahead, and agents date their commits as they like: what is to come is no sign.
    now = clock.now()
    known = (it for it in told if it and it <= now and (after is None or it > after))
    return max(known, default=None)


def _noted(mission: OpenMission, holders: dict[str, str]) -> dict[str, datetime | None]:
    known = read_json(_path(mission.files), below=mission.files.project.root)
    notes = {x: it for x in holders if isinstance(it := known.get(x), dict)}
    return {x: _moment(it.get("at")) for x, it in notes.items() if it.get("actor") == holders[x]}


def _committed(mission: OpenMission, held: Iterable[str]) -> dict[str, datetime]:
    """When the newest commit was made on the branch of each package that is worked on.

    What work began on is nobody's sign.
    """
    at_work = [x for x in held if mission.state_of(x).lane is not Lane.IN_REVIEW]
    if not at_work:
        return {}
    with repositories.looking(mission.files.project) as repository:
        if repository is None:
            return {}
        branches = {x: mission.workspace(x).branch for x in at_work}
        tips = repository.lane_tips(set(branches.values()))
        made = {x: tip for x in at_work if (tip := tips.get(branches[x]))}
        made = {x: tip for x, tip in made.items() if tip != mission.state_of(x).base_ref}
        dates = repository.commit_dates(set(made.values())) if made else {}
        return {x: dates[tip] for x, tip in made.items() if tip in dates}


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text if isinstance(text, str) else "")
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _path(files: MissionFiles) -> Path:
    return files.project.host / "signs-of-life" / f"{files.slug}.json"
