"""A mission, and everything that is read of it before a decision."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from specify_cli import batch, nearest
from specify_cli.core import lane_plan, lane_schedule
from specify_cli.core.dependencies import Graph, unsatisfied
from specify_cli.core.events import Event, Transitioned
from specify_cli.core.lane_plan import ExecutionLane, Overlap, PackageScope
from specify_cli.core.state import MissionState, PackageState
from specify_cli.errors import WorkPackageNotFound
from specify_cli.storage import lane_plans
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.mission_files import MissionFiles, all_missions, named_mission
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.package_files import WorkPackage
from specify_cli.storage.package_memory import packages_of
from specify_cli.storage.project import Project
from specify_cli.workflow.context import Decision, RequestContext

if TYPE_CHECKING:
    from specify_cli.storage.package_store import PackageStore

LONGEST_SHOWN = 80
MOST_LISTED = 100
"""Packages that a refusal lists."""


class Workspace(NamedTuple):
    """The folder and branch of an execution lane."""

    lane_id: str
    path: Path
    branch: str
    mission_branch: str
    target_branch: str


def branch_of_mission(slug: str) -> str:
    """Return the branch that the execution lanes of a mission start from; their names begin with it."""
    return f"kitty/mission-{slug}"


class OpenMission:
    """A mission as it was when its files were read."""

    def __init__(
        self,
        *,
        files: MissionFiles,
        identity: MissionIdentity,
        packages: Mapping[str, WorkPackage],
        log: LogContent,
    ) -> None:
        self.files = files
        self.identity = identity
        self.packages = packages
        self.log = log
        self.decisions: list[Decision] = []

    def changed(
        self, *, packages: Mapping[str, WorkPackage] | None = None, log: LogContent | None = None
    ) -> OpenMission:
        """Return the mission with other packages or another log; both note decisions in one list."""
        whole = OpenMission(
            files=self.files,
            identity=self.identity,
            packages=self.packages if packages is None else packages,
            log=log or self.log,
        )
        whole.decisions = self.decisions
        return whole

    @cached_property
    def state(self) -> MissionState:
        """The state after all events of the log."""
        return self.log.state

    @cached_property
    def graph(self) -> Graph:
        """The dependencies of each package."""
        return {wp_id: package.dependencies for wp_id, package in self.packages.items()}

    @property
    def stated_graph(self) -> Graph:
        """The dependencies of the packages whose prompts state them."""
        return {x: it.dependencies for x, it in self.packages.items() if it.states_dependencies}

    @cached_property
    def lanes(self) -> Sequence[ExecutionLane]:
        """The execution lanes of all packages; lanes that were planned before are unchanged."""
        known = lane_plans.known_lanes(self.files, self.log.plan, self.packages)
        return lane_plan.plan_lanes([self.scope_of(wp_id) for wp_id in self.packages], known)

    def scope_of(self, wp_id: str) -> PackageScope:
        """Return the facts from which execution lanes are planned."""
        package = self.packages[wp_id]
        return PackageScope(
            wp_id=wp_id, owned_files=package.owned_files, dependencies=package.dependencies
        )

    def overlaps(self) -> list[Overlap]:
        """Return the packages of the same execution lane that own the same files, with the patterns."""
        scopes = ([self.scope_of(x) for x in lane.wp_ids] for lane in self.lanes)
        return [it for lane in scopes for it in lane_plan.overlaps(lane)]

    @cached_property
    def lane_ids(self) -> dict[str, str]:
        """Package id to the id of its execution lane."""
        return {wp_id: lane.lane_id for lane in self.lanes for wp_id in lane.wp_ids}

    @cached_property
    def turns(self) -> dict[str, str]:
        """Package id to the package that is next in its execution lane, if any."""
        return lane_schedule.turns([lane.wp_ids for lane in self.lanes], self.graph, self.state)

    @property
    def slug(self) -> str:
        """The name of the mission's folder."""
        return self.identity.slug

    @property
    def shell_name(self) -> str:
        """The name of the mission's folder, quoted for a shell."""
        return shlex.quote(self.slug)

    @property
    def mission_branch(self) -> str:
        """The branch that the execution lanes start from."""
        return branch_of_mission(self.slug)

    @property
    def target_branch(self) -> str:
        """The branch that the mission is merged into."""
        return self.identity.own_target

    def package(self, wp_id: str) -> WorkPackage:
        """Return the package with that id.

        Raises:
            WorkPackageNotFound: the mission has no such package.
        """
        try:
            return self.packages[wp_id]
        except KeyError:
            known = ", ".join([*self.packages][:MOST_LISTED]) or "none"
            if len(self.packages) > MOST_LISTED:
                known += f" and {len(self.packages) - MOST_LISTED} more"
            raise WorkPackageNotFound(
                f"no work package {wp_id[:LONGEST_SHOWN]!r} in mission {self.slug}; packages here:"
                f" {known}{nearest.guess(wp_id, self.packages)}"
            ) from None

    def state_of(self, wp_id: str) -> PackageState:
        """Return the state of the package according to the log."""
        return self.state.of(wp_id)

    def lane_mates(self, wp_id: str) -> tuple[str, ...]:
        """Return the packages of the same execution lane, including this one."""
        lane_id = self.lane_ids[wp_id]
        return next(lane.wp_ids for lane in self.lanes if lane.lane_id == lane_id)

    def last_at_work(self, lane_id: str) -> str | None:
        """Return the package that was last worked on in the execution lane, if any."""
        mates = [x for x, lane in self.lane_ids.items() if lane == lane_id]
        last = max(mates, key=lambda x: self.state_of(x).worked, default=None)
        return last if last is not None and self.was_at_work(last) else None

    def was_at_work(self, wp_id: str) -> bool:
        """Whether work on the package ever began."""
        return self.state_of(wp_id).worked > 0

    def commits_handed_in(self, wp_id: str) -> list[str]:
        """Return every commit that the package was submitted or approved with, oldest first."""
        moves = (event for event in self.log.events if isinstance(event, Transitioned))
        return [event.commit for event in moves if event.wp_id == wp_id and event.commit]

    def waiting_for_lane(self, wp_id: str) -> str | None:
        """Return the package that goes first in the execution lane, if this one could start otherwise."""
        first = self.turns.get(wp_id)
        is_startable = lane_schedule.is_startable(wp_id, self.graph, self.state)
        return first if is_startable and first != wp_id else None

    def unsatisfied(self, wp_id: str) -> tuple[str, ...]:
        """Return the unfinished dependencies of the package."""
        return unsatisfied(self.graph, wp_id, self.state)

    def subtask_ticks(self, wp_id: str) -> dict[str, bool]:
        """Return whether each subtask is done; a mark in the log overrides the checkbox."""
        marks = self.state_of(wp_id).subtask_marks
        return {
            subtask.subtask_id: marks.get(subtask.subtask_id) == "done"
            if subtask.subtask_id in marks
            else subtask.is_ticked
            for subtask in self.package(wp_id).subtasks
        }

    def workspace(self, wp_id: str) -> Workspace:
        """Return the workspace and branch of the package."""
        return self.lane_workspace(self.lane_ids[wp_id])

    def lane_workspace(self, lane_id: str) -> Workspace:
        """Return the workspace and branch of the execution lane."""
        return Workspace(
            lane_id=lane_id,
            path=self.files.project.worktrees / f"{self.slug}-{lane_id}",
            branch=f"{self.mission_branch}-{lane_id}",
            mission_branch=self.mission_branch,
            target_branch=self.target_branch,
        )

    def append(self, events: Sequence[Event], context: RequestContext) -> None:
        """Append the events to the log, and count them as effects of the request.

        If the request has a decision, they are committed with its answer; the mission stays locked until then.

        Raises:
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        if not events:
            return
        if context.decision is None:
            self.files.log.append(events)
        else:
            context.decision.add(events, self.files.log.prepared(events))
            self.decisions.append(context.decision)
        context.effects.note(events)


def open_mission(project: Project, slug: str) -> OpenMission:
    """Read the mission in the folder `slug`.

    Raises:
        MissionNotFound: there is no such mission.
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    files = existing_files(project, slug)
    return read_mission(files, files.log.read())


