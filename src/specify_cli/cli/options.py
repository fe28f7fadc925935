"""Options shared by several commands."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

MISSION = click.option(
    "--mission", help="Folder, id, number or bare name. Default: the only open mission."
)
ACTOR = click.option("--actor", help="Name to record. Default: the current user.")
ROOT_VARIABLE = "SPECIFY_REPO_ROOT"
F = TypeVar("F", bound=Callable[..., Any] | click.Command)

JSON = click.option("--json", "as_json", is_flag=True, help="Print the reply as JSON.")


def _use_project(context: click.Context, parameter: click.Parameter, folder: str | None) -> None:
    if folder is not None:
        context.with_resource(_named(folder))


@contextlib.contextmanager
def _named(folder: str) -> Iterator[None]:
    """Make every part of this process find the project of the folder."""
    before = os.environ.get(ROOT_VARIABLE)
    os.environ[ROOT_VARIABLE] = folder
    try:
        yield
    finally:
        del os.environ[ROOT_VARIABLE]
        if before is not None:
            os.environ[ROOT_VARIABLE] = before


def _project(*, hidden: bool) -> Callable[[F], F]:
    return click.option(
        "--project",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False),
        expose_value=False,
        callback=_use_project,
        hidden=hidden,
        help="A folder in the project. Default: the current folder.",
    )


PROJECT = _project(hidden=False)


def take_project(group: click.Group) -> None:
    """Give every command of the group the option --project, which the page of the group describes."""
    for command in group.commands.values():
        if isinstance(command, click.Group):
            take_project(command)
        elif all(it.name != "project" for it in command.params):
            _project(hidden=True)(command)
