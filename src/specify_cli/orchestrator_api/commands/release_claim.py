"""release-claim: release the claim on a package or its review."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, PACKAGE, Name, Words
from specify_cli.orchestrator_api.values import argument


class ReleaseClaimParams(Params):
    """Arguments of release-claim."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    actor: Words = argument(ACTOR)
    note: Words = argument("Reason to record.", is_private=True)
    force: bool = argument("Release a claim that is not stale.", default=False)


class ReleaseClaimResult(MissionResult):
    """Data of release-claim."""

    wp_id: str
    from_lane: str
    to_lane: str
    released_holder: str
    policy_metadata_recorded: bool
    commit: str | None = None
    warnings: list[str] | None = None


def handle(params: ReleaseClaimParams, cause: Cause, services: UseCases) -> ReleaseClaimResult:
    """Release the claim."""
    report = services().claiming.release(
        params.mission,
        params.wp,
        actor=params.actor,
        note=params.note,
        force=params.force,
        cause=cause,
    )
    return ReleaseClaimResult(
        **fields_of(report.move.mission),
        wp_id=report.move.wp_id,
        from_lane=report.move.from_lane.value,
        to_lane=report.move.to_lane.value,
        released_holder=report.released_holder,
        policy_metadata_recorded=report.move.policy_recorded,
        commit=report.commit,
        warnings=list(report.move.warnings) or None,
    )


COMMAND = Command(
    name="release-claim",
    params=ReleaseClaimParams,
    handle=handle,
    changes_state=True,
    takes_policy=True,
    is_force_for_people=True,
    example=(
        "spec-kitty orchestrator-api release-claim --mission 001-search --wp WP01"
        ' --actor nightly --note "no sign of life since noon"'
    ),
)
