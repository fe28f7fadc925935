"""`spec-kitty mission`: create, list, close and rewind missions."""

from __future__ import annotations

import sys

import click

from specify_cli.cli.client import ask
from specify_cli.cli.mission_merged import mark_merged, tidy
from specify_cli.cli.mission_rewind import rewind
from specify_cli.cli.options import JSON
from specify_cli.cli.output import say
from specify_cli.cli.specify import specify

NEWEST = 20
"""Missions that are listed on a terminal without --all."""


@click.group()
def mission() -> None:
    """Create, list, close and rewind missions. 'create' is the older name of 'specify'.

    Example: spec-kitty mission list
    """


mission.add_command(specify, "create")
mission.add_command(rewind)
mission.add_command(mark_merged)
mission.add_command(tidy)


@mission.command("list", short_help="List the missions of this project.")
@click.option("--all", "is_whole", is_flag=True, help="On a terminal: list older missions too.")
@JSON
def list_missions(*, is_whole: bool, as_json: bool) -> None:
    """List the missions of this project. On a terminal, the newest come first.

    Example: spec-kitty mission list
    """
    data = ask("list-missions", as_json=as_json)
    if as_json:
        return
    known = data["missions"]
    while data["later"]:
        data = ask("list-missions", after=known[-1]["mission_slug"])
        known += data["missions"]
    is_read_by_people = sys.stdout.isatty()
    shown = known[::-1] if is_read_by_people else known
    if is_read_by_people and not is_whole:
        shown = shown[:NEWEST]
    for one in shown:
        say(f"{one['mission_slug']}  {one['title']}")
    if len(shown) < len(known):
        older = len(known) - len(shown)
        say(f"and {older} older of {len(known)}: run 'spec-kitty mission list --all' to list them")
    for one in data["not_checked_out"]:
        where = f"{one['mission_slug']} is not checked out; it was last on {one['branch']}"
        say(f"{where}: run 'spec-kitty doctor' to see how to bring it back", is_error=True)
