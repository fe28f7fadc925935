"""`spec-kitty move`: move a package to a status lane that no other command leads to."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
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
from specify_cli.cli.prompting import (
    Chosen,
    Offer,
    mission_or_default,
    package_or_question,
    picked,
    text_or_question,
)
from specify_cli.cli.steps import carry_out
from specify_cli.nearest import nearest

ALIAS = "doing"
"""Another name of a status lane, which the host accepts."""

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
    """Move the package WP to the status lane LANE: block it, for example, or cancel it.

    In a workspace, WP may be left out.

    Cancel a package with a note: only then can packages that depend on it start. If the package is already
    blocked or canceled, the same command adds a note.

    Example: spec-kitty move WP01 blocked --note "waits for a decision"
    """
    chosen = mission_or_default("move", mission, as_json=as_json)
    lanes = _lanes(chosen, as_json=as_json) if wp is None or lane is None else ()
    if wp is not None and lane is None and wp.casefold() in lanes:
        wp, lane = None, wp  # The package is that of this workspace, or is asked for.
    takes = lanes if force else [name for name in lanes if name not in FINAL]
    wp_id = package_or_question("move", wp, mission=chosen, lanes=takes, as_json=as_json)
    options = [("--note", note), ("--review-ref", review_ref)]
    words = ["move", wp_id, *(part for name, text in options if text for part in (name, text))]
    words += ["--force"] if force else []
    to = (
        _checked(lane, chosen, words, as_json=as_json)
        if lane
        else _asked_lane(lanes, as_json=as_json)
    )
    who = actor_or_user(actor)
    if to == "canceled" and not force:
        note = _reason(wp_id, note, chosen, as_json=as_json)
    if to in ("blocked", "canceled") and note and not force:
        package = advice.package_named(wp_id, advice.packages_of(chosen))
        if package and package["lane"] == to:
            _add_note(package, note, chosen, actor=who, as_json=as_json)
            return
    how: dict[str, Any] = {"note": note, "review_ref": review_ref, "force": force, "actor": who}
    data = carry_out("transition", chosen, word="move", wp=wp_id, to=to, as_json=as_json, **how)
    if not as_json:
        say(f" moved from {data['from_lane']} to {data['to_lane']}", head=bold(wp_id))
        say(f"next: {advice.after_moving(wp_id, chosen)}")


def _reason(wp_id: str, note: str | None, mission: Chosen, *, as_json: bool) -> str:
    """Return the note, else ask for it."""
    command = mission.next(f"move {wp_id} canceled --note 'not needed'")
    return text_or_question(
        "move",
        (note or "").strip() or None,
        question=f"Why is {wp_id} canceled?",
        missing="a package is canceled with a note, so that the packages that depend on it can start",
        as_json=as_json,
        advice=command,
    )


def _add_note(
    package: Mapping[str, Any], note: str, mission: Chosen, *, actor: str, as_json: bool
) -> None:
    """Add a note to a package that is blocked or canceled."""
    wp_id = package["wp_id"]
    carry_out(
        "append-history",
        mission,
        word="move",
        wp=wp_id,
        as_json=as_json,
        note=note,
        actor=actor,
    )
    if not as_json:
        say(f" is {package['lane']} already; the note was added", head=bold(wp_id))
        say(f"next: {advice.after_moving(wp_id, mission)}")


def _checked(lane: str, mission: Chosen, words: Sequence[str], *, as_json: bool) -> str:
    """Return the name of the status lane.

    If it is misspelled, the process ends and prints the command with the nearest one. `words` are
    its other arguments.
    """
    summary = envelope_of("mission-state", mission=mission.slug)["data"].get("summary", {})
    name = lane.strip().casefold()
    near = nearest(name, [x for x in summary if x != "total"])
    if summary and name not in (*summary, ALIAS):
        known = ", ".join(x for x in summary if x != "total")
        hint = f"did you mean {near!r}?" if near else f"name one of {known}"
        corrected = mission.next(shlex.join([*words[:2], near, *words[2:]])) if near else None
        problem = f"{lane[:80]!r} is not a status lane; {hint}"
        complain("move", problem, as_json=as_json, advice=corrected or "spec-kitty help move")
    return name


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
            advice="spec-kitty help move",
        )
    return picked("status lane", [Offer(name) for name in lanes])
