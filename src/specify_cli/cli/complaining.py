"""How the words about the mailbox say that something is not as it should be."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from specify_cli import errors

if TYPE_CHECKING:
    from specify_cli.mailbox.layout import MailboxLayout

REFUSED = NOT_THERE = 1
COULD_NOT_CHECK = 2


@contextlib.contextmanager
def complaining(*, exit_code: int) -> Iterator[None]:
    """What goes wrong in the block is told on stderr, and ends the process with `exit_code`."""
    try:
        yield
    except errors.SpecKittyError as error:
        log(f"{error.code}: {error.message}")
        sys.exit(exit_code)
    except BrokenPipeError:
        raise  # The reader of stdout has gone.
    except OSError as error:
        log(f"the disk refused: {error}")
        sys.exit(exit_code)


def log(line: str) -> None:
    """The line is on stderr, unless nobody reads that any more."""
    from specify_cli.mailbox import printable

    # An operator who closed the terminal must not stop the worker.
    with contextlib.suppress(OSError):
        click.echo(printable.printable(line), err=True)


def project_here() -> Path:
    """The root of the project. Raises: MissionNotFound."""
    from specify_cli import bootstrap

    return bootstrap.find_project(Path.cwd())


def layout_here() -> MailboxLayout:
    """Where its mailbox lies. Raises: MissionNotFound."""
    from specify_cli import bootstrap

    return bootstrap.mailbox_layout(project_here())
