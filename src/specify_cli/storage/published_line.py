"""The form of a published journal line, and the link to the line before it.

A line starts with its `seq` and correlation id, then the time, interface and caller. It ends with
the hash of the line before.
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
from specify_cli.protocol import CORRELATION_ID, PRIVATE_ANSWERS, READS
from specify_cli.storage.record_proof import ORIGINAL, is_marked

NOTHING_BEFORE: Final = "sha256:" + "0" * 64
"""The `prev` of the first line."""

# A JSON string contains no bare quote or newline, so no text inside a line looks like its start.
_HEAD: Final = pattern(rb'\{"seq":([0-9]{1,18}),"correlation_id":"([A-Za-z0-9._-]{1,128})",')
# The errors of files that were refused unread: too many, too large, or owned by another user.
_REFUSED_UNREAD: Final = {StorageFailed.code, RequestTooLarge.code, NotAuthorized.code}
_ORIGINAL: Final = f'"{ORIGINAL}":"sha256:'.encode()
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_BEHIND_THE_ID: Final = ("at", "door", "identity")


def encode(line: Mapping[str, Any], *, seq: int, prev: str) -> bytes:
    """Return the bytes of the line `seq`, with its newline, after a line with the digest `prev`.

    Raises:
        ValueError: its `correlation_id` is invalid.
    """
    if not CORRELATION_ID.fullmatch(line["correlation_id"]):
        raise ValueError(f"not a correlation id: {line['correlation_id']!r}")
    numbered = {"seq": seq, "correlation_id": line["correlation_id"]}
    head = numbered | {name: line[name] for name in _BEHIND_THE_ID if name in line}
    said = {**head, **line, **numbered, "prev": prev}
    return _ENCODER.encode(said).encode("ascii") + b"\n"


def parse(line: bytes) -> dict[str, Any]:
    """Return the content of the line.

    Raises:
        ValueError, RecursionError: it is not a line of the journal.
    """
    head = _HEAD.match(line)
    if head is None:
        raise ValueError("it does not start with a number and a correlation id")
    entry: dict[str, Any] = json.loads(line)
    # The last of duplicate keys counts, whatever its type.
    seq, correlation_id = entry["seq"], entry["correlation_id"]
    if type(seq) is not int or (seq, correlation_id) != (int(head[1]), head[2].decode()):
        raise ValueError("it has its number or its correlation id twice")
    return entry


def seq_of(line: bytes) -> int | None:
    """Return the `seq` at the start of the line; None if there is none."""
    head = _HEAD.match(line)
    return None if head is None else int(head[1])


def scope_of(entry: Mapping[str, Any]) -> str:
    """Return the scope of the line's id: the shared one, or that of an orchestrator."""
    return ids.scope_of(str(entry.get("door", "")), str(entry.get("identity", "")))


def was_never_read(entry: Mapping[str, Any]) -> bool:
    """Whether the request was refused unread, so that any request with its id counts as a repeat.

    Limits and owners may differ when a restarted host reads the same file again.
    """
    envelope = entry.get("envelope")
    code = envelope.get("error_code") if isinstance(envelope, dict) else None
    return entry.get("args") is None and code in _REFUSED_UNREAD


def shared_part(entry: Mapping[str, Any]) -> bytes | None:
    """Return the part of a read's answer that other answers may share; None if the line is kept for ever.

    A file refused unread counts as a read: it changed nothing.
    """
    envelope = entry.get("envelope")
    is_read = str(entry.get("command")).rpartition(".")[2] in READS or was_never_read(entry)
    if not is_read or not isinstance(envelope, dict) or entry.get("dead_letter"):
        return None
    if envelope.get("error_code") == CorrelationIdConflict.code:
        return None
    return compact(envelope.get("data")).encode("ascii")


def without_private(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the line without the private fields of its answer; the same line if it has none."""
    envelope = entry.get("envelope")
    private = PRIVATE_ANSWERS.get(str(entry.get("command")).rpartition(".")[2], ())
    if not private or not isinstance(envelope, dict) or not envelope.get("success"):
        return entry
    data = {name: it for name, it in envelope["data"].items() if name not in private}
    return {**entry, "envelope": {**envelope, "data": data}}


def link(line: bytes) -> str:
    """Return the `prev` of the next line: the line's digest, or for a redacted line its original digest."""
    if _ORIGINAL in line:
        original = json.loads(line).get(ORIGINAL)
        if isinstance(original, str):
            return original
    return digest(line)


def digest(line: bytes) -> str:
    """Return the digest of the line with its newline."""
    return "sha256:" + hashlib.sha256(line).hexdigest()


def is_redacted(line: bytes, known: bytes, salt: bytes | None = None) -> bool:
    """Whether the line was published before text of it was redacted, as it is in `known`.

    `salt` proves the marks of a line that was redacted before.
    """
    is_first = digest(line) == link(known)
    is_it = link(known) == link(line)
    return is_it and is_marked(known, of=line, salt=None if is_first else salt)


def names_whole(line: bytes, before: bytes) -> bool:
    """Whether the line names `before`, which was not redacted."""
    return digest(before) == link(before) and names(line, before)


def names(line: bytes, before: bytes) -> bool:
    """Whether the line names `before` as the line before it."""
    try:
        return parse(line).get("prev") == link(before)
    except (ValueError, RecursionError):
        return False
