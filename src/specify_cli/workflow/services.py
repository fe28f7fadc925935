"""The use cases of one project, together."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from specify_cli.storage.project import Project
from specify_cli.workflow.accepting import Accepting
from specify_cli.workflow.authoring import Authoring
from specify_cli.workflow.authoring_packages import Packages
from specify_cli.workflow.choosing import Choosing
from specify_cli.workflow.merging import Merging
from specify_cli.workflow.missions import Missions
from specify_cli.workflow.recording import Recording
from specify_cli.workflow.work_packages import WorkPackages

if TYPE_CHECKING:
    from specify_cli.workflow.claiming import Claiming
    from specify_cli.workflow.dead_letters import DeadLetters
    from specify_cli.workflow.doctor import Doctor
    from specify_cli.workflow.replies import Replies
    from specify_cli.workflow.showing import Showing
    from specify_cli.workflow.syncing import Syncing
    from specify_cli.workflow.unfinished import Unfinished
    from specify_cli.workflow.workspace_listing import WorkspaceListing


@dataclass(frozen=True, slots=True)
class Services:
    """What a command can have done in its project."""

    project: Project

    @property
    def missions(self) -> Missions:
        """Looks at missions."""
        return Missions(self.project)

    @property
    def claiming(self) -> Claiming:
        """Says who is alive, and releases claims."""
        made: Claiming = import_module("specify_cli.workflow.claiming").Claiming(self.project)
        return made

    @property
    def work_packages(self) -> WorkPackages:
        """Changes one package."""
        return WorkPackages(self.project)

    @property
    def accepting(self) -> Accepting:
        """Accepts missions."""
        return Accepting(self.project)

    @property
    def merging(self) -> Merging:
        """Merges missions."""
        return Merging(self.project)

    @property
    def authoring(self) -> Authoring:
        """Makes missions and packages."""
        return Authoring(self.project)

    @property
    def packages(self) -> Packages:
        """Makes packages of what people outline."""
        return Packages(self.project)

    @property
    def recording(self) -> Recording:
        """Knows what was begun."""
        return Recording(self.project)

    @property
    def choosing(self) -> Choosing:
        """Finds the mission that is meant."""
        return Choosing(self.project)

    @property
    def dead_letters(self) -> DeadLetters:
        """Settles dead letters."""
        made: DeadLetters = import_module("specify_cli.workflow.dead_letters").DeadLetters(
            self.project
        )
        return made

    @property
    def replies(self) -> Replies:
        """Prunes replies."""
        made: Replies = import_module("specify_cli.workflow.replies").Replies(self.project)
        return made

    @property
    def unfinished(self) -> Unfinished:
        """Looks for what a killed call has left."""
        made: Unfinished = import_module("specify_cli.workflow.unfinished").Unfinished(self.project)
        return made

    @property
    def showing(self) -> Showing:
        """Shows packages."""
        made: Showing = import_module("specify_cli.workflow.showing").Showing(self.project)
        return made

    @property
    def syncing(self) -> Syncing:
        """Takes in what workspaces have."""
        made: Syncing = import_module("specify_cli.workflow.syncing").Syncing(self.project)
        return made

    @property
    def workspace_listing(self) -> WorkspaceListing:
        """Lists workspaces."""
        made: WorkspaceListing = import_module(
            "specify_cli.workflow.workspace_listing"
        ).WorkspaceListing(self.project)
        return made

    @property
    def doctor(self) -> Doctor:
        """Finds and repairs faults."""
        # Loaded here: every command would wait for its modules, and hardly one needs them.
        made: Doctor = import_module("specify_cli.workflow.doctor").Doctor(self.project)
        return made
