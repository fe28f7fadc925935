"""A door is given a project and a request, and gives back the bytes of the one answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from specify_cli.conformance.requests import Request

LONG_AGO = (1_000_000_000, 1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The bytes of the answer, and the exit code where there is one."""

    raw: bytes
    exit_code: int | None = None


class Interface(Protocol):
    """A way to ask the host."""

    def send(self, root: Path, request: Request) -> Answer:
        """The answer to the request, asked of the project at `root`."""


def put_request(root: Path, request: Request) -> Path:
    """The request lies in the inbox, written so long ago that no client can still be at it."""
    inbox = root / ".kitty" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    temporary = inbox / f".{request.correlation_id}.tmp"
    temporary.write_bytes(request.as_file())
    os.utime(temporary, LONG_AGO)
    return temporary.rename(inbox / f"{request.correlation_id}.json")


def reply_path(root: Path, correlation_id: str) -> Path:
    """Where the reply to the request of that id lies."""
    return root / ".kitty" / "outbox" / f"{correlation_id}.json"
