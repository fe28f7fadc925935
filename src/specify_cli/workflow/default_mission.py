"""The use case that finds the default mission of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from specify_cli.core.lanes import TERMINAL
from specify_cli.errors import MissionNotFound, SpecKittyError
from specify_cli.storage.missing_missions import missions_not_checked_out
from specify_cli.storage.mission_files import all_missions
from specify_cli.storage.project import Project
from specify_cli.workflow.mission import open_mission


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The default mission; None if several `candidates` are equally likely.

    `lane_id` is the execution lane whose workspace has the folder, if any.
    """

    chosen: str | None
    lane_id: str | None
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DefaultMission:
    """Finds the default mission of a project; it writes nothing."""

    project: Project

    def mission(self, folder: Path) -> Choice:
        """Return the mission whose workspace has `folder`; otherwise the only open mission, or the only one.

        Raises:
            MissionNotFound: the record has missions, but none is checked out.
            StorageFailed: the disk refused.
        """
        known = all_missions(self.project)
        if not known and (text := missions_not_checked_out(self.project)):
            raise MissionNotFound(text)
        here = self._with_workspace_at(folder, known)
        candidates = [slug for slug in known if not self._is_over(slug)] or known
        only = candidates[0] if len(candidates) == 1 else None
        slug, lane_id = here or (only, None)
        return Choice(chosen=slug, lane_id=lane_id, candidates=tuple(candidates))

    def _with_workspace_at(self, folder: Path, known: list[str]) -> tuple[str, str] | None:
        worktrees = self.project.worktrees.resolve()
        path = folder.resolve()
        if not path.is_relative_to(worktrees) or path == worktrees:
            return None
        name = path.relative_to(worktrees).parts[0]
        fitting = [slug for slug in known if name.startswith(f"{slug}-lane-")]
        slug = max(fitting, key=len, default=None)
        return (slug, name.removeprefix(f"{slug}-")) if slug else None

    def _is_over(self, slug: str) -> bool:
        try:
            mission = open_mission(self.project, slug)
            lanes = [mission.state_of(wp_id).lane for wp_id in mission.packages]
        except SpecKittyError:  # A damaged mission needs a repair, so it stays in the list.
            return False
        return bool(lanes) and all(lane in TERMINAL for lane in lanes)
