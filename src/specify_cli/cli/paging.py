"""Show a long text in the user's pager, as git does."""

from __future__ import annotations

import os
import shlex
import sys

import click

from specify_cli.mailbox.printable import printable

_PAGING = """sh -c "$1" || printf '%s\\n' "$2" >&2"""
"""Shell code that runs the pager $1 and prints $2 if it fails."""


def show(text: str, pager: str | None, *, see: str) -> None:
    """Show the text in `pager`. Default: $PAGER, or less. Without a terminal, print it.

    If the pager fails, stderr names the command `see`, which shows the text without a pager.
    """
    if pager is None:
        pager = os.environ.get("PAGER", "less")
    if pager in ("", "cat") or not sys.stdout.isatty():
        click.echo(text)
        return
    # As git does: through a shell, and with the options by which less exits on a short text.
    os.environ.setdefault("LESS", "FRX")
    failed = f"the pager {printable(pager)!r} failed: see '{see}'"
    os.environ["PAGER"] = shlex.join(["sh", "-c", _PAGING, "sh", pager, failed])
    click.echo_via_pager(text, color=True)
