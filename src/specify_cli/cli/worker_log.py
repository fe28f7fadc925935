"""The log of a worker on stderr: lines for people, or JSON objects for programs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import click

from specify_cli import clock

TEXT_FORMAT, JSON_FORMAT = "text", "json"
LEVELS = ("debug", "info", "warning", "error")


class WorkerLog:
    """Writes the lines of a worker that have at least a certain level.

    Args:
        form: `text` or `json`.
        level: The lowest level that is written.
        before: Called before each line.
    """

    def __init__(self, *, form: str, level: str, before: Callable[[], None]) -> None:
        self._is_json = form == JSON_FORMAT
        self._levels = LEVELS[LEVELS.index(level) :]
        self._before = before

    def __call__(self, text: str) -> None:
        """Write the line with the time."""
        from specify_cli.mailbox import log_lines

        line = log_lines.as_line(text)
        if line.level not in self._levels:
            return
        self._before()
        if not self._is_json:
            _write(f"{clock.timestamp()} {line}")
            return
        head = {"at": clock.timestamp(), "level": line.level, "event": line.event}
        _write(json.dumps({**head, "text": str(line), **line.fields}))


def _write(line: str) -> None:
    # An operator who closed the terminal must not stop the worker.
    with contextlib.suppress(OSError):
        click.echo(line, err=True)
