"""The use case that finds the mission that somebody most likely means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from specify_cli.core.lanes import TERMINAL
from specify_cli.errors import MissionNotFound, SpecKittyError
from specify_cli.storage.missing_missions import missions_not_checked_out
from specify_cli.storage.mission_files import all_missions
from specify_cli.storage.project import Project
from specify_cli.workflow.mission import OpenMission, open_mission


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`chosen` is None where several missions are as likely; those are the `candidates`."""

    chosen: str | None
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DefaultMission:
    """Guesses missions of a project; nothing here writes."""

    project: Project

    def mission(self, folder: Path) -> Choice:
        """The mission whose workspace `folder` lies in, else the only one with work left, or at all.

        Raises: MissionNotFound where the host knows missions, and none is checked out; StorageFailed.
        """
        known = all_missions(self.project)
        if not known and (text := missions_not_checked_out(self.project)):
            raise MissionNotFound(text)
        here = self._standing_in(folder, known)
        candidates = [slug for slug in known if not self._is_over(slug)] or known
        only = candidates[0] if len(candidates) == 1 else None
        return Choice(chosen=here or only, candidates=tuple(candidates))

    def _standing_in(self, folder: Path, known: list[str]) -> str | None:
        worktrees = self.project.worktrees.resolve()
        place = folder.resolve()
        if not place.is_relative_to(worktrees) or place == worktrees:
            return None
        name = place.relative_to(worktrees).parts[0]
        fitting = [slug for slug in known if name.startswith(f"{slug}-lane-")]
        return max(fitting, key=len, default=None)

    def _is_over(self, slug: str) -> bool:
        try:
            return _is_over(open_mission(self.project, slug))
        except SpecKittyError:  # A damaged mission needs somebody, so it stays in the list.
            return False


def _is_over(mission: OpenMission) -> bool:
    lanes = [mission.state_of(wp_id).lane for wp_id in mission.packages]
    return bool(lanes) and all(lane in TERMINAL for lane in lanes)
