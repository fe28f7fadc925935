"""`spec-kitty status`: the board of a mission."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Any

import click

from specify_cli import clock
from specify_cli.cli.asking import ask


@click.command()
@click.argument("mission", required=False)
@click.option("--watch", is_flag=True, help="Show it again whenever it changes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of a board.")
def status(*, mission: str | None, watch: bool, as_json: bool) -> None:
    """Show where every work package of MISSION stands, and who holds it since when.

    Without MISSION, the only one there is. A wide terminal gets a column per lane, a narrow one a
    list; without a terminal there is one plain line a package.

    Example: spec-kitty status 001-search --watch
    """
    _tolerate_poor_terminals()
    name = mission or _only_mission()
    if watch:
        import_module("specify_cli.cli.board_watch").watch(name, as_json=as_json)
        return
    data = ask("mission-state", as_json=as_json, mission=name)
    if not as_json:
        _show(data)


def _only_mission() -> str:
    known = [m["mission_slug"] for m in ask("list-missions")["missions"]]
    if len(known) != 1:
        listed = ", ".join(known) or "none: make one with 'spec-kitty mission create'"
        click.echo(f"name one mission; there are {listed}", err=True)
        sys.exit(2)
    name: str = known[0]
    return name


def _tolerate_poor_terminals() -> None:
    """A title in letters that stdout cannot show is written with escapes, and no failure."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _show(data: dict[str, Any]) -> None:
    # Loaded here, because --help must not wait for it.
    board = import_module("specify_cli.cli.board")
    now = clock.now()
    if not sys.stdout.isatty():
        for line in board.plain_lines(data, now=now):
            click.echo(line)
        return
    console = board.terminal()
    console.print(board.board(data, now=now, width=console.width))
