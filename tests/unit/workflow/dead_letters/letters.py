"""Helpers of the tests of dead letters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from specify_cli.workflow.context import Effects, RequestContext
from specify_cli.workflow.dead_letters import DeadLetters

OURS, THEIRS = (
    RequestContext(correlation_id=name, request_digest=name, effects=Effects())
    for name in ("ours", "theirs")
)


def inbox(letters: DeadLetters) -> Path:
    return letters.project.kitty / "inbox"


def set_aside(letters: DeadLetters, letter_id: str = "A1", **changes: Any) -> Path:
    """Write a dead letter as a worker does; return the path of its body."""
    record = {"dead_letter": letter_id, "name": "one.json", "identity": "default", **changes}
    (letters.folder.folder / f"{letter_id}.json").write_text(json.dumps(record))
    body = letters.folder.folder / f"{letter_id}.body"
    body.write_text('{"correlation_id": "one"}')
    return body


def replay(letters: DeadLetters, cause: RequestContext = OURS, new_id: str | None = "two") -> str:
    return letters.replay("A1", new_id=new_id, actor="ada", cause=cause).state


def discard(letters: DeadLetters, cause: RequestContext = OURS) -> str:
    return letters.discard("A1", actor="ada", cause=cause).state


def inbox_files(letters: DeadLetters) -> list[str]:
    return sorted(path.name for path in inbox(letters).iterdir())


def letter_files(letters: DeadLetters) -> list[str]:
    """The files of the letters, without drafts of a killed writer, which the worker removes."""
    names = sorted(path.name for path in letters.folder.folder.iterdir())
    return [name for name in names if not name.startswith(".A1.settling.")]
