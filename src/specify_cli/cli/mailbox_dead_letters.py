"""`spec-kitty mailbox dead-letters`: show, replay or discard requests that were set aside."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from specify_cli import errors
from specify_cli.cli import ages, json_reply
from specify_cli.cli.client import actor_or_user, ask, layout_here
from specify_cli.cli.options import JSON
from specify_cli.cli.output import COULD_NOT_CHECK, NOT_THERE, log, reporting_errors

if TYPE_CHECKING:
    from specify_cli.storage import dead_letters as storage
    from specify_cli.storage.dead_letters import Letter

MAX_PREVIEW_BYTES = 2048
HEADINGS = ("ID", "SET ASIDE", "ORCHESTRATOR", "STATE", "NAME", "WHY")
WIDEST_NAME = 40


@click.group("dead-letters", short_help="Show, replay or discard requests that were set aside.")
def dead_letters() -> None:
    """Show, replay or discard dead letters: requests that the worker set aside.

    Example: spec-kitty mailbox dead-letters list
    """


@dead_letters.command("list")
@click.option("--waiting", is_flag=True, help="Only those not yet replayed or discarded.")
@JSON
def list_dead_letters(*, waiting: bool, as_json: bool) -> None:
    """List the dead letters of all orchestrators, oldest first.

    Example: spec-kitty mailbox dead-letters list --waiting
    """
    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        letters = [one for one in _folder().letters() if not waiting or one.state == "waiting"]
    if as_json:
        json_reply.print_data({"dead_letters": [_facts(letter) for letter in letters]})
        return
    for line in _table([HEADINGS, *map(_row, letters)] if letters else []):
        click.echo(line)


@dead_letters.command("show", short_help="Show a dead letter.")
@click.argument("dead_letter", metavar="ID")
@JSON
def show_dead_letter(*, dead_letter: str, as_json: bool) -> None:
    """Show the dead letter ID: why it was set aside, its path and its first bytes.

    Example: spec-kitty mailbox dead-letters show 01JD8Z6W
    """
    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        try:
            letter = _folder().named(dead_letter)
        except errors.UsageError as error:
            if as_json:
                json_reply.print_refusal(error)
            else:
                log(error.message)
            sys.exit(NOT_THERE)
        facts = _facts(letter) | {"body": _body(letter)}
    if as_json:
        json_reply.print_data(facts)
        return
    for line in _text(facts):
        click.echo(line)


@dead_letters.command("replay")
@click.argument("dead_letter", metavar="ID")
@click.option("--as", "new_id", metavar="NEW_ID", help="Id of the new request.")
@click.option("--actor", help="Name to record. Default: the current user.")
@JSON
def replay(*, dead_letter: str, new_id: str | None, actor: str | None, as_json: bool) -> None:
    """Put the dead letter ID back into the inbox of its orchestrator.

    Example: spec-kitty mailbox dead-letters replay 01JD8Z6W --as retry-7
    """
    how: dict[str, Any] = {"new_id": new_id, "actor": actor_or_user(actor)}
    data = ask("replay-dead-letter", as_json=as_json, dead_letter=dead_letter, **how)
    if not as_json:
        where = f"the inbox of {data['identity']}"
        click.echo(f"{data['dead_letter']} is in {where} again, as request {data['new_id']}")


@dead_letters.command("discard")
@click.argument("dead_letter", metavar="ID")
@click.option("--actor", help="Name to record. Default: the current user.")
@JSON
def discard(*, dead_letter: str, actor: str | None, as_json: bool) -> None:
    """Delete the body of the dead letter ID; its record is kept.

    Example: spec-kitty mailbox dead-letters discard 01JD8Z6W
    """
    by = actor_or_user(actor)
    data = ask("discard-dead-letter", as_json=as_json, dead_letter=dead_letter, actor=by)
    if not as_json:
        click.echo(f"{data['dead_letter']} is discarded; its record is kept")


def _folder() -> storage.LetterFolder:
    from specify_cli.storage import dead_letters as storage

    return storage.LetterFolder(layout_here().dead_letters)


def _facts(letter: Letter) -> dict[str, Any]:
    record = dict(letter.record)
    record.pop("body", None)
    return {"dead_letter": letter.letter_id, "state": letter.state} | record


def _body(letter: Letter) -> dict[str, Any] | None:
    """Return the path, kind and first bytes of the body; None if it was deleted."""
    from specify_cli.storage import dead_letters as storage

    path = _folder().body(letter)
    if path is None:
        return None
    look = storage.look_at(path, max_bytes=MAX_PREVIEW_BYTES)
    return {
        "path": str(path),
        "kind": look.kind,
        "size": look.size,
        "preview": look.head.decode("utf-8", "backslashreplace"),
        "is_cut": look.kind == "regular file" and look.size > len(look.head),
    }


def _row(letter: Letter) -> tuple[str, ...]:
    name = letter.name
    short = name if len(name) <= WIDEST_NAME else f"{name[: WIDEST_NAME - 3]}..."
    at, why = ages.utc(str(letter.record.get("at"))), str(letter.record.get("why"))
    return (letter.letter_id, at, letter.identity, letter.state, short, why)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the rows in columns; the last column is not padded."""
    from specify_cli.mailbox import printable

    safe = [[printable.printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)][:-1]
    return [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]])
        for row in safe
    ]


def _text(facts: dict[str, Any]) -> list[str]:
    from specify_cli.mailbox import printable

    body, fate = facts["body"], facts.get("fate") or {}
    lines = [
        f"dead letter   {facts['dead_letter']} ({facts['state']})",
        f"set aside     {facts.get('at')}, from the inbox of {facts.get('identity')}",
        f"name          {facts.get('name')}",
        f"why           {facts.get('why')}",
    ]
    if fate:
        lines.append(f"{fate.get('state')} by {fate.get('actor')} at {fate.get('at')}")
    if body is None:
        lines.append("body          was deleted")
    else:
        lines.append(f"body          {body['path']}: {body['kind']}, {body['size']} bytes")
    safe = [printable.printable(line) for line in lines]
    return [*safe, *(_preview(body) if body and body["preview"] else [])]


def _preview(body: dict[str, Any]) -> list[str]:
    from specify_cli.mailbox import printable

    lines = [f"  {printable.printable(line)}" for line in body["preview"].split("\n")]
    return [*lines, *([f"  (the first {MAX_PREVIEW_BYTES} bytes)"] if body["is_cut"] else [])]
