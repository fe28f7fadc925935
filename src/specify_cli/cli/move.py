"""`spec-kitty move`: move a package to a status lane that no other command leads to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from specify_cli.cli import advice
from specify_cli.cli.client import (
    actor_or_user,
    complain,
    envelope_of,
    is_on_terminal,
    settled,
)
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import Chosen, Offer, mission_or_default, package_or_question, picked
from specify_cli.cli.steps import carry_out

FINAL = ("done", "canceled")
"""The status lanes that a package leaves only with --force."""


@click.command()
@click.argument("wp", required=False)
@click.argument("lane", required=False)
@click.option("--note", help="Reason for the move.")
@click.option("--review-ref", help="Review that sends back an approved package.")
@click.option("--force", is_flag=True, help="Override the transition rules; needs --note.")
@MISSION
@ACTOR
@JSON
def move(
    *,
    wp: str | None,
    lane: str | None,
    note: str | None,
    review_ref: str | None,
    force: bool,
    mission: str | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Move the package WP to the status lane LANE: block, cancel or resume it.

    Example: spec-kitty move WP01 blocked --note "waits for a decision"
    """
    chosen = mission_or_default("move", mission, as_json=as_json)
    lanes = _lanes(chosen, as_json=as_json) if wp is None or lane is None else ()
    takes = lanes if force else [name for name in lanes if name not in FINAL]
    wp_id = package_or_question("move", wp, mission=chosen, lanes=takes, as_json=as_json)
    to = lane or _asked_lane(lanes, as_json=as_json)
    how: dict[str, Any] = {
        "note": note,
        "review_ref": review_ref,
        "force": force,
        "actor": actor_or_user(actor),
    }
    data = carry_out("transition", chosen, word="move", wp=wp_id, to=to, as_json=as_json, **how)
    if not as_json:
        say(f" moved from {data['from_lane']} to {data['to_lane']}", head=bold(wp_id))
        if data["to_lane"] == "canceled" and not (note or "").strip():
            _warn_of_waiting(wp_id, chosen)
        say(f"next: {advice.after_moving(wp_id, chosen)}")


def _warn_of_waiting(wp_id: str, mission: Chosen) -> None:
    """Warn about packages that still wait for one that was canceled without a note."""
    packages = advice.packages_of(mission)
    waiting = [x["wp_id"] for x in packages if wp_id in x["unsatisfied_dependencies"]]
    if waiting:
        say(
            f"warning: {wp_id} was canceled without --note, so these packages still wait for it:"
            f" {', '.join(waiting)}; move it to planned with --force, then cancel it with --note",
            is_error=True,
        )


def _lanes(mission: Chosen, *, as_json: bool) -> list[str]:
    """Return all status lanes."""
    envelope = envelope_of("mission-state", mission=mission.slug)
    summary: dict[str, int] = settled(envelope, as_json=as_json)["summary"]
    return [name for name in summary if name != "total"]


def _asked_lane(lanes: Sequence[str], *, as_json: bool) -> str:
    if as_json or not is_on_terminal():
        complain(
            "move",
            f"the status lane to move it to is missing: name one of {', '.join(lanes)}",
            as_json=as_json,
        )
    return picked("status lane", [Offer(name) for name in lanes])
