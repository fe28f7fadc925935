"""`spec-kitty status`: the board of a mission."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Any

import click

from specify_cli import clock
from specify_cli.cli.asking import ask, complain
from specify_cli.cli.choosing import mission_or_default
from specify_cli.cli.options import MISSION


@click.command()
@click.argument("named", metavar="[MISSION]", required=False)
@click.option("--watch", is_flag=True, help="Show it again whenever it changes, until Ctrl-C.")
@MISSION
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of a board.")
def status(*, named: str | None, mission: str | None, watch: bool, as_json: bool) -> None:
    """Show where every work package of MISSION stands, and who holds it since when.

    Without MISSION, the one that is meant. A wide terminal gets a column per lane, a narrow one a
    list; without a terminal there is one plain line a package.

    Example: spec-kitty status 001-search --watch
    """
    _tolerate_poor_terminals()
    if mission and named and mission != named:
        complain("status", f"one mission, not both {mission} and {named}", as_json=as_json)
    name = mission_or_default("status", mission or named, as_json=as_json).slug
    if watch:
        import_module("specify_cli.cli.board_watch").watch(name, as_json=as_json)
        return
    data = ask("mission-state", as_json=as_json, mission=name)
    if not as_json:
        _show(data)


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
