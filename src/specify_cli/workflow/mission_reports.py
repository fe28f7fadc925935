"""What reading commands report about missions and their packages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from specify_cli.core.lanes import TERMINAL, Lane
from specify_cli.core.reviews import Feedback
from specify_cli.storage.mission_identity import MissionIdentity


class PackageReport(NamedTuple):
    """The state of one package."""

    wp_id: str
    title: str
    lane: Lane
    dependencies: tuple[str, ...]
    unsatisfied_dependencies: tuple[str, ...]
    last_actor: str | None
    claimed_by: str | None
    reviewer: str | None
    since: str | None
    lane_id: str
    prompt_path: Path
    subtasks_done: int
    subtasks_total: int
    commit: str | None = None
    waiting_for_lane: str | None = None
    feedback: Feedback | None = None
    last_sign_of_life: datetime | None = None
    is_stale: bool = False
    recommended_base: str | None = None
    contested: Lane | None = None
    blocked_from: Lane | None = None
    blocked_note: str | None = None


class MissionReport(NamedTuple):
    """A mission and its packages, in the order of their ids; `warnings` are for people."""

    mission: MissionIdentity
    packages: tuple[PackageReport, ...]
    warnings: tuple[str, ...] = ()


class MissionPage(NamedTuple):
    """Some of the missions, by folder name, and the number of those that follow."""

    missions: tuple[ListedMission, ...]
    later: int


class ListedMission(NamedTuple):
    """A mission and the status lanes of its packages; `problem` says why they cannot be read."""

    mission: MissionIdentity
    lanes: tuple[Lane, ...] = ()
    is_accepted: bool = False
    problem: str | None = None

    @property
    def is_merged(self) -> bool:
        """Whether every package is done or canceled, and not all are canceled."""
        return Lane.DONE in self.lanes and TERMINAL.issuperset(self.lanes)
