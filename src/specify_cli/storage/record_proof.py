"""The head of the record: one digest over everything that its entries say, in their order.

Free text is in it by a salted digest alone, so that a person can take a secret out of the record and
the chain stays whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from specify_cli.patterns import pattern
from specify_cli.plain import compact

NOTHING_BEFORE: Final = b"\0" * 32
"""The head before the first entry."""

FREE_TEXT: Final = frozenset(
    {"evidence", "feedback", "message", "note", "reason", "review_ref", "review_result", "summary"}
)
"""Below these keys of a line people and agents write whatever they like."""

ORIGINAL: Final = "redacted"
"""The key of a published line that was redacted: how the next line names it. The head does not go by it."""

MARK: Final = "[redacted sha256:"
"""How the text begins that takes the place of one."""

ASKED: Final = frozenset({"actor", "args", "policy"})
"""The keys of a published line below which is what a request has said."""

_NOTHING_WAS: Final[Mapping[str, str]] = MappingProxyType({})
_IS_CHANGED: Final = pattern(f'"(?:{"|".join(sorted({*FREE_TEXT, ORIGINAL}))})":'.encode())
"""A key of which the head has another value than an encoded line; or a text that ends like one."""

_REDACTED: Final = pattern(r"\[redacted sha256:([0-9a-f]{64})\]")


class ProvedLines(NamedTuple):
    """The lines of an entry, each with its newline: that of the published journal, and those of the mission's log.

    `salt` salts what free text there is. Where they are not `is_ours`, the host did not write those of the log. Where it
    `is_fresh`, the host has encoded the published one just now, so that it has the one form that is hashed.
    """

    published: bytes | None
    log: bytes
    salt: bytes
    is_ours: bool = True
    is_fresh: bool = False


def head_after(
    before: bytes,
    *,
    about: Sequence[object],
    lines: ProvedLines,
    was: Mapping[str, str] = _NOTHING_WAS,
) -> bytes:
    """The head (32 bytes) after an entry.

    Lines of others are in it by their bytes, whatever they are.

    Args:
        before: The head before it.
        about: What it says beside its lines; JSON can carry it.
        lines: Its lines.
        was: Of lines that were redacted, and not in free text alone: their digests now, and those that they had.

    Raises:
        ValueError: a line of the host is not a JSON object.
    """
    digest = hashlib.sha256(before)
    digest.update(hashlib.sha256(_canonical(about)).digest())
    for own in digests_of(lines):
        digest.update(bytes.fromhex(was.get(own, own)))
    return digest.digest()


def digests_of(lines: ProvedLines) -> Iterator[str]:
    """The digest of each line, the published one first, as the head has it. Raises: ValueError as `head_after`."""
    published = lines.published or b""
    if lines.is_fresh and not _IS_CHANGED.search(published):
        published = published.removesuffix(b"\n")
    elif published:
        published = _published(published, lines.salt)
    yield hashlib.sha256(published).hexdigest()
    # At newlines alone: others may have written what Python ends lines at, too.
    for line in lines.log.split(b"\n")[:-1]:
        said = _proved(line, lines.salt) if lines.is_ours else _line_digest(line, lines.salt)
        yield hashlib.sha256(said).hexdigest()


def redacted(line: bytes, *, salt: bytes, secret: str) -> bytes:
    """The line (with its newline) in which a mark takes the place of each free text that has `secret` in it.

    The head over it is the same as before.

    Raises:
        ValueError: the line is not a JSON object.
    """
    return _written(line, partial(_mark, salt=salt, secret=secret)) + b"\n"


def redacted_published(line: bytes, *, salt: bytes, secret: str, link: str) -> bytes:
    """The same of a published line, also in what else a request may say; it says what the next line calls it: `link`.

    Where only free text was replaced, the head over it is the same.

    Raises:
        ValueError: as `redacted`.
    """
    said = _object(line)
    change = partial(_mark, salt=salt, secret=secret)
    for key in said.keys() & ASKED:
        said[key] = _mapped(said.get(key), change, free=True)
    envelope = said.get("envelope")
    if isinstance(envelope, dict):
        said["envelope"] = envelope | {"data": _mapped(envelope.get("data"), change, free=True)}
    return _canonical({**said, ORIGINAL: link}) + b"\n"


def is_redacted(line: bytes, *, of: bytes, salt: bytes) -> bool:
    """Whether the line is another one in which free texts were replaced by their marks."""
    try:
        return line != of and _proved(line, salt) == _proved(of, salt)
    except ValueError:
        return False


def is_marked(line: bytes, *, of: bytes, salt: bytes | None = None) -> bool:
    """Whether the line is another one in which marks took the place of texts; with a `salt`, of the very same ones."""
    try:
        now, before = ({**_object(it), ORIGINAL: None} for it in (line, of))
        return now != before and _is_marked(now, before, salt)
    except (ValueError, RecursionError):
        return False


def _is_marked(now: Any, before: Any, salt: bytes | None) -> bool:
    if isinstance(now, dict) and isinstance(before, dict):
        return now.keys() == before.keys() and all(
            _is_marked(it, before[key], salt) for key, it in now.items()
        )
    if isinstance(now, list) and isinstance(before, list):
        return len(now) == len(before) and all(
            _is_marked(*pair, salt) for pair in zip(now, before, strict=True)
        )
    if now == before or not (isinstance(now, str) and isinstance(before, str)):
        return bool(now == before)
    known = _REDACTED.fullmatch(now)
    return known is not None and (salt is None or known[1] == _text_digest(before, salt))


def has_mark(line: bytes) -> bool:
    """Whether a text of the line reads as redacted."""
    return b'"[redacted sha256:' in line and any(map(_REDACTED.fullmatch, _texts(line)))


def places_of(line: bytes, secret: str) -> tuple[int, list[str]]:
    """In how many texts of the line that can be replaced the secret is, and under which other keys."""
    found = 0
    other: list[str] = []
    for key, text, free in _walked(_object(line), "", free=False):
        if secret in text:
            found += free
            other += [] if free else [key]
    return found, list(dict.fromkeys(other))


def _texts(line: bytes) -> Iterator[str]:
    try:
        yield from (text for _, text, free in _walked(_object(line), "", free=False) if free)
    except (ValueError, RecursionError):
        return


def _walked(said: Any, key: str, *, free: bool) -> Iterator[tuple[str, str, bool]]:
    if isinstance(said, dict):
        for name, it in said.items():
            yield name, name, False
            yield from _walked(it, name, free=free or name in FREE_TEXT)
    elif isinstance(said, list):
        for it in said:
            yield from _walked(it, key, free=free)
    elif isinstance(said, str):
        yield key, said, free


def _published(line: bytes, salt: bytes) -> bytes:
    said = _object(line)
    said.pop(ORIGINAL, None)
    return _changed(said, lambda text: _text_digest(text, salt))


def _mark(text: str, *, salt: bytes, secret: str) -> str:
    return f"[redacted sha256:{_text_digest(text, salt)}]" if secret in text else text


def _proved(line: bytes, salt: bytes) -> bytes:
    return _written(line, lambda text: _text_digest(text, salt))


def _written(line: bytes, change: Callable[[str], str]) -> bytes:
    """The line with its free texts changed, in the one form that is hashed."""
    return _changed(_object(line), change)


def _changed(said: Mapping[str, Any], change: Callable[[str], str]) -> bytes:
    """The same of what a line says."""
    try:
        return _canonical(_mapped(said, change, free=False))
    except RecursionError as error:
        raise _too_deep() from error


def _line_digest(line: bytes, salt: bytes) -> bytes:
    return _text_digest(line.decode("latin-1"), salt).encode()


def _text_digest(text: str, salt: bytes) -> str:
    known = _REDACTED.fullmatch(text)
    # A lone surrogate is a JSON string, too.
    data = text.encode("utf-8", "surrogatepass")
    return known[1] if known else hashlib.sha256(salt + data).hexdigest()


def _mapped(said: Any, change: Callable[[str], str], *, free: bool) -> Any:
    if isinstance(said, str):
        return change(said) if free else said
    if isinstance(said, dict):
        return {key: _mapped(it, change, free=free or key in FREE_TEXT) for key, it in said.items()}
    return [_mapped(it, change, free=free) for it in said] if isinstance(said, list) else said


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except RecursionError as error:
        raise _too_deep() from error
    if not isinstance(said, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004  as json.loads does
    return said


def _too_deep() -> ValueError:
    return ValueError("is nested too deeply")


def _canonical(said: Any) -> bytes:
    return compact(said).encode()
