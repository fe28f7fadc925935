"""What requests had begun that were killed before they were answered."""

from __future__ import annotations

from dataclasses import dataclass

from specify_cli.storage import records
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.former_intents import CALL
from specify_cli.storage.intents import Intent, Intents
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.workflow.merge_intent import MERGE


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Looks at the intents of a project."""

    project: Project

    def is_begun(self, intent: Intent) -> bool:
        """Whether it is completed on behalf of its caller; one that has done nothing is forgotten.

        A release without a record noted calls before it knew whether they would do anything, and merges
        without the request.

        Raises: StateUnreadable, StorageFailed.
        """
        if intent.kind == CALL and not self._has_trace(intent):
            self._forget(intent)
            return False
        return bool(intent.call)

    def forget_answered(self, intent: Intent) -> None:
        """It is settled; but a merge whose push has an unknown outcome, which the next merge completes.

        Raises: StateUnreadable, StorageFailed.
        """
        if intent.kind != MERGE:
            self._forget(intent)

    def _forget(self, intent: Intent) -> None:
        Intents(records.made(self.project)).drop(intent)

    def _has_trace(self, intent: Intent) -> bool:
        missions = [MissionFiles(self.project, slug) for slug in all_missions(self.project)]
        return LetterFolder(self.project.dead_letters).has_fate_of(intent.id) or any(
            it.log.read().caused_by(intent.id) for it in missions
        )
