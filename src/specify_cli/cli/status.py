"""`spec-kitty status`: the board of a mission."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from specify_cli.cli.asking import ask

COLOURS = {
    "in_progress": "yellow",
    "for_review": "magenta",
    "in_review": "magenta",
    "approved": "green",
    "done": "green",
    "blocked": "red",
    "canceled": "dim",
}


@click.command()
@click.argument("mission", required=False)
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of a board.")
def status(*, mission: str | None, as_json: bool) -> None:
    """Show where every work package of MISSION stands, and who holds it.

    Without MISSION, the only one there is.

    Example: spec-kitty status 001-search
    """
    data = ask("mission-state", as_json=as_json, mission=mission or _only_mission())
    if not as_json:
        console = Console()
        console.print(_summary(data), style="bold", highlight=False)
        console.print(_board(data["work_packages"]))


def _only_mission() -> str:
    known = [m["mission_slug"] for m in ask("list-missions")["missions"]]
    if len(known) != 1:
        listed = ", ".join(known) or "none: make one with 'spec-kitty mission create'"
        click.echo(f"name one mission; there are {listed}", err=True)
        sys.exit(2)
    name: str = known[0]
    return name


def _summary(data: dict[str, Any]) -> str:
    counts = data["summary"]
    stands = [f"{number} {lane}" for lane, number in counts.items() if number and lane != "total"]
    return f"{data['mission_slug']}: {counts['total']} packages; {', '.join(stands) or 'none'}"


def _board(packages: list[dict[str, Any]]) -> Table:
    table = Table("package", "lane", "title", "waits for", "held by", "steps", box=None)
    for package in packages:
        steps = package["subtasks"]
        table.add_row(
            package["wp_id"],
            Text(package["lane"], style=COLOURS.get(package["lane"], "")),
            Text(package["title"]),
            Text(", ".join(package["unsatisfied_dependencies"]) or "-"),
            Text(package["reviewer"] or package["claimed_by"] or "-"),
            f"{steps['done']}/{steps['total']}",
        )
    return table
