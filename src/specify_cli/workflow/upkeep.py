"""Background tasks of the host: repair logs, index the journal, update mirrors, empty the trash, prune data."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from specify_cli import progress
from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.files import locks
from specify_cli.files.identity import identity
from specify_cli.storage import records
from specify_cli.storage.journal_index import JournalIndex
from specify_cli.storage.log_reader import Stamp
from specify_cli.storage.mission_files import MissionFiles, all_missions, named_mission
from specify_cli.storage.project import Project
from specify_cli.vcs.checkouts import HEADS
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspace_files import reported_tip
from specify_cli.vcs.worktrees_folder import TRASH
from specify_cli.workflow import lane_retirement, repositories, syncing
from specify_cli.workflow.lane_creation import MIRRORS
from specify_cli.workflow.mission import branch_of_mission, open_mission
from specify_cli.workflow.retention import Retention

MIRROR_TICK_S: Final = 5.0
A_DAY_S: Final = 86_400.0
AN_HOUR_S: Final = 3600.0
INDEX_TICK_S: Final = 10.0
LINES_A_STEP: Final = 2_000
"""Journal lines indexed in one step, which takes less than a tenth of a second."""

STEP_S: Final = 1.0
"""The pause between two steps of emptying the trash, so that others can lock the repository."""

FILES_A_STEP: Final = 10_000

_Tips = tuple[str | None, str | None]


@dataclass(slots=True, kw_only=True)
class Indexing:
    """Keep the index of the journal up to date, in small steps: requests never wait for it.

    Attributes:
        indexed: The `seq` of the newest line when none was missing.
    """

    project: Project
    indexed: int = 0

    def follow(self) -> float:
        """Index some of the new lines; return the seconds until the next call.

        Raises:
            StorageFailed: the index cannot be written, or the disk failed.
            StateUnreadable: the record is damaged.
        """
        record = records.found(self.project)
        newest = record.last_published()[0] if record else 0
        if newest == self.indexed:
            return INDEX_TICK_S
        index = JournalIndex(self.project, may_use_memory=False)
        try:
            if index.update(LINES_A_STEP):
                self.indexed = newest
        finally:
            index.close()
        return INDEX_TICK_S


@dataclass(slots=True, kw_only=True)
class Mirrors:
    """Keep the mirrors of missions in progress up to date with the branches of the project.

    Attributes:
        targets: The target branch of each mission.
        known: The commits that each mirror has; and the stamp of the mission's log, if no package was in
            progress at that time.
    """

    project: Project
    targets: dict[str, str] = field(default_factory=dict)
    known: dict[str, tuple[_Tips, Stamp | None]] = field(default_factory=dict)

    def follow(self) -> float:
        """Update the mirrors; return the seconds until the next call. Without changes, run one `for-each-ref`.

        Raises:
            SpecKittyError, GitFailed, OSError: one or all could not be updated; call it again.
        """
        files = {it.slug: it for it in self._missions()}
        repository = repositories.look(self.project) if files else None
        if repository is None:
            return MIRROR_TICK_S
        failure: Exception | None = None
        for slug, tips in self._tips(repository, files).items():
            known, log = self.known.get(slug), files[slug].log
            if known and known[0] == tips and known[1] in (None, log.stamp()):
                continue
            if self._has(slug, tips):
                self.known[slug] = (tips, None)
                continue
            try:
                self.known[slug] = (tips, None if self._update(slug) else log.stamp())
            except (SpecKittyError, GitFailed, OSError) as error:
                failure = error
        if failure:
            raise failure
        return MIRROR_TICK_S

    def _has(self, slug: str, tips: _Tips) -> bool:
        """Whether the mirror has those branches already, according to its files."""
        mirror = self.project.worktrees / MIRRORS / f"{slug}.git"
        names = (self.targets[slug], branch_of_mission(slug))
        return tips == tuple(reported_tip(mirror, it, is_bare=True) for it in names)

    def _missions(self) -> list[MissionFiles]:
        mirrors = self.project.worktrees / MIRRORS
        if identity(self.project.worktrees) is None or identity(mirrors) is None:
            return []
        slugs = (it.removesuffix(".git") for it in os.listdir(mirrors))  # noqa: PTH208  names
        found = (named_mission(self.project, slug) for slug in slugs)
        return [it for it in found if it is not None]

    def _tips(self, repository: Repository, files: dict[str, MissionFiles]) -> dict[str, _Tips]:
        """Return the commits of the target branch and of the mission branch of each mission."""
        for slug, it in files.items():
            if slug not in self.targets:
                self.targets[slug] = it.identity().own_target
        names = {*(self.targets[it] for it in files), *map(branch_of_mission, files)}
        listing = repository.git.run(
            "for-each-ref",
            "--format=%(objectname) %(refname:strip=2)",
            *(HEADS + it for it in names),
        )
        tips = {name: tip for tip, _, name in (line.partition(" ") for line in listing.lines)}
        return {it: (tips.get(self.targets[it]), tips.get(branch_of_mission(it))) for it in files}

    def _update(self, slug: str) -> bool:
        """Update the mirror if the mission is in progress; return whether it is."""
        mission = open_mission(self.project, slug)
        self.targets[slug] = mission.target_branch
        if not syncing.is_at_work(mission):
            return False
        with repositories.changing(self.project) as repository:
            lane_retirement.update_mirror(repository, mission)
        return True


def update_logs(project: Project, tell: Callable[[str], None]) -> None:
    """Restore the lines of the record that are missing in log files.

    `tell` is called with each problem that a person must resolve; the host does not need the files.

    Raises:
        StorageFailed: the missions cannot be listed.
    """
    for slug in progress.counted(all_missions(project), "updating logs"):
        files = MissionFiles(project, slug)
        try:
            if files.log.lags():
                with locks.held(files.lock):
                    files.log.put_right()
        except SpecKittyError as error:
            tell(str(error))


def prune_trash(project: Project) -> float:
    """Remove what was in the trash for `trash_days`, or a part of it; return the seconds until the next call.

    Raises:
        SpecKittyError, AllocationFailed, GitFailed, OSError: some of it was not removed; call it again later.
    """
    trash = project.worktrees / TRASH
    if identity(project.worktrees) is None or identity(trash) is None:
        return A_DAY_S
    with repositories.changing(project) as repository:
        pruned = lane_retirement.prune(repository, project, most=FILES_A_STEP)
    if not pruned.is_complete:
        return STEP_S
    if pruned.failed:
        name, why = next(iter(pruned.failed.items()))
        raise StorageFailed(f"{trash / name} cannot be removed: {why}; check who owns its files")
    return A_DAY_S


def prune(project: Project) -> float:
    """Prune what expires by the rules of `config.toml`; return the seconds until the next call.

    Raises:
        SpecKittyError, OSError: some of it was not pruned; call it again later.
    """
    retention = Retention(project)
    retention.carry_out(retention.plan())
    return AN_HOUR_S
