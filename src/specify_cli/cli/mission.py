"""`spec-kitty mission`: make missions, list them, take them back."""

from __future__ import annotations

import sys

import click

from specify_cli.cli.client import ask
from specify_cli.cli.mission_rewind import rewind
from specify_cli.cli.output import say
from specify_cli.cli.specify import specify

NEWEST = 20
"""So many missions are listed at a terminal that is not asked for all."""


@click.group()
def mission() -> None:
    """Make, list and rewind missions; 'create' is 'specify' by its older name.

    Example: spec-kitty mission list
    """


mission.add_command(specify, "create")
mission.add_command(rewind)


@mission.command("list", short_help="List the missions of this project.")
@click.option("--all", "is_whole", is_flag=True, help="At a terminal: list the older ones as well.")
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of words.")
def list_missions(*, is_whole: bool, as_json: bool) -> None:
    """List the missions of this project; at a terminal, the newest ones first.

    Example: spec-kitty mission list
    """
    data = ask("list-missions", as_json=as_json)
    if as_json:
        return
    known = data["missions"]
    is_read_by_people = sys.stdout.isatty()
    shown = known[::-1] if is_read_by_people else known
    if is_read_by_people and not is_whole:
        shown = shown[:NEWEST]
    for one in shown:
        say(f"{one['mission_slug']}  {one['title']}")
    if len(shown) < len(known):
        older = len(known) - len(shown)
        say(f"and {older} older of {len(known)}: 'spec-kitty mission list --all' lists them too")
    for one in data["not_checked_out"]:
        where = f"{one['mission_slug']} is not checked out; it was on {one['branch']} last"
        say(f"{where}: 'spec-kitty doctor' says how it comes back", is_error=True)
