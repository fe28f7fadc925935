"""The use case that gathers the data of a report, all from one snapshot of the record."""

from __future__ import annotations

from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial

from specify_cli import clock
from specify_cli.errors import MissionNotFound, SpecKittyError, StateUnreadable, StorageFailed
from specify_cli.storage import record_heads, records
from specify_cli.storage.mission_files import all_missions
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.workflow import report_journal, report_timeline
from specify_cli.workflow.mission import open_mission
from specify_cli.workflow.mission_lookup import MissionLookup
from specify_cli.workflow.mission_reports import PackageReport
from specify_cli.workflow.missions import Missions
from specify_cli.workflow.report_journal import JournalRow
from specify_cli.workflow.report_statistics import BOUNDS_MS, Latency, Refusals, Statistics
from specify_cli.workflow.report_timeline import Stint


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedPackage:
    """A package: its state now, and its stints."""

    wp_id: str
    title: str
    lane: str
    holder: str | None
    since: str | None
    dependencies: list[str]
    unsatisfied: list[str]
    execution_lane: str
    subtasks_done: int
    subtasks_total: int
    is_stale: bool
    contested: bool
    stints: list[Stint]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMission:
    """A mission and its packages; `problem` says why they cannot be read."""

    slug: str
    title: str
    target_branch: str
    is_accepted: bool
    warnings: list[str]
    packages: list[ReportedPackage]
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedJournal:
    """The newest rows, oldest first; the statistics are about all `total` requests."""

    rows: list[JournalRow]
    total: int
    damaged: int
    first_at: str | None
    last_at: str | None
    refusals: list[Refusals]
    latencies: list[Latency]
    bounds_ms: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectReport:
    """What a report is made from; `head` is that of the snapshot, None if the record is empty."""

    root: str
    at: str
    head: str | None
    missions: list[ReportedMission]
    journal: ReportedJournal


@dataclass(frozen=True, slots=True)
class ProjectReports:
    """Gather reports; nothing here writes."""

    project: Project

    def gather(self, slug: str | None, *, since: datetime | None, most_rows: int) -> ProjectReport:
        """Return the report about the project, or about the mission in the folder `slug`.

        Raises:
            MissionNotFound: there is no such mission.
            StateUnreadable, StorageFailed: the record, or that mission, cannot be read.
        """
        record = records.found(self.project)
        with record.at_one_moment() if record else nullcontext():
            head = record_heads.newest(record) if record else None
            if slug is None:
                missions = [self._readable(it, since) for it in all_missions(self.project)]
            else:
                missions = [self._mission(slug, since)]
            return ProjectReport(
                root=str(self.project.root),
                at=clock.timestamp(),
                head=str(head) if head else None,
                missions=missions,
                journal=self._journal(record, slug, since=since, most_rows=most_rows),
            )

    def _readable(self, slug: str, since: datetime | None) -> ReportedMission:
        try:
            return self._mission(slug, since)
        except (MissionNotFound, StateUnreadable, StorageFailed) as error:
            return ReportedMission(
                slug=slug,
                title="",
                target_branch="",
                is_accepted=False,
                warnings=[],
                packages=[],
                problem=error.message,
            )

    def _mission(self, slug: str, since: datetime | None) -> ReportedMission:
        mission = open_mission(self.project, slug)
        report = Missions.report(mission)
        stints = report_timeline.timelines(mission.log.events, start=since)
        return ReportedMission(
            slug=slug,
            title=mission.identity.title,
            target_branch=mission.target_branch,
            is_accepted=mission.state.accepted_at is not None,
            warnings=list(report.warnings),
            packages=[
                _package(it, holder=mission.state_of(it.wp_id).holder, stints=stints)
                for it in report.packages
            ],
        )

    def _journal(
        self, record: Record | None, slug: str | None, *, since: datetime | None, most_rows: int
    ) -> ReportedJournal:
        newest: deque[JournalRow] = deque(maxlen=most_rows)
        statistics, damaged = Statistics(), 0
        folder_of = cache(partial(_folder, MissionLookup(self.project)))
        for row in report_journal.rows(self.project, record, since=since, folder_of=folder_of):
            if row is None:
                damaged += 1
            elif slug is None or row.mission == slug:
                newest.append(row)
                statistics.add(row)
        return ReportedJournal(
            rows=list(newest),
            total=statistics.total,
            damaged=damaged,
            first_at=statistics.first_at,
            last_at=statistics.last_at,
            refusals=statistics.refusals(),
            latencies=statistics.latencies(),
            bounds_ms=list(BOUNDS_MS),
        )


def _folder(lookup: MissionLookup, named: str) -> str:
    """Return the folder of the mission that a refused request named; the name if it names none."""
    try:
        return lookup.find(named)
    except SpecKittyError:
        return named


def _package(
    report: PackageReport, *, holder: str | None, stints: dict[str, list[Stint]]
) -> ReportedPackage:
    return ReportedPackage(
        wp_id=report.wp_id,
        title=report.title,
        lane=report.lane.value,
        holder=holder,
        since=report.since,
        dependencies=list(report.dependencies),
        unsatisfied=list(report.unsatisfied_dependencies),
        execution_lane=report.lane_id,
        subtasks_done=report.subtasks_done,
        subtasks_total=report.subtasks_total,
        is_stale=report.is_stale,
        contested=report.contested is not None,
        stints=stints.get(report.wp_id, []),
    )
