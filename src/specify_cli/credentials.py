"""Detection and masking of credentials in text.

Source: `contract/v1/policy.json`; a test compares both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` is slow to import.
    from typing import Any

LINE_BREAKS = frozenset("\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
IGNORED_CATEGORIES = frozenset({"Cc", "Cf", "Me", "Mn"})
# Letters by their category, but invisible.
IGNORED_LETTERS = frozenset("\u115f\u1160\u2065\u3164\uffa0")
UNSEEN_PLANE = range(0xE0000, 0xE1000)
DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-")
# Editors replace two hyphens with one of these.
DASHES |= dict.fromkeys("\u2014\u2015\ufe58", "--")
# Masking can join the text on both sides into another credential. After so many passes all of it is masked.
MOST_PASSES = 8
_SHORT = 80

_EDGE = r"(?:^|[^A-Za-z0-9])"
_NAMES = (
    "api[ _-]?key|passwd|password|passphrase|client[ _-]?secret|secret[ _-]?key"
    "|(?:access|auth|refresh|session)[ _-]?token"
)
_NO_VALUE = "(?:none|null|nil|true|false|required|missing|empty|optional)$"
_VALUE = r"""[^\s"'`,;<>\[\](){}$*][^\s"'`,;<>\[\]]{3,}"""


class Shape(NamedTuple):
    """One kind of credential; the first group of `pattern` is the credential itself.

    A match counts if each of `needs` and none of `unless` is found in it. Every text with such a
    credential contains one of the `hints`, in lower case, so that most texts need no pattern compiled.
    """

    hints: Sequence[str]
    pattern: str
    ignore_case: bool = False
    needs: Sequence[str] = ()
    unless: Sequence[str] = ()


SHAPES = {
    "github": Shape(
        hints=("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        pattern=_EDGE + r"(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{8,})",
    ),
    "gitlab": Shape(
        hints=("glpat-", "glptt-", "gldt-", "glrt-", "glsoat-", "glcbt-", "gloas-", "glft-"),
        pattern=_EDGE + r"(gl(?:pat|ptt|dt|rt|soat|cbt|oas|ft)-[A-Za-z0-9_.-]{8,})",
    ),
    "npm": Shape(hints=("npm_",), pattern=_EDGE + r"(npm_[A-Za-z0-9]{16,})"),
    "pypi": Shape(hints=("pypi-",), pattern=_EDGE + r"(pypi-[A-Za-z0-9_]{16,}[A-Za-z0-9_-]*)"),
    "huggingface": Shape(hints=("hf_",), pattern=_EDGE + r"(hf_[A-Za-z0-9]{16,})"),
    "sendgrid": Shape(
        hints=("sg.",),
        pattern=_EDGE + r"(SG\.(?:[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}|[A-Za-z0-9_-]{16,}))",
    ),
    "digitalocean": Shape(
        hints=("dop_v1_", "doo_v1_", "dor_v1_"), pattern=_EDGE + r"(do[opr]_v1_[A-Za-z0-9]{8,})"
    ),
    "vault": Shape(
        hints=("hvb.", "hvs.", "hvr."), pattern=_EDGE + r"(hv[bsr]\.[A-Za-z0-9_-]{10,})"
    ),
    "aws": Shape(hints=("akia", "asia"), pattern=_EDGE + r"((?:AKIA|ASIA)[A-Z0-9]{12,})"),
    "aws-secret": Shape(
        hints=("aws", "secret"),
        pattern=(
            r"(?:aws|secret)[A-Za-z0-9_ .-]{0,30}[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
            r"([A-Za-z0-9/+]{40})(?:$|[^A-Za-z0-9/+=])"
        ),
        ignore_case=True,
    ),
    "aws-secret-bare": Shape(
        hints=("",),
        pattern=r"(?:^|[^A-Za-z0-9/+])([A-Za-z0-9/+]{40})(?:$|[^A-Za-z0-9/+=])",
        needs=("[A-Za-z][0-9][A-Za-z]", "[A-Z][A-Z]", "[a-z][A-Z]"),
    ),
    "google": Shape(
        hints=("aiza", "ya29."),
        pattern=_EDGE + r"(AIza[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{10,})",
    ),
    "slack": Shape(
        hints=("xox", "xapp-"),
        pattern=_EDGE + r"(xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,})",
    ),
    "anthropic": Shape(hints=("sk-ant-",), pattern=_EDGE + r"(sk-ant-[A-Za-z0-9_-]{8,})"),
    "openai": Shape(
        hints=("sk-",),
        pattern=(
            _EDGE + r"(sk-(?:(?:proj|svcacct|service|admin|or|lf)-[A-Za-z0-9_-]{8,}"
            r"|[A-Za-z0-9_]{16,}[A-Za-z0-9_-]*))"
        ),
    ),
    "stripe": Shape(
        hints=("sk_", "pk_", "rk_", "whsec_"),
        pattern=_EDGE + r"((?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,}|whsec_[A-Za-z0-9]{8,})",
    ),
    "jwt": Shape(
        hints=("eyj",),
        pattern=(
            r"(?:^|[^A-Za-z0-9_-])"
            r"(eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*)"
        ),
    ),
    "pem": Shape(
        hints=("-----begin ",),
        pattern=r"(-----BEGIN [A-Z0-9 ]+-----(?:[^-]|-[^-])*(?:-----END [A-Z0-9 ]+-----)?)",
    ),
    "bearer": Shape(
        hints=("bearer",),
        pattern=_EDGE + r"bearer[\s:=]{1,4}([A-Za-z0-9._~+/=-]{8,})",
        ignore_case=True,
        needs=("[0-9]|[A-Za-z0-9._~+/=]{16}",),
    ),
    "password": Shape(
        hints=("key", "passw", "passphrase", "secret", "token"),
        pattern=(
            _EDGE + rf"(?:(?:{_NAMES})[\"']?\s{{0,4}}=|(?:apikey|passwd)[\"']?\s{{0,4}}:)"
            rf"\s{{0,4}}[\"']?({_VALUE})"
        ),
        ignore_case=True,
        unless=(_NO_VALUE,),
    ),
    # Prose has a colon too ("password: required"), but rarely a digit.
    "password-told": Shape(
        hints=("key", "passw", "passphrase", "secret", "token"),
        pattern=_EDGE + rf"(?:{_NAMES})[\"']?\s{{0,4}}:\s{{0,4}}[\"']?({_VALUE})",
        ignore_case=True,
        needs=("[0-9]",),
    ),
    "userinfo": Shape(
        hints=("@",),
        pattern=r"(?:^|[\s/:@])([^\s/:@\]]+:[^\s/:@\]]+)@[^\s/:@]*",
        ignore_case=True,
        unless=(
            r"^[\s/:@]?[0-9]{1,2}:[0-9]{2}@",
            r"@sha[0-9]{1,3}$",
            r"^[\s/:@]?[^\s/:@]+:git@",
            r"^[\s/:@]?(?:mailto|e-?mail|from|to|cc|bcc|author|reviewer|owner|[a-z-]*by):",
        ),
    ),
}
"""Kinds of credentials by the name that the mask shows."""

_UNHINTED: Final = tuple(name for name, shape in SHAPES.items() if "" in shape.hints)
_HINTED: Final = tuple(SHAPES)
_HINTS: Final = tuple({it for shape in SHAPES.values() for it in shape.hints if it})


class Found(NamedTuple):
    """Position and kind of a credential in a text."""

    start: int
    end: int
    name: str


def readings(text: str) -> Iterator[str]:
    """Return the readings of the text: with its line breaks, and without them."""
    return (reading for reading, _ in _readings(text))


def find(text: str) -> list[Found]:
    """Return all credentials in the text by position; they may overlap."""
    found = [one for reading, origins in _readings(text) for one in _find(reading, origins)]
    return sorted(found, key=lambda one: (one.start, -one.end))


def masked(text: str) -> str:
    """Replace each credential with `[redacted: NAME]`."""
    return _short_masked(text) if len(text) <= _SHORT else _masked(text)


@lru_cache(maxsize=1024)
def _short_masked(text: str) -> str:
    # Names of arguments, missions and actors repeat with every request.
    return _masked(text)


def _masked(text: str) -> str:
    for _ in range(MOST_PASSES):
        found = find(text)
        if not found:
            return text
        parts: list[str] = []
        end = 0
        for one in found:
            if one.start >= end:
                parts += [text[end : one.start], f"[redacted: {one.name}]"]
            end = max(end, one.end)
        text = "".join([*parts, text[end:]])
    return "[redacted]"


def quoted(text: str, *, limit: int = 80) -> str:
    """Return the beginning of the text, masked and quoted."""
    return repr(masked(text)[:limit])


def masked_json(value: Any, fields: list[str], path: str = "") -> Any:
    """Mask the texts and names in a JSON value; add the path of each changed text to `fields`."""
    if isinstance(value, str):
        text = masked(value)
        if text != value:
            fields.append(path)
        return text
    if isinstance(value, list | tuple):
        return [masked_json(one, fields, f"{path}[{n}]") for n, one in enumerate(value)]
    if isinstance(value, dict):
        named = [(masked(str(name)), inner) for name, inner in value.items()]
        return {
            name: masked_json(inner, fields, f"{path}.{name}" if path else name)
            for name, inner in named
        }
    return value


def _find(reading: str, origins: Sequence[int]) -> Iterator[Found]:
    lower = reading.lower()
    for name in _HINTED if any(map(lower.__contains__, _HINTS)) else _UNHINTED:
        shape = SHAPES[name]
        if not any(map(lower.__contains__, shape.hints)):
            continue
        flags = re.ASCII | (re.IGNORECASE if shape.ignore_case else 0)
        pattern = _compiled(shape.pattern, flags)
        match = pattern.search(reading)
        while match:
            if _counts(match[0], shape, flags):
                start, end = match.span(1)
                yield Found(start=origins[start], end=origins[end - 1] + 1, name=name)
            # Its last character may be the boundary of the next match.
            match = pattern.search(reading, max(match.end() - 1, match.start() + 1))


def _counts(whole: str, shape: Shape, flags: int) -> bool:
    has_all = all(_compiled(one, flags).search(whole) for one in shape.needs)
    return has_all and not any(_compiled(one, flags).search(whole) for one in shape.unless)


def _readings(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield each reading of the text with the original position of each character."""
    if text.isascii() and text.isprintable():
        yield text, range(len(text))
        return
    yield _reading(text, across_lines=False)
    if not LINE_BREAKS.isdisjoint(text):
        yield _reading(text, across_lines=True)


def _reading(text: str, *, across_lines: bool) -> tuple[str, Sequence[int]]:
    read: list[str] = []
    origins: list[int] = []
    is_line_begun = True
    for position, character in enumerate(text):
        is_break = character in LINE_BREAKS
        is_line_begun = not is_break and (is_line_begun or character not in " \t")
        if across_lines and not is_line_begun:
            continue
        for letter in "\n" if is_break else _plain(character):
            read.append(letter)
            origins.append(position)
    return "".join(read), origins


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """Return the character in its plain form; empty for an invisible one."""
    if character in DASHES:
        return DASHES[character]
    if character == "\t" or (character.isascii() and character.isprintable()):
        return character
    return "".join(one for one in unicodedata.normalize("NFKC", character) if _is_seen(one))


def _is_seen(character: str) -> bool:
    return not (
        unicodedata.category(character) in IGNORED_CATEGORIES
        or character in IGNORED_LETTERS
        or ord(character) in UNSEEN_PLANE
    )


@cache
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)
