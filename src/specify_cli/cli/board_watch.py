"""Redraw the status board when files of the mission change."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from specify_cli import bootstrap, clock
from specify_cli.cli.board import board, plain_lines, terminal
from specify_cli.cli.client import ask, envelope_of
from specify_cli.mailbox.printable import printable
from specify_cli.orchestrator_api.envelope import Envelope, encode
from specify_cli.storage.layout import Layout

SCAN_EVERY_S = 0.5
"""A scan costs one `stat` per file; the host is asked only after a change."""


class View(Protocol):
    """The output of the board."""

    def show(self, envelope: Envelope) -> None:
        """Show the envelope; called after every scan, even without a change."""


def watch(mission: str, *, as_json: bool) -> None:
    """Show the board, and update it on each change, until Ctrl-C.

    A refusal of the first request ends the process. A later one is shown until the next change,
    because a file may be half written.
    """
    first = envelope_of("mission-state", mission=mission)
    if not first["success"]:
        ask("mission-state", as_json=as_json, mission=mission)
        return
    slug = first["data"]["mission_slug"]
    with contextlib.suppress(KeyboardInterrupt), _view(as_json=as_json) as view:
        for envelope in _answers(slug):
            view.show(envelope)


def _answers(slug: str) -> Iterator[Envelope]:
    """Yield the newest envelope after every scan; ask again only after a change."""
    folder = Layout(bootstrap.find_project(Path.cwd())).missions / slug
    pause = threading.Event()
    seen = _fingerprint(folder)
    envelope = envelope_of("mission-state", mission=slug)
    while True:
        yield envelope
        pause.wait(SCAN_EVERY_S)
        found = _fingerprint(folder)
        if found != seen:
            # Taken before the request, so that a change during it is seen by the next scan.
            seen = found
            envelope = envelope_of("mission-state", mission=slug)


def _fingerprint(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Return each file of the mission with its mtime, size and inode."""
    return tuple(sorted((*_stats(folder), *_stats(folder / "tasks"))))


def _stats(folder: Path) -> Iterator[tuple[str, int, int, int]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                yield entry.path, found.st_mtime_ns, found.st_size, found.st_ino


@contextlib.contextmanager
def _view(*, as_json: bool) -> Iterator[View]:
    if as_json or not sys.stdout.isatty():
        yield _Lines(as_json=as_json)
        return
    console = terminal()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        screen = _Screen(console=console, live=live)
        yield screen


@dataclass(slots=True, kw_only=True)
class _Lines:
    """Plain output: print the board once, and again after each change."""

    as_json: bool
    last: dict[str, Any] | None = None

    def show(self, envelope: Envelope) -> None:
        content = {"code": envelope["error_code"], "data": envelope["data"]}
        if content == self.last:
            return
        self.last = content
        if self.as_json:
            click.echo(encode(envelope), nl=False)
        elif envelope["success"]:
            click.echo("\n".join(plain_lines(envelope["data"], now=clock.now())))
        else:
            click.echo(_refusal(envelope), err=True)
        sys.stdout.flush()


@dataclass(slots=True, kw_only=True)
class _Screen:
    """Terminal output: redraw after every scan, so that ages and width are current."""

    console: Console
    live: Live

    def show(self, envelope: Envelope) -> None:
        self.live.update(self._picture(envelope), refresh=True)

    def _picture(self, envelope: Envelope) -> RenderableType:
        if not envelope["success"]:
            return Text(_refusal(envelope), style="red")
        return board(envelope["data"], now=clock.now(), width=self.console.width)


def _refusal(envelope: Envelope) -> str:
    return printable(f"{envelope['error_code']}: {envelope['data']['message']}")
