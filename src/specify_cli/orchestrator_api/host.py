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
        """Return the use cases.

        Raises:
            MissionNotFound: There is no project here.
        """

    def journal(self) -> Journal:
        """Return the journal, ready to be written.

        Raises:
            MissionNotFound: There is no project here.
            StorageFailed: The journal cannot be opened.
        """

    def compare_with_commits(self) -> None:
        """Check that the record has everything that the host's commits name.

        Raises:
            MissionNotFound: There is no project here.
            StorageFailed: The record cannot be read.
            StateUnreadable: A commit names an entry that the record does not have.
        """

    def access(self) -> Access:
        """Return the grants.

        Raises:
            StateUnreadable: config.toml is damaged.
        """

    def find_mission(self, selector: str) -> str:
        """Return the folder name of the one mission that the selector names.

        Raises:
            MissionNotFound, MissionAmbiguous: No mission, or more than one, matches.
            StorageFailed: The folder of the missions cannot be read.
        """

    def deciding(self, correlation_id: str, scope: str) -> AbstractContextManager[None]:
        """Hold the lock for answering requests of this id in this scope."""

    def is_deciding(self, correlation_id: str, scope: str) -> bool:
        """Return whether a request of this id is being answered."""

    def intents(self) -> list[Intent]:
        """Return what requests are about to do, or were when they were killed.

        Raises:
            MissionNotFound: There is no project here.
            StorageFailed, StateUnreadable: The record cannot be read.
        """

    def report_fault(self, fault: Exception) -> str:
        """Write the fault to a file, and return its path."""
