"""The head of the record: one digest over everything that its entries say, in their order.

Free text is in it by a salted digest alone, so that a person can take a secret out of the record and
the chain stays whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from specify_cli.patterns import pattern

NOTHING_BEFORE: Final = b"\0" * 32
"""The head before the first entry."""

FREE_TEXT: Final = frozenset(
    {"evidence", "feedback", "message", "note", "reason", "review_ref", "review_result", "summary"}
)
"""Below these keys of a line people and agents write whatever they like."""

_REDACTED: Final = pattern(r"\[redacted sha256:([0-9a-f]{64})\]")


def head_after(
    before: bytes,
    *,
    about: Sequence[object],
    salt: bytes,
    published: bytes | None,
    log: bytes,
    is_ours: bool = True,
) -> bytes:
    """The head (32 bytes) after an entry.

    Lines of others are in it by their bytes, whatever they are.

    Args:
        before: The head before it.
        about: What it says beside its lines; JSON can carry it.
        salt: Salts what free text there is.
        published: Its line of the published journal.
        log: Its lines of the mission's log, each with its newline.
        is_ours: Whether the host wrote these.

    Raises:
        ValueError: a line of the host is not a JSON object.
    """
    digest = hashlib.sha256(before)
    digest.update(hashlib.sha256(_canonical(about)).digest())
    digest.update(hashlib.sha256(_proved(published, salt) if published else b"").digest())
    # At newlines alone: others may have written what Python ends lines at, too.
    for line in log.split(b"\n")[:-1]:
        said = _proved(line, salt) if is_ours else _line_digest(line, salt)
        digest.update(hashlib.sha256(said).digest())
    return digest.digest()


def redacted(line: bytes, *, salt: bytes, secret: str) -> bytes:
    """The line (with its newline) in which a mark takes the place of each free text that has `secret` in it.

    The head over it is the same as before.

    Raises:
        ValueError: the line is not a JSON object.
    """
    return _written(line, lambda text: _mark(text, salt, secret)) + b"\n"


def _mark(text: str, salt: bytes, secret: str) -> str:
    return f"[redacted sha256:{_text_digest(text, salt)}]" if secret in text else text


def _proved(line: bytes, salt: bytes) -> bytes:
    return _written(line, lambda text: _text_digest(text, salt))


def _written(line: bytes, change: Callable[[str], str]) -> bytes:
    """The line with its free texts changed, in the one form that is hashed."""
    try:
        return _canonical(_mapped(_object(line), change, free=False))
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def _line_digest(line: bytes, salt: bytes) -> bytes:
    return _text_digest(line.decode("latin-1"), salt).encode()


def _text_digest(text: str, salt: bytes) -> str:
    known = _REDACTED.fullmatch(text)
    # A lone surrogate is a JSON string, too.
    data = text.encode("utf-8", "surrogatepass")
    return known[1] if known else hashlib.sha256(salt + data).hexdigest()


def _mapped(said: Any, change: Callable[[str], str], *, free: bool) -> Any:
    if isinstance(said, dict):
        return {key: _mapped(it, change, free=free or key in FREE_TEXT) for key, it in said.items()}
    if isinstance(said, list):
        return [_mapped(it, change, free=free) for it in said]
    return change(said) if free and isinstance(said, str) else said


def _object(line: bytes) -> dict[str, Any]:
    said = json.loads(line)
    if not isinstance(said, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004  as json.loads does
    return said


def _canonical(said: Any) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()
