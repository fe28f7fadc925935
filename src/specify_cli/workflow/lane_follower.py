"""Update the branches of execution lanes from their workspaces while a worker runs.

One thread calls `look` repeatedly, another one `wait_for_slow`. An agent can make its workspace take
any time to read, so the others must not wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from specify_cli.errors import SpecKittyError
from specify_cli.storage.log_reader import Stamp
from specify_cli.storage.project import Project
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.vcs.checkouts import HEADS, checkouts_of
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspace_files import BranchSnapshot, branch_snapshot, reported_tip
from specify_cli.workflow import lane_folders, repositories, syncing, workspace_index
from specify_cli.workflow.lane_folders import Kind
from specify_cli.workflow.mission import OpenMission, Workspace
from specify_cli.workflow.workspace_index import WorkspaceIndex

TICK_S: Final = 2.0
QUICK_S: Final = 3.0
"""A workspace that takes longer to read is left to the other thread."""

CHECKED_OUT_S: Final = 10.0
FIRST_PAUSE_S: Final = 10.0
LONGEST_PAUSE_S: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A workspace that is not read again before it or the log `until` changes."""

    snapshot: BranchSnapshot
    until: RecordedLog | None = None
    stamp: Stamp | None = None

    def is_as_before(self, now: BranchSnapshot) -> bool:
        return now == self.snapshot and (self.until is None or self.until.stamp() == self.stamp)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pause:
    """A workspace that is not read before a moment, even if it changes."""

    at: float
    seconds: float

    @classmethod
    def after(cls, before: _Pause | None, *, first_s: float = FIRST_PAUSE_S) -> _Pause:
        seconds = min(before.seconds * 2, LONGEST_PAUSE_S) if before else first_s
        return cls(at=time.monotonic() + seconds, seconds=seconds)

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.at


@dataclass(slots=True, kw_only=True)
class LaneFollower:
    """The known state of a project's workspaces, so that an unchanged one costs only a few `stat` calls.

    A name is in `slow` while it belongs to the other thread, which alone removes it. Single operations on a
    dictionary need no lock.
    """

    project: Project
    quick_s: float = QUICK_S
    seen: dict[str, _Seen] = field(default_factory=dict)
    pauses: dict[str, _Pause] = field(default_factory=dict)
    slow: dict[str, _Pause] = field(default_factory=dict)

    def look(self) -> float:
        """Update every branch from its workspace, except slow ones; return the seconds until the next call.

        Raises:
            SpecKittyError, GitFailed, OSError: some workspaces could not be read; call it again.
        """
        now = workspace_index.glances(self.project)
        for known in (self.seen, self.pauses):
            for name in known.keys() - now.keys():
                del known[name]
        changed = {name: found for name, found in now.items() if self._is_to_be_asked(name, found)}
        repository = repositories.look(self.project) if changed else None
        if repository is None:
            return TICK_S
        tips = _tips(repository, changed)
        index = WorkspaceIndex(self.project)
        failure: Exception | None = None
        for name, found in changed.items():
            branch = workspace_index.branch_of(name)
            ours = tips.get(branch)
            if ours and ours == reported_tip(self.project.worktrees / name, branch):
                self._settle(name, _Seen(snapshot=found))
                continue
            try:
                self._follow(repository, name, found, index=index)
            except (SpecKittyError, GitFailed, OSError) as error:
                failure = error
                self.pauses[name] = _Pause.after(self.pauses.get(name))
        if failure:
            raise failure
        return TICK_S

    def wait_for_slow(self) -> float:
        """Read the slow workspaces whose pause is over; return the seconds until the next call.

        Raises:
            SpecKittyError, GitFailed, OSError: as `look`.
        """
        for name in [name for name, pause in self.slow.copy().items() if pause.is_over]:
            found = branch_snapshot(self.project.worktrees / name, workspace_index.branch_of(name))
            self.slow[name] = _Pause.after(self.slow[name])
            owner = WorkspaceIndex(self.project).find(name)
            repository = repositories.look(self.project)
            if owner and repository and _is_slow(repository, *owner, seconds=None):
                continue
            self.seen[name] = _Seen(snapshot=found)
            del self.slow[name]
        return TICK_S

    def _is_to_be_asked(self, name: str, now: BranchSnapshot) -> bool:
        pause, seen = self.pauses.get(name), self.seen.get(name)
        if name in self.slow or (pause and not pause.is_over):
            return False
        return seen is None or not seen.is_as_before(now)

    def _settle(self, name: str, seen: _Seen) -> None:
        self.seen[name] = seen
        self.pauses.pop(name, None)

    def _follow(
        self, repository: Repository, name: str, found: BranchSnapshot, *, index: WorkspaceIndex
    ) -> None:
        seen = _Seen(snapshot=found)
        owner = index.find(name)
        if owner is None:
            self._settle(name, seen)
            return
        mission, lane = owner
        if not syncing.is_at_work(mission):
            log = mission.files.log
            self._settle(name, replace(seen, until=log, stamp=log.stamp()))
        elif lane_folders.look(self.project, repository, lane.path).kind is not Kind.WORKSPACE:
            self._settle(name, seen)
        elif checkouts_of(repository.git, lane.branch):
            # The files of a working tree must not change while a person looks at them.
            self.pauses[name] = _Pause.after(None, first_s=CHECKED_OUT_S)
        elif _is_slow(repository, mission, lane, seconds=self.quick_s):
            self.slow[name] = _Pause(at=time.monotonic(), seconds=FIRST_PAUSE_S)
        else:
            self._settle(name, seen)


def _is_slow(
    repository: Repository, mission: OpenMission, lane: Workspace, *, seconds: float | None
) -> bool:
    """Take in the workspace's commits, and return whether it took longer to read than `seconds`."""
    synced = syncing.take_in(mission, repository, lane, moves_checkouts=False, seconds=seconds)
    return synced.code == "timed_out"


def _tips(repository: Repository, names: Mapping[str, BranchSnapshot]) -> dict[str, str]:
    """Map the branches of execution lanes that git can read to their commits."""
    refs = [HEADS + workspace_index.branch_of(name) for name in names]
    done = repository.git.run("for-each-ref", "--format=%(objectname) %(refname:strip=2)", *refs)
    return {name: tip for tip, _, name in (line.partition(" ") for line in done.lines)}
