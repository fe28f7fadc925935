"""`spec-kitty unblock`: return a blocked package to planned or in progress."""

from __future__ import annotations

import click

from specify_cli import errors
from specify_cli.cli import advice
from specify_cli.cli.client import actor_or_user, refuse
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import mission_or_default, package_or_question
from specify_cli.cli.steps import carry_out


@click.command()
@click.argument("wp", required=False)
@click.option("--note", help="Reason to record.")
@MISSION
@ACTOR
@JSON
def unblock(
    *, wp: str | None, note: str | None, mission: str | None, actor: str | None, as_json: bool
) -> None:
    """Unblock the package WP.

    A package that was planned or claimed when it was blocked returns to planned, any other to in_progress.

    Example: spec-kitty unblock WP01 --note "the decision is made"
    """
    chosen = mission_or_default("unblock", mission, as_json=as_json)
    wp_id = package_or_question("unblock", wp, mission=chosen, lanes=("blocked",), as_json=as_json)
    package = advice.package_named(wp_id, advice.packages_of(chosen))
    if package and package["lane"] != "blocked":
        lane = package["lane"]
        error = errors.TransitionRejected(
            f"{wp_id} is {lane}, not blocked", from_lane=lane, to_lane=lane, guard="edge"
        )
        onward = advice.after_moving(wp_id, chosen)
        refuse("unblock", error, as_json=as_json, advice=onward)
    to = advice.unblocked(package) if package else "in_progress"
    data = carry_out(
        "transition",
        chosen,
        word="unblock",
        wp=wp_id,
        to=to,
        note=note,
        actor=actor_or_user(actor),
        as_json=as_json,
    )
    if not as_json:
        say(f" is unblocked; it is {data['to_lane']} again", head=bold(wp_id))
        say(f"next: {advice.after_moving(wp_id, chosen)}")
