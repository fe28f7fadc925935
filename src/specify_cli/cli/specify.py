"""`spec-kitty specify` and `spec-kitty plan`: describe a mission before it is built."""

from __future__ import annotations

from pathlib import Path

import click

from specify_cli.cli.client import ask
from specify_cli.cli.options import JSON, MISSION
from specify_cli.cli.output import say
from specify_cli.cli.prompting import mission_or_default, text_or_question


@click.command()
@click.argument("title", required=False)
@click.option("--slug", help="Folder name without the number. Default: from TITLE.")
@click.option("--type", "mission_type", help="Type of mission. Default: software-dev.")
@click.option("--target", help="Branch to merge into. Default: the current one.")
@JSON
def specify(
    *,
    title: str | None,
    slug: str | None,
    mission_type: str | None,
    target: str | None,
    as_json: bool,
) -> None:
    """Create a mission called TITLE, with a spec.md to fill in.

    Example: spec-kitty specify "Full-text search"
    """
    title = text_or_question(
        "specify",
        title,
        question="What should be built?",
        missing="the title is missing; for example: spec-kitty specify 'Full-text search'",
        as_json=as_json,
    )
    data = ask(
        "create-mission",
        as_json=as_json,
        title=title,
        slug=slug,
        mission_type=mission_type,
        target=target,
    )
    if not as_json:
        slug = data["mission_slug"]
        say(f"mission: {slug}, to be merged into {data['target_branch']}")
        say(f"write: kitty-specs/{slug}/spec.md")
        say(f"next: spec-kitty plan --mission {slug}")


@click.command()
@MISSION
@JSON
def plan(*, mission: str | None, as_json: bool) -> None:
    """Create plan.md and tasks.md for a mission, to be filled in.

    Existing files are kept.

    Example: spec-kitty plan --mission 001-search
    """
    chosen = mission_or_default("plan", mission, as_json=as_json)
    data = ask("write-plan", as_json=as_json, mission=chosen.slug)
    if as_json:
        return
    for label in ("written", "kept"):
        for path in data[label]:
            say(f"{label}: {Path(*Path(path).parts[-3:])!s}")
    click.echo("write: the design in plan.md, the work packages in tasks.md")
    say(f"next: {chosen.next('tasks')}")
