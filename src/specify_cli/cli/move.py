"""`spec-kitty move`: a person moves a package where the other words do not take it."""

from __future__ import annotations

from typing import Any

import click

from specify_cli.cli import advice
from specify_cli.cli.asking import actor_or_user, bold
from specify_cli.cli.carrying_out import carry_out
from specify_cli.cli.choosing import mission_or_default
from specify_cli.cli.options import ACTOR, JSON, MISSION


@click.command()
@click.argument("wp")
@click.argument("lane")
@click.option("--note", help="Why.")
@click.option("--review-ref", help="The review that sends it back, where it was approved.")
@click.option("--force", is_flag=True, help="Override the table and its guard; needs --note.")
@MISSION
@ACTOR
@JSON
def move(
    *,
    wp: str,
    lane: str,
    note: str | None,
    review_ref: str | None,
    force: bool,
    mission: str | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Move the package WP to LANE: block it, cancel it, take it up again.

    Example: spec-kitty move WP01 blocked --note "waits for a decision"
    """
    chosen = mission_or_default("move", mission, as_json=as_json)
    wp_id = wp.upper()
    how: dict[str, Any] = {
        "note": note,
        "review_ref": review_ref,
        "force": force,
        "actor": actor_or_user(actor),
    }
    data = carry_out("transition", chosen, wp=wp_id, to=lane, as_json=as_json, **how)
    if not as_json:
        click.echo(f"{bold(wp_id)} has gone from {data['from_lane']} to {data['to_lane']}")
        packages = advice.packages_of(chosen)
        following = advice.further(packages, [wp_id], chosen)
        click.echo(f"next: {following or chosen.next('accept')}")
