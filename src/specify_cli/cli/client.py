"""How the words for people ask the host: through the dispatcher, like everybody."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from specify_cli import __version__, errors
from specify_cli.cli.output import red, say

if TYPE_CHECKING:
    import pathlib


REFUSED, NOT_UNDERSTOOD = 1, 2
_TRASH = (".worktrees", ".trash")

PERSON: Mapping[str, Any] = MappingProxyType(
    {
        "orchestrator_id": "spec-kitty-cli",
        "orchestrator_version": __version__,
        "agent_family": "human",
        "approval_mode": "interactive",
        "sandbox_mode": "none",
        "network_mode": "open",
        "dangerous_flags": [],
    }
)
"""What the words for people declare: a person drives, with nothing around them."""


def ask(
    command: str, *, as_json: bool = False, by_person: bool = False, **args: Any
) -> dict[str, Any]:
    """The data of the answer; a refusal ends the process with its message on stderr.

    With `as_json` the envelope goes to stdout, whatever it says. `by_person` sends the policy
    metadata of a person at the terminal. Exit code: 1 refused, 2 not understood.
    """
    from specify_cli.cli import progress_line

    with progress_line.shown(unless=as_json):
        envelope = envelope_of(command, by_person=by_person, **args)
    data = settled(envelope, as_json=as_json)
    if as_json:
        print_envelope(envelope)
    return data


def envelope_of(command: str, *, by_person: bool = False, **args: Any) -> dict[str, Any]:
    """The envelope that answers; nothing is printed."""
    from specify_cli import bootstrap, ids
    from specify_cli.orchestrator_api import request

    asked = request.Request(
        command=command,
        args={name: value for name, value in args.items() if value is not None},
        policy=dict(PERSON) if by_person else None,
        correlation_id=ids.correlation_id(),
    )
    origin = request.Origin(door="cli", identity=f"uid:{os.getuid()}")
    dispatcher = bootstrap.dispatcher(standing_in(), for_people=True)
    return dispatcher.answer(asked, origin, is_id_minted=True).envelope


def settled(
    envelope: dict[str, Any], *, as_json: bool = False, advice: str | None = None
) -> dict[str, Any]:
    """The data of a success; a refusal ends the process, with `advice` on what to type next.

    Stderr says what was not recorded as it was typed.
    """
    data: dict[str, Any] = envelope["data"]
    if envelope["success"]:
        if data.get("redacted") and not as_json:
            names = ", ".join(data["redacted"])
            say(
                f"not recorded, because it looks like a credential: a part of {names}",
                is_error=True,
            )
        return data
    if as_json:
        print_envelope(envelope)
    else:
        say(f": {data['message']}", head=red(envelope["error_code"]), is_error=True)
        for candidate in data.get("candidates", ()):
            say(f"  {candidate}", is_error=True)
        if advice:
            # Only what can be pasted is called a command.
            label = "next: " if advice.startswith("spec-kitty ") else ""
            say(f"{label}{advice}", is_error=True)
    is_misunderstood = envelope["error_code"] == errors.UsageError.code
    sys.exit(NOT_UNDERSTOOD if is_misunderstood else REFUSED)


def print_envelope(envelope: dict[str, Any]) -> None:
    """The envelope is on stdout, as at the other doors."""
    from specify_cli.orchestrator_api import envelope as envelopes

    click.echo(envelopes.encode(envelope), nl=False)


def complain(
    word: str, message: str, *, as_json: bool = False, advice: str | None = None
) -> NoReturn:
    """The process ends as not understood: something that `word` needs was not given."""
    refuse(word, errors.UsageError(message), as_json=as_json, advice=advice)


def refuse(
    word: str, error: errors.SpecKittyError, *, as_json: bool = False, advice: str | None = None
) -> NoReturn:
    """The process ends as refused by `word` itself, with `advice` on what to type next."""
    from specify_cli import ids
    from specify_cli.orchestrator_api import envelope as envelopes

    envelope = envelopes.refused(f"spec-kitty.{word}", ids.correlation_id(), error)
    settled(envelope, as_json=as_json, advice=advice)
    raise AssertionError("a refusal has ended the process")


def actor_or_user(actor: str | None) -> str:
    """The actor that was named, else whoever runs the process."""
    import getpass

    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A uid without a name, as in many containers.
        return f"uid:{os.getuid()}"


def standing_in() -> pathlib.Path:
    """The folder that the process runs in; ends the process where that folder is gone."""
    import pathlib

    try:
        return pathlib.Path.cwd()
    except FileNotFoundError:
        click.echo("the folder that you are in was removed: cd to the project", err=True)
        sys.exit(NOT_UNDERSTOOD)


def is_working_folder_gone() -> bool:
    """Whether the folder that the process runs in was removed, or went to the trash of workspaces."""
    import pathlib

    try:
        folder = pathlib.Path.cwd()
    except FileNotFoundError:
        return True
    return _TRASH in zip(folder.parts, folder.parts[1:], strict=False) or not folder.is_dir()


def is_on_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
