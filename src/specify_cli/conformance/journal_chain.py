"""Verification of the journal's hash chain, written from the contract alone."""

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
    """Return the files of the journal, oldest first."""
    found = [
        (int(match[1]), path)
        for path in outbox.iterdir()
        if (match := ROTATED.fullmatch(path.name))
    ]
    return [*(path for _, path in sorted(found)), outbox / "journal.jsonl"]


def chain_errors(outbox: Path) -> Iterator[str]:
    """Yield a message for every line that breaks the chain or does not match its schema."""
    number, before = 0, NOTHING_BEFORE
    for path in journal_files(outbox):
        for line in path.read_bytes().splitlines(keepends=True):
            number += 1
            yield from (f"line {number}: {message}" for message in _wrong(line, number, before))
            before = _link(line)


def _link(line: bytes) -> str:
    """Return the `prev` of the next line: the digest of this line before any redaction."""
    digest = f"sha256:{hashlib.sha256(line).hexdigest()}"
    try:
        entry = json.loads(line)
    except ValueError:
        return digest
    original = entry.get("redacted") if isinstance(entry, dict) else None
    return original if isinstance(original, str) else digest


def _wrong(line: bytes, number: int, before: str) -> Iterator[str]:
    try:
        entry = json.loads(line)
    except ValueError as error:
        yield f"not JSON: {error}"
        return
    yield from schema_errors("journal-line", entry)
    if entry.get("seq") != number:
        yield f"seq is {entry.get('seq')}"
    if entry.get("prev") != before:
        yield f"prev is {entry.get('prev')}, expected {before}"
