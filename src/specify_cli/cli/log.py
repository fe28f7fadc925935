"""`spec-kitty log`: show the history of a package or a mission."""

from __future__ import annotations

from typing import Any

import click

from specify_cli import clock
from specify_cli.cli import history_shown, paging
from specify_cli.cli.client import ask
from specify_cli.cli.options import JSON, MISSION
from specify_cli.cli.prompting import Chosen, mission_or_default, package_id

MOST_AT_ONCE = 500
"""The most events in one reply."""


@click.command()
@click.argument("wp", required=False)
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="Maximum number of events.",
)
@MISSION
@JSON
def log(*, wp: str | None, count: int, mission: str | None, as_json: bool) -> None:
    """Show the history of the package WP: moves, notes, reviews, subtasks and commits, and who made them.

    The newest event comes first. Default: all packages of the mission. On a terminal, the events
    are shown in your pager. --json prints one reply, with at most 500 events, the newest last.

    Example: spec-kitty log WP01 -n 20
    """
    chosen = mission_or_default("log", mission, as_json=as_json)
    wp_id = package_id(wp, chosen) if wp else None
    if as_json:
        limit = min(count, MOST_AT_ONCE)
        ask("package-history", as_json=True, mission=chosen.slug, wp=wp_id, limit=limit)
        return
    events, earlier = _events(chosen, wp_id, count)
    again = " ".join(filter(None, ("log", wp_id, "-n")))
    lines = [*history_shown.lines(events, now=clock.now(), is_of_one=wp_id is not None)]
    if earlier:
        whole = chosen.next(f"{again} {len(events) + earlier}")
        noun = "event" if earlier == 1 else "events"
        lines.append(f"and {earlier} earlier {noun}: {whole}")
    text = "\n".join(lines) or f"{wp_id or chosen.slug} has no history yet"
    paging.show(text, None, see=f"{chosen.next(f'{again} {count}')} | cat")


def _events(chosen: Chosen, wp_id: str | None, count: int) -> tuple[list[dict[str, Any]], int]:
    """Return the newest events, newest last, and the number of earlier ones."""
    found: list[dict[str, Any]] = []
    while True:
        data = ask(
            "package-history",
            mission=chosen.slug,
            wp=wp_id,
            limit=min(count - len(found), MOST_AT_ONCE),
            before=found[0]["event_id"] if found else None,
        )
        found = [*data["history"], *found]
        is_whole = len(found) == count or not data["earlier"]
        # An event of another program may have no id to read on from.
        if is_whole or not data["history"] or not found[0]["event_id"]:
            return found, data["earlier"]
