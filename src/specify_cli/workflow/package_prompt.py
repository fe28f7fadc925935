"""The use case that shows the prompt of a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from specify_cli.errors import StorageFailed
from specify_cli.storage import checkboxes, package_files
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.workflow.package_lookup import open_package


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReport:
    """The prompt of a package, with the current state of its subtasks."""

    mission: MissionIdentity
    wp_id: str
    path: Path
    text: str
    subtasks: Mapping[str, bool]
    owned_files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackagePrompt:
    """Show prompts; nothing here writes."""

    project: Project

    def of(self, selector: str, wp_id: str) -> PromptReport:
        """Return the package's prompt; a mark in the log overrides the checkbox of a subtask.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        mission = open_package(self.project, selector, wp_id)
        package, ticks = mission.package(wp_id), mission.subtask_ticks(wp_id)
        path = package.prompt_path
        try:
            text = package_files.read_text(path, below=self.project.root)
        except OSError as error:
            raise StorageFailed(f"cannot read {path}: {error.strerror}") from error
        return PromptReport(
            mission=mission.identity,
            wp_id=wp_id,
            path=path,
            text=checkboxes.with_steps(text, ticks),
            subtasks=ticks,
            owned_files=package.owned_files,
        )
