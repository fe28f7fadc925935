"""What people are told: a stranger's words in it cannot play with their terminal."""

from __future__ import annotations

import os
from typing import Any

import click

from specify_cli.mailbox.printable import printable


def say(line: str, *, head: str = "", is_error: bool = False) -> None:
    """The line was told, whatever is in it written so that it shows; `head` comes first, as it is."""
    click.echo(f"{head}{printable(line)}", err=is_error)


def red(text: str) -> str:
    """The text in red, where it goes to a terminal that nobody asked to be plain."""
    return _styled(text, fg="red", bold=True)


def bold(text: str) -> str:
    """The text in bold, where it goes to a terminal that nobody asked to be plain."""
    return _styled(text, bold=True)


def _styled(text: str, **style: Any) -> str:
    plain = printable(text)
    return plain if os.environ.get("NO_COLOR") else click.style(plain, **style)
