"""`spec-kitty release-claim`: release one's own claim, or that of a silent holder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from specify_cli.cli import advice
from specify_cli.cli.client import actor_or_user
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import mission_or_default, package_or_question, text_or_question
from specify_cli.cli.steps import carry_out

GIVEN_BACK = "given back by its holder"
"""The reason that is recorded if a holder gives none."""

RELEASABLE = ("claimed", "in_progress", "in_review")
"""Status lanes in which the claim of an implementer or a reviewer can be released."""


@click.command("release-claim")
@click.argument("wp", required=False)
@click.option("--note", help="Reason to record.")
@click.option("--force", is_flag=True, help="Release another's claim even if it is not stale.")
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
    """Release a claim on the package WP or on its review: your own, or a silent holder's.

    Another's claim must be stale, as stale_after_s in .kitty/config.toml defines, unless you give --force.
    A package in progress returns to planned, and its commits are kept. A package in review returns to
    for_review.

    Example: spec-kitty release-claim WP01
    """
    chosen = mission_or_default("release-claim", mission, as_json=as_json)
    wp_id = package_or_question(
        "release-claim", wp, mission=chosen, lanes=RELEASABLE, as_json=as_json
    )
    who = actor_or_user(actor)
    package = advice.package_named(wp_id, advice.packages_of(chosen))
    if package and note is None and advice.holder_besides(package, who) is None:
        note = GIVEN_BACK  # If nobody holds it, the host refuses.
    missing = "a reason is required to release the claim of another: give --note"
    why = text_or_question(
        "release-claim",
        note,
        question="Reason?",
        missing=missing,
        as_json=as_json,
        advice=chosen.next(f"release-claim {wp_id} --note 'the holder is silent'"),
    )
    data = carry_out(
        "release-claim",
        chosen,
        word="release-claim",
        wp=wp_id,
        as_json=as_json,
        note=why,
        force=force,
        actor=who,
    )
    if not as_json:
        _say_released(data, by=who)
        say(f"next: {advice.after_moving(wp_id, chosen)}")


def _say_released(data: Mapping[str, Any], *, by: str) -> None:
    wp_id, holder = data["wp_id"], data["released_holder"]
    how = "released" if holder == by else f"released from {holder}"
    say(f" is {how} and now {data['to_lane']}", head=bold(wp_id))
    if data.get("commit"):
        say(
            f"its work so far is kept as commit {data['commit'][:12]}: 'spec-kitty implement {wp_id}'"
            " continues from it"
        )
