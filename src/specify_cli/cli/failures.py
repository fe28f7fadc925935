"""Report the error that ended a command, and choose the exit code."""

from __future__ import annotations

import io
from collections.abc import Sequence

import click

from specify_cli import credentials, errors
from specify_cli.cli import json_reply, output, reply


def reported(error: Exception, words: Sequence[str], *, root: click.Command) -> int | None:
    """Report the error of the command that the arguments name.

    Returns:
        The exit code; None, and nothing is reported, if stdout could not be written, or if it is a
        fault of this program and no envelope was asked for.
    """
    if isinstance(error, click.ClickException):
        _report_misuse(error, words, root)
        return error.exit_code
    if isinstance(error, click.Abort):
        click.echo("interrupted", err=True)
        return reply.REFUSED
    if isinstance(error, errors.SpecKittyError):
        if json_reply.is_asked(words):
            json_reply.print_refusal(error, _path(words, root))
        else:
            output.report(error, as_json=False)
        is_misuse = error.code == errors.UsageError.code
        return reply.NOT_UNDERSTOOD if is_misuse else reply.REFUSED
    if _is_failed_write(error) or not json_reply.is_asked(words):
        return None
    _report_fault(error, _path(words, root))
    return reply.REFUSED


def _is_failed_write(error: Exception) -> bool:
    is_broken_pipe = isinstance(error, BrokenPipeError)
    return is_broken_pipe or (isinstance(error, OSError) and reply.is_failed_write(error))


def _path(words: Sequence[str], root: click.Command) -> str:
    """Return the names of the command that the arguments start with, such as `mailbox status`."""
    command: click.Command | None = root
    names: list[str] = []
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(click.Context(command), word)
        if command is None:
            break
        names.append(word)
    return " ".join(names)


def _report_misuse(error: click.ClickException, words: Sequence[str], root: click.Command) -> None:
    if json_reply.is_asked(words):
        misuse = errors.UsageError(error.format_message())
        json_reply.print_refusal(misuse, _path(words, root))
        return
    message = io.StringIO()
    error.show(message)
    # The message quotes the arguments, and stderr may be logged.
    click.echo(credentials.masked(message.getvalue()), nl=False, err=True)


def _report_fault(error: Exception, path: str) -> None:
    """Print a fault of this program: the traceback to stderr, and an envelope to stdout."""
    import traceback

    click.echo(credentials.masked("".join(traceback.format_exception(error))), nl=False, err=True)
    message = f"an internal error: {type(error).__name__}; the traceback is on stderr"
    json_reply.print_refusal(errors.HostError(message), path)
