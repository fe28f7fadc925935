"""`spec-kitty mission rewind`: return a mission to its state after an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from specify_cli.cli.client import (
    actor_or_user,
    ask,
    complain,
    envelope_of,
    is_on_terminal,
    print_envelope,
    settled,
)
from specify_cli.cli.options import ACTOR, JSON
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import confirm

SHOWN = 20
"""Withdrawn events that are shown, the newest ones."""


@click.command(short_help="Return a mission to its state after an event.")
@click.argument("mission")
@click.option(
    "--to", "event", metavar="EVENT", required=True, help="Id of the event to go back to."
)
@click.option("--reason", help="Reason to record.")
@click.option("--force", is_flag=True, help="Rewind even if somebody works on a package.")
@click.option("--dry-run", is_flag=True, help="Only show what would be withdrawn.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@ACTOR
@JSON
def rewind(
    *,
    mission: str,
    event: str,
    reason: str | None,
    force: bool,
    dry_run: bool,
    yes: bool,
    actor: str | None,
    as_json: bool,
) -> None:
    """Return MISSION to its state after EVENT by withdrawing all later events.

    Event ids are in the mission's status.events.jsonl. The events are shown first, and stay in the host's record. Commits,
    branches and workspaces do not change. No git command restores a withdrawn approval. A mission that was merged since then
    cannot be rewound. Without a terminal, --yes is required.

    Example: spec-kitty mission rewind 001-search --to 01JD8Z6W3M4Y6T1F8B2Q5R7X9N --reason "approved by mistake"
    """
    who = actor_or_user(actor)
    about: dict[str, Any] = {"mission": mission, "to": event, "force": force, "actor": who}
    envelope = envelope_of("show-rewind", **about)
    plan = settled(envelope, as_json=as_json)
    if not as_json:
        _show(plan)
    is_there = not plan["withdrawn"]
    if dry_run or (is_there and reason is None):
        if as_json:
            print_envelope(envelope)
        return
    if reason is None:
        complain("mission rewind", "a reason is required: give --reason", as_json=as_json)
    if not yes and not is_there and not plan["obstacles"]:
        if as_json or not is_on_terminal():
            complain(
                "mission rewind",
                "confirmation is required: give --yes to withdraw these events",
                as_json=as_json,
            )
        confirm("Withdraw these events?")
    newest = plan["newest"] or None
    data = ask("rewind-mission", as_json=as_json, **about, reason=reason, newest=newest)
    if not as_json and not is_there:
        count = len(data["withdrawn"])
        say(
            f" is back in its state after {event}; {_events(count)} withdrawn",
            head=bold(data["mission_slug"]),
        )
        say(f"next: spec-kitty status {data['mission_slug']}")


def _show(plan: Mapping[str, Any]) -> None:
    gone = plan["withdrawn"]
    if not gone:
        say(
            f" is in its state after {plan['to_event']}: nothing to do",
            head=bold(plan["mission_slug"]),
        )
        return
    say(f"to be withdrawn from {plan['mission_slug']}: {_events(len(gone))}")
    if len(gone) > SHOWN:
        say(f"  ... and {len(gone) - SHOWN} older events")
    for it in gone[-SHOWN:]:
        say(
            f"  {it['event_id']}  {it['at'][:19]}  {it['actor']}  {it.get('wp_id') or ''}  {it['what']}"
        )
    for it in plan["packages"]:
        held = f", held by {it['next_holder']}" if it.get("next_holder") else ""
        say(f"{it['wp_id']}: {it['from_lane']} -> {it['to_lane']}{held}")


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"