def reopened(mission: OpenMission) -> OpenMission:
    """Read the mission again.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    return read_mission(mission.files, mission.files.log.read())


def existing_files(project: Project, slug: str) -> MissionFiles:
    """Return the files of the mission in the folder `slug`.

    Raises:
        MissionNotFound: there is no such folder.
        StorageFailed: the disk refused.
    """
    inside = batch.current()
    if inside is not None and slug in inside.missions:
        return MissionFiles(project, slug)
    # Only by folder: other names were resolved once, before access was checked.
    files = named_mission(project, slug)
    if files is None:
        from specify_cli.storage.missing_missions import mission_not_found

        raise mission_not_found(project, slug, all_missions(project))
    return files


def read_mission(files: MissionFiles, log: LogContent, *, is_kept: bool = False) -> OpenMission:
    """Read the mission's identity and packages; `is_kept` keeps what was parsed for the next reader.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read.
    """
    inside = batch.current()
    known = inside.missions.get(files.slug) if inside else None
    if known is None:
        root, store = files.project.root, partial(_store_of, files)
        packages = packages_of(files.folder, below=root, store=store, is_kept=is_kept)
        known = files.identity(), packages
        if inside is not None:
            inside.missions[files.slug] = known
    identity, packages = known
    return OpenMission(files=files, identity=identity, packages=packages, log=log)


def _store_of(files: MissionFiles) -> PackageStore:
    # It pays only for missions with many packages.
    from specify_cli.storage.package_store import PackageStore

    return PackageStore(project=files.project, slug=files.slug)
