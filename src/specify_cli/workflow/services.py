"""The use cases of one project.

Each module is imported on first access, because importing all of them takes longer than most commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from specify_cli.storage.project import Project

if TYPE_CHECKING:
    from specify_cli.workflow.accepting import Accepting
    from specify_cli.workflow.authoring import Authoring
    from specify_cli.workflow.authoring_changes import PackageChanges
    from specify_cli.workflow.authoring_packages import Packages
    from specify_cli.workflow.backups import Backups
    from specify_cli.workflow.claiming import Claiming
    from specify_cli.workflow.dead_letters import DeadLetters
    from specify_cli.workflow.default_mission import DefaultMission
    from specify_cli.workflow.doctor import Doctor
    from specify_cli.workflow.lane_updates import LaneUpdates
    from specify_cli.workflow.merging import Merging
    from specify_cli.workflow.missions import Missions
    from specify_cli.workflow.package_diff import PackageDiff
    from specify_cli.workflow.package_history import PackageHistory
    from specify_cli.workflow.package_notes import PackageNotes
    from specify_cli.workflow.package_overview import PackageOverview
    from specify_cli.workflow.package_prompt import PackagePrompt
    from specify_cli.workflow.package_views import PackageViews
    from specify_cli.workflow.project_report import ProjectReports
    from specify_cli.workflow.pull_requests import PullRequests
    from specify_cli.workflow.redacting import Redacting
    from specify_cli.workflow.request_intents import RequestIntents
    from specify_cli.workflow.retention import Retention
    from specify_cli.workflow.rewinding import Rewinding
    from specify_cli.workflow.syncing import Syncing
    from specify_cli.workflow.tidying import Tidying
    from specify_cli.workflow.work_packages import WorkPackages
    from specify_cli.workflow.workspace_listing import WorkspaceListing


class Services:
    """The use cases, each created on access."""

    __slots__ = ("project",)

    def __init__(self, project: Project) -> None:
        self.project = project

    @property
    def missions(self) -> Missions:
        """Read missions."""
        from specify_cli.workflow.missions import Missions

        return Missions(self.project)

    @property
    def claiming(self) -> Claiming:
        """Record signs of life and release claims."""
        from specify_cli.workflow.claiming import Claiming

        return Claiming(self.project)

    @property
    def work_packages(self) -> WorkPackages:
        """Move one work package."""
        from specify_cli.workflow.work_packages import WorkPackages

        return WorkPackages(self.project)

    @property
    def annotating(self) -> PackageNotes:
        """Record notes and subtask marks."""
        from specify_cli.workflow.package_notes import PackageNotes

        return PackageNotes(self.project)

    @property
    def history(self) -> PackageHistory:
        """Read the history of packages and missions."""
        from specify_cli.workflow.package_history import PackageHistory

        return PackageHistory(self.project)

    @property
    def overview(self) -> PackageOverview:
        """Show people a package."""
        from specify_cli.workflow.package_overview import PackageOverview

        return PackageOverview(self.project)

    @property
    def diffs(self) -> PackageDiff:
        """Show people what the work on a package changes."""
        from specify_cli.workflow.package_diff import PackageDiff

        return PackageDiff(self.project)

    @property
    def prompts(self) -> PackagePrompt:
        """Show the prompts of packages."""
        from specify_cli.workflow.package_prompt import PackagePrompt

        return PackagePrompt(self.project)

    @property
    def updating(self) -> LaneUpdates:
        """Update execution lanes."""
        from specify_cli.workflow.lane_updates import LaneUpdates

        return LaneUpdates(self.project)

    @property
    def accepting(self) -> Accepting:
        """Accept missions."""
        from specify_cli.workflow.accepting import Accepting

        return Accepting(self.project)

    @property
    def merging(self) -> Merging:
        """Merge missions."""
        from specify_cli.workflow.merging import Merging

        return Merging(self.project)

    @property
    def pull_requests(self) -> PullRequests:
        """Merge missions by way of pull requests."""
        from specify_cli.workflow.pull_requests import PullRequests

        return PullRequests(self.project)

    @property
    def tidying(self) -> Tidying:
        """Remove the branches of merged missions."""
        from specify_cli.workflow.tidying import Tidying

        return Tidying(self.project)

    @property
    def authoring(self) -> Authoring:
        """Create missions and work packages."""
        from specify_cli.workflow.authoring import Authoring

        return Authoring(self.project)

    @property
    def packages(self) -> Packages:
        """Create work packages from outlines."""
        from specify_cli.workflow.authoring_packages import Packages

        return Packages(self.project)

    @property
    def package_changes(self) -> PackageChanges:
        """Change and remove work packages."""
        from specify_cli.workflow.authoring_changes import PackageChanges

        return PackageChanges(self.project)

    @property
    def choosing(self) -> DefaultMission:
        """Choose the default mission."""
        from specify_cli.workflow.default_mission import DefaultMission

        return DefaultMission(self.project)

    @property
    def dead_letters(self) -> DeadLetters:
        """Replay or discard dead letters."""
        from specify_cli.workflow.dead_letters import DeadLetters

        return DeadLetters(self.project)

    @property
    def retention(self) -> Retention:
        """Prune expired data."""
        from specify_cli.workflow.retention import Retention

        return Retention(self.project)

    @property
    def backups(self) -> Backups:
        """Back up the host's data."""
        from specify_cli.workflow.backups import Backups

        return Backups(self.project)

    @property
    def redacting(self) -> Redacting:
        """Redact secrets in the record and in the files made from it."""
        from specify_cli.workflow.redacting import Redacting

        return Redacting(self.project)

    @property
    def rewinding(self) -> Rewinding:
        """Rewind missions to an earlier event."""
        from specify_cli.workflow.rewinding import Rewinding

        return Rewinding(self.project)

    @property
    def reporting(self) -> ProjectReports:
        """Gather the data of a report for people."""
        from specify_cli.workflow.project_report import ProjectReports

        return ProjectReports(self.project)

    @property
    def request_intents(self) -> RequestIntents:
        """Find requests that were interrupted."""
        from specify_cli.workflow.request_intents import RequestIntents

        return RequestIntents(self.project)

    @property
    def showing(self) -> PackageViews:
        """Show work packages."""
        from specify_cli.workflow.package_views import PackageViews

        return PackageViews(self.project)

    @property
    def syncing(self) -> Syncing:
        """Fetch commits from workspaces."""
        from specify_cli.workflow.syncing import Syncing

        return Syncing(self.project)

    @property
    def workspace_listing(self) -> WorkspaceListing:
        """List workspaces."""
        from specify_cli.workflow.workspace_listing import WorkspaceListing

        return WorkspaceListing(self.project)

    @property
    def doctor(self) -> Doctor:
        """Find and repair problems."""
        from specify_cli.workflow.doctor import Doctor

        return Doctor(self.project)
