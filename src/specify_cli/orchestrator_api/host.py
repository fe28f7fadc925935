"""What the dispatcher needs of the project that it answers for."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from specify_cli.orchestrator_api.access import Access
    from specify_cli.storage.intents import Intent
    from specify_cli.storage.journal import Journal
    from specify_cli.workflow.services import Services


class Host(Protocol):
    """What the dispatcher needs of the project that it answers for."""

    def services(self) -> Services:
        """The use cases. Raises: MissionNotFound without a project."""

    def journal(self) -> Journal:
        """The journal, ready to be written. Raises: MissionNotFound, StorageFailed."""

    def compare_with_commits(self) -> None:
        """Passes where no commit of the host tells of more than its record has.

        Raises: MissionNotFound, StorageFailed; StateUnreadable where one does.
        """

    def access(self) -> Access:
        """Return the grants. Raises: StateUnreadable if config.toml is damaged."""

    def find_mission(self, selector: str) -> str:
        """The folder name of the one mission that the selector names.

        Raises: MissionNotFound, MissionAmbiguous, StorageFailed.
        """

    def deciding(self, correlation_id: str, scope: str) -> AbstractContextManager[None]:
        """Hold the lock for answering requests of this id in this scope."""

    def is_deciding(self, correlation_id: str, scope: str) -> bool:
        """Return whether a request of this id is being answered."""

    def intents(self) -> list[Intent]:
        """What requests are about to do, or were when they were killed. Raises: MissionNotFound, StorageFailed, StateUnreadable."""

    def report_fault(self, fault: Exception) -> str:
        """Write the fault to a file, and return its path."""
