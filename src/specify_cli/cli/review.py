"""`spec-kitty review`: a person judges the work on a package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from specify_cli.cli import advice
from specify_cli.cli.asking import actor_or_user, complain, is_on_terminal
from specify_cli.cli.carrying_out import carry_out
from specify_cli.cli.choosing import mission_or_default, package_or_question
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.saying import bold, say

APPROVED, CHANGES_REQUESTED = "approved", "changes_requested"


@click.command()
@click.argument("wp", required=False)
@click.option("--approve", is_flag=True, help="The work is good.")
@click.option("--request-changes", is_flag=True, help="It goes back to work.")
@click.option("--note", help="What you found; needed to request changes.")
@click.option("--feedback", type=click.Path(exists=True, dir_okay=False), help="Or a file of it.")
@MISSION
@ACTOR
@JSON
def review(
    *,
    wp: str | None,
    approve: bool,
    request_changes: bool,
    note: str | None,
    feedback: str | None,
    mission: str | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Claim the review of the package WP, and record what you found.

    With --json the envelope is that of the last step, or of the one that was refused.

    Example: spec-kitty review WP01 --request-changes --note "no test"
    """
    verdict = _verdict(approve=approve, request_changes=request_changes, as_json=as_json)
    chosen = mission_or_default("review", mission, as_json=as_json)
    who = actor_or_user(actor)
    wp_id = package_or_question(
        "review",
        wp,
        mission=chosen,
        lanes=("for_review", "in_review"),
        fits=lambda x: x["lane"] == "for_review" or x["reviewer"] == who,
        as_json=as_json,
    )
    has_note = bool(note or feedback)
    _check_said(verdict, has_note=has_note, as_json=as_json)
    carry_out(
        "start-review", chosen, word="review", wp=wp_id, actor=who, as_json=as_json, is_last=False
    )
    # Asked only now: the claim has told what to look at.
    decision = verdict or _asked_verdict()
    if decision == CHANGES_REQUESTED and not has_note:
        note = click.prompt("What is to be changed?", prompt_suffix=" ")
    result = _result(wp_id, decision, reviewer=who, feedback=feedback)
    to = "approved" if decision == APPROVED else "in_progress"
    proof: dict[str, Any] = {"note": note, "review_result": result}
    carry_out(
        "transition", chosen, word="review", wp=wp_id, actor=who, to=to, as_json=as_json, **proof
    )
    if as_json:
        return
    if decision == APPROVED:
        say(" is approved", head=bold(wp_id))
        say(f"next: {advice.after_settling(chosen)}")
    else:
        say(" goes back to work", head=bold(wp_id))
        say(f"next: {chosen.next(f'implement {wp_id}')}")


def _result(wp_id: str, verdict: str, *, reviewer: str, feedback: str | None) -> dict[str, Any]:
    result = {"reviewer": reviewer, "verdict": verdict, "reference": f"{wp_id} by {reviewer}"}
    if feedback:
        path = str(Path(feedback).resolve())
        result |= {"reference": path, "feedback_path": path}
    return result


def _verdict(*, approve: bool, request_changes: bool, as_json: bool) -> str | None:
    if approve and request_changes:
        problem = "say --approve or --request-changes, not both"
        complain("review", problem, as_json=as_json)
    if approve:
        return APPROVED
    return CHANGES_REQUESTED if request_changes else None


def _check_said(verdict: str | None, *, has_note: bool, as_json: bool) -> None:
    """Whether all was said that nobody can be asked for."""
    if not as_json and is_on_terminal():
        return
    if verdict is None:
        complain("review", "say --approve or --request-changes", as_json=as_json)
    if verdict == CHANGES_REQUESTED and not has_note:
        complain("review", "say what to change: --note TEXT or --feedback FILE", as_json=as_json)


def _asked_verdict() -> str:
    return APPROVED if click.confirm("Is the work good?", prompt_suffix=" ") else CHANGES_REQUESTED
