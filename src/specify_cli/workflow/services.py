"""The use cases of one project, together.

Each is loaded when it is asked for: to load all of them takes longer than most commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from specify_cli.storage.project import Project

if TYPE_CHECKING:
    from specify_cli.workflow.accepting import Accepting
    from specify_cli.workflow.authoring import Authoring
    from specify_cli.workflow.authoring_packages import Packages
    from specify_cli.workflow.claiming import Claiming
    from specify_cli.workflow.dead_letters import DeadLetters
    from specify_cli.workflow.default_mission import DefaultMission
    from specify_cli.workflow.doctor import Doctor
    from specify_cli.workflow.merging import Merging
    from specify_cli.workflow.missions import Missions
    from specify_cli.workflow.package_notes import PackageNotes
    from specify_cli.workflow.package_views import PackageViews
    from specify_cli.workflow.recording import Recording
    from specify_cli.workflow.redacting import Redacting
    from specify_cli.workflow.retention import Retention
    from specify_cli.workflow.rewinding import Rewinding
    from specify_cli.workflow.syncing import Syncing
    from specify_cli.workflow.unfinished import Unfinished
    from specify_cli.workflow.work_packages import WorkPackages
    from specify_cli.workflow.workspace_listing import WorkspaceListing


class Services:
    """What a command can have done in its project."""

    __slots__ = ("project",)

    def __init__(self, project: Project) -> None:
        self.project = project

    @property
    def missions(self) -> Missions:
        """Looks at missions."""
        from specify_cli.workflow.missions import Missions

        return Missions(self.project)

    @property
    def claiming(self) -> Claiming:
        """Says who is alive, and releases claims."""
        from specify_cli.workflow.claiming import Claiming

        return Claiming(self.project)

    @property
    def work_packages(self) -> WorkPackages:
        """Changes one package."""
        from specify_cli.workflow.work_packages import WorkPackages

        return WorkPackages(self.project)

    @property
    def annotating(self) -> PackageNotes:
        """Records notes and ticked subtasks."""
        from specify_cli.workflow.package_notes import PackageNotes

        return PackageNotes(self.project)

    @property
    def accepting(self) -> Accepting:
        """Accepts missions."""
        from specify_cli.workflow.accepting import Accepting

        return Accepting(self.project)

    @property
    def merging(self) -> Merging:
        """Merges missions."""
        from specify_cli.workflow.merging import Merging

        return Merging(self.project)

    @property
    def authoring(self) -> Authoring:
        """Makes missions and packages."""
        from specify_cli.workflow.authoring import Authoring

        return Authoring(self.project)

    @property
    def packages(self) -> Packages:
        """Makes packages of what people outline."""
        from specify_cli.workflow.authoring_packages import Packages

        return Packages(self.project)

    @property
    def recording(self) -> Recording:
        """Knows what was begun."""
        from specify_cli.workflow.recording import Recording

        return Recording(self.project)

    @property
    def choosing(self) -> DefaultMission:
        """Finds the mission that is meant."""
        from specify_cli.workflow.default_mission import DefaultMission

        return DefaultMission(self.project)

    @property
    def dead_letters(self) -> DeadLetters:
        """Settles dead letters."""
        from specify_cli.workflow.dead_letters import DeadLetters

        return DeadLetters(self.project)

    @property
    def retention(self) -> Retention:
        """Prunes what is not kept for ever."""
        from specify_cli.workflow.retention import Retention

        return Retention(self.project)

    @property
    def redacting(self) -> Redacting:
        """Takes secrets out of what the host keeps."""
        from specify_cli.workflow.redacting import Redacting

        return Redacting(self.project)

    @property
    def rewinding(self) -> Rewinding:
        """Withdraws what a mission's log says last."""
        from specify_cli.workflow.rewinding import Rewinding

        return Rewinding(self.project)

    @property
    def unfinished(self) -> Unfinished:
        """Looks for what a killed call has left."""
        from specify_cli.workflow.unfinished import Unfinished

        return Unfinished(self.project)

    @property
    def showing(self) -> PackageViews:
        """Shows packages."""
        from specify_cli.workflow.package_views import PackageViews

        return PackageViews(self.project)

    @property
    def syncing(self) -> Syncing:
        """Takes in what workspaces have."""
        from specify_cli.workflow.syncing import Syncing

        return Syncing(self.project)

    @property
    def workspace_listing(self) -> WorkspaceListing:
        """Lists workspaces."""
        from specify_cli.workflow.workspace_listing import WorkspaceListing

        return WorkspaceListing(self.project)

    @property
    def doctor(self) -> Doctor:
        """Finds and repairs faults."""
        from specify_cli.workflow.doctor import Doctor

        return Doctor(self.project)
