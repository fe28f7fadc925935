"""accept-mission: accept a mission whose packages are all approved, done or canceled."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, Name, Words
from specify_cli.orchestrator_api.values import argument


class AcceptMissionParams(Params):
    """Arguments of accept-mission."""

    mission: Name = argument(MISSION)
    actor: Words = argument(ACTOR)


class AcceptMissionResult(MissionResult):
    """Data of accept-mission."""

    accepted: bool
    mode: str
    accepted_at: str
    accepted_wps: list[str]
    approved_wps: list[str]
    done_wps: list[str]
    merge_pending_wps: list[str]
    canceled_wps: list[str]


def handle(params: AcceptMissionParams, cause: Cause, services: UseCases) -> AcceptMissionResult:
    """Accept the mission."""
    report = services().accepting.accept(params.mission, actor=params.actor, cause=cause)
    return AcceptMissionResult(
        **fields_of(report.mission),
        accepted=True,
        mode="auto",
        accepted_at=report.accepted_at,
        accepted_wps=sorted(report.approved + report.done),
        approved_wps=list(report.approved),
        done_wps=list(report.done),
        merge_pending_wps=list(report.approved),
        canceled_wps=list(report.canceled),
    )


COMMAND = Command(
    name="accept-mission",
    params=AcceptMissionParams,
    handle=handle,
    changes_state=True,
    takes_policy=True,
    example="spec-kitty orchestrator-api accept-mission --mission 001-search --actor nightly",
)
