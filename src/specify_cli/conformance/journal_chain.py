"""The journal's chain, proved by nothing but what the contract says of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from specify_cli.conformance.documents import schema_errors

ROTATED = re.compile(r"journal-([0-9]{1,18})\.jsonl")
NOTHING_BEFORE = "sha256:" + "0" * 64


def journal_files(outbox: Path) -> list[Path]:
    """The files of the journal, oldest first."""
    found = [(int(match[1]), path) for path in outbox.iterdir() if (match := _rotated(path))]
    return [*(path for _, path in sorted(found)), outbox / "journal.jsonl"]


def _rotated(path: Path) -> re.Match[str] | None:
    return ROTATED.fullmatch(path.name)


def chain_errors(outbox: Path) -> Iterator[str]:
    """A sentence for every line that is not chained to the one before, or not as described."""
    number, before = 0, NOTHING_BEFORE
    for path in journal_files(outbox):
        for line in path.read_bytes().splitlines(keepends=True):
            number += 1
            yield from (f"line {number}: {complaint}" for complaint in _wrong(line, number, before))
            before = _link(line)


def _link(line: bytes) -> str:
    """How the next line names this one: by its digest, or by the one that it had before it was redacted."""
    digest = f"sha256:{hashlib.sha256(line).hexdigest()}"
    try:
        told = json.loads(line)
    except ValueError:
        return digest
    original = told.get("redacted") if isinstance(told, dict) else None
    return original if isinstance(original, str) else digest


def _wrong(line: bytes, number: int, before: str) -> Iterator[str]:
    try:
        told = json.loads(line)
    except ValueError as error:
        yield f"no JSON: {error}"
        return
    yield from schema_errors("journal-line", told)
    if told.get("seq") != number:
        yield f"seq is {told.get('seq')}"
    if told.get("prev") != before:
        yield f"prev is {told.get('prev')}, the line before has {before}"
