"""A line of the published journal: its form, and how the next one names it.

Every line starts with its number and its correlation id, with who asked at which door behind them,
and ends with the hash of the line before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from specify_cli import ids
from specify_cli.errors import CorrelationIdConflict, NotAuthorized, RequestTooLarge, StorageFailed
from specify_cli.patterns import pattern
from specify_cli.plain import compact
from specify_cli.protocol import CORRELATION_ID, READS
from specify_cli.storage.record_proof import ORIGINAL, is_marked

NOTHING_BEFORE: Final = "sha256:" + "0" * 64
"""What the first line has in place of the hash of the line before."""

# A JSON string holds no bare quote and no newline, so nothing inside a line passes for its start.
_HEAD: Final = pattern(rb'\{"seq":([0-9]{1,18}),"correlation_id":"([A-Za-z0-9._-]{1,128})",')
# What a file is refused with that nobody has read: past the bounds, too large, another user's.
_REFUSED_UNREAD: Final = {StorageFailed.code, RequestTooLarge.code, NotAuthorized.code}
_ORIGINAL: Final = f'"{ORIGINAL}":"sha256:'.encode()
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_BEHIND_THE_ID: Final = ("at", "door", "identity")


def encode(line: Mapping[str, Any], *, seq: int, prev: str) -> bytes:
    """The bytes of the line `seq`, newline and all, behind one with the digest `prev`.

    Raises:
        ValueError: its `correlation_id` is none.
    """
    if not CORRELATION_ID.fullmatch(line["correlation_id"]):
        raise ValueError(f"not a correlation id: {line['correlation_id']!r}")
    numbered = {"seq": seq, "correlation_id": line["correlation_id"]}
    head = numbered | {name: line[name] for name in _BEHIND_THE_ID if name in line}
    said = {**head, **line, **numbered, "prev": prev}
    return _ENCODER.encode(said).encode("ascii") + b"\n"


def parse(line: bytes) -> dict[str, Any]:
    """What the line says. Raises: ValueError, RecursionError where it is not a line of the journal."""
    head = _HEAD.match(line)
    if head is None:
        raise ValueError("it does not start with a number and a correlation id")
    entry: dict[str, Any] = json.loads(line)
    # Of a key that is there twice the last counts, of whatever kind it is.
    seq, correlation_id = entry["seq"], entry["correlation_id"]
    if type(seq) is not int or (seq, correlation_id) != (int(head[1]), head[2].decode()):
        raise ValueError("it holds its number or its correlation id twice")
    return entry


def seq_of(line: bytes) -> int | None:
    """The number that the line starts with; None where it does not."""
    head = _HEAD.match(line)
    return None if head is None else int(head[1])


def scope_of(entry: Mapping[str, Any]) -> str:
    """Whose the id of that line is: the one that the command line and the root inbox share, or an orchestrator's."""
    return ids.scope_of(str(entry.get("door", "")), str(entry.get("identity", "")))


def was_never_read(entry: Mapping[str, Any]) -> bool:
    """Whether nobody can say what that request was, so that whatever has its id is taken for it.

    Bounds and owners may be others when a killed host comes back to the very same file.
    """
    envelope = entry.get("envelope")
    code = envelope.get("error_code") if isinstance(envelope, dict) else None
    return entry.get("args") is None and code in _REFUSED_UNREAD


def shared_part(entry: Mapping[str, Any]) -> bytes | None:
    """Of the answer to a read, as its line has it, what the answers to others have, too; None where the line is kept for ever.

    What was refused unread counts as a read: it changed nothing, either.
    """
    envelope = entry.get("envelope")
    is_read = str(entry.get("command")).rpartition(".")[2] in READS or was_never_read(entry)
    if not is_read or not isinstance(envelope, dict) or entry.get("dead_letter"):
        return None
    if envelope.get("error_code") == CorrelationIdConflict.code:
        return None
    return compact(envelope.get("data")).encode("ascii")


def link(line: bytes) -> str:
    """How the next line names this one: by its digest, or by that of what it was before it was redacted."""
    if _ORIGINAL in line:
        original = json.loads(line).get(ORIGINAL)
        if isinstance(original, str):
            return original
    return digest(line)


def digest(line: bytes) -> str:
    """How the next line names this one, which has its newline."""
    return "sha256:" + hashlib.sha256(line).hexdigest()


def is_redacted(line: bytes, known: bytes, salt: bytes | None = None) -> bool:
    """Whether that line was published before text of it was redacted, as `known` is now.

    One that was redacted before is told by the `salt` of its marks, where they have one.
    """
    is_first = digest(line) == link(known)
    is_it = link(known) == link(line)
    return is_it and is_marked(known, of=line, salt=None if is_first else salt)


def names_whole(line: bytes, before: bytes) -> bool:
    """As `names`, of one that nobody has redacted."""
    return digest(before) == link(before) and names(line, before)


def names(line: bytes, before: bytes) -> bool:
    """Whether the line names that one as the line before it."""
    try:
        return parse(line).get("prev") == link(before)
    except (ValueError, RecursionError):
        return False
