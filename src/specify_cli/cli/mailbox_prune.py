"""`spec-kitty mailbox prune`: delete or archive old data."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from specify_cli.cli.client import ask, is_on_terminal
from specify_cli.cli.options import JSON
from specify_cli.cli.output import say

AGE = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
NOT_ASKED_FOR = 3
"""Exit code: there is something to remove, and nobody confirmed it."""

ONE_OF = {
    "replies": "reply",
    "answers of reads": "answer of a read",
    "parts of the journal": "part of the journal",
    "archived parts of the journal": "archived part of the journal",
    "settled dead letters": "settled dead letter",
    "workspaces in the trash": "workspace in the trash",
}


class Age(click.ParamType[int]):
    """An age such as 30d, in seconds."""

    name = "age"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Parse the age.

        Raises:
            click.BadParameter: It is not a number with a unit.
        """
        found = AGE.fullmatch(str(value))
        if found is None:
            self.fail("give a number with the unit s, m, h, d or w, such as 30d", param, ctx)
        return int(found[1]) * SECONDS[found[2]]


@click.command()
@click.option("--older-than", type=Age(), help="Also remove replies of this age, such as 30d.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@JSON
def prune(*, older_than: int | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Remove expired data. It is listed first; then you are asked to confirm.

    Settings in config.toml define what expires, by age, count or size: answers to requests that changed nothing (reads_...),
    with their ids and replies; other replies (replies_...), which are restored when the request is sent again; parts of the
    journal (journal_...), which are compressed into .kitty/archive, and parts of the archive (archive_...); records of settled dead
    letters (letters_...); workspaces in the trash (trash_...). --older-than also removes replies.

    Exit 0: removed, nothing to remove, or --dry-run. 1: refused or not confirmed. 3: only listed, because there is no
    terminal and no --yes. --json does not ask.

    Example: spec-kitty mailbox prune --older-than 30d --dry-run
    """
    if not yes:
        shows_only = dry_run or as_json
        planned = ask("count-old-replies", as_json=as_json, older_than_s=older_than)
        if not as_json:
            _show(planned, is_done=False)
        if dry_run or not planned["going"]:
            return
        if shows_only or not is_on_terminal():
            say("nothing was removed: add --yes to confirm", is_error=True)
            sys.exit(NOT_ASKED_FOR)
        if not click.confirm("Go ahead?"):
            sys.exit(1)
    elif dry_run:
        raise click.UsageError("--yes and --dry-run exclude each other.")
    gone = ask("prune-replies", as_json=as_json, older_than_s=older_than)
    if not as_json:
        _show(gone, is_done=True)


def _show(data: Mapping[str, Any], *, is_done: bool) -> None:
    for line in _in_words(data, is_done=is_done):
        say(line)


def _in_words(data: Mapping[str, Any], *, is_done: bool) -> Iterator[str]:
    if not data["going"]:
        yield "nothing to remove"
    for it in data["going"]:
        name = ONE_OF[it["what"]] if it["count"] == 1 else it["what"]
        deed = "archived" if it["what"] == "parts of the journal" else "removed"
        done = deed if is_done else f"would be {deed}"
        yield f"{it['count']:,} {name} {done} ({size_text(it['bytes'])}): {it['rule']}"
        if it["what"] == "replies":
            for identity, count in sorted(data["by_orchestrator"].items()):
                yield f"  {identity}: {count:,}"


def size_text(count: int) -> str:
    """Return a number of bytes with its unit."""
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{count} bytes" if units[0] == "bytes" else f"{size:.1f} {units[0]}"
