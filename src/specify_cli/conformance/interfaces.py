"""Interfaces of a host: the command line and the mailbox, with one common protocol."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from specify_cli.conformance.requests import Request

LONG_AGO = (1_000_000_000, 1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The bytes of the answer, and the exit code of a command line."""

    raw: bytes
    exit_code: int | None = None


class Interface(Protocol):
    """An interface of a host."""

    def send(self, root: Path, request: Request) -> Answer:
        """Send the request to the host of the project at `root` and return the answer."""


def put_request(root: Path, request: Request) -> Path:
    """Put the request into the inbox, with a time stamp past the grace for slow writers."""
    inbox = root / ".kitty" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    temporary = inbox / f".{request.correlation_id}.tmp"
    temporary.write_bytes(request.as_file())
    os.utime(temporary, LONG_AGO)
    return temporary.rename(inbox / f"{request.correlation_id}.json")


def reply_path(root: Path, correlation_id: str) -> Path:
    """Return the path of the reply to the request of that id."""
    return root / ".kitty" / "outbox" / f"{correlation_id}.json"
