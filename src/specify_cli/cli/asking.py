"""How the words for people ask the host: through the dispatcher, like everybody."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Any

import click

from specify_cli import bootstrap, ids
from specify_cli.errors import UsageError
from specify_cli.orchestrator_api.envelope import Envelope, encode
from specify_cli.orchestrator_api.request import Origin, Request

REFUSED, NOT_UNDERSTOOD = 1, 2


def ask(command: str, *, as_json: bool = False, **args: Any) -> dict[str, Any]:
    """The data of the answer; a refusal ends the process with its message on stderr.

    With `as_json` the envelope goes to stdout, whatever it says. Exit code: 1 refused, 2 not
    understood.
    """
    envelope = envelope_of(command, **args)
    if as_json:
        click.echo(encode(envelope), nl=False)
    elif not envelope["success"]:
        click.echo(f"{envelope['error_code']}: {envelope['data']['message']}", err=True)
    if not envelope["success"]:
        sys.exit(NOT_UNDERSTOOD if envelope["error_code"] == UsageError.code else REFUSED)
    data: dict[str, Any] = envelope["data"]
    return data


def envelope_of(command: str, **args: Any) -> Envelope:
    """The whole answer, for callers that do not end with a refusal; arguments of None are left out."""
    asked = Request(
        command=command,
        args={name: value for name, value in args.items() if value is not None},
        correlation_id=ids.correlation_id(),
    )
    origin = Origin(door="cli", identity=f"uid:{os.getuid()}")
    dispatcher = bootstrap.dispatcher(Path.cwd(), for_people=True)
    return dispatcher.answer(asked, origin, is_id_minted=True).envelope


def actor_or_user(actor: str | None) -> str:
    """The actor that was named, else whoever runs the process."""
    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A uid without a name, as in many containers.
        return f"uid:{os.getuid()}"
