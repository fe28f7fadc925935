"""`spec-kitty mission`: make missions and list them."""

from __future__ import annotations

import click

from specify_cli.cli.asking import ask
from specify_cli.cli.saying import say
from specify_cli.cli.specify import specify


@click.group()
def mission() -> None:
    """Make and list missions; 'create' is 'specify' by its older name.

    Example: spec-kitty mission list
    """


mission.add_command(specify, "create")


@mission.command("list")
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of words.")
def list_missions(*, as_json: bool) -> None:
    """List the missions of this project.

    Example: spec-kitty mission list
    """
    data = ask("list-missions", as_json=as_json)
    if not as_json:
        for known in data["missions"]:
            say(f"{known['mission_slug']}  {known['title']}")
