"""The head of the record: a digest over everything that its entries say, in their order.

Free text is covered by a salted digest, so that a person can redact a secret and the chain stays
valid.
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
"""The keys of a line below which people and agents write free text."""

ORIGINAL: Final = "redacted"
"""The key of a redacted published line with the digest that the next line names. The head omits it."""

MARK: Final = "[redacted sha256:"
"""The beginning of the mark that replaces redacted text."""

ASKED: Final = frozenset({"actor", "args", "policy"})
"""The keys of a published line with the content of the request."""

_NOTHING_WAS: Final[Mapping[str, str]] = MappingProxyType({})
_IS_CHANGED: Final = pattern(f'"(?:{"|".join(sorted({*FREE_TEXT, ORIGINAL}))})":'.encode())
"""A key whose value the head replaces in an encoded line; or a text that ends like one."""

_REDACTED: Final = pattern(r"\[redacted sha256:([0-9a-f]{64})\]")


class ProvedLines(NamedTuple):
    """The lines of an entry, each with its newline: the published one, and those of the mission's log.

    `salt` salts the digests of free text. `is_ours` is false if another program wrote the log
    lines. `is_fresh` is true if the published line was just encoded, and has its canonical form.
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
    """Return the head (32 bytes) after an entry.

    Lines of other programs are covered by their bytes.

    Args:
        before: The head before it.
        about: Its other fields, as JSON values.
        lines: Its lines.
        was: For redacted lines with changes outside free text, the original digest of each present
            one.

    Raises:
        ValueError: a line of the host is not a JSON object.
    """
    digest = hashlib.sha256(before)
    digest.update(hashlib.sha256(_canonical(about)).digest())
    for own in digests_of(lines):
        digest.update(bytes.fromhex(was.get(own, own)))
    return digest.digest()


def digests_of(lines: ProvedLines) -> Iterator[str]:
    """Yield the digest of each line as the head covers it, the published one first.

    Raises:
        ValueError: as `head_after`.
    """
    published = lines.published or b""
    if lines.is_fresh and not _IS_CHANGED.search(published):
        published = published.removesuffix(b"\n")
    elif published:
        published = _published(published, lines.salt)
    yield hashlib.sha256(published).hexdigest()
    # Split at newlines only: lines of other programs may contain other characters at which Python ends a line.
    for line in lines.log.split(b"\n")[:-1]:
        said = (
            _proved(line, lines.salt)
            if lines.is_ours
            else _text_digest(line.decode("latin-1"), lines.salt).encode()
        )
        yield hashlib.sha256(said).hexdigest()


def redacted(line: bytes, *, salt: bytes, secret: str) -> bytes:
    """Return the line, with its newline, with a mark for each free text that contains `secret`.

    Its digest in the head stays the same.

    Raises:
        ValueError: the line is not a JSON object.
    """
    return _written(line, partial(_mark, salt=salt, secret=secret)) + b"\n"


def redacted_published(line: bytes, *, salt: bytes, secret: str, link: str) -> bytes:
    """Redact a published line, including the content of its request; store `link` as its original digest.

    Its digest in the head stays the same if only free text was replaced.

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
    """Whether `line` is `of` with free texts replaced by their marks."""
    try:
        return line != of and _proved(line, salt) == _proved(of, salt)
    except ValueError:
        return False


def is_marked(line: bytes, *, of: bytes, salt: bytes | None = None) -> bool:
    """Whether `line` is `of` with texts replaced by marks; with a `salt`, by the marks of these texts."""
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
    """Whether a text of the line is a mark."""
    return b'"[redacted sha256:' in line and any(map(_REDACTED.fullmatch, _texts(line)))


def places_of(line: bytes, secret: str) -> tuple[int, list[str]]:
    """Return how many replaceable texts of the line contain the secret, and which other keys do."""
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
    """Return the canonical line with changed free texts."""
    return _changed(_object(line), change)


def _changed(said: Mapping[str, Any], change: Callable[[str], str]) -> bytes:
    """Return the canonical form of a parsed line with changed free texts."""
    try:
        return _canonical(_mapped(said, change, free=False))
    except RecursionError as error:
        raise _too_deep() from error


def _text_digest(text: str, salt: bytes) -> str:
    known = _REDACTED.fullmatch(text)
    # A JSON string may contain a lone surrogate.
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
