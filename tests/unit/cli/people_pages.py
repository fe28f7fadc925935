"""All help pages of the command line."""

from __future__ import annotations

from collections.abc import Iterator

import click

from specify_cli.cli.main import root


def pages(command: click.Command = root, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The command words of each help page."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from pages(inner, (*words, name))
