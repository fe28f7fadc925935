"""Whether a call at the command line that was killed has left anything that the journal has to tell of."""

from __future__ import annotations

from dataclasses import dataclass

from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.workflow import merge_intent


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Looks for traces in a project."""

    project: Project

    def has_trace(self, correlation_id: str) -> bool:
        """Whether events of that request are there, or a merge or dead letter that it had begun.

        Raises: StateUnreadable, StorageFailed.
        """
        missions = [MissionFiles(self.project, slug) for slug in all_missions(self.project)]
        letters = LetterFolder(self.project.dead_letters)
        return letters.has_fate_of(correlation_id) or any(
            _has_trace(files, correlation_id) for files in missions
        )


def _has_trace(files: MissionFiles, correlation_id: str) -> bool:
    intent = merge_intent.pending(files)
    if intent is not None and (intent.correlation_id, intent.identity) == (correlation_id, None):
        return True
    return bool(files.log.read().caused_by(correlation_id))
