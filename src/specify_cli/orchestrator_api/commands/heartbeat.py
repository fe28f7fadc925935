"""heartbeat: report that the holder of a package, or of its review, is alive."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, PACKAGE, Name, Words
from specify_cli.orchestrator_api.values import argument


class HeartbeatParams(Params):
    """Arguments of heartbeat."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    actor: Words = argument(ACTOR)


class HeartbeatResult(MissionResult):
    """Data of heartbeat."""

    wp_id: str
    last_sign_of_life: str
    stale_after_s: int | None = None


def handle(params: HeartbeatParams, cause: Cause, services: UseCases) -> HeartbeatResult:
    """Record a sign of life."""
    report = services().claiming.heartbeat(params.mission, params.wp, actor=params.actor)
    return HeartbeatResult(
        **fields_of(report.mission),
        wp_id=report.wp_id,
        last_sign_of_life=report.at.isoformat(timespec="microseconds"),
        stale_after_s=report.stale_after_s,
    )


COMMAND = Command(
    name="heartbeat",
    params=HeartbeatParams,
    handle=handle,
    changes_state=True,
    takes_policy=True,
    example=(
        "spec-kitty orchestrator-api heartbeat --mission 001-search --wp WP01 --actor nightly"
    ),
)
