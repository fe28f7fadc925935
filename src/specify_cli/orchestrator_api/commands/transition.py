"""transition: move a package to another status lane."""

from __future__ import annotations

from typing import Annotated, Any

from specify_cli import nearest
from specify_cli.core.lanes import POLICY_REQUIRED, Lane, lane_named
from specify_cli.core.move_intent import MoveIntent, check_review_agreement
from specify_cli.errors import UsageError
from specify_cli.orchestrator_api.arguments import CommitId, Params, Verdict, given
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.commits_left import CommitsLeft, commits_left
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, PACKAGE, Name, Words
from specify_cli.orchestrator_api.values import argument


class ReviewResult(Params):
    """What a review found, and where its report is."""

    reviewer: Words
    verdict: Annotated[str, Verdict]
    reference: Words
    feedback_path: str | None = None


class Review(Params):
    """Proof that a review took place."""

    reviewer: Words
    verdict: Annotated[str, Verdict]
    reference: Words


class Evidence(Params):
    """Proof that is recorded with a move."""

    review: Review


class TransitionParams(Params):
    """Arguments of transition."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    to: str = argument("Status lane to move to.")
    actor: Words = argument(ACTOR)
    note: str | None = argument("Reason for the move.", default=None, is_private=True)
    force: bool = argument("Override the rules; needs --note.", default=False)
    review_ref: str | None = argument("Reference of the review.", default=None)
    review_result: ReviewResult | None = argument(
        "Object: reviewer, verdict, reference.", default=None, is_json=True
    )
    evidence: Evidence | None = argument(
        'Evidence, such as {"review": {...}}.', default=None, is_json=True
    )
    # Sent by clients of older versions. It has no effect, so the help page omits it.
    subtasks_complete: bool | None = argument("", default=None)
    implementation_evidence_present: bool | None = argument(
        "Used if the host sees no branch.", default=None
    )
    commit: Annotated[str, CommitId] | None = argument(
        "Full id of the reviewed commit.", default=None
    )


class TransitionResult(MissionResult):
    """Data of transition."""

    wp_id: str
    from_lane: str
    to_lane: str
    policy_metadata_recorded: bool
    outside_owned_files: list[str] | None = None
    warnings: list[str] | None = None
    commits_not_included: list[CommitsLeft] | None = None


def handle(params: TransitionParams, cause: Cause, services: UseCases) -> TransitionResult:
    """Move the package."""
    intent = _intent(params)
    report = services().work_packages.transition(params.mission, intent, cause)
    return TransitionResult(
        **fields_of(report.mission),
        wp_id=report.wp_id,
        from_lane=report.from_lane.value,
        to_lane=report.to_lane.value,
        policy_metadata_recorded=report.policy_recorded,
        outside_owned_files=list(report.outside_owned_files) or None,
        warnings=list(report.warnings) or None,
        commits_not_included=commits_left(report.commits_not_included),
    )


def _intent(params: TransitionParams) -> MoveIntent:
    proofs = given(params)
    return MoveIntent(
        wp_id=params.wp,
        actor=params.actor,
        to=_lane(params),
        force=params.force,
        note=params.note,
        review_ref=params.review_ref,
        review_result=proofs.get("review_result"),
        evidence=proofs.get("evidence"),
        implementation_evidence_present=params.implementation_evidence_present,
        commit=params.commit,
    )


def _lane(params: TransitionParams) -> Lane:
    lane = lane_named(params.to)
    if lane is None:
        known = [lane.value for lane in Lane]
        raise UsageError(
            f"argument 'to' (--to): {params.to[:80]!r} is not a status lane; use one of"
            f" {', '.join(known)}{nearest.guess(params.to.strip().casefold(), known)}"
        )
    return lane


def _needs_policy(params: TransitionParams) -> bool:
    return _lane(params) in POLICY_REQUIRED


def _check(params: Any) -> None:
    check_review_agreement(_intent(params))


COMMAND = Command(
    name="transition",
    params=TransitionParams,
    handle=handle,
    changes_state=True,
    is_batched=True,
    takes_policy=True,
    needs_policy=_needs_policy,
    check=_check,
    example=(
        "spec-kitty orchestrator-api transition --mission 001-search --wp WP01"
        " --to blocked --actor nightly --note why"
    ),
)
