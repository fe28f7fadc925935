"""`spec-kitty workspace`: list the workspaces of the execution lanes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from specify_cli.cli.client import ask
from specify_cli.cli.options import JSON
from specify_cli.cli.output import bold, say

KINDS = {
    "shared": "repository, objects shared",
    "copied": "repository, objects copied",
    "linked": "linked worktree",
    "no_repository": "folder without a repository",
    "other": "other",
    "missing": "missing",
}
STANDINGS = {
    "in_step": "up to date",
    "not_taken_in": "not fetched",
    "behind": "behind",
    "unknown": "unknown",
}
HEADER = ("MISSION", "EXECUTION LANE", "PACKAGE", "HOLDER", "COMMITS", "KIND", "PATH", "BRANCH")


@click.group()
def workspace() -> None:
    """List the workspaces of the execution lanes. 'spec-kitty sync' fetches their commits.

    Example: spec-kitty workspace list
    """


@workspace.command("list", short_help="List the workspaces and the trash.")
@JSON
def list_workspaces(*, as_json: bool) -> None:
    """List the workspaces of this project, and those in the trash.

    COMMITS compares the branch of the execution lane in the workspace, as the workspace reports it, with
    the one in the project: up to date, not fetched (the workspace has more), behind, or unknown.

    Example: spec-kitty workspace list
    """
    data = ask("list-workspaces", as_json=as_json)
    if as_json:
        return
    if data["workspaces"]:
        _show_workspaces([_row(it) for it in data["workspaces"]])
    else:
        say("There is no workspace: 'spec-kitty implement WP01' creates one.")
    for one in data["workspaces"]:
        if one["problem"]:
            say(f"{one['workspace']}: {one['problem']}", is_error=True)
    if data["trash"]:
        say("")
        kept = ((it["path"], it["since"][:10], it["until"][:10]) for it in data["trash"])
        _show_lines(list(_aligned(_printable([("IN THE TRASH", "SINCE", "KEPT UNTIL"), *kept]))))


def _row(one: Mapping[str, Any]) -> Sequence[str]:
    package = f"{one['wp_id']} {one['lane']}" if one["wp_id"] else None
    found = (one["mission_slug"], one["lane_id"], package, one["holder"])
    ends = (STANDINGS[one["standing"]], KINDS[one["kind"]], one["path"], one["branch"])
    return [it or "-" for it in (*found, *ends)]


def _show_workspaces(rows: Sequence[Sequence[str]]) -> None:
    """Print a table, or three lines for each workspace on a terminal that is too narrow for it."""
    from shutil import get_terminal_size

    from rich import cells

    lines = list(_aligned(_printable([HEADER, *rows])))
    if not sys.stdout.isatty() or max(map(cells.cell_len, lines)) <= get_terminal_size().columns:
        _show_lines(lines)
        return
    for mission, lane, package, holder, commits, kind, path, branch in _printable(rows):
        who = [it for it in (package, holder) if it != "-"]
        say(f" of {mission}: {', '.join([*who, commits, kind])}", head=bold(lane))
        click.echo(f"  {path}")
        click.echo(f"  {branch}")


def _show_lines(lines: Sequence[str]) -> None:
    header, *others = lines
    for line in (bold(header), *others):
        click.echo(line)


def _printable(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    from specify_cli.mailbox import printable

    return [[printable.printable(it) for it in row] for row in rows]


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    from rich import cells

    widths = [max(map(cells.cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (it + " " * (to - cells.cell_len(it)) for it, to in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
