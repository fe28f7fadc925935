"""`spec-kitty release-claim`: a person frees a package whose holder shows no sign of life."""

from __future__ import annotations

import click

from specify_cli.cli import advice
from specify_cli.cli.client import actor_or_user
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import mission_or_default, package_or_question
from specify_cli.cli.questions import text_or_question
from specify_cli.cli.steps import carry_out

RELEASABLE = ("claimed", "in_progress", "in_review")
"""Lanes in which a claim, or that of a reviewer, can be released."""


@click.command("release-claim")
@click.argument("wp", required=False)
@click.option("--note", help="Why; it is recorded.")
@click.option("--force", is_flag=True, help="Also a claim that is not stale.")
@MISSION
@ACTOR
@JSON
def release_claim(
    *,
    wp: str | None,
    note: str | None,
    force: bool,
    mission: str | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Free the package WP, or its review, from a holder who shows no sign of life.

    Without --force, only where the claim is stale by stale_after_s in .kitty/config.toml. A package
    in work is planned again, and its commits are kept; one in review waits for another reviewer.

    Example: spec-kitty release-claim WP01 --force --note "the agent has crashed"
    """
    chosen = mission_or_default("release-claim", mission, as_json=as_json)
    wp_id = package_or_question(
        "release-claim", wp, mission=chosen, lanes=RELEASABLE, as_json=as_json
    )
    missing = "say why it is released, with --note"
    why = text_or_question("release-claim", note, question="Why?", missing=missing, as_json=as_json)
    data = carry_out(
        "release-claim",
        chosen,
        word="release-claim",
        wp=wp_id,
        as_json=as_json,
        note=why,
        force=force,
        actor=actor_or_user(actor),
    )
    if not as_json:
        say(f" is {data['to_lane']}: {data['released_holder']} held it", head=bold(wp_id))
        say(f"next: {advice.after_moving(wp_id, chosen)}")
