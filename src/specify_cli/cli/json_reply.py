"""`--json`: one envelope on stdout, also for an error, in the form of the contract's replies."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from specify_cli import errors


def is_asked(words: Sequence[str]) -> bool:
    """Return whether the arguments of the process ask for JSON on stdout."""
    options = list(words[: words.index("--")] if "--" in words else words)
    if "--json" not in options:
        return False
    following = options[options.index("--json") + 1 :]
    is_file = words[:2] == ["contract", "verify"] and following and following[0][:1] != "-"
    return not is_file


def print_data(data: dict[str, Any]) -> None:
    """Print the envelope of a success of the current command."""
    from specify_cli import ids
    from specify_cli.orchestrator_api import envelope

    _print(envelope.succeeded(_name(), ids.correlation_id(), data))


def print_refusal(error: errors.SpecKittyError, path: str | None = None) -> None:
    """Print the envelope of a refusal by the command `path`. Default: the current command."""
    from specify_cli import ids
    from specify_cli.orchestrator_api import envelope

    _print(envelope.refused(_name(path), ids.correlation_id(), error))


def _name(path: str | None = None) -> str:
    context = click.get_current_context(silent=True)
    if path is None:
        path = context.command_path.partition(" ")[2] if context else ""
    return f"spec-kitty.{path}" if path else "spec-kitty"


def _print(answered: dict[str, Any]) -> None:
    from specify_cli.orchestrator_api import envelope

    click.echo(envelope.encode(answered), nl=False)
    sys.stdout.flush()
