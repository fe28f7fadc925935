"""A mission with everything read that a decision needs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from specify_cli import batch, nearest
from specify_cli.core import lane_plan, lane_schedule
from specify_cli.core.dependencies import Graph, unsatisfied
from specify_cli.core.events import Event, Transitioned
from specify_cli.core.lane_plan import ExecutionLane, Overlap, PackageScope
from specify_cli.core.lanes import FINISHED
from specify_cli.core.state import MissionState, PackageState
from specify_cli.errors import SpecKittyError, WorkPackageNotFound
from specify_cli.files import locks
from specify_cli.storage import lane_plans, project_files
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.mission_files import (
    LanesFile,
    MissionFiles,
    MissionIdentity,
    all_missions,
    named_mission,
)
from specify_cli.storage.package_files import WorkPackage
from specify_cli.storage.package_memory import packages_of
from specify_cli.storage.project import Project
from specify_cli.workflow.context import Decision, RequestContext

if TYPE_CHECKING:
    from specify_cli.storage.package_store import PackageStore

LONGEST_SHOWN = 80
MOST_LISTED = 100
"""Packages that a refusal names."""


class Workspace(NamedTuple):
    """Where a package is worked on."""

    lane_id: str
    path: Path
    branch: str
    mission_branch: str
    target_branch: str


def branch_of_mission(slug: str) -> str:
    """The branch that the lanes of a mission start from, and whose name theirs begin with."""
    return f"kitty/mission-{slug}"


@dataclass(frozen=True)
class OpenMission:
    """One mission as its files stood when it was opened."""

    files: MissionFiles
    identity: MissionIdentity
    packages: Mapping[str, WorkPackage]
    log: LogContent
    decisions: list[Decision] = field(default_factory=list)

    @cached_property
    def state(self) -> MissionState:
        """The fold over the log."""
        return self.log.state

    @cached_property
    def graph(self) -> Graph:
        """Which package waits for which."""
        return {wp_id: package.dependencies for wp_id, package in self.packages.items()}

    @property
    def stated_graph(self) -> Graph:
        """What prompts themselves state of it."""
        return {x: it.dependencies for x, it in self.packages.items() if it.states_dependencies}

    @cached_property
    def lanes(self) -> Sequence[ExecutionLane]:
        """The execution lanes of all packages, those that are written down unchanged."""
        known = lane_plans.known_lanes(self.files, self.log.plan, self.packages)
        return lane_plan.plan_lanes([self.scope_of(wp_id) for wp_id in self.packages], known)

    def scope_of(self, wp_id: str) -> PackageScope:
        """What the plan of execution lanes goes by."""
        package = self.packages[wp_id]
        return PackageScope(
            wp_id=wp_id, owned_files=package.owned_files, dependencies=package.dependencies
        )

    def overlaps(self) -> list[Overlap]:
        """Which packages of the same execution lane own files in common, and by which patterns."""
        scopes = ([self.scope_of(x) for x in lane.wp_ids] for lane in self.lanes)
        return [it for lane in scopes for it in lane_plan.overlaps(lane)]

    @cached_property
    def lane_ids(self) -> dict[str, str]:
        """Package id to the id of the execution lane that it is worked on in."""
        return {wp_id: lane.lane_id for lane in self.lanes for wp_id in lane.wp_ids}

    @cached_property
    def turns(self) -> dict[str, str]:
        """Package id to the package of its execution lane whose turn it is, where there is one."""
        return lane_schedule.turns([lane.wp_ids for lane in self.lanes], self.graph, self.state)

    @property
    def slug(self) -> str:
        """The name of the mission's folder."""
        return self.identity.slug

    @property
    def shell_name(self) -> str:
        """The name of the mission's folder, as a shell reads it."""
        return shlex.quote(self.slug)

    @property
    def host_files(self) -> tuple[Path, ...]:
        """The files in the mission's folder that the host writes, and commits itself."""
        return (self.files.log.path, self.files.lanes_path)

    def host_contents(self) -> dict[Path, bytes | None]:
        """What the host's files of the mission hold, or will; None where there is none.

        Raises: StateUnreadable, StorageFailed.
        """
        root, path = self.files.project.root, self.files.lanes_path
        plans = self.files.log.plans()
        return {
            self.files.log.path: self.files.log.lines() or None,
            path: lane_plans.projected(self.files, self._lanes_file(plans[-1]))
            if plans
            else project_files.read_if_there(path, below=root),
        }

    @property
    def mission_branch(self) -> str:
        """The branch that the lanes start from."""
        return branch_of_mission(self.slug)

    @property
    def target_branch(self) -> str:
        """The branch that the mission is merged into."""
        return self.identity.own_target

    def package(self, wp_id: str) -> WorkPackage:
        """The package of that id.

        Raises: WorkPackageNotFound.
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
        """What the log says of the package."""
        return self.state.of(wp_id)

    def lane_mates(self, wp_id: str) -> tuple[str, ...]:
        """The packages of the same execution lane, this one included."""
        lane_id = self.lane_ids[wp_id]
        return next(lane.wp_ids for lane in self.lanes if lane.lane_id == lane_id)

    def last_at_work(self, lane_id: str) -> str | None:
        """The package that was worked on last in the execution lane; None where none ever was."""
        mates = [x for x, lane in self.lane_ids.items() if lane == lane_id]
        last = max(mates, key=lambda x: self.state_of(x).worked, default=None)
        return last if last is not None and self.was_at_work(last) else None

    def was_at_work(self, wp_id: str) -> bool:
        """Whether work on the package ever began."""
        return self.state_of(wp_id).worked > 0

    def commits_handed_in(self, wp_id: str) -> list[str]:
        """Every commit that the package was handed in or approved with, oldest first."""
        moves = (event for event in self.log.events if isinstance(event, Transitioned))
        return [event.commit for event in moves if event.wp_id == wp_id and event.commit]

    def began_after_approval(self, wp_id: str) -> str | None:
        """The commit that the next package of the execution lane began at, once this one was approved."""
        mates = {*self.lane_mates(wp_id)} - {wp_id}
        moves = [event for event in self.log.events if isinstance(event, Transitioned)]
        approvals = (n for n, it in enumerate(moves) if it.wp_id == wp_id and _approves(it))
        since = max(approvals, default=len(moves))
        bases = (it.lane_base_ref for it in moves[since:] if it.wp_id in mates)
        return next((base for base in bases if base), None)

    def waiting_for_lane(self, wp_id: str) -> str | None:
        """The package of its execution lane that keeps a startable one from starting."""
        first = self.turns.get(wp_id)
        is_startable = lane_schedule.is_startable(wp_id, self.graph, self.state)
        return first if is_startable and first != wp_id else None

    def unsatisfied(self, wp_id: str) -> tuple[str, ...]:
        """The dependencies that the package still waits for."""
        return unsatisfied(self.graph, wp_id, self.state)

    def subtask_ticks(self, wp_id: str) -> dict[str, bool]:
        """Subtask id to whether it is done; what the log says of one wins over its checkbox."""
        marks = self.state_of(wp_id).subtask_marks
        return {
            subtask.subtask_id: marks.get(subtask.subtask_id) == "done"
            if subtask.subtask_id in marks
            else subtask.is_ticked
            for subtask in self.package(wp_id).subtasks
        }

    def workspace(self, wp_id: str) -> Workspace:
        """Where the package is, or will be, worked on."""
        return self.lane_workspace(self.lane_ids[wp_id])

    def lane_workspace(self, lane_id: str) -> Workspace:
        """The workspace and branch of an execution lane."""
        return Workspace(
            lane_id=lane_id,
            path=self.files.project.worktrees / f"{self.slug}-{lane_id}",
            branch=f"{self.mission_branch}-{lane_id}",
            mission_branch=self.mission_branch,
            target_branch=self.target_branch,
        )

    def write_lanes(self, *, repairs: bool = False) -> None:
        """The record has the plan of today, and `lanes.json`, as far as it may be written.

        With `repairs`, as a person asks for, the file is written whatever is in it.

        Raises: StateUnreadable, StorageFailed.
        """
        planned = self._lanes_file(lane_plans.encoded(self.lanes))
        lane_plans.keep(self.files, planned, before=self.log.plan, repairs=repairs)

    def bring_lanes_back(self) -> None:
        """`lanes.json`, which is not there, has the plan that the record has, where it may be written.

        Raises: StateUnreadable; NotInBatch.
        """
        batch.require_none()
        lane_plans.bring_up(self.files, self._lanes_file(self.log.plan))

    def _lanes_file(self, plan: bytes) -> LanesFile:
        return LanesFile(
            mission_slug=self.slug,
            mission_branch=self.mission_branch,
            target_branch=self.target_branch,
            lanes=lane_plans.lanes_in(plan),
        )

    def append(self, events: Sequence[Event], context: RequestContext) -> None:
        """The events are in the log, durably, and counted as effects of `context`.

        Those of a request with a decision come with its answer; the mission stays locked till then.

        Raises: StateUnreadable, StorageFailed.
        """
        if not events:
            return
        if context.decision is None:
            self.files.log.append(events)
        else:
            context.decision.add(events, self.files.log.prepared(events))
            self.decisions.append(context.decision)
        context.effects.note(events)


def _approves(event: Transitioned) -> bool:
    return event.to_lane in FINISHED and event.from_lane not in FINISHED


def open_mission(project: Project, slug: str) -> OpenMission:
    """The mission in the folder `slug`, for reading.

    Raises: MissionNotFound, StateUnreadable, StorageFailed.
    """
    files = _files(project, slug)
    return _open(files, files.log.read())


@contextmanager
def error_details(**known: str) -> Iterator[None]:
    """A refusal in the block says what it is about: those of `known` that its code has."""
    try:
        yield
    except SpecKittyError as error:
        about = {name: value for name, value in known.items() if name in error.about}
        error.details = about | error.details
        raise


@contextmanager
def changing_mission(project: Project, slug: str) -> Iterator[OpenMission]:
    """The mission in the folder `slug`; nobody else changes it while the block runs.

    Raises: MissionNotFound, StateUnreadable, StorageFailed.
    """
    files = _files(project, slug)
    with ExitStack() as stack:
        stack.enter_context(locks.held(files.lock))
        mission = _with_plan(_open(files, files.log.take_in(), is_kept=True))
        _arrange_merges(project)
        with error_details(mission_slug=mission.slug, target_branch=mission.target_branch):
            yield mission
        for decision in mission.decisions[-1:]:
            decision.keep(stack.pop_all())


_arranged: set[Path] = set()
"""The projects that this process has done that for."""


def _arrange_merges(project: Project) -> None:
    """Git merges logs line by line, before the first line of this process is written."""
    if project.root not in _arranged:
        # Loaded by who changes something alone.
        from specify_cli.storage import union_merge

        union_merge.arrange(project)
        _arranged.add(project.root)


def _with_plan(mission: OpenMission) -> OpenMission:
    """The mission, whose plan of execution lanes the record has, if it has any; the file is there again."""
    if os.path.lexists(mission.files.lanes_path):
        if mission.log.plan:
            return mission
        plan = lane_plans.taken_over(mission.files)
        return replace(mission, log=mission.log._replace(plan=plan))
    if mission.log.plan:
        mission.bring_lanes_back()
    return mission


@contextmanager
def changing_package(project: Project, selector: str, wp_id: str) -> Iterator[OpenMission]:
    """The same for a mission that has the package.

    Raises: WorkPackageNotFound, and as `changing_mission`.
    """
    with error_details(wp_id=wp_id[:LONGEST_SHOWN]), changing_mission(project, selector) as mission:
        mission.package(wp_id)
        yield mission


def reopened(mission: OpenMission) -> OpenMission:
    """The same mission as its files stand now.

    Raises: StateUnreadable, StorageFailed.
    """
    return _open(mission.files, mission.files.log.read())


def _files(project: Project, slug: str) -> MissionFiles:
    inside = batch.current()
    if inside is not None and slug in inside.missions:
        return MissionFiles(project, slug)
    # By its folder alone: what else names it was looked up once, before access was judged.
    files = named_mission(project, slug)
    if files is None:
        from specify_cli.storage.missing_missions import mission_not_found

        raise mission_not_found(project, slug, all_missions(project))
    return files


def _open(files: MissionFiles, log: LogContent, *, is_kept: bool = False) -> OpenMission:
    identity, packages = _read(files, is_kept=is_kept)
    return OpenMission(files=files, identity=identity, packages=packages, log=log)


def _store_of(files: MissionFiles) -> PackageStore:
    # Few missions have so many packages that it pays.
    from specify_cli.storage.package_store import PackageStore

    return PackageStore(project=files.project, slug=files.slug)


def _read(
    files: MissionFiles, *, is_kept: bool
) -> tuple[MissionIdentity, Mapping[str, WorkPackage]]:
    inside = batch.current()
    known: tuple[MissionIdentity, Mapping[str, WorkPackage]] | None
    known = inside.missions.get(files.slug) if inside else None
    if known is None:
        root, store = files.project.root, partial(_store_of, files)
        packages = packages_of(files.folder, below=root, store=store, is_kept=is_kept)
        known = files.identity(), packages
        if inside is not None:
            inside.missions[files.slug] = known
    return known
