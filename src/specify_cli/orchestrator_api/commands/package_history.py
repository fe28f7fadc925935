"""package-history: the history of a package or a mission."""

from __future__ import annotations

from typing import Annotated

from specify_cli.orchestrator_api.arguments import Constraint, Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.feedback_given import FeedbackGiven
from specify_cli.orchestrator_api.history_entry import HistoryEntry
from specify_cli.orchestrator_api.texts import MISSION, PACKAGE, Name
from specify_cli.orchestrator_api.values import argument

Limit = Constraint((("ge", 1), ("le", 500)))


class PackageHistoryParams(Params):
    """Arguments of package-history."""

    mission: Name = argument(MISSION)
    wp: Name | None = argument(f"{PACKAGE} Default: the whole mission.", default=None)
    limit: Annotated[int, Limit] = argument("Maximum number of events, up to 500.", default=50)
    after: Name | None = argument("Event id: only later events, the next first.", default=None)
    before: Name | None = argument("Event id: only earlier events.", default=None)


class PackageHistoryResult(MissionResult):
    """Data of package-history."""

    wp_id: str | None = None
    history: list[HistoryEntry]
    earlier: int
    later: int
    feedback: FeedbackGiven | None = None


def handle(params: PackageHistoryParams, cause: Cause, services: UseCases) -> PackageHistoryResult:
    """Return the events of the range, newest last."""
    page = services().history.page(
        params.mission, params.wp, limit=params.limit, after=params.after, before=params.before
    )
    return PackageHistoryResult(
        **fields_of(page.mission),
        wp_id=page.wp_id,
        history=[HistoryEntry.of(event) for event in page.events],
        earlier=page.earlier,
        later=page.later,
        feedback=FeedbackGiven.of(page.feedback),
    )


COMMAND = Command(
    name="package-history",
    params=PackageHistoryParams,
    handle=handle,
    example="spec-kitty orchestrator-api package-history --mission 001-search --wp WP01 --limit 20",
)
