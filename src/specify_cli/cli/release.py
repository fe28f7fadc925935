"""`spec-kitty release-claim`: release a package whose holder is silent."""

from __future__ import annotations

import click

from specify_cli.cli import advice
from specify_cli.cli.client import actor_or_user
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import mission_or_default, package_or_question, text_or_question
from specify_cli.cli.steps import carry_out

RELEASABLE = ("claimed", "in_progress", "in_review")
"""Status lanes in which the claim of an implementer or a reviewer can be released."""


@click.command("release-claim")
@click.argument("wp", required=False)
@click.option("--note", help="Reason to record.")
@click.option("--force", is_flag=True, help="Release a claim that is not stale.")
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
    """Release the package WP, or its review, from a holder who shows no sign of life.

    Without --force the claim must be stale, as stale_after_s in .kitty/config.toml defines. A
    package in progress returns to planned, and its commits are kept. A package in review returns
    to for_review.

    Example: spec-kitty release-claim WP01 --force --note "the agent has crashed"
    """
    chosen = mission_or_default("release-claim", mission, as_json=as_json)
    wp_id = package_or_question(
        "release-claim", wp, mission=chosen, lanes=RELEASABLE, as_json=as_json
    )
    missing = "a reason is required: give --note"
    why = text_or_question(
        "release-claim", note, question="Reason?", missing=missing, as_json=as_json
    )
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
        say(
            f" is released from {data['released_holder']} and now {data['to_lane']}",
            head=bold(wp_id),
        )
        say(f"next: {advice.after_moving(wp_id, chosen)}")
