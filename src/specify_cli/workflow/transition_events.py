"""Create the events that record the transitions of a package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from specify_cli import clock, ids
from specify_cli.core.events import UNRECORDED, Annotated, Transitioned
from specify_cli.core.lanes import HANDED_IN, Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.rules import Transition
from specify_cli.workflow.context import RequestContext

if TYPE_CHECKING:
    from specify_cli.workflow.submitted_work import SubmittedWork


class PreparedTransition(NamedTuple):
    """What a permitted move records: the base or the commit of the work, and annotations."""

    base_ref: str | None = None
    commit: str | None = None
    annotations: Sequence[Annotated] = ()
    work: SubmittedWork | None = None


def moved_events(
    moves: Sequence[Transition],
    intent: MoveIntent,
    context: RequestContext,
    *,
    base_ref: str | None = None,
    commit: str | None = None,
    released_holder: str | None = None,
) -> list[Transitioned]:
    """Create one event for each transition.

    Args:
        moves: The transitions.
        intent: The move that was requested.
        context: The request.
        base_ref: The commit at which work starts, recorded when it begins.
        commit: The work, recorded when it is submitted or approved.
        released_holder: The actor whose claim ends.
    """
    at = clock.timestamp()
    return [
        Transitioned(
            event_id=ids.ulid(),
            at=at,
            actor=intent.actor,
            wp_id=intent.wp_id,
            from_lane=move.from_lane,
            to_lane=move.to_lane,
            force=intent.force,
            reason=intent.note,
            review_ref=intent.review_ref,
            review_result=intent.review_result,
            evidence=intent.evidence,
            policy_metadata=context.policy,
            correlation_id=context.correlation_id,
            identity=context.identity,
            request_digest=context.request_digest,
            lane_base_ref=base_ref if move.to_lane is Lane.IN_PROGRESS else None,
            commit=commit if move.to_lane in HANDED_IN else UNRECORDED,
            released_holder=released_holder,
        )
        for move in moves
    ]


def from_and_to(
    moves: Sequence[Transitioned] | Sequence[Transition], here: Lane
) -> tuple[Lane, Lane]:
    """Return the first and the last lane of the moves; `here` twice if there are none."""
    return (moves[0].from_lane, moves[-1].to_lane) if moves else (here, here)
