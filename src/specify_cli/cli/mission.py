"""`spec-kitty mission`: make missions and list them."""

from __future__ import annotations

import click

from specify_cli.cli.asking import ask


@click.group()
def mission() -> None:
    """Make and list missions.

    Example: spec-kitty mission create "Full-text search"
    """


@mission.command()
@click.argument("title")
@click.option("--type", "mission_type", help="Kind of mission; else software-dev.")
@click.option("--target", help="Branch to merge into; else the current one.")
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of words.")
def create(*, title: str, mission_type: str | None, target: str | None, as_json: bool) -> None:
    """Make a mission called TITLE, under the next free number.

    Example: spec-kitty mission create "Full-text search"
    """
    data = ask(
        "create-mission", as_json=as_json, title=title, mission_type=mission_type, target=target
    )
    if not as_json:
        slug = data["mission_slug"]
        click.echo(f"mission: kitty-specs/{slug}, to be merged into {data['target_branch']}")
        click.echo(f'next: spec-kitty tasks add {slug} "First work package"')


@mission.command("list")
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of words.")
def list_missions(*, as_json: bool) -> None:
    """List the missions of this project.

    Example: spec-kitty mission list
    """
    data = ask("list-missions", as_json=as_json)
    if not as_json:
        for known in data["missions"]:
            click.echo(f"{known['mission_slug']}  {known['title']}")
