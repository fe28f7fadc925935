"""Explain why the branch of an execution lane does not exist, and how to repair that."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from specify_cli.core.lanes import Lane
from specify_cli.errors import SpecKittyError
from specify_cli.storage import records
from specify_cli.storage.event_lines import json_object
from specify_cli.storage.record_entries import EVENTS
from specify_cli.storage.record_location import MISSIONS
from specify_cli.workflow import repositories
from specify_cli.workflow.doctor_findings import Finding, note, warning
from specify_cli.workflow.mission import OpenMission, Workspace, branch_of_mission

_AT_WORK = frozenset({Lane.CLAIMED, Lane.IN_PROGRESS})


@dataclass(frozen=True)
class EarlierEvents:
    """What the events of a mission say about its execution lanes; read once, and only when needed."""

    mission: OpenMission

    @cached_property
    def former_names(self) -> tuple[str, ...]:
        """The other names of the mission in its events, newest first."""
        try:
            lines = self.mission.files.log.view().lines
        except SpecKittyError:  # Reported already.
            return ()
        names = ((json_object(line) or {}).get("mission_slug") for line in reversed(lines))
        known = dict.fromkeys(it for it in names if isinstance(it, str) and "/" not in it)
        return tuple(it for it in known if it != self.mission.slug)

    @cached_property
    def moved_here(self) -> frozenset[object] | None:
        """The ids of the packages that the host of this repository moved; None if they are unknown."""
        try:
            record = records.found(self.mission.files.project)
            number = self.mission.files.log.view().known.number
            entries = record.entries(mission=number) if record and number is not None else iter(())
            lines = (line for it in entries if it.kind == EVENTS for line in it.log.splitlines())
            return frozenset((json_object(line) or {}).get("wp_id") for line in lines)
        except SpecKittyError:  # Reported already.
            return None


def missing_branch(
    events: EarlierEvents, workspace: Workspace, *, wp_ids: Collection[str], names: Collection[str]
) -> Finding:
    """Return the finding about a lane with these packages whose branch is not among `names`."""
    mission, lane_id, path = events.mission, workspace.lane_id, workspace.path
    what = f"work in {lane_id} has begun, but its branch {workspace.branch} does not exist"
    former = next((it for it in events.former_names if _branch(it, lane_id) in names), None)
    if former is not None:
        here, there = (shlex.quote(f"{MISSIONS}/{it}") for it in (mission.slug, former))
        what = (
            f"{what}: the mission was called {former} then, and {_branch(former, lane_id)} exists"
        )
        repair = f"'mv {here} {there}' gives the mission its former name again"
        return warning("no-lane-branch", path, what, repair=repair)
    if events.moved_here is not None and events.moved_here.isdisjoint(wp_ids):
        what = f"work in {lane_id} was begun in another clone, which has its branch and workspace"
        return note("no-lane-branch", path, what, repair=_take_over(mission, wp_ids))
    if remote := _of_remote(mission, workspace.branch):
        what = f"{what}; {remote} does"
        repair = (
            f"'git branch {shlex.quote(workspace.branch)} {shlex.quote(remote)}' creates it there"
        )
        return warning("no-lane-branch", path, what, repair=repair)
    repair = (
        "list the commits that no branch has with 'git fsck --no-reflogs --lost-found' and create the"
        f" branch {workspace.branch} again at the right one with 'git branch', or move its packages back"
        " to planned"
    )
    return warning("no-lane-branch", path, what, repair=repair)


def _of_remote(mission: OpenMission, branch: str) -> str:
    """Return the branch of a remote that has that name, as in a clone; "" if there is none."""
    with repositories.looking(mission.files.project) as repository:
        listed = repository and repository.git.run(
            "for-each-ref", "--format=%(refname:strip=2)", f"refs/remotes/*/{branch}"
        )
        return next(iter(listed.lines), "") if listed else ""


def _take_over(mission: OpenMission, wp_ids: Collection[str]) -> str:
    held = [it for it in wp_ids if mission.state_of(it).lane in _AT_WORK]
    if not held:
        return "review and merge it there"
    command = (
        f"spec-kitty move {held[0]} planned --mission {shlex.quote(mission.slug)} --force --note"
        ' "was given up in the other clone"'
    )
    return f"finish it there; if that is not possible, '{command}' releases the package"


def _branch(slug: str, lane_id: str) -> str:
    return f"{branch_of_mission(slug)}-{lane_id}"
