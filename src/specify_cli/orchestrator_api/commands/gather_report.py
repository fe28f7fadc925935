"""gather-report: the data of a report for people."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from specify_cli.core.events import moment_of
from specify_cli.errors import UsageError
from specify_cli.orchestrator_api.arguments import Constraint, Params
from specify_cli.orchestrator_api.command import Cause, Command, Result, UseCases
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import argument

if TYPE_CHECKING:
    from specify_cli.workflow.project_report import ProjectReport

MostRows = Constraint((("ge", 0), ("le", 100_000)))


class GatherReportParams(Params):
    """Arguments of gather-report."""

    mission: Name | None = argument(f"{MISSION} Default: all missions.", default=None)
    since: Name | None = argument("RFC 3339 time.", default=None)
    rows: Annotated[int, MostRows] = argument("Maximum number of journal rows.", default=10_000)


class GatherReportResult(Result):
    """Data of gather-report: the fields of the report."""

    report: ProjectReport

    def as_data(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self.report)


def handle(params: GatherReportParams, cause: Cause, services: UseCases) -> GatherReportResult:
    """Return the report; nothing is changed."""
    report = services().reporting.gather(
        params.mission, since=_moment(params.since), most_rows=params.rows
    )
    return GatherReportResult(report=report)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = moment_of(text)
    if moment is None:
        raise UsageError("argument 'since' (--since): give a time such as 2030-01-31T08:00:00Z")
    return moment


COMMAND = Command(
    name="gather-report",
    params=GatherReportParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty report --html report.html",
)
