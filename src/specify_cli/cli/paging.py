"""A long text in the user's own pager, as git shows one."""

from __future__ import annotations

import os
import shlex

import click

from specify_cli.mailbox.printable import printable

_PAGING = """sh -c "$1" || printf '%s\\n' "$2" >&2"""
"""A shell's words that run the pager $1, and say $2 where it fails."""


def show(text: str, pager: str | None, *, see: str) -> None:
    """The text was shown by `pager`, by default that of the environment.

    Where the pager fails, stderr names the command `see`, which shows the text without it.
    """
    if pager is None:
        pager = os.environ.get("PAGER", "less")
    if pager in ("", "cat"):
        click.echo(text)
        return
    # As git does: through a shell, and with what less needs to end by itself on a short text.
    os.environ.setdefault("LESS", "FRX")
    failed = f"the pager {printable(pager)!r} failed: see '{see}'"
    os.environ["PAGER"] = shlex.join(["sh", "-c", _PAGING, "sh", pager, failed])
    click.echo_via_pager(text, color=True)
