"""append-history: add a note to the history of a package."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, PACKAGE, Name, Words
from specify_cli.orchestrator_api.values import argument


class AppendHistoryParams(Params):
    """Arguments of append-history."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    actor: Words = argument(ACTOR)
    note: Words = argument("Text of the note.", is_private=True)


class AppendHistoryResult(MissionResult):
    """Data of append-history."""

    wp_id: str
    history_entry_id: str


def handle(params: AppendHistoryParams, cause: Cause, services: UseCases) -> AppendHistoryResult:
    """Add the note."""
    report = services().annotating.append_history(
        params.mission, params.wp, actor=params.actor, note=params.note, context=cause
    )
    return AppendHistoryResult(
        **fields_of(report.mission), wp_id=params.wp, history_entry_id=report.entry_ids[0]
    )


COMMAND = Command(
    name="append-history",
    params=AppendHistoryParams,
    handle=handle,
    changes_state=True,
    is_batched=True,
    example=(
        "spec-kitty orchestrator-api append-history --mission 001-search --wp WP01"
        ' --actor nightly --note "retrying with a smaller change"'
    ),
)
