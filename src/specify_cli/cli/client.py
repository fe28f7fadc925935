"""Send requests of the commands for people to the dispatcher."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from specify_cli import __version__, errors
from specify_cli.cli.output import red, say

if TYPE_CHECKING:
    import pathlib

    from specify_cli.mailbox.layout import MailboxLayout

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
"""Policy metadata of a person at the command line, without a sandbox."""


def ask(
    command: str,
    *,
    as_json: bool = False,
    by_person: bool = False,
    advice: str | None = None,
    **args: Any,
) -> dict[str, Any]:
    """Send a request and return the data of the reply.

    A refusal ends the process: its message goes to stderr, and the exit code is 1, or 2 for a
    usage error. With `as_json` the envelope is printed in any case. `by_person` sends the policy
    metadata of a person. On a refusal, `advice` is printed as the next command.
    """
    from specify_cli.cli import progress_line

    with progress_line.shown(unless=as_json):
        envelope = envelope_of(command, by_person=by_person, **args)
    data = settled(envelope, as_json=as_json, advice=advice)
    if as_json:
        print_envelope(envelope)
    return data


def envelope_of(command: str, *, by_person: bool = False, **args: Any) -> dict[str, Any]:
    """Send a request and return the envelope; print nothing."""
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
    envelope: dict[str, Any],
    *,
    as_json: bool = False,
    advice: str | Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the data of a success. A refusal ends the process and prints `advice`, the next steps.

    A warning names the arguments in which a credential was masked.
    """
    data: dict[str, Any] = envelope["data"]
    if envelope["success"]:
        if data.get("redacted") and not as_json:
            names = ", ".join(data["redacted"])
            say(
                f"warning: masked in {names}: a part that looks like a credential",
                is_error=True,
            )
        return data
    if as_json:
        print_envelope(envelope)
    else:
        say(f": {data['message']}", head=red(envelope["error_code"]), is_error=True)
        for candidate in data.get("candidates", ()):
            say(f"  {candidate}", is_error=True)
        advice = advice or _usual_advice(envelope)
        for line in (advice,) if isinstance(advice, str) else advice or ():
            # The label `next:` is only for a command that can be pasted.
            label = "next: " if line.startswith("spec-kitty ") else ""
            say(f"{label}{line}", is_error=True)
    is_misunderstood = envelope["error_code"] == errors.UsageError.code
    sys.exit(NOT_UNDERSTOOD if is_misunderstood else REFUSED)


def _usual_advice(envelope: dict[str, Any]) -> str | None:
    """Return the command that lists the names, if a name is unknown."""
    import shlex

    code, mission = envelope["error_code"], envelope["data"].get("mission_slug")
    if code == errors.WorkPackageNotFound.code and mission:
        return f"spec-kitty tasks list {shlex.quote(mission)}"
    return way_to_missions() if code == errors.MissionNotFound.code else None


def way_to_missions() -> str | None:
    """Return the command that lists the missions, or that makes a project first; None if none can be made here."""
    init = "spec-kitty init"
    try:
        project_here()
    except errors.MissionNotFound as error:
        # In a repository without a checkout, the message says how to get one.
        return init if init in str(error) else None
    return "spec-kitty mission list"


def print_envelope(envelope: dict[str, Any]) -> None:
    """Print the envelope to stdout, as the other interfaces do."""
    from specify_cli.orchestrator_api import envelope as envelopes

    click.echo(envelopes.encode(envelope), nl=False)


def complain(
    word: str, message: str, *, as_json: bool = False, advice: str | None = None
) -> NoReturn:
    """End the process with a usage error: an argument of the command `word` is missing or wrong."""
    refuse(word, errors.UsageError(message), as_json=as_json, advice=advice)


def refuse(
    word: str, error: errors.SpecKittyError, *, as_json: bool = False, advice: str | None = None
) -> NoReturn:
    """End the process as refused by the command `word` itself; print `advice`, the next step."""
    from specify_cli import ids
    from specify_cli.orchestrator_api import envelope as envelopes

    envelope = envelopes.refused(f"spec-kitty.{word}", ids.correlation_id(), error)
    settled(envelope, as_json=as_json, advice=advice)
    raise AssertionError("a refusal has ended the process")


def actor_or_user(actor: str | None) -> str:
    """Return the actor. Default: the user of this process."""
    import getpass

    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A uid without a name, as in many containers.
        return f"uid:{os.getuid()}"


def standing_in() -> pathlib.Path:
    """Return the current folder.

    Raises:
        UsageError: It was removed.
    """
    import pathlib

    try:
        return pathlib.Path.cwd()
    except FileNotFoundError:
        raise errors.UsageError(
            "the current folder was removed: change to the folder of the project"
        ) from None


def project_here() -> pathlib.Path:
    """Return the root of the project.

    Raises:
        MissionNotFound: The current folder is not in a project.
    """
    from specify_cli import bootstrap

    return bootstrap.find_project(standing_in())


def layout_here() -> MailboxLayout:
    """Return the paths of the project's mailbox.

    Raises:
        MissionNotFound: The current folder is not in a project.
    """
    from specify_cli import bootstrap

    return bootstrap.mailbox_layout(project_here())


def is_working_folder_gone() -> bool:
    """Return whether the current folder was removed or moved to the trash of workspaces."""
    import pathlib

    try:
        folder = pathlib.Path.cwd()
    except FileNotFoundError:
        return True
    return _TRASH in zip(folder.parts, folder.parts[1:], strict=False) or not folder.is_dir()


def is_on_terminal() -> bool:
    """Return whether a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
