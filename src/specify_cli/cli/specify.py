"""`spec-kitty specify` and `spec-kitty plan`: a mission is described before it is built."""

from __future__ import annotations

from pathlib import Path

import click

from specify_cli.cli.client import ask
from specify_cli.cli.options import JSON, MISSION
from specify_cli.cli.output import say
from specify_cli.cli.prompting import mission_or_default
from specify_cli.cli.questions import text_or_question


@click.command()
@click.argument("title", required=False)
@click.option("--slug", help="Name of its folder, without the number. Default: made of TITLE.")
@click.option("--type", "mission_type", help="Kind of mission; else software-dev.")
@click.option("--target", help="Branch to merge into; else the current one.")
@JSON
def specify(
    *,
    title: str | None,
    slug: str | None,
    mission_type: str | None,
    target: str | None,
    as_json: bool,
) -> None:
    """Make a mission called TITLE, with a spec to fill in.

    Example: spec-kitty specify "Full-text search"
    """
    title = text_or_question(
        "specify",
        title,
        question="What is to be built?",
        missing="say what is to be built: spec-kitty specify 'Full-text search'",
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
    """Make plan.md and tasks.md of a mission, to be filled in.

    What you have written already is kept.

    Example: spec-kitty plan --mission 001-search
    """
    chosen = mission_or_default("plan", mission, as_json=as_json)
    data = ask("write-plan", as_json=as_json, mission=chosen.slug)
    if as_json:
        return
    for label in ("written", "kept"):
        for path in data[label]:
            say(f"{label}: {_below_project(path)}")
    click.echo("write: how it is built in plan.md, the work packages in tasks.md")
    say(f"next: {chosen.next('tasks')}")


def _below_project(path: str) -> str:
    return str(Path(*Path(path).parts[-3:]))
