"""`spec-kitty redact`: remove a secret from the data that the host keeps."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Any

import click

from specify_cli.cli.client import actor_or_user, ask, complain
from specify_cli.cli.options import ACTOR, JSON
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import text_or_question

MOST_SHOWN = 10
"""Commits, ids or files that are shown."""


@click.command()
@click.argument("about", metavar="ID")
@click.option("--text", metavar="SECRET", help="The secret; your shell keeps it in its history.")
@click.option("--reason", help="Reason to record.")
@ACTOR
@JSON
def redact(
    *, about: str, text: str | None, reason: str | None, actor: str | None, as_json: bool
) -> None:
    """Remove a secret from the event, request or dead letter ID.

    The secret is read from stdin, or asked for on a terminal. Each note, reason, message or review that contains it is
    replaced by a mark: in the host's record, the mission's log, the reply, the published journal and files that were set
    aside. 'mailbox verify' still succeeds, and names what was redacted. Other requests, events and commits with the secret
    are listed; the host does not rewrite commits. Change the secret too: others may have read it.

    Example: spec-kitty redact 01JD8Z6W3M4Y6T1F8B2Q5R7X9N --reason "a password"
    """
    from specify_cli import ids

    missing = "a reason is required: give --reason"
    why = text_or_question("redact", reason, question="Reason?", missing=missing, as_json=as_json)
    secret = _secret(as_json=as_json) if text is None else text
    if not secret:
        complain("redact", "the secret is missing: give it on stdin", as_json=as_json)
    how: dict[str, Any] = {
        "about": about,
        "text_hex": secret.encode("utf-8", "surrogateescape").hex(),
        "salt": ids.correlation_id(),
        "actor": actor_or_user(actor),
        "reason": why,
    }
    data = ask("redact", as_json=as_json, **how)
    if not as_json:
        _tell(data, reason=why)


def _secret(*, as_json: bool) -> str:
    if sys.stdin.isatty():
        if as_json:
            complain("redact", "the secret is missing: give it on stdin", as_json=as_json)
        typed: str = click.prompt("The secret", hide_input=True)
        return typed
    read = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    return read.removesuffix("\n").removesuffix("\r")


def _tell(data: Mapping[str, Any], *, reason: str) -> None:
    counts = {
        "lines of the log": data["log_lines"],
        "lines of the journal": data["published_lines"],
        "replies": data["replies"],
        "files set aside": len(data["files"]),
    }
    summary = ", ".join(f"{what}: {count}" for what, count in counts.items())
    say(f" is redacted; {summary}", head=bold(data["about"]))
    _list("still in the host's file", data["left"], "remove the secret by hand, or delete the file")
    others = [
        (it, shlex.join(["spec-kitty", "redact", "--reason", reason, *["--"][: it[0] == "-"], it]))
        for it in data["also_in"]
    ]
    _list("still in", [f"{it}; next: {command}" for it, command in others])
    _list("still in commit", data["commits"])
    if data["look"]:
        say(f"the host does not rewrite commits; to see them: {data['look']}", is_error=True)


def _list(what: str, names: list[str], remedy: str = "") -> None:
    for name in names[:MOST_SHOWN]:
        say(f"{what} {name}{remedy and ': '}{remedy}", is_error=True)
    if len(names) > MOST_SHOWN:
        say(f"{what} {len(names) - MOST_SHOWN} more; --json lists all of them", is_error=True)
